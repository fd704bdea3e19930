//! Images of another size. Gradients are gathered: each pixel asks the places that may have read it.

use candle_core::{Result, Tensor};

use super::Call;
use super::packed::step;
use crate::kernels::resize::Resize;

const TEXT: &str = include_str!("source/resize.cu");

/// As `kernels::resize::bilinear`.
pub fn bilinear(x: &Tensor, resize: &Resize) -> Result<Tensor> {
    let input = plane(x);
    let [down, across] = [0, 1].map(|axis| line(input[axis], resize, axis));
    let call = Call::new(TEXT, "bilinear", x).map(x)?.ints(&sizes(input, resize.output, x))?;
    lines(call, [down, across])?.make_map(&with_plane(x, resize.output))
}

/// As `kernels::resize::bilinear_grad`.
pub fn bilinear_grad(gy: &Tensor, input: [usize; 2], resize: &Resize) -> Result<Tensor> {
    let [down, across] = [0, 1].map(|axis| line(input[axis], resize, axis));
    let call = Call::new(TEXT, "bilinear_grad", gy).map(gy)?.ints(&sizes(input, resize.output, gy))?;
    lines(call, [down, across])?.make_map(&with_plane(gy, input))
}

/// As `kernels::resize::nearest`.
pub fn nearest(x: &Tensor, output: [usize; 2], factor: Option<[f64; 2]>) -> Result<Tensor> {
    let call = Call::new(TEXT, "nearest", x).map(x)?.ints(&sizes(plane(x), output, x))?;
    factors(call, factor).make_map(&with_plane(x, output))
}

/// As `kernels::resize::nearest_grad`.
pub fn nearest_grad(gy: &Tensor, input: [usize; 2], factor: Option<[f64; 2]>) -> Result<Tensor> {
    let call = Call::new(TEXT, "nearest_grad", gy).map(gy)?.ints(&sizes(input, plane(gy), gy))?;
    factors(call, factor).make_map(&with_plane(gy, input))
}

/// Place `i` lies at `scale * i + shift`.
fn line(input: usize, resize: &Resize, axis: usize) -> [f64; 2] {
    let output = resize.output[axis];
    let scale = match (resize.align_corners, resize.factor) {
        (true, _) if output > 1 => return [(input - 1) as f64 / (output - 1) as f64, 0.0],
        (true, _) => return [0.0, 0.0],
        (false, Some(factor)) => 1.0 / factor[axis],
        (false, None) => input as f64 / output as f64,
    };
    [scale, 0.5 * scale - 0.5]
}

fn lines(call: Call, lines: [[f64; 2]; 2]) -> Result<Call> {
    Ok(lines.concat().into_iter().fold(call, Call::double))
}

/// 0 where the two sizes decide.
fn factors(call: Call, factor: Option<[f64; 2]>) -> Call {
    factor.unwrap_or_default().into_iter().fold(call, Call::double)
}

/// As the texts take them, with the channels that lie beside one another.
fn sizes([height, width]: [usize; 2], [rows, columns]: [usize; 2], map: &Tensor) -> [usize; 5] {
    [height, width, rows, columns, step(map)]
}

fn plane(x: &Tensor) -> [usize; 2] {
    let [.., height, width] = x.dims() else { return [0; 2] };
    [*height, *width]
}

fn with_plane(x: &Tensor, plane: [usize; 2]) -> Vec<usize> {
    [&x.dims()[..x.rank() - 2], &plane].concat()
}
