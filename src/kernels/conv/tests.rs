//! Convolution against the golden arrays, against a direct sum, and against finite differences.

use candle_core::{DType, Result, Tensor};
use proptest::prelude::*;

use super::{Conv2d, forward, grad_input, grad_weight};
use crate::kernels::testing::{
    assert_close, assert_gradient, assert_same_for_any_workers, cast, golden, golden_cases, numbers, sample, try_golden,
};

/// `conv2d_k3s1p2d2g4o8` → kernel 3, stride 1, padding 2, dilation 2, groups 4.
fn parameters(case: &str) -> [usize; 5] {
    let text = case.strip_prefix("conv2d_").expect("a conv2d case");
    let mut found = text.split(|c: char| c.is_alphabetic()).filter(|part| !part.is_empty()).map(|n| n.parse().unwrap());
    std::array::from_fn(|_| found.next().expect("five parameters"))
}

fn image(x: &Tensor) -> [usize; 2] {
    [x.dims()[2], x.dims()[3]]
}

#[test]
fn golden_layers_and_their_gradients() -> Result<()> {
    // f64: rounding only. f32: 150 products of normal deviates, sums up to about 30.
    for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 2e-6)] {
        for case in golden_cases("conv2d_") {
            let [kernel, stride, padding, dilation, groups] = parameters(&case);
            let get = |name: &str| cast(&golden(&case, name), dtype);
            let (x, w, gy) = (get("x"), get("w"), get("gy"));
            let bias = try_golden(&case, "b").map(|b| cast(&b, dtype));
            let conv = Conv2d::padded(image(&x), [kernel; 2], [stride; 2], [padding; 2], [dilation; 2], groups);
            let check = |name: &str, found: Tensor| {
                assert_close(&format!("{case}.{name} {dtype:?}"), &found, &golden(&case, name), tolerance)
            };
            check("y", forward(&x, &w, bias.as_ref(), &conv)?);
            check("gx", grad_input(&gy, &w, image(&x), &conv)?);
            check("gw", grad_weight(&gy, &x, [kernel; 2], &conv)?);
        }
    }
    Ok(())
}

/// The definition, number by number.
fn by_definition(x: &Tensor, w: &Tensor, conv: &Conv2d) -> Tensor {
    let ([b, i, h, wide], [o, g, kh, kw]) = (x.dims4().unwrap().into(), w.dims4().unwrap().into());
    let (xs, ws) = (numbers(x), numbers(w));
    let mut y = Vec::new();
    for (image, channel) in (0..b).flat_map(|b| (0..o).map(move |o| (b, o))) {
        let group = channel / (o / conv.groups);
        for (r, s) in (0..conv.output[0]).flat_map(|r| (0..conv.output[1]).map(move |s| (r, s))) {
            let mut sum = 0.0;
            for c in 0..g {
                for (u, v) in (0..kh).flat_map(|u| (0..kw).map(move |v| (u, v))) {
                    let row = (r * conv.stride[0] + u * conv.dilation[0]).wrapping_sub(conv.padding[0]);
                    let column = (s * conv.stride[1] + v * conv.dilation[1]).wrapping_sub(conv.padding[1]);
                    if row < h && column < wide {
                        let pixel = xs[((image * i + group * g + c) * h + row) * wide + column];
                        sum += pixel * ws[((channel * g + c) * kh + u) * kw + v];
                    }
                }
            }
            y.push(sum);
        }
    }
    Tensor::from_vec(y, (b, o, conv.output[0], conv.output[1]), x.device()).unwrap()
}

fn inner(a: &Tensor, b: &Tensor) -> f64 {
    numbers(a).iter().zip(numbers(b)).map(|(a, b)| a * b).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any geometry, also padding larger than the kernel, results larger than the image, axes that differ: the product is
    /// the definition, and the gradients are its transposes (`<gy, conv(x, w)> = <gx, x> = <gw, w>`).
    #[test]
    fn the_product_and_its_transposes(
        batch in 1usize..3, groups in 1usize..4, group_in in 1usize..4, group_out in 1usize..4,
        input in [1usize..9, 1usize..9], kernel in [1usize..4, 1usize..4], stride in [1usize..4, 1usize..3],
        padding in [0usize..6, 0usize..4], dilation in [1usize..4, 1usize..4], output in [1usize..8, 1usize..8],
    ) {
        let conv = Conv2d { stride, padding, dilation, groups, output };
        let x = sample(&[batch, groups * group_in, input[0], input[1]], 1);
        let w = sample(&[groups * group_out, group_in, kernel[0], kernel[1]], 2);
        let expected = by_definition(&x, &w, &conv);
        let y = forward(&x, &w, None, &conv).unwrap();
        assert_close("y", &y, &expected, 1e-14);

        let gy = sample(y.dims(), 3);
        let product = inner(&gy, &y);
        let tolerance = 1e-13 * (1.0 + product.abs());
        let gx = grad_input(&gy, &w, input, &conv).unwrap();
        prop_assert!((inner(&gx, &x) - product).abs() < tolerance);
        let gw = grad_weight(&gy, &x, kernel, &conv).unwrap();
        prop_assert!((inner(&gw, &w) - product).abs() < tolerance);
        // Linear in each: another x and another w give the same product too.
        let (other_x, other_w) = (sample(x.dims(), 4), sample(w.dims(), 5));
        let other = inner(&gy, &by_definition(&other_x, &w, &conv));
        prop_assert!((inner(&gx, &other_x) - other).abs() < 1e-13 * (1.0 + other.abs()));
        let other = inner(&gy, &by_definition(&x, &other_w, &conv));
        prop_assert!((inner(&gw, &other_w) - other).abs() < 1e-13 * (1.0 + other.abs()));
    }
}

#[test]
fn finite_differences() {
    let (x, w) = (sample(&[2, 4, 5, 6], 1), sample(&[6, 2, 3, 2], 2));
    for stride in [1, 2] {
        let conv = Conv2d::padded([5, 6], [3, 2], [stride; 2], [1, 2], [2, 1], 2);
        let forward_x = |x: &Tensor| forward(x, &w, None, &conv);
        assert_gradient("conv2d for x", &x, forward_x, |_, gy| grad_input(gy, &w, [5, 6], &conv));
        let forward_w = |w: &Tensor| forward(&x, w, None, &conv);
        assert_gradient("conv2d for w", &w, forward_w, |_, gy| grad_weight(gy, &x, [3, 2], &conv));
    }
}

/// Large enough for several tiles, bands, blocks and slices.
#[test]
fn equal_bits_for_any_number_of_workers() -> Result<()> {
    for (channels, groups, stride) in
        [([48, 40], 1, 1), ([48, 40], 1, 2), ([24, 48], 24, 1), ([24, 24], 24, 2), ([128, 130], 1, 1)]
    {
        let (x, w) = (sample(&[2, channels[0], 70, 66], 1), sample(&[channels[1], channels[0] / groups, 3, 3], 2));
        let (x, w) = (cast(&x, DType::F32), cast(&w, DType::F32));
        let conv = Conv2d::padded([70, 66], [3, 3], [stride; 2], [1; 2], [1; 2], groups);
        let y = assert_same_for_any_workers("y", || forward(&x, &w, None, &conv));
        let gy = cast(&sample(y.dims(), 3), DType::F32);
        let gx = assert_same_for_any_workers("gx", || grad_input(&gy, &w, [70, 66], &conv));
        let gw = assert_same_for_any_workers("gw", || grad_weight(&gy, &x, [3, 3], &conv));
        // And the many pieces make the right whole.
        let double = |t: &Tensor| cast(t, DType::F64);
        let (gx64, gw64) = (
            grad_input(&double(&gy), &double(&w), [70, 66], &conv)?,
            grad_weight(&double(&gy), &double(&x), [3, 3], &conv)?,
        );
        // Sums of 432 and of 9240 products.
        assert_close("gx", &gx, &gx64, 2e-6);
        assert_close("gw", &gw, &gw64, 2e-6);
        assert!((inner(&gx64, &double(&x)) - inner(&double(&gy), &double(&y))).abs() < 1e-2);
        assert!((inner(&gw64, &double(&w)) - inner(&gx64, &double(&x))).abs() < 1e-8);
    }
    Ok(())
}

#[test]
fn same_padding_puts_the_odd_pixel_last() {
    let conv = Conv2d::same([6, 7], [3, 3], [2, 2], [1, 1], 1);
    assert_eq!((conv.output, conv.padding), ([3, 4], [0, 1]));
    let dilated = Conv2d::same([6, 6], [3, 3], [1, 1], [4, 4], 1);
    assert_eq!((dilated.output, dilated.padding), ([6, 6], [4, 4]));
}

#[test]
fn shapes_that_do_not_fit_are_refused() -> Result<()> {
    let (x, w) = (sample(&[1, 4, 5, 5], 1), sample(&[6, 3, 3, 3], 2));
    let conv = Conv2d::padded([5, 5], [3, 3], [1; 2], [1; 2], [1; 2], 2);
    let message = forward(&x, &w, None, &conv).expect_err("3 channels in 2 groups are not 4").to_string();
    assert!(message.starts_with("conv2d: a weight [6, 3, 3, 3] in 2 groups does not fit 4 channels"), "{message}");
    let w = sample(&[6, 2, 3, 3], 2);
    let message = forward(&x, &w, Some(&sample(&[5], 3)), &conv).expect_err("5 are not 6").to_string();
    assert!(message.starts_with("conv2d: the bias is [5], expected one number for each of 6 channels"), "{message}");
    let message = grad_input(&sample(&[1, 6, 4, 5], 3), &w, [5, 5], &conv).expect_err("another height").to_string();
    assert!(message.starts_with("conv2d: the gradient is [1, 6, 4, 5], the result [1, 6, 5, 5]"), "{message}");
    assert!(forward(&x.squeeze(0)?, &w, None, &conv).is_err());
    Ok(())
}
