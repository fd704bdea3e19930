//! Softmax and its logarithm along one axis, with their gradients.
//!
//! `softmax(x)_k = exp(x_k - m) / sum_j exp(x_j - m)` with `m = max_j x_j`: the exponents are never positive, so large scores do
//! not overflow. The logarithm is taken of the sum, not of the quotient, so that it stays exact where a probability vanishes.

use std::ops::Range;

use candle_core::{Result, Tensor, WithDType};

use super::par::for_tasks;
use super::real::{Out, Real, build, contiguous, dispatch, on_cuda, read, tensor};

/// Lines worked on side by side.
const SIDE: usize = 64;

/// Probabilities over `axis`.
pub fn softmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    expect_axis(x, axis)?;
    on_cuda!(x, cuda::softmax::forward(cuda::softmax::Softmax::Plain, x, axis));
    dispatch!("softmax", x, R => {
        let input = contiguous(x)?;
        let input = &*read::<R>(&input)?;
        along(x.dims(), axis, |lines, y| {
            let top = largest(input, lines);
            let mut total = [0.0; SIDE];
            for (x, y) in lines.rows().zip(y.chunks_exact_mut(lines.width)) {
                for (i, (y, &x)) in y.iter_mut().zip(&input[x]).enumerate() {
                    *y = (x - top[i]).exp();
                    total[i] += y.to_f64();
                }
            }
            let scale = total.map(|total| R::from_f64(1.0 / total));
            for y in y.chunks_exact_mut(lines.width) {
                y.iter_mut().zip(&scale).for_each(|(y, &scale)| *y *= scale);
            }
        })
    })
}

/// The logarithm of [`softmax`].
pub fn log_softmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    expect_axis(x, axis)?;
    on_cuda!(x, cuda::softmax::forward(cuda::softmax::Softmax::Log, x, axis));
    dispatch!("log_softmax", x, R => {
        let input = contiguous(x)?;
        let input = &*read::<R>(&input)?;
        along(x.dims(), axis, |lines, y| {
            let top = largest(input, lines);
            let mut total = [0.0; SIDE];
            for x in lines.rows() {
                for (i, &x) in input[x].iter().enumerate() {
                    total[i] += (x - top[i]).exp().to_f64();
                }
            }
            let rest = total.map(|total| R::from_f64(total.ln()));
            for (x, y) in lines.rows().zip(y.chunks_exact_mut(lines.width)) {
                for (i, (y, &x)) in y.iter_mut().zip(&input[x]).enumerate() {
                    *y = (x - top[i]) - rest[i];
                }
            }
        })
    })
}

/// The gradient of [`softmax`] from its result: `y · (gy - sum(gy · y))`.
pub fn softmax_grad(gy: &Tensor, y: &Tensor, axis: usize) -> Result<Tensor> {
    expect_pair(gy, y, axis)?;
    on_cuda!(y, cuda::softmax::backward(cuda::softmax::Softmax::Plain, gy, y, axis));
    gradient("softmax_grad", gy, y, axis, |g, y| g * y, |g, y, sum| y * (g - sum))
}

/// The gradient of [`log_softmax`] from its result: `gy - exp(y) · sum(gy)`.
pub fn log_softmax_grad(gy: &Tensor, y: &Tensor, axis: usize) -> Result<Tensor> {
    expect_pair(gy, y, axis)?;
    on_cuda!(y, cuda::softmax::backward(cuda::softmax::Softmax::Log, gy, y, axis));
    gradient("log_softmax_grad", gy, y, axis, |g, _| g, |g, y, sum| g - y.exp() * sum)
}

/// Both gradients: a sum of `term(gy, y)` along each line in f64, then `result(gy, y, sum)`, in f64 too.
fn gradient(
    name: &str,
    gy: &Tensor,
    y: &Tensor,
    axis: usize,
    term: impl Fn(f64, f64) -> f64 + Sync,
    result: impl Fn(f64, f64, f64) -> f64 + Sync,
) -> Result<Tensor> {
    dispatch!(name, y, R => {
        let (g, v) = (contiguous(gy)?, contiguous(y)?);
        let (g, v) = (&*read::<R>(&g)?, &*read::<R>(&v)?);
        along(y.dims(), axis, |lines, gx| {
            let mut sum = [0.0; SIDE];
            for row in lines.rows() {
                for (i, (g, v)) in g[row.clone()].iter().zip(&v[row]).enumerate() {
                    sum[i] += term(g.to_f64(), v.to_f64());
                }
            }
            for (row, gx) in lines.rows().zip(gx.chunks_exact_mut(lines.width)) {
                for (i, (gx, at)) in gx.iter_mut().zip(row).enumerate() {
                    *gx = R::from_f64(result(g[at].to_f64(), v[at].to_f64(), sum[i]));
                }
            }
        })
    })
}

fn expect_axis(x: &Tensor, axis: usize) -> Result<()> {
    if axis < x.rank() {
        Ok(())
    } else {
        candle_core::bail!("there is no axis {axis} in a tensor of {} axes", x.rank())
    }
}

fn expect_pair(gy: &Tensor, y: &Tensor, axis: usize) -> Result<()> {
    if gy.dims() != y.dims() {
        candle_core::bail!("softmax: the gradient is {:?}, the value {:?}", gy.dims(), y.dims());
    }
    expect_axis(y, axis)
}

fn largest<R: Real>(x: &[R], lines: &Lines) -> [R; SIDE] {
    let mut top = [R::NEG_INFINITY; SIDE];
    for row in lines.rows() {
        top.iter_mut().zip(&x[row]).for_each(|(top, &x)| {
            if x > *top {
                *top = x;
            }
        });
    }
    top
}

/// Up to [`SIDE`] lines along an axis, side by side in memory.
struct Lines {
    start: usize,
    stride: usize,
    length: usize,
    width: usize,
}

impl Lines {
    /// Where the numbers of all lines at one position lie.
    fn rows(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (start, stride, width) = (self.start, self.stride, self.width);
        (0..self.length).map(move |k| start + k * stride..start + k * stride + width)
    }
}

/// A tensor of `dims` made line by line along `axis`: `f` writes a grid of `length` rows of `width` numbers.
fn along<R: Real>(dims: &[usize], axis: usize, f: impl Fn(&Lines, &mut [R]) + Sync) -> Result<Tensor> {
    let length = dims[axis];
    let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
    let sides = inner.div_ceil(SIDE);
    let all = |y: Out<R>| {
        for_tasks(outer * sides, length * inner.min(SIDE), |task| {
            let first = task % sides * SIDE;
            let start = task / sides * length * inner + first;
            let lines = Lines { start, stride: inner, length, width: SIDE.min(inner - first) };
            let mut grid = vec![R::ZERO; length * lines.width];
            f(&lines, &mut grid);
            for (row, numbers) in lines.rows().zip(grid.chunks_exact(lines.width)) {
                // SAFETY: the rows of all tasks are disjoint and lie within the tensor.
                unsafe { y.part(row.start, row.len()) }.copy_from_slice(numbers);
            }
        });
    };
    // SAFETY: the tasks' rows cover the tensor.
    tensor(unsafe { build(dims.iter().product(), all) }, dims)
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::kernels::layout::permute;
    use crate::kernels::testing::*;

    #[test]
    fn as_pytorch() -> Result<()> {
        type Pair = (fn(&Tensor, usize) -> Result<Tensor>, fn(&Tensor, &Tensor, usize) -> Result<Tensor>);
        let softmax: Pair = (softmax, softmax_grad);
        let log: Pair = (log_softmax, log_softmax_grad);
        for (case, axis, (forward, backward)) in [
            ("softmax_dim1", 1, softmax),
            ("softmax_dim1_large", 1, softmax),
            ("softmax_pixels", 2, softmax),
            ("log_softmax_dim1", 1, log),
        ] {
            for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 1e-6)] {
                let y = forward(&cast(&golden(case, "x"), dtype), axis)?;
                assert_close(case, &y, &golden(case, "y"), tolerance);
                let gx = backward(&cast(&golden(case, "gy"), dtype), &y, axis)?;
                assert_close(case, &gx, &golden(case, "gx"), tolerance);
            }
        }
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() {
        let x = sample(&[2, 3, 5], 1);
        for axis in 0..3 {
            assert_gradient("softmax", &x, |x| softmax(x, axis), |x, gy| softmax_grad(gy, &softmax(x, axis)?, axis));
            let backward = |x: &Tensor, gy: &Tensor| log_softmax_grad(gy, &log_softmax(x, axis)?, axis);
            assert_gradient("log_softmax", &x, |x| log_softmax(x, axis), backward);
        }
    }

    #[test]
    fn an_axis_is_as_good_as_another() -> Result<()> {
        let (x, gy) = (sample(&[2, 3, 150], 1), sample(&[2, 3, 150], 2));
        let last = |x: &Tensor| permute(x, &[0, 2, 1]);
        let y = softmax(&x, 1)?;
        assert_close("softmax", &last(&y)?, &softmax(&last(&x)?, 2)?, 0.0);
        let gx = softmax_grad(&gy, &y, 1)?;
        assert_close("softmax_grad", &last(&gx)?, &softmax_grad(&last(&gy)?, &last(&y)?, 2)?, 0.0);
        Ok(())
    }

    #[test]
    fn same_bits_for_any_workers() {
        let x = cast(&sample(&[3, 21, 50, 41], 2), DType::F32);
        for axis in [1, 3] {
            assert_same_for_any_workers("softmax", || softmax(&x, axis));
            assert_same_for_any_workers("softmax_grad", || softmax_grad(&x, &x, axis));
        }
    }
}
