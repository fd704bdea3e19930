//! Maxima and means of sliding windows. Gradients are gathered: each pixel asks the windows it lies in.

use candle_core::{Result, Tensor};

use super::Call;
use crate::kernels::pool::Pool2d;

const TEXT: &str = include_str!("source/pool.cu");

/// As `kernels::pool::max` and `average`.
pub fn forward(kernel: &'static str, x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    let (input, dims) = (plane(x.dims()), with_plane(x.dims(), pool.output(plane(x.dims()))));
    Call::new(TEXT, kernel, x).tensor(x)?.ints(&window(pool, input))?.make(&dims, x.dtype())
}

/// As `kernels::pool::max_grad`.
pub fn max_grad(gy: &Tensor, x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    let call = Call::new(TEXT, "max_grad", x).tensor(gy)?.tensor(x)?;
    call.ints(&window(pool, plane(x.dims())))?.make(x.dims(), x.dtype())
}

/// As `kernels::pool::average_grad`.
pub fn average_grad(gy: &Tensor, input: [usize; 2], pool: &Pool2d) -> Result<Tensor> {
    let call = Call::new(TEXT, "average_grad", gy).tensor(gy)?.ints(&window(pool, input))?;
    call.make(&with_plane(gy.dims(), input), gy.dtype())
}

/// As `kernels::adaptive::adaptive_average`.
pub fn adaptive_average(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let [height, width] = plane(x.dims());
    let call = Call::new(TEXT, "adaptive", x).tensor(x)?.ints(&[height, width, output[0], output[1]])?;
    call.make(&with_plane(x.dims(), output), x.dtype())
}

/// As `kernels::adaptive::adaptive_average_grad`.
pub fn adaptive_average_grad(gy: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let [height, width] = plane(gy.dims());
    let call = Call::new(TEXT, "adaptive_grad", gy).tensor(gy)?.ints(&[input[0], input[1], height, width])?;
    call.make(&with_plane(gy.dims(), input), gy.dtype())
}

/// Sizes of image and result, then kernel, stride and padding.
fn window(pool: &Pool2d, input: [usize; 2]) -> Vec<usize> {
    [input, pool.output(input), pool.kernel, pool.stride, pool.padding].concat()
}

fn plane(dims: &[usize]) -> [usize; 2] {
    let [.., height, width] = dims else { return [0; 2] };
    [*height, *width]
}

fn with_plane(dims: &[usize], plane: [usize; 2]) -> Vec<usize> {
    [&dims[..dims.len() - 2], &plane].concat()
}
