//! Each kernel's text, run on the CPU, against the kernel for the CPU: the same shapes, strides, corners and random words.

use candle_core::{DType, Device, Result, Tensor};

use super::emulate::can;
use super::softmax::Softmax;
use super::*;
use crate::kernels::broadcast::Binary;
use crate::kernels::chain::Link;
use crate::kernels::draw::Distribution;
use crate::kernels::norm::Channels;
use crate::kernels::pairs::{Pairs, Relation};
use crate::kernels::patches::Hiding;
use crate::kernels::pointwise::{Saves, Unary};
use crate::kernels::pool::Pool2d;
use crate::kernels::reduce::Reduce;
use crate::kernels::resize::Resize;
use crate::kernels::testing::{assert_close, cast, numbers, sample};
use crate::kernels::{self, pointwise};
use crate::random::Stream;

/// Sums in f64 are of the same terms in another order.
const WIDE: f64 = 1e-12;
const NARROW: f64 = 2e-6;

/// Both number types, with what they allow for.
const BOTH: [(DType, f64); 2] = [(DType::F64, WIDE), (DType::F32, NARROW)];

fn whole(dims: &[usize], below: u32) -> Tensor {
    let numbers: Vec<u32> = (0..dims.iter().product::<usize>() as u32).map(|at| at * 7 % below).collect();
    Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
}

#[test]
fn chains() -> Result<()> {
    if !can("chains for CUDA") {
        return Ok(());
    }
    // Where a thread takes one number, and where it takes several.
    for ((dtype, tolerance), dims) in BOTH.into_iter().flat_map(|both| [(both, [2, 3, 7, 5]), (both, [2, 3, 4, 6])]) {
        let [x, a, b] = [1, 2, 3].map(|seed| cast(&sample(&dims, seed), dtype));
        let one = |seed| (cast(&sample(&[3], seed), dtype).abs().unwrap() + 0.1).unwrap();
        let [mean, var, weight, bias] = [4, 5, 6, 7].map(one);
        let links = [
            Link::Channels(Channels::normalize(&mean, &var, Some(&weight), Some(&bias), 1e-5)?),
            Link::Add(&a),
            Link::Unary(Unary::Relu),
            Link::Sub(&b),
            Link::Derivative(Unary::Tanh, &b),
            Link::Channels(Channels::scale(&var, None, 1e-5)?),
            Link::Mul(&a),
            Link::Unary(Unary::Affine { scale: 1.5, shift: -0.25 }),
            Link::Unary(Unary::Clamp { lo: -0.5, hi: 0.75 }),
        ];
        assert_close("chain", &chain::run(&x, &links)?, &kernels::chain::run(&x, &links)?, tolerance);
    }
    Ok(())
}

/// All functions in one text would not be compiled apart, but each is looked at by itself.
#[test]
fn functions_of_one_number() -> Result<()> {
    if !can("functions for CUDA") {
        return Ok(());
    }
    let functions = [
        Unary::Neg,
        Unary::Abs,
        Unary::Exp,
        Unary::Log,
        Unary::Sqrt,
        Unary::Square,
        Unary::Recip,
        Unary::Relu,
        Unary::Relu6,
        Unary::Sigmoid,
        Unary::Softplus,
        Unary::LogSigmoid,
        Unary::Tanh,
        Unary::Gelu,
        Unary::Elu { alpha: 0.7 },
        Unary::Clamp { lo: 0.3, hi: 5.0 },
        Unary::Floor,
        Unary::Half,
        Unary::Affine { scale: -3.0, shift: 0.5 },
    ];
    let edges = [
        0.0,
        -0.0,
        1.0,
        6.0,
        0.3,
        65519.0,
        65520.0,
        -1e5,
        5e-8,
        2.9e-8,
        1.0009765625,
        1.00048828125,
        f64::NAN,
        40.0,
        -40.0,
    ];
    let x = Tensor::cat(&[&(sample(&[40], 5) * 8.0)?, &Tensor::new(&edges, &Device::Cpu)?], 0)?;
    let gy = sample(&[x.elem_count()], 6);
    for f in functions {
        let same = |found: Tensor, expected: Tensor, what: &str| {
            for (at, (found, expected)) in numbers(&found).into_iter().zip(numbers(&expected)).enumerate() {
                let close = (found - expected).abs() <= 1e-12 * expected.abs().max(1.0);
                let alike = found == expected || (found.is_nan() && expected.is_nan());
                assert!(close || alike, "{what} of {f:?}: {found} instead of {expected} at {at}");
            }
        };
        let links = [Link::Unary(f)];
        let y = pointwise::unary(f, &x)?;
        same(chain::run(&x, &links)?, y.clone(), "value");
        let saved = if f.saves() == Saves::Input { &x } else { &y };
        let links = [Link::Derivative(f, saved)];
        same(chain::run(&gy, &links)?, pointwise::unary_grad(f, &gy, saved)?, "derivative");
    }
    Ok(())
}

#[test]
fn two_tensors_of_different_shapes() -> Result<()> {
    if !can("broadcasts for CUDA") {
        return Ok(());
    }
    let functions = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Min,
        Binary::Max,
        Binary::Pow,
        Binary::Less,
        Binary::LessEqual,
        Binary::Greater,
        Binary::GreaterEqual,
        Binary::Equal,
        Binary::NotEqual,
        Binary::And,
        Binary::Or,
    ];
    let x = (sample(&[2, 3, 4], 1).abs()? * 3.0)?.round()?;
    let y = (sample(&[3, 1], 2).abs()? * 3.0)?.round()?;
    for f in functions {
        let expected = numbers(&kernels::broadcast::binary(f, &x, &y)?);
        let found = numbers(&broadcast::binary(f, &x, &y)?);
        // A quotient by 0 is infinite or none.
        assert!(found.iter().zip(&expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())), "{f:?}");
    }
    for (a, b) in [
        (&[2, 3, 4, 5][..], &[2, 3, 4, 5][..]),
        (&[2, 3, 4, 5], &[]),
        (&[2, 3, 4, 5], &[3, 1, 1]),
        (&[5], &[2, 3, 4, 5]),
        (&[2, 1, 4, 1], &[3, 1, 5]),
        (&[3, 1], &[1, 4]),
        (&[0, 4], &[4]),
    ] {
        let (a, b) = (sample(a, 3), sample(b, 4));
        let found = broadcast::binary(Binary::Sub, &a, &b)?;
        assert_close("sub", &found, &kernels::broadcast::binary(Binary::Sub, &a, &b)?, 0.0);
        let condition = kernels::broadcast::binary(Binary::Less, &a, &b)?;
        let expected = kernels::broadcast::select(&condition, &a, &b)?;
        assert_close("select", &broadcast::select(&condition, &a, &b)?, &expected, 0.0);
    }
    let (condition, labels) = (Tensor::new(&[1f32, 0.0, 1.0], &Device::Cpu)?, whole(&[2, 3], 9));
    let other = Tensor::new(255u32, &Device::Cpu)?;
    let found = broadcast::select(&condition, &labels, &other)?;
    assert_eq!(found.to_vec2::<u32>()?, kernels::broadcast::select(&condition, &labels, &other)?.to_vec2::<u32>()?);
    let real = broadcast::to_real(&labels, DType::F32)?;
    assert_eq!(real.to_vec2::<f32>()?, kernels::broadcast::to_real(&labels, DType::F32)?.to_vec2::<f32>()?);
    let odd = Tensor::new(&[-1.0, 2.9, f64::NAN, 1e12], &Device::Cpu)?;
    assert_eq!(broadcast::to_index(&odd)?.to_vec1::<u32>()?, [0, 2, 0, u32::MAX]);
    Ok(())
}

#[test]
fn moves() -> Result<()> {
    if !can("moves for CUDA") {
        return Ok(());
    }
    let (x, y) = (sample(&[3, 4, 5], 1), sample(&[3, 2, 5], 2));
    for (tensors, axis) in [(vec![&x, &y, &x], 1), (vec![&x, &x], 0), (vec![&y, &y], 2)] {
        let expected = kernels::layout::concat(&tensors, axis)?;
        assert_close("concat", &layout::concat(&tensors, axis, expected.dims())?, &expected, 0.0);
    }
    let pads = [([1, 0, 3], [0, 2, 1]), ([0, 0, 0], [0, 0, 0]), ([0, 4, 0], [0, 0, 2])];
    for (before, after) in pads {
        let expected = kernels::layout::pad(&x, &before, &after, 7.5)?;
        assert_close("pad", &layout::pad(&x, &before, 7.5, expected.dims())?, &expected, 0.0);
    }
    let labels = whole(&[2, 3], 9);
    let expected = kernels::layout::pad(&labels, &[0, 1], &[1, 0], 255.0)?;
    assert_eq!(layout::pad(&labels, &[0, 1], 255.0, &[3, 4])?.to_vec2::<u32>()?, expected.to_vec2::<u32>()?);
    let strided = [
        (&[5, 3, 4][..], vec![1isize, 20, 5], 0isize, kernels::layout::permute(&x, &[2, 0, 1])?),
        (&[3, 4, 5], vec![20, -5, 1], 15, kernels::layout::flip(&x, 1)?),
        (&[3, 2, 5], vec![20, 5, 1], 5, kernels::layout::slice(&x, 1, 1, 2)?),
    ];
    for (dims, strides, first, expected) in strided {
        assert_close("strided", &layout::strided(&x, dims, &strides, first)?, &expected, 0.0);
    }
    Ok(())
}

#[test]
fn folds() -> Result<()> {
    if !can("folds for CUDA") {
        return Ok(());
    }
    // By threads, by blocks, and by blocks in parts.
    let shapes: [(&[usize], &[&[usize]]); 4] = [
        (&[2, 3, 4, 5], &[&[0], &[1], &[3], &[0, 2], &[2, 3], &[0, 1, 2, 3], &[]]),
        (&[3, 70, 5], &[&[1], &[0, 1], &[1, 2]]),
        (&[2, 9000], &[&[1], &[0, 1]]),
        (&[1, 1], &[&[0], &[0, 1]]),
    ];
    for (dims, all) in shapes {
        for axes in all {
            for (dtype, tolerance) in BOTH {
                let x = cast(&sample(dims, 3), dtype);
                for how in [Reduce::Sum, Reduce::Mean, Reduce::Max, Reduce::Min] {
                    let expected = kernels::reduce::reduce(how, &x, axes, false)?;
                    let found = reduce::reduce(how, &x, axes, expected.dims())?;
                    assert_close(&format!("{how:?} of {dims:?} over {axes:?}"), &found, &expected, tolerance);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn extremes() -> Result<()> {
    if !can("extremes for CUDA") {
        return Ok(());
    }
    for (dims, axes) in [(&[2, 3, 50][..], &[2][..]), (&[2, 3, 50], &[1]), (&[4, 40], &[0, 1]), (&[3, 40, 2], &[0, 1])]
    {
        // Few different numbers, so that the first of equal ones counts; and one that is none.
        let x = (sample(dims, 3) * 2.0)?.round()?;
        for how in [Reduce::Max, Reduce::Min] {
            let gy = sample(kernels::reduce::reduce(how, &x, axes, false)?.dims(), 4);
            let expected = kernels::reduce::extreme_grad(how, &gy, &x, axes)?;
            assert_close("extreme", &reduce::extreme_grad(how, &gy, &x, axes)?, &expected, 0.0);
        }
        let expected = kernels::reduce::argmax(&x, axes[0])?;
        let found = reduce::argmax(&x, axes[0], expected.dims())?;
        assert_eq!(numbers(&found), numbers(&expected), "argmax of {dims:?} along {}", axes[0]);
    }
    let x = Tensor::new(&[[1.0, f64::NAN, 3.0], [2.0, 1.0, 2.0]], &Device::Cpu)?;
    assert_eq!(reduce::argmax(&x, 1, &[2])?.to_vec1::<u32>()?, [1, 0]);
    assert!(reduce::all_finite(&sample(&[3, 50], 1))?);
    assert!(!reduce::all_finite(&x)? && !reduce::all_finite(&Tensor::new(f32::INFINITY, &Device::Cpu)?)?);
    Ok(())
}

#[test]
fn probabilities() -> Result<()> {
    if !can("softmax for CUDA") {
        return Ok(());
    }
    for (dtype, tolerance) in BOTH {
        for (dims, axis) in [(&[2, 5, 3, 4][..], 1), (&[3, 7], 1), (&[2, 90], 1), (&[6, 2], 0)] {
            let x = (cast(&sample(dims, 1), dtype) * 30.0)?;
            let gy = cast(&sample(dims, 2), dtype);
            let (plain, log) = (kernels::softmax::softmax(&x, axis)?, kernels::softmax::log_softmax(&x, axis)?);
            assert_close("softmax", &softmax::forward(Softmax::Plain, &x, axis)?, &plain, tolerance);
            assert_close("log_softmax", &softmax::forward(Softmax::Log, &x, axis)?, &log, tolerance);
            let expected = kernels::softmax::softmax_grad(&gy, &plain, axis)?;
            assert_close("softmax_grad", &softmax::backward(Softmax::Plain, &gy, &plain, axis)?, &expected, tolerance);
            let expected = kernels::softmax::log_softmax_grad(&gy, &log, axis)?;
            assert_close("log_softmax_grad", &softmax::backward(Softmax::Log, &gy, &log, axis)?, &expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn channels() -> Result<()> {
    if !can("normalisation for CUDA") {
        return Ok(());
    }
    for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-5)] {
        // One part, and several; far from 0, where sums of squares alone would lose their digits.
        for dims in [&[2, 3, 5, 7][..], &[3, 2, 80, 70], &[4, 3]] {
            let x = (cast(&sample(dims, 1), dtype) + 50.0)?;
            let (gy, weight) = (cast(&sample(dims, 2), dtype), cast(&sample(&[dims[1]], 3), dtype));
            let stats = kernels::norm::channel_stats(&x)?;
            assert_close("stats", &norm::channel_stats(&x)?, &stats, tolerance);
            let (mean, var) = (stats.get(0)?, stats.get(1)?);
            let affine = kernels::norm::grad_affine(&gy, &x, &mean, &var, 1e-5)?;
            assert_close("affine", &norm::grad_affine(&gy, &x, &mean, &var, 1e-5)?, &affine, tolerance);
            let expected = kernels::norm::grad_batch(&gy, &x, &stats, &affine, Some(&weight), 1e-5)?;
            let found = norm::grad_batch(&gy, &x, &stats, &affine, Some(&weight), 1e-5)?;
            assert_close("batch", &found, &expected, tolerance);
            let expected = kernels::norm::grad_batch(&gy, &x, &stats, &affine, None, 1e-5)?;
            assert_close("batch", &norm::grad_batch(&gy, &x, &stats, &affine, None, 1e-5)?, &expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn windows() -> Result<()> {
    if !can("pooling for CUDA") {
        return Ok(());
    }
    let windows = [
        ([2, 2], [2, 2], [0, 0], false),
        ([3, 3], [2, 2], [1, 1], true),
        ([3, 2], [1, 2], [1, 0], false),
        ([3, 3], [2, 2], [0, 0], true),
        ([1, 5], [3, 1], [0, 2], false),
    ];
    for (kernel, stride, padding, ceil) in windows {
        let window = Pool2d { kernel, stride, padding, ceil };
        // Few different numbers: of equal ones the first takes it all.
        let x = (sample(&[2, 3, 9, 11], 5) * 2.0)?.round()?;
        let (max, mean) = (kernels::pool::max(&x, &window)?, kernels::pool::average(&x, &window)?);
        assert_close("max", &pool::forward("max_pool", &x, &window)?, &max, 0.0);
        assert_close("mean", &pool::forward("average_pool", &x, &window)?, &mean, WIDE);
        let gy = sample(max.dims(), 6);
        let expected = kernels::pool::max_grad(&gy, &x, &window)?;
        assert_close("max_grad", &pool::max_grad(&gy, &x, &window)?, &expected, WIDE);
        let expected = kernels::pool::average_grad(&gy, [9, 11], &window)?;
        assert_close("average_grad", &pool::average_grad(&gy, [9, 11], &window)?, &expected, WIDE);
    }
    for (input, output) in [([9, 11], [4, 3]), ([3, 4], [7, 5]), ([6, 6], [2, 3]), ([5, 1], [1, 4])] {
        let x = sample(&[2, 2, input[0], input[1]], 7);
        let expected = kernels::adaptive::adaptive_average(&x, output)?;
        assert_close("adaptive", &pool::adaptive_average(&x, output)?, &expected, WIDE);
        let gy = sample(expected.dims(), 8);
        let expected = kernels::adaptive::adaptive_average_grad(&gy, input)?;
        assert_close("adaptive_grad", &pool::adaptive_average_grad(&gy, input)?, &expected, WIDE);
    }
    Ok(())
}

#[test]
fn other_sizes() -> Result<()> {
    if !can("resizing for CUDA") {
        return Ok(());
    }
    let sizes = [
        ([4, 5], [8, 10]),
        ([7, 9], [3, 4]),
        ([5, 6], [5, 6]),
        ([1, 3], [4, 1]),
        ([6, 5], [41, 37]),
        ([11, 13], [2, 1]),
    ];
    for (input, output) in sizes {
        let x = sample(&[2, 2, input[0], input[1]], 1);
        let gy = sample(&[2, 2, output[0], output[1]], 2);
        let factor = [0, 1].map(|axis| output[axis] as f64 / input[axis] as f64 * 1.01);
        for resize in [
            Resize::to(output, true),
            Resize::to(output, false),
            Resize { factor: Some(factor), ..Resize::to(output, false) },
        ] {
            let expected = kernels::resize::bilinear(&x, &resize)?;
            assert_close("bilinear", &resize::bilinear(&x, &resize)?, &expected, WIDE);
            let expected = kernels::resize::bilinear_grad(&gy, input, &resize)?;
            assert_close(&format!("{resize:?}"), &resize::bilinear_grad(&gy, input, &resize)?, &expected, WIDE);
        }
        for factor in [None, Some(factor)] {
            let expected = kernels::resize::nearest(&x, output, factor)?;
            assert_close("nearest", &resize::nearest(&x, output, factor)?, &expected, 0.0);
            let expected = kernels::resize::nearest_grad(&gy, input, factor)?;
            assert_close("nearest_grad", &resize::nearest_grad(&gy, input, factor)?, &expected, WIDE);
        }
    }
    let labels = whole(&[1, 3, 4], 9);
    let expected = kernels::resize::nearest(&labels, [5, 2], None)?;
    assert_eq!(resize::nearest(&labels, [5, 2], None)?.to_vec3::<u32>()?, expected.to_vec3::<u32>()?);
    Ok(())
}

#[test]
fn pointers() -> Result<()> {
    if !can("pointers for CUDA") {
        return Ok(());
    }
    // Some point past the end.
    let index = whole(&[2, 3, 4], 6);
    for axis in 0..=3 {
        let expected = kernels::indexing::one_hot(&index, 5, axis, DType::F64)?;
        assert_close("one_hot", &indexing::one_hot(&index, 5, axis, DType::F64)?, &expected, 0.0);
    }
    let x = sample(&[2, 5, 4], 1);
    let expected = kernels::indexing::gather(&x, &index, 1)?;
    assert_close("gather", &indexing::gather(&x, &index, 1)?, &expected, 0.0);
    let gy = sample(&[2, 3, 4], 2);
    let expected = kernels::indexing::gather_grad(&gy, &index, 1, 5)?;
    assert_close("gather_grad", &indexing::gather_grad(&gy, &index, 1, &[2, 5, 4])?, &expected, WIDE);
    Ok(())
}

#[test]
fn chance() -> Result<()> {
    if !can("draws for CUDA") {
        return Ok(());
    }
    let streams: Vec<Stream> = [3, 8].iter().map(|&sample| Stream::new(7, 1, 2, sample)).collect();
    let dims = [4, 3, 5];
    for distribution in [Distribution::Bernoulli(0.3), Distribution::Uniform, Distribution::Normal] {
        let expected = kernels::draw::real(distribution, &dims, &streams, DType::F64, &Device::Cpu)?;
        assert_close("draw", &random::real(distribution, &dims, &streams, DType::F64, &Device::Cpu)?, &expected, WIDE);
    }
    let expected = kernels::draw::index(21, &dims, &streams, &Device::Cpu)?;
    assert_eq!(random::index(21, &dims, &streams, &Device::Cpu)?.to_vec3::<u32>()?, expected.to_vec3::<u32>()?);
    let tags = Tensor::new(&[[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]], &Device::Cpu)?;
    let expected = kernels::draw::class(&tags, &streams)?;
    assert_eq!(random::class(&tags, &streams)?.to_vec1::<u32>()?, expected.to_vec1::<u32>()?);
    let x = sample(&[4, 3, 6], 2);
    let cut = (0.4 * 2f64.powi(32)) as u64;
    let expected = kernels::dropout::dropout(&x, 0.4, &streams)?;
    assert_close("dropout", &random::dropout(&x, cut, 1.0 / 0.6, 1, &streams)?, &expected, 1e-15);
    let expected = kernels::dropout::channel_dropout(&x, 0.4, &streams)?;
    assert_close("channel_dropout", &random::dropout(&x, cut, 1.0 / 0.6, 6, &streams)?, &expected, 1e-15);
    Ok(())
}

#[test]
fn squares_are_summed() -> Result<()> {
    if !can("sums of squares for CUDA") {
        return Ok(());
    }
    let (x, y) = (sample(&[3, 40, 50], 1), sample(&[7], 2));
    let (found, expected) = (optimizer::sum_of_squares(&[&x, &y])?, kernels::optimizer::sum_of_squares(&[&x, &y])?);
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
    Ok(())
}

#[test]
fn pairs_of_pixels() -> Result<()> {
    if !can("pairs for CUDA") {
        return Ok(());
    }
    for near in [Pairs { radius: 3, all: false }, Pairs { radius: 3, all: true }, Pairs { radius: 2, all: true }] {
        let (x, v) = (sample(&[2, 3, 6, 8], 1), sample(&[2, 3, 6, 8], 2));
        let affinity = kernels::pairs::affinity(&x, near)?;
        assert_close("affinity", &pairs::table(&x, &x, near, false)?, &affinity, WIDE);
        let expected = kernels::pairs::distance_along(&x, &v, near)?;
        assert_close("distance", &pairs::table(&x, &v, near, true)?, &expected, WIDE);
        let g = sample(affinity.dims(), 3);
        let expected = kernels::pairs::distance_grad(&g, &x, near)?;
        assert_close("distance_grad", &pairs::distance_grad(&g, &x, near)?, &expected, WIDE);
        // Few different numbers: of equal ones the first counts.
        let edge = (sample(&[2, 1, 6, 8], 4) * 2.0)?.round()?;
        let v = sample(&[2, 1, 6, 8], 5);
        let expected = kernels::pairs::path_affinity(&edge, near)?;
        assert_close("path", &pairs::path(&edge, &edge, near, false)?, &expected, 0.0);
        let expected = kernels::pairs::path_along(&edge, &v, near)?;
        assert_close("path_along", &pairs::path(&edge, &v, near, true)?, &expected, 0.0);
        let expected = kernels::pairs::path_grad(&g, &edge, near)?;
        assert_close("path_grad", &pairs::path_grad(&g, &edge, near)?, &expected, WIDE);
        // Every fourth label is not known.
        let labels = whole(&[2, 6, 8], 4).affine(1.0, 0.0)?;
        let unknown = labels.eq(3u32)?;
        let labels = unknown.where_cond(&(labels.zeros_like()? + 255.0)?, &labels)?;
        for wanted in [Relation::Background, Relation::Foreground, Relation::Different] {
            let expected = kernels::pairs::relation(&labels, wanted, near)?;
            assert_close("relation", &pairs::relation(&labels, wanted, near)?, &expected, 0.0);
        }
    }
    Ok(())
}

#[test]
fn largest_numbers() -> Result<()> {
    if !can("largest numbers for CUDA") {
        return Ok(());
    }
    for dtype in [DType::F64, DType::F32] {
        // Few different numbers of either sign, and one that is none; then all different ones, of more than one part.
        let few = (sample(&[3, 4, 5], 1) * 2.0)?.round()?;
        let odd = Tensor::new(&[[-0.0, 0.0, f64::NAN, -3.5, 2.0, 2.0]], &Device::Cpu)?;
        for (x, counts) in [(&few, &[1, 7, 20][..]), (&odd, &[1, 2, 4, 6]), (&sample(&[1, 9000], 2), &[1000])] {
            let x = cast(x, dtype);
            let (samples, size) = (x.dims()[0], x.elem_count() / x.dims()[0]);
            for &k in counts {
                let expected = kernels::topk::top_mask(&x, k)?;
                assert_close(&format!("mask of {k}"), &topk::top_mask(&x, k, samples, size)?, &expected, 0.0);
                let gy = cast(&sample(&[samples], 3), dtype);
                let expected = kernels::topk::top_mean_grad(&gy, &x, k)?;
                assert_close("gradient", &topk::top_mean_grad(&gy, &x, k, samples, size)?, &expected, 0.0);
                let expected = kernels::topk::top_mean(&x, k)?;
                if numbers(&expected).iter().all(|mean| mean.is_finite()) {
                    assert_close("mean", &topk::top_mean(&x, k, samples, size)?, &expected, NARROW);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn means_by_rank() -> Result<()> {
    if !can("ranks for CUDA") {
        return Ok(());
    }
    for (dtype, tolerance) in BOTH {
        // Few different numbers of either sign; then different ones, whose count is no power of two; then one.
        let few = (sample(&[2, 3, 4, 5], 1) * 2.0)?.round()?;
        for (x, decay) in [(&few, 0.9), (&sample(&[2, 37, 9], 2), 0.5), (&few, 0.0), (&sample(&[3, 1, 1], 3), 1.0)] {
            let x = cast(x, dtype);
            let [.., height, width] = *x.dims() else { unreachable!("planes") };
            let shape = [x.elem_count() / (height * width), height * width];
            let factor = 1.0 / (0..shape[1]).map(|rank| decay_to(decay, rank)).sum::<f64>();
            let expected = kernels::topk::rank_mean(&x, decay)?;
            assert_close("rank_mean", &rank::mean(&x, decay, factor, shape)?, &expected, tolerance);
            let gy = cast(&sample(expected.dims(), 4), dtype);
            let expected = kernels::topk::rank_mean_grad(&gy, &x, decay)?;
            assert_close("rank_mean_grad", &rank::mean_grad(&gy, &x, decay, factor, shape)?, &expected, tolerance);
        }
    }
    Ok(())
}

fn decay_to(decay: f64, rank: usize) -> f64 {
    decay.powi(rank as i32)
}

#[test]
fn neighbours_by_colour() -> Result<()> {
    if !can("pixel-adaptive refinement for CUDA") {
        return Ok(());
    }
    for (dtype, tolerance) in [(DType::F64, WIDE), (DType::F32, 1e-5)] {
        for (size, dilations) in [([7, 9], &[1, 2][..]), ([1, 4], &[3])] {
            let maps = cast(&sample(&[2, 2, size[0], size[1]], 1), dtype);
            let image = cast(&sample(&[2, 3, size[0], size[1]], 2), dtype);
            let expected = kernels::local_refine::local_refine(&maps, &image, dilations, 3)?;
            let found = local_refine::local_refine(&maps, &image, dilations, 3)?;
            assert_close("local_refine", &found, &expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn cells_and_hidden_ones() -> Result<()> {
    if !can("patches for CUDA") {
        return Ok(());
    }
    let chosen = Tensor::new(&[1u32, 0, 1, 0], &Device::Cpu)?;
    let cells = kernels::patches::grid(&[2, 3], &chosen, [7, 5])?;
    assert_eq!(patches::grid(&[2, 3], &chosen, [7, 5])?.to_vec3::<u32>()?, cells.to_vec3::<u32>()?);
    let expected = kernels::patches::count(&cells, DType::F64)?;
    assert_close("patch_count", &patches::count(&cells, DType::F64)?, &expected, 0.0);
    // Two samples of two pictures each.
    let streams: Vec<Stream> = [3, 8].iter().map(|&sample| Stream::new(7, 1, 2, sample)).collect();
    for hiding in [Hiding::Each, Hiding::WithReplacement] {
        for p in [0.0, 0.4, 1.0] {
            let expected = kernels::patches::hide(&cells, 20, p, hiding, &streams, DType::F32)?;
            let found = patches::hide(&cells, 20, p, hiding, &streams, DType::F32)?;
            assert_close(&format!("{hiding:?} of {p}"), &found, &expected, 0.0);
        }
    }
    Ok(())
}
