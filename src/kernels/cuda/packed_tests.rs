//! Packed maps: each kernel that takes them against the kernel for the CPU on the same numbers unpacked.

use candle_core::{DType, Device, Result, Tensor};

use super::emulate::{can, emulated};
use crate::kernels::broadcast::{self, Binary};
use crate::kernels::chain::Link;
use crate::kernels::norm::Channels;
use crate::kernels::packed::{self, pack, unpack};
use crate::kernels::pointwise::Unary;
use crate::kernels::pool::{self, Pool2d};
use crate::kernels::reduce::{self, Reduce};
use crate::kernels::resize::{self, Resize};
use crate::kernels::testing::{assert_close, cast, numbers, sample};
use crate::kernels::{adaptive, chain, dropout, layout, norm};
use crate::random::Stream;

/// Half a step of 8 binary digits, of what is rounded once at its end.
const ROUNDED: f64 = 1.0 / 256.0;
/// Of what is kept in `f32`.
const EXACT: f64 = 2e-6;

/// Numbers that packing does not change, and the same packed.
fn map(dims: &[usize], seed: u64) -> (Tensor, Tensor) {
    let packed = pack(&cast(&sample(dims, seed), DType::F32)).unwrap();
    (unpack(&packed).unwrap(), packed)
}

/// What the kernel for CUDA makes of packed maps is packed, and what the kernel for the CPU makes of them unpacked.
fn same_map(what: &str, found: Result<Tensor>, expected: Result<Tensor>) {
    let found = found.unwrap();
    assert!(packed::is(&found), "{what}");
    assert_close(what, &unpack(&found).unwrap(), &expected.unwrap(), ROUNDED);
}

fn same_numbers(what: &str, found: Result<Tensor>, expected: Result<Tensor>) {
    let found = found.unwrap();
    assert_eq!(found.dtype(), DType::F32, "{what}");
    assert_close(what, &found, &expected.unwrap(), EXACT);
}

#[test]
fn nothing_but_digits_is_lost() -> Result<()> {
    if !can("packed maps") {
        return Ok(());
    }
    for dims in [[2, 3, 5, 7], [1, 40, 6, 6], [3, 1, 4, 4], [2, 70, 1, 1], [2, 3, 1, 9], [1, 4, 0, 2]] {
        let x = cast(&sample(&dims, 1), DType::F32);
        let packed = pack(&x)?;
        let expected = x.to_dtype(DType::BF16)?;
        assert_eq!(packed.dims(), dims);
        assert_eq!(numbers(&unpack(&packed)?), numbers(&expected.to_dtype(DType::F32)?), "{dims:?}");
        let rows = packed.permute((0, 2, 3, 1))?;
        assert!(rows.is_contiguous());
        assert_eq!(numbers(&rows), numbers(&expected.permute((0, 2, 3, 1))?.contiguous()?), "{dims:?}");
    }
    // Half-way to the even one, beyond the largest, and none at all.
    let edges = [
        1.0 + f32::powi(2.0, -8),
        1.0 + 3.0 * f32::powi(2.0, -8),
        3.396_177_5e38,
        f32::INFINITY,
        -0.0,
        f32::MIN_POSITIVE / 4.0,
        f32::NAN,
    ];
    let x = Tensor::new(&edges, &Device::Cpu)?.reshape((1, 1, 1, 7))?;
    let (found, expected) = (numbers(&unpack(&pack(&x)?)?), numbers(&x.to_dtype(DType::BF16)?.to_dtype(DType::F32)?));
    assert_eq!(found[..6], expected[..6]);
    assert!(found[6].is_nan());
    assert_eq!(unpack(&x)?.dims(), x.dims());
    Ok(())
}

#[test]
fn chains_and_sums_of_two() -> Result<()> {
    if !can("chains over packed maps") {
        return Ok(());
    }
    // Channels that a thread takes one by one, and several together.
    for dims in [[2, 5, 3, 4], [2, 8, 3, 4]] {
        chains_over(dims)?;
    }
    let dims = [2, 5, 3, 4];
    let ((x, px), (a, pa)) = (map(&dims, 1), map(&dims, 2));

    let plain = |dims: &[usize]| cast(&sample(dims, 3), DType::F32);
    for f in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Max] {
        same_map("two maps", emulated(|| broadcast::binary(f, &px, &pa)), broadcast::binary(f, &x, &a));
        same_map("one packed", emulated(|| broadcast::binary(f, &x, &pa)), broadcast::binary(f, &x, &a));
    }
    for small in [&[2, 1, 3, 4][..], &[1, 5, 1, 1], &[], &[4], &[3, 1]] {
        let b = plain(small);
        same_map(
            "broadcast",
            emulated(|| broadcast::binary(Binary::Mul, &px, &b)),
            broadcast::binary(Binary::Mul, &x, &b),
        );
        same_map(
            "broadcast",
            emulated(|| broadcast::binary(Binary::Sub, &b, &px)),
            broadcast::binary(Binary::Sub, &b, &x),
        );
    }
    for small in [[2, 1, 3, 4], [1, 5, 1, 1], [2, 5, 1, 4]] {
        let (b, pb) = map(&small, 8);
        same_map(
            "both packed",
            emulated(|| broadcast::binary(Binary::Mul, &px, &pb)),
            broadcast::binary(Binary::Mul, &x, &b),
        );
        same_map(
            "large one plain",
            emulated(|| broadcast::binary(Binary::Mul, &x, &pb)),
            broadcast::binary(Binary::Mul, &x, &b),
        );
    }
    Ok(())
}

fn chains_over(dims: [usize; 4]) -> Result<()> {
    let ((x, px), (a, pa)) = (map(&dims, 1), map(&dims, 2));
    let one = |seed| (cast(&sample(&[dims[1]], seed), DType::F32).abs().unwrap() + 0.1).unwrap();
    let [mean, var, weight, bias] = [4, 5, 6, 7].map(one);
    let channels = Channels::normalize(&mean, &var, Some(&weight), Some(&bias), 1e-5)?;
    let links = |other: &Tensor, saved: &Tensor| {
        let links = [Link::Channels(channels.clone()), Link::Add(other), Link::Unary(Unary::Relu)];
        let more = [Link::Derivative(Unary::Sigmoid, saved), Link::Unary(Unary::Affine { scale: 1.5, shift: -0.25 })];
        let run = |x: &Tensor| chain::run(x, &links.iter().chain(&more).cloned().collect::<Vec<_>>());
        [run(&x), emulated(|| run(&px))]
    };
    let [expected, _] = links(&a, &x);
    // Beside a packed map all are packed, whichever it is.
    let [_, found] = links(&pa, &px);
    same_map("chain", found, expected);
    let [expected, _] = links(&a, &x);
    let [_, found] = links(&a, &x);
    same_map("chain", found, expected);
    same_map("chain", emulated(|| chain::run(&x, &[Link::Mul(&pa)])), chain::run(&x, &[Link::Mul(&a)]));
    Ok(())
}

#[test]
fn statistics_of_channels() -> Result<()> {
    if !can("statistics of packed maps") {
        return Ok(());
    }
    // More channels than a block takes, more pixels than one part.
    for dims in [[2, 37, 3, 4], [3, 5, 17, 19], [1, 64, 1, 1]] {
        let ((x, px), (gy, pgy)) = (map(&dims, 1), map(&dims, 2));
        let (x, px, shift) = (x, px, cast(&sample(&[dims[1]], 3), DType::F32));
        same_numbers("stats", emulated(|| norm::channel_stats(&px)), norm::channel_stats(&x));
        let stats = norm::channel_stats(&x)?;
        let (mean, var) = (stats.get(0)?, (stats.get(1)? + 0.5)?);
        let affine = || norm::grad_affine(&gy, &x, &mean, &var, 1e-5);
        same_numbers("affine", emulated(|| norm::grad_affine(&pgy, &px, &mean, &var, 1e-5)), affine());
        same_numbers("affine, one packed", emulated(|| norm::grad_affine(&gy, &px, &mean, &var, 1e-5)), affine());
        let stats = Tensor::stack(&[&mean, &var], 0)?;
        let affine = affine()?;
        let batch = |gy: &Tensor, x: &Tensor| norm::grad_batch(gy, x, &stats, &affine, Some(&shift), 1e-5);
        same_map("through the statistics", emulated(|| batch(&pgy, &px)), batch(&gy, &x));
        same_map("one packed", emulated(|| batch(&pgy, &x)), batch(&gy, &x));
    }
    Ok(())
}

#[test]
fn windows_and_other_sizes() -> Result<()> {
    if !can("pooling of packed maps") {
        return Ok(());
    }
    let (x, px) = map(&[2, 5, 7, 9], 1);
    for pool in [
        Pool2d { kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceil: false },
        Pool2d { kernel: [2, 3], stride: [1, 2], padding: [0, 1], ceil: true },
    ] {
        same_map("max", emulated(|| pool::max(&px, &pool)), pool::max(&x, &pool));
        same_map("average", emulated(|| pool::average(&px, &pool)), pool::average(&x, &pool));
        let (gy, pgy) = map(pool::max(&x, &pool)?.dims(), 2);
        same_map("gradient", emulated(|| pool::max_grad(&pgy, &px, &pool)), pool::max_grad(&gy, &x, &pool));
        same_map("gradient", emulated(|| pool::max_grad(&pgy, &x, &pool)), pool::max_grad(&gy, &x, &pool));
        let average = |gy: &Tensor| pool::average_grad(gy, [7, 9], &pool);
        same_map("gradient", emulated(|| average(&pgy)), average(&gy));
    }
    let adaptive = |x: &Tensor| adaptive::adaptive_average(x, [3, 4]);
    same_map("adaptive", emulated(|| adaptive(&px)), adaptive(&x));
    let adaptive = |gy: &Tensor| adaptive::adaptive_average_grad(gy, [11, 13]);
    same_map("adaptive gradient", emulated(|| adaptive(&px)), adaptive(&x));
    for resize in [
        Resize { output: [13, 5], align_corners: false, factor: None },
        Resize { output: [14, 18], align_corners: true, factor: None },
    ] {
        same_map("resize", emulated(|| resize::bilinear(&px, &resize)), resize::bilinear(&x, &resize));
        let (gy, pgy) = map(&[2, 5, resize.output[0], resize.output[1]], 3);
        let back = |gy: &Tensor| resize::bilinear_grad(gy, [7, 9], &resize);
        same_map("resize gradient", emulated(|| back(&pgy)), back(&gy));
    }
    same_map("nearest", emulated(|| resize::nearest(&px, [3, 20], None)), resize::nearest(&x, [3, 20], None));
    let back = |gy: &Tensor| resize::nearest_grad(gy, [4, 30], None);
    same_map("nearest gradient", emulated(|| back(&px)), back(&x));
    Ok(())
}

/// The same numbers go, however they lie.
#[test]
fn dropout_of_numbers_and_channels() -> Result<()> {
    if !can("dropout of packed maps") {
        return Ok(());
    }
    let (x, px) = map(&[4, 5, 3, 4], 1);
    let streams = [3, 8].map(|sample| Stream::new(1, 2, 3, sample));
    same_map("dropout", emulated(|| dropout::dropout(&px, 0.4, &streams)), dropout::dropout(&x, 0.4, &streams));
    let channels = |x: &Tensor| dropout::channel_dropout(x, 0.4, &streams);
    same_map("channel dropout", emulated(|| channels(&px)), channels(&x));
    Ok(())
}

#[test]
fn parts_and_sums() -> Result<()> {
    if !can("parts of packed maps") {
        return Ok(());
    }
    let ((x, px), (a, pa)) = (map(&[2, 5, 3, 4], 1), map(&[2, 3, 3, 4], 2));
    same_map("concat", emulated(|| layout::concat(&[&px, &pa], 1)), layout::concat(&[&x, &a], 1));
    same_map("one packed", emulated(|| layout::concat(&[&x, &pa, &px], 1)), layout::concat(&[&x, &a, &x], 1));
    for axis in 0..4 {
        let two = |x: &Tensor| layout::concat(&[x, x], axis);
        same_map("concat", emulated(|| two(&px)), two(&x));
        let part = |x: &Tensor| layout::slice(x, axis, 1, x.dims()[axis] - 1);
        same_map("slice", emulated(|| part(&px)), part(&x));
    }
    let padded = |x: &Tensor| layout::pad(x, &[0, 1, 2, 0], &[1, 0, 1, 3], 0.5);
    same_map("pad", emulated(|| padded(&px)), padded(&x));
    for axes in [&[2, 3][..], &[0, 2, 3], &[1], &[0], &[3], &[0, 1, 2, 3]] {
        for how in [Reduce::Sum, Reduce::Mean, Reduce::Max] {
            let fold = |x: &Tensor| reduce::reduce(how, x, axes, true);
            same_numbers("fold", emulated(|| fold(&px)), fold(&x));
        }
    }
    let back = |x: &Tensor| broadcast::sum_to(x, &[5, 1, 1]);
    same_numbers("sum to", emulated(|| back(&px)), back(&x));
    assert!(super::reduce::all_finite(&px)?);
    let broken = pack(&(&x / &x.zeros_like()?)?)?;
    assert!(!super::reduce::all_finite(&broken)?);
    Ok(())
}
