#!/usr/bin/env bash
# Runs recipes on a driver that computes nothing (cuda/dry.cpp), so that all that the host does for a GPU can be tried without one: which kernels are called with
# which memory, whether copies, convolutions and products stay within what they were given, how much is held, how long the host takes to hand a step over.
#
#   scripts/cuda_dry.sh PROGRAM [RECIPE …]
#
# PROGRAM is a `wsss` built with `--features cuda`, `wsss-cuda` beside it. NVIDIA's libraries are not used. Numbers mean nothing: all maps are zeros.
set -uo pipefail
cd "$(dirname "$0")/.."

program="$(realpath "${1:?the program is the first argument}")"
shift
[ $# -gt 0 ] || set -- cam segmentation occse seam cpn ecsnet isim multi_estimations
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

c++ -std=c++20 -O2 -shared -fPIC -w -o "$out/libdry.so" scripts/cuda/dry.cpp || exit 1
for library in libcuda.so.1 libcudart.so.13 libnvrtc.so.13 libcublas.so.13 libcudnn.so.9 libcurand.so.10; do ln -s libdry.so "$out/$library"; done
dry() { LD_LIBRARY_PATH="$out" WSSS_DRY="$out/counted" "$program" "$@" 2> >(grep -v 'no version information' >&2); }
counted() {
  local number
  number="$(sed -n "s/^call $1 *//p" "$out/counted")"
  echo "${number:-0}"
}

failed=0
row() { printf '%-20s %-9s %-7s %-10s %-10s %-10s %s\n' "$@"; }
row recipe precision result launches waits 'to host' 'most held, predicted (largest stage)'
for recipe in "$@"; do
  for precision in tf32 bf16; do
    if dry run "pipelines/$recipe.wsss" --variant quick --device cuda --precision "$precision" --out "$out/runs" > "$out/said" 2> "$out/error"; then
      result=ok
    else
      result=FAILED failed=1
    fi
    most="$(sed -n 's/.*peak memory \([0-9]*\) MiB (predicted \([0-9]*\) MiB).*/\1 \2/p' "$out/said" "$out/error" | sort -n | tail -1)"
    waits=$(($(counted cuStreamSynchronize) + $(counted cuCtxSynchronize)))
    row "$recipe" "$precision" "$result" "$(counted cuLaunchKernel)" "$waits" "$(counted cuMemcpyDtoHAsync)" "${most/ / MiB, } MiB"
    [ $result = ok ] || tail -3 "$out/error"
    rm -rf "$out/runs"
  done
done

echo
echo 'what the host takes to hand over a training step, at the size of the papers (the device does nothing; ops of the host use all cores)'
for step in 'cam classifier' 'occse cgnet' 'ecsnet ecs' 'isim isim' 'cpn cpn'; do
  for precision in tf32 bf16; do
    read -r recipe stage <<< "$step"
    told="$(WSSS_DRY_UNCLEARED=1 dry bench "pipelines/$recipe.wsss" --stage "$stage" --device cuda --precision "$precision" --seconds 3 2> "$out/error" | sed -n '2p;4p' | tr '\n' ' ')"
    printf '%-20s %-9s %s\n' "$recipe" "$precision" "${told:-$(tail -1 "$out/error")}"
  done
done
exit $failed
