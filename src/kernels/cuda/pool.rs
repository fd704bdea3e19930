//! Maxima and means of sliding windows. Gradients are gathered: each pixel asks the windows it lies in.

use candle_core::{Result, Tensor};

use super::Call;
use super::packed::{packed_of, step};
use crate::kernels::pool::Pool2d;

const TEXT: &str = include_str!("source/pool.cu");

/// As `kernels::pool::max` and `average`.
pub fn forward(kernel: &'static str, x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    let (input, dims) = (plane(x.dims()), with_plane(x.dims(), pool.output(plane(x.dims()))));
    Call::new(TEXT, kernel, x).map(x)?.ints(&window(pool, input, step(x)))?.make_map(&dims)
}

/// As `kernels::pool::max_grad`.
pub fn max_grad(gy: &Tensor, x: &Tensor, pool: &Pool2d) -> Result<Tensor> {
    let like = packed_of(&[gy, x]);
    let call = Call::new(TEXT, "max_grad", like).map(gy)?.map(x)?;
    call.ints(&window(pool, plane(x.dims()), step(like)))?.make_map(x.dims())
}

/// As `kernels::pool::average_grad`.
pub fn average_grad(gy: &Tensor, input: [usize; 2], pool: &Pool2d) -> Result<Tensor> {
    let call = Call::new(TEXT, "average_grad", gy).map(gy)?.ints(&window(pool, input, step(gy)))?;
    call.make_map(&with_plane(gy.dims(), input))
}

/// As `kernels::adaptive::adaptive_average`.
pub fn adaptive_average(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let [height, width] = plane(x.dims());
    let call = Call::new(TEXT, "adaptive", x).map(x)?.ints(&[height, width, output[0], output[1], step(x)])?;
    call.make_map(&with_plane(x.dims(), output))
}

/// As `kernels::adaptive::adaptive_average_grad`.
pub fn adaptive_average_grad(gy: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let [height, width] = plane(gy.dims());
    let call = Call::new(TEXT, "adaptive_grad", gy).map(gy)?.ints(&[input[0], input[1], height, width, step(gy)])?;
    call.make_map(&with_plane(gy.dims(), input))
}

/// Sizes of image and result, then kernel, stride and padding, and channels that lie beside one another.
fn window(pool: &Pool2d, input: [usize; 2], step: usize) -> Vec<usize> {
    let pairs = [input, pool.output(input), pool.kernel, pool.stride, pool.padding];
    [pairs.as_flattened(), &[step]].concat()
}

fn plane(dims: &[usize]) -> [usize; 2] {
    let [.., height, width] = dims else { return [0; 2] };
    [*height, *width]
}

fn with_plane(dims: &[usize], plane: [usize; 2]) -> Vec<usize> {
    [&dims[..dims.len() - 2], &plane].concat()
}
