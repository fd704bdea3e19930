//! Maximum and average over sliding windows of the last two axes, with their gradients.
//!
//! As PyTorch's `max_pool2d` and `avg_pool2d`: padding is minus infinity for the maximum and a counted zero for the average;
//! of equal maxima the first in row-major order takes the whole gradient; a NaN in a window wins.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};

use super::real::{Real, build_blocks, contiguous, dispatch, on_cuda, read, tensor};
use super::scratch::with_scratch;
use super::wide::wide;

/// A sliding window. Axes are `[vertical, horizontal]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pool2d {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// On both sides; at most half the kernel, so that every window holds a pixel.
    pub padding: [usize; 2],
    /// Whether a window that is only partly filled at the end counts.
    pub ceil: bool,
}

impl Pool2d {
    /// The size of the result for an image of the size `input`.
    pub fn output(&self, input: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (stride, padding) = (self.stride[axis].max(1), self.padding[axis]);
            let Some(room) = (input[axis] + 2 * padding).checked_sub(self.kernel[axis]) else { return 0 };
            let windows = if self.ceil { room.div_ceil(stride) } else { room / stride } + 1;
            // A last window that would begin behind the image is left out.
            if (windows - 1) * stride >= input[axis] + padding { windows - 1 } else { windows }
        })
    }

    /// The pixels of window `index` along `axis`.
    fn pixels(&self, axis: usize, index: usize, input: usize) -> Range<usize> {
        let start = index * self.stride[axis];
        start.saturating_sub(self.padding[axis])
            ..(start + self.kernel[axis]).saturating_sub(self.padding[axis]).min(input)
    }

    /// Pixels and padding of window `index` along `axis`: what an average is divided by.
    fn count(&self, axis: usize, index: usize, input: usize) -> usize {
        let start = index * self.stride[axis];
        (start + self.kernel[axis]).min(input + 2 * self.padding[axis]) - start
    }

    fn check(&self, input: [usize; 2]) -> Result<()> {
        if self.stride.contains(&0) || self.kernel.contains(&0) {
            bail!("pool: kernel and stride are at least 1");
        }
        if (0..2).any(|axis| 2 * self.padding[axis] > self.kernel[axis]) {
            bail!("pool: a padding of {:?} is more than half the kernel {:?}", self.padding, self.kernel);
        }
        if self.output(input).contains(&0) {
            bail!("pool: an image of {input:?} is smaller than the kernel {:?}", self.kernel);
        }
        Ok(())
    }
}

/// The largest number of each window: `[…, H, W]` → `[…, output]`.
pub fn max(x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    on_cuda!(x, cuda::pool::forward("max_pool", x, checked(x, pool)?));
    dispatch!("max_pool", x, R => over_planes::<R>(x, pool, max_plane))
}

/// The mean of each window, padding counted: `[…, H, W]` → `[…, output]`.
pub fn average(x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    on_cuda!(x, cuda::pool::forward("average_pool", x, checked(x, pool)?));
    dispatch!("avg_pool", x, R => over_planes::<R>(x, pool, average_plane))
}

/// The gradient of [`max`] for `x`: `gy […, output]`, `x […, H, W]` → `[…, H, W]`.
pub fn max_grad(gy: &Tensor, x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    let input = plane_size(x)?;
    check_gradient(gy, x.dims(), input, pool)?;
    on_cuda!(x, cuda::pool::max_grad(gy, x, pool));
    dispatch!("max_pool", x, R => {
        let (gy, x) = (contiguous(gy)?, contiguous(x)?);
        let (gradients, pixels) = (&*read::<R>(&gy)?, &*read::<R>(&x)?);
        let gx = grad_over_planes(x.elem_count(), input, |plane, gx| {
            let [height, width] = pool.output(input);
            let gy = &gradients[plane * height * width..][..height * width];
            let x = &pixels[plane * input[0] * input[1]..][..input[0] * input[1]];
            match pool.stride[1] {
                1 => max_plane_grad_in_rows::<R, 1>(gy, x, input, pool, gx),
                2 => max_plane_grad_in_rows::<R, 2>(gy, x, input, pool, gx),
                _ => max_plane_grad(gy, x, input, pool, gx),
            }
        });
        tensor(gx, x.shape())
    })
}

/// The gradient of [`average`] for an input of `[…, H, W]` with `input` as its last two lengths.
pub fn average_grad(gy: &Tensor, input: [usize; 2], pool: &Pool2d) -> Result<Tensor> {
    plane_size(gy)?;
    let mut dims = gy.dims().to_vec();
    let leading = dims.len() - 2;
    dims[leading..].copy_from_slice(&input);
    check_gradient(gy, &dims, input, pool)?;
    on_cuda!(gy, cuda::pool::average_grad(gy, input, pool));
    dispatch!("avg_pool", gy, R => {
        let gy = contiguous(gy)?;
        let gradients = &*read::<R>(&gy)?;
        let gx = grad_over_planes(dims.iter().product(), input, |plane, gx| {
            let [height, width] = pool.output(input);
            average_plane_grad(&gradients[plane * height * width..][..height * width], input, pool, gx);
        });
        tensor(gx, dims)
    })
}

/// The window, where the planes of `x` have room for it.
#[cfg(any(test, feature = "cuda"))]
fn checked<'a>(x: &Tensor, pool: &'a Pool2d) -> Result<&'a Pool2d> {
    pool.check(plane_size(x)?).map(|()| pool)
}

fn plane_size(x: &Tensor) -> Result<[usize; 2]> {
    match *x.dims() {
        [.., height, width] => Ok([height, width]),
        _ => bail!("pool: a tensor of {} axes has no planes", x.rank()),
    }
}

fn check_gradient(gy: &Tensor, dims: &[usize], input: [usize; 2], pool: &Pool2d) -> Result<()> {
    pool.check(input)?;
    let leading = dims.len() - 2;
    if gy.rank() != dims.len() || gy.dims()[..leading] != dims[..leading] || gy.dims()[leading..] != pool.output(input)
    {
        bail!("pool: the gradient {:?} does not belong to an input {dims:?}", gy.dims());
    }
    Ok(())
}

type OnPlane<R> = fn(&[R], [usize; 2], &Pool2d, &mut [R]);

fn over_planes<R: Real>(x: &Tensor, pool: &Pool2d, one: OnPlane<R>) -> Result<Tensor> {
    let input @ [height, width] = plane_size(x)?;
    pool.check(input)?;
    let [out_height, out_width] = pool.output(input);
    let leading = x.rank() - 2;
    let dims: Vec<usize> = x.dims()[..leading].iter().copied().chain([out_height, out_width]).collect();
    let flat = contiguous(x)?;
    let pixels = &*read::<R>(&flat)?;
    let plane = out_height * out_width;
    // SAFETY: `one` writes its whole plane.
    let y = unsafe {
        build_blocks(dims.iter().product(), plane, |start, out: &mut [R]| {
            let x = &pixels[start / plane * height * width..][..height * width];
            wide(
                #[inline(always)]
                || one(x, input, pool, out),
            );
        })
    };
    tensor(y, dims)
}

/// `one` is given the number of a plane and adds to it; it begins with zeros.
fn grad_over_planes<R: Real>(
    length: usize,
    [height, width]: [usize; 2],
    one: impl Fn(usize, &mut [R]) + Sync,
) -> Vec<R> {
    // SAFETY: every plane is filled first.
    unsafe {
        build_blocks(length, height * width, |start, gx: &mut [R]| {
            gx.fill(R::ZERO);
            wide(
                #[inline(always)]
                || one(start / (height * width), gx),
            );
        })
    }
}

/// Whether `new` takes the place of `best`.
#[inline(always)]
fn wins<R: Real>(new: R, best: R) -> bool {
    new > best || new.is_nan()
}

/// First down the columns, then along the row of maxima.
#[inline(always)]
fn max_plane<R: Real>(x: &[R], [height, width]: [usize; 2], pool: &Pool2d, y: &mut [R]) {
    let [_, out_width] = pool.output([height, width]);
    let mut columns = vec![R::ZERO; width];
    for (row, y) in y.chunks_exact_mut(out_width).enumerate() {
        columns.fill(R::NEG_INFINITY);
        for row in pool.pixels(0, row, height) {
            for (best, &new) in columns.iter_mut().zip(&x[row * width..][..width]) {
                *best = if wins(new, *best) { new } else { *best };
            }
        }
        for (column, y) in y.iter_mut().enumerate() {
            let window = &columns[pool.pixels(1, column, width)];
            *y = window.iter().fold(R::NEG_INFINITY, |best, &new| if wins(new, best) { new } else { best });
        }
    }
}

#[inline(always)]
fn max_plane_grad<R: Real>(gy: &[R], x: &[R], [height, width]: [usize; 2], pool: &Pool2d, gx: &mut [R]) {
    let [_, out_width] = pool.output([height, width]);
    for (row, gy) in gy.chunks_exact(out_width).enumerate() {
        let rows = pool.pixels(0, row, height);
        for (column, &gradient) in gy.iter().enumerate() {
            let columns = pool.pixels(1, column, width);
            let mut place = rows.start * width + columns.start;
            let mut best = x[place];
            for row in rows.clone() {
                let line = row * width;
                for (at, &new) in (line + columns.start..).zip(&x[line + columns.start..line + columns.end]) {
                    let better = wins(new, best);
                    place = if better { at } else { place };
                    best = if better { new } else { best };
                }
            }
            gx[place] += gradient;
        }
    }
}

/// The same for all windows of a row at once. `S` is the horizontal stride: the columns that a tap reads are every `S`th one, so rows are pulled apart into
/// `S` rows in which those lie side by side, and what flows back is put together at the end.
fn max_plane_grad_in_rows<R: Real, const S: usize>(
    gy: &[R],
    x: &[R],
    [height, width]: [usize; 2],
    pool: &Pool2d,
    gx: &mut [R],
) {
    let [_, out_width] = pool.output([height, width]);
    let length = 2 * height * width.div_ceil(S) * S + out_width;
    with_scratch(length, |scratch: &mut [R]| {
        let mut place = vec![0u32; out_width];
        wide(
            #[inline(always)]
            || backwards::<R, S>(gy, x, [height, width], pool, gx, scratch, &mut place),
        );
    });
}

#[inline(always)]
fn backwards<R: Real, const S: usize>(
    gy: &[R],
    x: &[R],
    [height, width]: [usize; 2],
    pool: &Pool2d,
    gx: &mut [R],
    scratch: &mut [R],
    place: &mut [u32],
) {
    let [_, out_width] = pool.output([height, width]);
    let part = width.div_ceil(S);
    // The windows for which a tap reads inside, and where in a pulled apart row the first of them does.
    let tap = |tap: usize| {
        let ahead = pool.padding[1].saturating_sub(tap).div_ceil(S);
        let first = ahead * S + tap - pool.padding[1];
        let count = width.saturating_sub(first).div_ceil(S).min(out_width.saturating_sub(ahead));
        if count == 0 { (0..0, 0) } else { (ahead..ahead + count, first % S * part + first / S) }
    };
    let (best, scratch) = scratch.split_at_mut(out_width);
    let (parts, back) = scratch.split_at_mut(height * part * S);
    back.fill(R::ZERO);
    for (row, parts) in x.chunks_exact(width).zip(parts.chunks_exact_mut(part * S)) {
        for phase in 0..S.min(width) {
            let from = row[phase..].chunks(S);
            parts[phase * part..][..part].iter_mut().zip(from).for_each(|(to, from)| *to = from[0]);
        }
    }
    for (row, gy) in gy.chunks_exact(out_width).enumerate() {
        let rows = pool.pixels(0, row, height);
        best.fill(R::NEG_INFINITY);
        place.fill(u32::MAX);
        for (line, row) in rows.clone().enumerate() {
            for column in 0..pool.kernel[1] {
                let (windows, from) = tap(column);
                let number = (line * pool.kernel[1] + column) as u32;
                let new = &parts[row * part * S + from..][..windows.len()];
                let both = best[windows.clone()].iter_mut().zip(&mut place[windows]);
                for ((best, place), &new) in both.zip(new) {
                    // The first of a window wins against nothing, though it be minus infinity.
                    let better = wins(new, *best) | (*place == u32::MAX);
                    *place = if better { number } else { *place };
                    *best = if better { new } else { *best };
                }
            }
        }
        for (line, row) in rows.enumerate() {
            // From the last tap on, so that a pixel takes what windows send it in their order.
            for column in (0..pool.kernel[1]).rev() {
                let (windows, from) = tap(column);
                let number = (line * pool.kernel[1] + column) as u32;
                let back = &mut back[row * part * S + from..][..windows.len()];
                for ((back, &gy), &place) in back.iter_mut().zip(&gy[windows.clone()]).zip(&place[windows]) {
                    *back += if place == number { gy } else { R::ZERO };
                }
            }
        }
    }
    for (row, parts) in gx.chunks_exact_mut(width).zip(back.chunks_exact(part * S)) {
        for phase in 0..S.min(width) {
            let to = row[phase..].chunks_mut(S);
            to.zip(&parts[phase * part..][..part]).for_each(|(to, &from)| to[0] = from);
        }
    }
}

#[inline(always)]
fn average_plane<R: Real>(x: &[R], [height, width]: [usize; 2], pool: &Pool2d, y: &mut [R]) {
    let [_, out_width] = pool.output([height, width]);
    let mut columns = vec![R::ZERO; width];
    for (row, y) in y.chunks_exact_mut(out_width).enumerate() {
        columns.fill(R::ZERO);
        for row in pool.pixels(0, row, height) {
            columns.iter_mut().zip(&x[row * width..][..width]).for_each(|(sum, &new)| *sum += new);
        }
        for (column, y) in y.iter_mut().enumerate() {
            let count = pool.count(0, row, height) * pool.count(1, column, width);
            let sum = columns[pool.pixels(1, column, width)].iter().fold(R::ZERO, |sum, &new| sum + new);
            *y = sum / R::from_f64(count as f64);
        }
    }
}

/// First along the row of gradients, then down the columns.
#[inline(always)]
fn average_plane_grad<R: Real>(gy: &[R], [height, width]: [usize; 2], pool: &Pool2d, gx: &mut [R]) {
    let [_, out_width] = pool.output([height, width]);
    let mut columns = vec![R::ZERO; width];
    for (row, gy) in gy.chunks_exact(out_width).enumerate() {
        columns.fill(R::ZERO);
        for (column, &gradient) in gy.iter().enumerate() {
            let count = pool.count(0, row, height) * pool.count(1, column, width);
            let share = gradient / R::from_f64(count as f64);
            columns[pool.pixels(1, column, width)].iter_mut().for_each(|sum| *sum += share);
        }
        for row in pool.pixels(0, row, height) {
            gx[row * width..][..width].iter_mut().zip(&columns).for_each(|(gx, &share)| *gx += share);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{
        assert_close, assert_gradient, assert_same_for_any_workers, cast, golden, golden_cases, numbers, sample,
    };

    fn square(kernel: usize, stride: usize, padding: usize, ceil: bool) -> Pool2d {
        Pool2d { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], ceil }
    }

    /// `max_pool_k3s2p1_ceil`.
    fn parameters(case: &str) -> Pool2d {
        let text = case.split('_').nth(2).expect("a pooling case");
        let number = |letter| {
            let (_, rest) = text.split_once(letter)?;
            rest.split(char::is_alphabetic).next()?.parse().ok()
        };
        let [kernel, stride] = ['k', 's'].map(|letter| number(letter).expect("kernel and stride"));
        square(kernel, stride, number('p').unwrap_or(0), case.ends_with("ceil"))
    }

    #[test]
    fn golden_windows() -> Result<()> {
        for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 1e-6)] {
            for case in golden_cases("max_pool_") {
                let (x, gy, pool) =
                    (cast(&golden(&case, "x"), dtype), cast(&golden(&case, "gy"), dtype), parameters(&case));
                assert_close(&case, &max(&x, &pool)?, &golden(&case, "y"), 0.0);
                assert_close(&case, &max_grad(&gy, &x, &pool)?, &golden(&case, "gx"), tolerance);
            }
            for case in golden_cases("avg_pool_") {
                let (x, gy, pool) =
                    (cast(&golden(&case, "x"), dtype), cast(&golden(&case, "gy"), dtype), parameters(&case));
                assert_close(&case, &average(&x, &pool)?, &golden(&case, "y"), tolerance);
                let input = plane_size(&x)?;
                assert_close(&case, &average_grad(&gy, input, &pool)?, &golden(&case, "gx"), tolerance);
            }
        }
        Ok(())
    }

    #[test]
    fn finite_differences() {
        let x = sample(&[2, 2, 7, 6], 1);
        for pool in [square(3, 2, 1, true), square(3, 1, 0, false), square(2, 3, 1, false)] {
            assert_gradient("max", &x, |x| max(x, &pool), |x, gy| max_grad(gy, x, &pool));
            assert_gradient("average", &x, |x| average(x, &pool), |_, gy| average_grad(gy, [7, 6], &pool));
        }
    }

    #[test]
    fn of_equals_the_first_and_a_nan_before_all() -> Result<()> {
        let pool = square(2, 2, 0, false);
        let x = Tensor::new(&[[1f64, 1.], [1., 0.]], &Device::Cpu)?;
        let gy = Tensor::new(&[[5f64]], &Device::Cpu)?;
        assert_eq!(max_grad(&gy, &x, &pool)?.to_vec2::<f64>()?, [[5., 0.], [0., 0.]]);
        let x = Tensor::new(&[[1f64, f64::NAN], [f64::INFINITY, 0.]], &Device::Cpu)?;
        assert!(max(&x, &pool)?.to_vec2::<f64>()?[0][0].is_nan());
        assert_eq!(max_grad(&gy, &x, &pool)?.to_vec2::<f64>()?, [[0., 5.], [0., 0.]]);
        Ok(())
    }

    proptest! {
        /// An average hands on exactly what it was given where no padding takes part; a maximum always does.
        #[test]
        fn gradients_are_shared_out(
            kernel in 1usize..4, stride in 1usize..4, height in 4usize..9, width in 4usize..9, ceil: bool,
        ) {
            let pool = square(kernel, stride, 0, ceil);
            let x = sample(&[2, height, width], 1);
            let y = max(&x, &pool).unwrap();
            let gy = sample(y.dims(), 2);
            let given: f64 = numbers(&gy).iter().sum();
            for gx in [max_grad(&gy, &x, &pool).unwrap(), average_grad(&gy, [height, width], &pool).unwrap()] {
                prop_assert_eq!(gx.dims(), x.dims());
                if !ceil {
                    prop_assert!((numbers(&gx).iter().sum::<f64>() - given).abs() < 1e-12);
                }
            }
        }
    }

    proptest! {
        /// All windows of a row at once: the bits of one window after the other, with equal numbers and windows at every border.
        #[test]
        fn rows_of_windows(
            kernel in [1usize..6, 1usize..6], stride in [1usize..3, 1usize..3], room in [0usize..9, 0usize..9], share in [0usize..3, 0usize..3], ceil: bool,
        ) {
            let padding = [0, 1].map(|axis| share[axis].min(kernel[axis] / 2));
            let input = [0, 1].map(|axis| (kernel[axis] + room[axis]).saturating_sub(2 * padding[axis]).max(1));
            let pool = Pool2d { kernel, stride, padding, ceil };
            prop_assume!(!pool.output(input).contains(&0));
            let x: Vec<f64> = numbers(&sample(&[input[0] * input[1]], 1)).iter().map(|x| (x * 2.0).round()).collect();
            let gy = numbers(&sample(&pool.output(input), 2));
            let mut found = [vec![0.0; x.len()], vec![0.0; x.len()]];
            max_plane_grad(&gy, &x, input, &pool, &mut found[0]);
            if stride[1] == 1 {
                max_plane_grad_in_rows::<f64, 1>(&gy, &x, input, &pool, &mut found[1]);
            } else {
                max_plane_grad_in_rows::<f64, 2>(&gy, &x, input, &pool, &mut found[1]);
            }
            prop_assert_eq!(&found[0], &found[1]);
        }
    }

    #[test]
    fn equal_bits_for_any_number_of_workers() {
        let (x, pool) = (cast(&sample(&[3, 8, 31, 33], 1), DType::F32), square(3, 2, 1, false));
        let gy = assert_same_for_any_workers("max", || max(&x, &pool));
        assert_same_for_any_workers("max_grad", || max_grad(&gy, &x, &pool));
        assert_same_for_any_workers("average_grad", || average_grad(&gy, [31, 33], &pool));
    }

    #[test]
    fn windows_without_a_pixel_are_refused() {
        let x = sample(&[1, 2, 2], 1);
        assert!(max(&x, &square(3, 1, 0, false)).is_err());
        assert!(max(&x, &square(2, 1, 2, false)).is_err());
        assert!(max(&x, &square(2, 0, 0, false)).is_err());
    }
}
