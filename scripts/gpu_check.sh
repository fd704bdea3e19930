#!/usr/bin/env bash
# What must hold on a machine with an NVIDIA GPU, in one table: golden arrays and gradients on the card, quick recipes beside their figures on the CPU, speed.
#
#   scripts/gpu_check.sh [PROGRAM [TESTS]]
#
# PROGRAM is a `wsss` built with `--features cuda`, `wsss-cuda` beside it, TESTS the test binary of the same build (`target/release/deps/main-…`). Without them both are built here, which needs
# NVIDIA's toolkit and the crates. Neither a network nor data is needed otherwise. Nothing here has run on a card yet: see docs/gpu.md.
set -uo pipefail
cd "$(dirname "$0")/.."

out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
program="${1:-}"
tests="${2:-}"
if [ -z "$program" ]; then
  cargo build --release --features cuda || exit 1
  program=target/release/wsss
  tests="$(cargo test --release --features cuda --test main --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*main-[^"]*\)".*/\1/p' | tail -1)"
fi

row() { printf '%-44s %-10s %s\n' "$1" "$2" "$3"; }
row check result details

# Ops with their examples and every golden array, in f64, on the card.
if [ -n "$tests" ]; then
  for part in ops:: golden::; do
    if WSSS_DEVICE=cuda "$tests" "$part" > "$out/tests" 2>&1; then result=ok; else result=FAILED; fi
    row "tests $part on the card" "$result" "$(sed -n 's/^test result: //p' "$out/tests" | tail -1)"
    [ "$result" = ok ] || sed -n 's/^test \(.*\) \.\.\. FAILED/    \1/p' "$out/tests"
  done
else
  row 'tests on the card' skipped 'no test binary was named'
fi

# The same figures on both, within what seeds differ by.
figures() {
  "$program" run "pipelines/$1.wsss" --variant quick --device "$2" --precision "$3" --quiet --out "$out/$2$3" > "$out/said" 2> "$out/error" || return
  tr -d '{}" \n' < "$(ls -d "$out/$2$3/$1"-*/ | tail -1)metrics.json"
}
for recipe in cam seam occse psa; do
  for precision in tf32 bf16; do
    on_card="$(figures "$recipe" cuda $precision)"
    if [ -n "$on_card" ]; then row "$recipe quick, cuda $precision" ran "$on_card"; else row "$recipe quick, cuda $precision" FAILED "$(tail -1 "$out/error")"; fi
  done
  row "$recipe quick, cpu" ran "$(figures "$recipe" cpu f32)"
done

# Speed of training steps at the size of the papers, beside the same steps in PyTorch where it is there.
number() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"; }
speed() {
  local name="$1" told
  shift
  told="$("$@" 2> "$out/error" | tail -1)"
  local images memory
  images="$(printf '%s' "$told" | number images_per_s)"
  memory="$(printf '%s' "$told" | number peak_bytes)"
  if [ -n "$images" ]; then
    row "$name" ran "$images images/s, $((${memory:-0} / 1048576)) MiB"
  else
    row "$name" FAILED "$(tail -1 "$out/error")"
  fi
}
peers=''
if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then peers=yes; else row 'PyTorch on the card' skipped 'python3 has none'; fi
bench() {
  for precision in tf32 bf16; do
    speed "$1 $2, wsss $precision" "$program" bench "$1" --stage "$2" --device cuda --precision "$precision" --set "batch=$4" --set "crop=$5" --json
  done
  if [ -n "$peers" ]; then
    speed "$3, PyTorch tf32" python3 scripts/gpu_peer.py "$3" --batch "$4" --size "$5"
    speed "$3, PyTorch bf16" python3 scripts/gpu_peer.py "$3" --batch "$4" --size "$5" --precision bf16
    speed "$3, PyTorch bf16, compiled" python3 scripts/gpu_peer.py "$3" --batch "$4" --size "$5" --precision bf16 --compile
  fi
}
bench pipelines/cam.wsss classifier cam 16 448
bench pipelines/occse.wsss cgnet occse 8 384
bench pipelines/cpn.wsss cpn cpn 4 448
