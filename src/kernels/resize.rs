//! Images of another size: bilinear interpolation and the nearest pixel, with gradients.
//!
//! As PyTorch's `interpolate` without antialiasing. The last two axes are resized; all before them are planes. Both
//! directions are taken one after the other from small tables, so each plane costs two passes whatever the factor. The
//! gradient is gathered: each pixel sums what read it, in order, and no two tasks write the same pixel.

use candle_core::{DType, Result, Tensor, WithDType, bail};

use super::real::{Real, build_blocks, contiguous, dispatch, on_cuda, read, tensor};
use super::wide::wide;

/// Where the pixels of a resized image lie in the original.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Resize {
    /// Rows and columns of the result, at least 1.
    pub output: [usize; 2],
    /// Whether the centres of the corner pixels fall together (`true`), or the corners of the images do.
    pub align_corners: bool,
    /// The factors that `output` was made from, where coordinates go by them (`(i + 0.5) / factor - 0.5`) rather than by the
    /// two sizes, which differ from them by rounding. Ignored with `align_corners`.
    pub factor: Option<[f64; 2]>,
}

impl Resize {
    pub fn to(output: [usize; 2], align_corners: bool) -> Resize {
        Resize { output, align_corners, factor: None }
    }
}

/// For each place along an axis of the result: the two pixels it lies between and the weight of the second.
struct Taps<R> {
    first: Vec<usize>,
    second: Vec<usize>,
    weight: Vec<R>,
}

impl<R: Real> Taps<R> {
    fn new(input: usize, output: usize, align_corners: bool, factor: Option<f64>) -> Taps<R> {
        let source = |at: usize| match (align_corners, factor) {
            (true, _) if output > 1 => (input - 1) as f64 / (output - 1) as f64 * at as f64,
            (true, _) => 0.0,
            (false, Some(factor)) => ((at as f64 + 0.5) / factor - 0.5).max(0.0),
            (false, None) => (input as f64 / output as f64 * (at as f64 + 0.5) - 0.5).max(0.0),
        };
        let first: Vec<usize> = (0..output).map(|at| (source(at) as usize).min(input - 1)).collect();
        let second = first.iter().map(|&first| (first + 1).min(input - 1)).collect();
        let weight = (0..output).map(|at| R::from_f64((source(at) - first[at] as f64).clamp(0.0, 1.0))).collect();
        Taps { first, second, weight }
    }

    /// Turned round: for each pixel, the places that read it with their weights, in order.
    fn readers(&self, input: usize) -> Vec<Vec<(usize, R)>> {
        let mut readers = vec![Vec::new(); input];
        for (at, &weight) in self.weight.iter().enumerate() {
            let (first, second) = (self.first[at], self.second[at]);
            if first == second {
                readers[first].push((at, R::ONE));
            } else {
                readers[first].push((at, R::ONE - weight));
                readers[second].push((at, weight));
            }
        }
        readers
    }
}

/// Bilinear interpolation: `[…, H, W]` → `[…, output]`.
pub fn bilinear(x: &Tensor, resize: &Resize) -> Result<Tensor> {
    let (dims, input) = resized_dims(x, resize.output)?;
    on_cuda!(x, cuda::resize::bilinear(x, resize));
    dispatch!("bilinear", x, R => {
        let flat = contiguous(x)?;
        let pixels = &*read::<R>(&flat)?;
        let [down, across] = taps::<R>(input, resize);
        let [height, width] = resize.output;
        // SAFETY: `bilinear_plane` writes its whole plane.
        let y = unsafe {
            build_blocks(dims.iter().product(), height * width, |start, y: &mut [R]| {
                let x = &pixels[start / (height * width) * input[0] * input[1]..][..input[0] * input[1]];
                wide(#[inline(always)] || bilinear_plane(x, input[1], &down, &across, y));
            })
        };
        tensor(y, dims)
    })
}

/// The gradient of [`bilinear`] for an input whose last two lengths are `input`: `gy […, output]` → `[…, input]`.
pub fn bilinear_grad(gy: &Tensor, input: [usize; 2], resize: &Resize) -> Result<Tensor> {
    let dims = original_dims(gy, input, resize.output)?;
    on_cuda!(gy, cuda::resize::bilinear_grad(gy, input, resize));
    dispatch!("bilinear", gy, R => {
        let flat = contiguous(gy)?;
        let gradients = &*read::<R>(&flat)?;
        let [down, across] = taps::<R>(input, resize);
        let (down, across) = (down.readers(input[0]), across.readers(input[1]));
        let ([height, width], plane) = (resize.output, input[0] * input[1]);
        // SAFETY: each row of the plane is written.
        let gx = unsafe {
            build_blocks(dims.iter().product(), plane, |start, gx: &mut [R]| {
                let gy = &gradients[start / plane * height * width..][..height * width];
                wide(#[inline(always)] || bilinear_plane_grad(gy, width, &down, &across, gx));
            })
        };
        tensor(gx, dims)
    })
}

/// The pixel at `floor(i * input / output)`, or `floor(i / factor)`: `[…, H, W]` → `[…, output]`. Also for whole numbers.
pub fn nearest(x: &Tensor, output: [usize; 2], factor: Option<[f64; 2]>) -> Result<Tensor> {
    resized_dims(x, output)?;
    on_cuda!(x, cuda::resize::nearest(x, output, factor));
    match x.dtype() {
        DType::F32 => nearest_of::<f32>(x, output, factor),
        DType::F64 => nearest_of::<f64>(x, output, factor),
        DType::U32 => nearest_of::<u32>(x, output, factor),
        DType::U8 => nearest_of::<u8>(x, output, factor),
        DType::I64 => nearest_of::<i64>(x, output, factor),
        other => bail!("nearest: found {}", other.as_str()),
    }
}

/// The gradient of [`nearest`]: `gy […, output]` → `[…, input]`.
pub fn nearest_grad(gy: &Tensor, input: [usize; 2], factor: Option<[f64; 2]>) -> Result<Tensor> {
    let output = plane_size(gy)?;
    let dims = original_dims(gy, input, output)?;
    on_cuda!(gy, cuda::resize::nearest_grad(gy, input, factor));
    let [rows, columns] = [0, 1].map(|axis| nearest_sources(input[axis], output[axis], factor.map(|f| f[axis])));
    dispatch!("nearest", gy, R => {
        let flat = contiguous(gy)?;
        let gradients = &*read::<R>(&flat)?;
        let (plane, [height, width]) = (input[0] * input[1], output);
        // SAFETY: every plane is filled first.
        let gx = unsafe {
            build_blocks(dims.iter().product(), plane, |start, gx: &mut [R]| {
                gx.fill(R::ZERO);
                let gy = &gradients[start / plane * height * width..][..height * width];
                for (gy, &row) in gy.chunks_exact(width).zip(&rows) {
                    let gx = &mut gx[row * input[1]..][..input[1]];
                    gy.iter().zip(&columns).for_each(|(&g, &column)| gx[column] += g);
                }
            })
        };
        tensor(gx, dims)
    })
}

fn nearest_of<T: WithDType>(x: &Tensor, output: [usize; 2], factor: Option<[f64; 2]>) -> Result<Tensor> {
    let (dims, input) = resized_dims(x, output)?;
    let [rows, columns] = [0, 1].map(|axis| nearest_sources(input[axis], output[axis], factor.map(|f| f[axis])));
    let flat = contiguous(x)?;
    let pixels = &*read::<T>(&flat)?;
    let mut y = Vec::with_capacity(dims.iter().product());
    for plane in pixels.chunks_exact(input[0] * input[1]) {
        for &row in &rows {
            let line = &plane[row * input[1]..][..input[1]];
            y.extend(columns.iter().map(|&column| line[column]));
        }
    }
    tensor(y, dims)
}

fn nearest_sources(input: usize, output: usize, factor: Option<f64>) -> Vec<usize> {
    let source = |at: usize| match factor {
        Some(factor) => (at as f64 / factor) as usize,
        None => at * input / output,
    };
    (0..output).map(|at| source(at).min(input - 1)).collect()
}

fn taps<R: Real>(input: [usize; 2], resize: &Resize) -> [Taps<R>; 2] {
    [0, 1].map(|axis| {
        Taps::new(input[axis], resize.output[axis], resize.align_corners, resize.factor.map(|factor| factor[axis]))
    })
}

fn plane_size(x: &Tensor) -> Result<[usize; 2]> {
    match *x.dims() {
        [.., height, width] if height > 0 && width > 0 => Ok([height, width]),
        _ => bail!("resize: a tensor {:?} has no planes", x.dims()),
    }
}

/// Dims of the result, and the size of a plane of `x`.
fn resized_dims(x: &Tensor, output: [usize; 2]) -> Result<(Vec<usize>, [usize; 2])> {
    let input = plane_size(x)?;
    Ok((original_dims(x, output, input)?, input))
}

/// The dims of `y`, whose planes have the size `from`, with planes of the size `to`.
fn original_dims(y: &Tensor, to: [usize; 2], from: [usize; 2]) -> Result<Vec<usize>> {
    if plane_size(y)? != from || to.contains(&0) {
        bail!("resize: planes of {:?}, expected {from:?}, to {to:?}", plane_size(y)?);
    }
    let mut dims = y.dims().to_vec();
    let leading = dims.len() - 2;
    dims[leading..].copy_from_slice(&to);
    Ok(dims)
}

/// Rows are resized across once, two at a time, and mixed downwards.
#[inline(always)]
fn bilinear_plane<R: Real>(x: &[R], width: usize, down: &Taps<R>, across: &Taps<R>, y: &mut [R]) {
    let out_width = across.weight.len();
    let stretch = |row: usize, line: &mut [R]| {
        let x = &x[row * width..][..width];
        for (((out, &first), &second), &weight) in
            line.iter_mut().zip(&across.first).zip(&across.second).zip(&across.weight)
        {
            *out = (R::ONE - weight) * x[first] + weight * x[second];
        }
    };
    let mut lines = [vec![R::ZERO; out_width], vec![R::ZERO; out_width]];
    let mut held = [usize::MAX; 2];
    for (at, y) in y.chunks_exact_mut(out_width).enumerate() {
        let needed = [down.first[at], down.second[at]];
        if held[1] == needed[0] {
            lines.swap(0, 1);
            held.swap(0, 1);
        }
        for (slot, line) in lines.iter_mut().enumerate() {
            if held[slot] != needed[slot] {
                stretch(needed[slot], line);
                held[slot] = needed[slot];
            }
        }
        let (weight, [first, second]) = (down.weight[at], &lines);
        for ((y, &first), &second) in y.iter_mut().zip(first).zip(second) {
            *y = (R::ONE - weight) * first + weight * second;
        }
    }
}

#[inline(always)]
fn bilinear_plane_grad<R: Real>(
    gy: &[R],
    out_width: usize,
    down: &[Vec<(usize, R)>],
    across: &[Vec<(usize, R)>],
    gx: &mut [R],
) {
    let mut line = vec![R::ZERO; out_width];
    for (readers, gx) in down.iter().zip(gx.chunks_exact_mut(across.len())) {
        line.fill(R::ZERO);
        for &(row, weight) in readers {
            line.iter_mut().zip(&gy[row * out_width..][..out_width]).for_each(|(sum, &g)| *sum += weight * g);
        }
        for (gx, readers) in gx.iter_mut().zip(across) {
            *gx = readers.iter().fold(R::ZERO, |sum, &(column, weight)| sum + weight * line[column]);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{
        assert_close, assert_gradient, assert_same_for_any_workers, cast, golden, golden_cases, numbers, sample,
    };

    /// `bilinear_corners_5x7_to_11x13`, `bilinear_centres_factor_0_3`.
    fn parameters(case: &str) -> Resize {
        let output = plane_size(&golden(case, "gy")).unwrap();
        let factor = case.split_once("factor_").map(|(_, f)| f.replace('_', ".").parse().unwrap());
        Resize { output, align_corners: case.contains("corners"), factor: factor.map(|factor| [factor; 2]) }
    }

    #[test]
    fn golden_sizes() -> Result<()> {
        // f32: one rounding of the weight for up to 56 pixels of distance, sums of up to 60 readers.
        for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 2e-6)] {
            for case in golden_cases("bilinear_") {
                let (x, gy, resize) =
                    (cast(&golden(&case, "x"), dtype), cast(&golden(&case, "gy"), dtype), parameters(&case));
                assert_close(&case, &bilinear(&x, &resize)?, &golden(&case, "y"), tolerance);
                assert_close(&case, &bilinear_grad(&gy, plane_size(&x)?, &resize)?, &golden(&case, "gx"), tolerance);
            }
            for case in golden_cases("nearest_") {
                let (x, gy) = (cast(&golden(&case, "x"), dtype), cast(&golden(&case, "gy"), dtype));
                assert_close(&case, &nearest(&x, plane_size(&gy)?, None)?, &golden(&case, "y"), 0.0);
                assert_close(&case, &nearest_grad(&gy, plane_size(&x)?, None)?, &golden(&case, "gx"), tolerance);
            }
        }
        Ok(())
    }

    #[test]
    fn finite_differences() {
        let x = sample(&[2, 5, 4], 1);
        for (output, align_corners) in [([7, 9], false), ([3, 2], false), ([7, 9], true), ([1, 8], true)] {
            let resize = Resize::to(output, align_corners);
            assert_gradient("bilinear", &x, |x| bilinear(x, &resize), |_, gy| bilinear_grad(gy, [5, 4], &resize));
        }
        assert_gradient("nearest", &x, |x| nearest(x, [7, 3], None), |_, gy| nearest_grad(gy, [5, 4], None));
    }

    proptest! {
        /// Interpolation keeps a plane of one value, stays within the values, and changes nothing at equal size.
        #[test]
        fn values_stay_in_range(
            height in 1usize..9, width in 1usize..9, output in [1usize..12, 1usize..12], align_corners: bool,
        ) {
            let x = sample(&[2, height, width], 5);
            let y = numbers(&bilinear(&x, &Resize::to(output, align_corners)).unwrap());
            let (low, high) = numbers(&x).iter().fold((1.0f64, -1.0f64), |(l, h), &v| (l.min(v), h.max(v)));
            prop_assert!(y.iter().all(|v| (low - 1e-15..=high + 1e-15).contains(v)));
            let same = bilinear(&x, &Resize::to([height, width], align_corners)).unwrap();
            assert_close("equal size", &same, &x, 1e-15);
        }
    }

    #[test]
    fn a_view_and_whole_numbers() -> Result<()> {
        let x = Tensor::arange(0u32, 8, &Device::Cpu)?.reshape((2, 2, 2))?;
        assert_eq!(nearest(&x.narrow(0, 1, 1)?, [4, 1], None)?.flatten_all()?.to_vec1::<u32>()?, [4, 4, 6, 6]);
        let view = sample(&[3, 4, 5], 2).narrow(0, 1, 2)?;
        assert_close("view", &bilinear(&view, &Resize::to([4, 5], false))?, &view, 0.0);
        Ok(())
    }

    #[test]
    fn equal_bits_for_any_number_of_workers() {
        let x = cast(&sample(&[4, 7, 13, 11], 1), DType::F32);
        let resize = Resize::to([50, 31], false);
        let y = assert_same_for_any_workers("bilinear", || bilinear(&x, &resize));
        assert_same_for_any_workers("bilinear_grad", || bilinear_grad(&y, [13, 11], &resize));
    }

    #[test]
    fn empty_sizes_are_refused() {
        let x = sample(&[1, 2, 2], 1);
        assert!(bilinear(&x, &Resize::to([0, 3], false)).is_err());
        assert!(bilinear_grad(&x, [4, 4], &Resize::to([3, 2], false)).is_err());
    }
}
