//! Two-dimensional convolution and its two gradients.
//!
//! `y[b, o, i, j] = bias[o] + sum over c, u, v of w[o, c, u, v] * x[b, c, i*stride + u*dilation - padding, …]`, where `x` is
//! zero outside its borders. Roads, chosen by the shapes alone:
//!
//! - 1×1 with stride 1: one matrix product over the image as it lies;
//! - depthwise (one input channel a group): direct loops over planes;
//! - 3×3 with stride 1 and enough channels: Winograd's transform, with four ninths of the products;
//! - all else: tiles of output rows are laid out as a matrix (`im2col`) and multiplied.
//!
//! The gradient for `x` of a stride-1 convolution is again a convolution, with the kernel turned round; for other strides
//! the product is scattered back. The gradient for `w` is a product over all pixels, summed in an order that the shapes fix.

mod backward;
mod columns;
mod depthwise;
mod forward;
mod geometry;
mod winograd;

use candle_core::{Result, Tensor, bail};

#[cfg(test)]
use super::packed;
use super::real::{contiguous, dispatch, read, tensor};
use geometry::Geometry;

/// How a kernel walks over an image. Axes are `[vertical, horizontal]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Conv2d {
    /// At least 1.
    pub stride: [usize; 2],
    /// Zeros before the first row and column. What is needed after the last follows from `output`.
    pub padding: [usize; 2],
    /// Distance of neighbouring taps, at least 1.
    pub dilation: [usize; 2],
    /// Divides both channel counts.
    pub groups: usize,
    /// Size of the result.
    pub output: [usize; 2],
}

impl Conv2d {
    /// Equal padding on both sides, as PyTorch's `Conv2d`: output `floor((input + 2*padding - dilation*(kernel - 1) - 1) /
    /// stride) + 1`, or 0 where the kernel is larger than the padded image.
    pub fn padded(
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
    ) -> Conv2d {
        let length = |axis: usize| {
            let reach = dilation[axis] * kernel[axis].saturating_sub(1) + 1;
            (input[axis] + 2 * padding[axis]).checked_sub(reach).map_or(0, |room| room / stride[axis].max(1) + 1)
        };
        Conv2d { stride, padding, dilation, groups, output: [length(0), length(1)] }
    }

    /// TensorFlow's "SAME": output `ceil(input / stride)`; an odd row or column of padding comes last.
    pub fn same(
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
    ) -> Conv2d {
        let output = [0, 1].map(|axis| input[axis].div_ceil(stride[axis].max(1)));
        let padding = [0, 1].map(|axis| {
            let reach = dilation[axis] * kernel[axis].saturating_sub(1) + 1;
            (output[axis].saturating_sub(1) * stride[axis] + reach).saturating_sub(input[axis]) / 2
        });
        Conv2d { stride, padding, dilation, groups, output }
    }

    /// The bytes one worker lays out at a time for [`forward`], with an input `[batch, channels, height, width]` and a
    /// weight `[out, channels/groups, kernel, kernel]` of `number` bytes an element. Fails as the kernels do for shapes
    /// that do not fit.
    pub fn forward_scratch(&self, input: [usize; 4], weight: [usize; 4], number: usize) -> Result<usize> {
        Ok(Geometry::new(input, weight, self)?.forward_scratch() * number)
    }

    /// As [`Conv2d::forward_scratch`], for [`grad_input`]; with the turned kernel that all workers share.
    pub fn grad_input_scratch(&self, input: [usize; 4], weight: [usize; 4], number: usize) -> Result<usize> {
        Ok(Geometry::new(input, weight, self)?.grad_input_scratch() * number)
    }

    /// As [`Conv2d::forward_scratch`], for [`grad_weight`]; with the partial sums of all workers.
    pub fn grad_weight_scratch(&self, input: [usize; 4], weight: [usize; 4], number: usize) -> Result<usize> {
        Ok(Geometry::new(input, weight, self)?.grad_weight_scratch() * number)
    }
}

/// As `on_cuda`, by cuDNN. Tests compute with packed maps on the CPU.
macro_rules! on_card {
    ($tensor:expr, $call:expr, $unpacked:expr) => {
        #[cfg(feature = "cuda")]
        if $tensor.device().is_cuda() {
            use crate::kernels::cuda;
            return $call;
        }
        #[cfg(test)]
        if packed::is($tensor) {
            return $unpacked;
        }
    };
}

/// The convolution: `x [B, I, H, W]`, `w [O, I/groups, Kh, Kw]`, `bias [O]` → `[B, O, output]`.
pub fn forward(x: &Tensor, w: &Tensor, bias: Option<&Tensor>, conv: &Conv2d) -> Result<Tensor> {
    let geometry = Geometry::new(dims4("x", x)?, dims4("w", w)?, conv)?;
    if let Some(bias) = bias
        && bias.dims() != [geometry.out_channels]
    {
        bail!(
            "conv2d: the bias is {:?}, expected one number for each of {} channels",
            bias.dims(),
            geometry.out_channels
        );
    }
    on_card!(x, cuda::conv::forward(x, w, bias, conv), packed::pack(&forward(&packed::unpack(x)?, w, bias, conv)?));
    dispatch!("conv2d", x, R => {
        let (x, w) = (contiguous(x)?, contiguous(w)?);
        let bias = bias.map(contiguous).transpose()?;
        let bias = bias.as_ref().map(read::<R>).transpose()?;
        let y = forward::forward::<R>(&read(&x)?, &read(&w)?, bias.as_deref(), &geometry);
        tensor(y, &geometry.output_dims())
    })
}

/// The gradient for the input: `gy [B, O, output]`, `w [O, I/groups, Kh, Kw]` → `[B, I, input]`.
pub fn grad_input(gy: &Tensor, w: &Tensor, input: [usize; 2], conv: &Conv2d) -> Result<Tensor> {
    let ([batch, ..], weight) = (dims4("gy", gy)?, dims4("w", w)?);
    let geometry = Geometry::new([batch, weight[1] * conv.groups, input[0], input[1]], weight, conv)?;
    geometry.check_output(gy)?;
    on_card!(
        gy,
        cuda::conv::grad_input(gy, w, input, conv),
        packed::pack(&grad_input(&packed::unpack(gy)?, w, input, conv)?)
    );
    dispatch!("conv2d", gy, R => {
        let (gy, w) = (contiguous(gy)?, contiguous(w)?);
        let gx = backward::grad_input::<R>(&read(&gy)?, &read(&w)?, &geometry);
        tensor(gx, &geometry.input_dims())
    })
}

/// The gradient for the weight: `gy [B, O, output]`, `x [B, I, H, W]` → `[O, I/groups, kernel]`.
pub fn grad_weight(gy: &Tensor, x: &Tensor, kernel: [usize; 2], conv: &Conv2d) -> Result<Tensor> {
    let (output, input) = (dims4("gy", gy)?, dims4("x", x)?);
    let weight = [output[1], input[1] / conv.groups.max(1), kernel[0], kernel[1]];
    let geometry = Geometry::new(input, weight, conv)?;
    geometry.check_output(gy)?;
    on_card!(
        gy,
        cuda::conv::grad_weight(gy, x, weight, conv),
        grad_weight(&packed::unpack(gy)?, &packed::unpack(x)?, kernel, conv)
    );
    dispatch!("conv2d", gy, R => {
        let (gy, x) = (contiguous(gy)?, contiguous(x)?);
        let gw = backward::grad_weight::<R>(&read(&gy)?, &read(&x)?, &geometry);
        tensor(gw, weight.as_slice())
    })
}

fn dims4(name: &str, tensor: &Tensor) -> Result<[usize; 4]> {
    match *tensor.dims() {
        [a, b, c, d] => Ok([a, b, c, d]),
        _ => bail!("conv2d: `{name}` has {} axes, expected 4", tensor.rank()),
    }
}

#[cfg(test)]
mod tests;
