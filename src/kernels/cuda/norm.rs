//! Statistics of channels, and gradients through them.

use candle_core::{DType, Result, Tensor};

use super::Call;
use crate::kernels::norm::Axes;

const TEXT: &str = include_str!("source/norm.cu");

/// Numbers of a channel for a block.
const PART: usize = 1 << 13;

/// As `kernels::norm::channel_stats`.
pub fn channel_stats(x: &Tensor) -> Result<Tensor> {
    let cut = Cut::of(x)?;
    let call = Call::new(TEXT, "stats", x).tensor(x)?.ints(&cut.ints())?;
    let parts = cut.sums(call, x.dtype())?;
    Call::new(TEXT, "stats_of_parts", x)
        .tensor(&parts)?
        .tensor(x)?
        .ints(&cut.ints())?
        .make(&[2, cut.axes.channels], x.dtype())
}

/// As `kernels::norm::grad_affine`.
pub fn grad_affine(gy: &Tensor, x: &Tensor, mean: &Tensor, var: &Tensor, eps: f64) -> Result<Tensor> {
    let cut = Cut::of(x)?;
    let call = Call::new(TEXT, "affine", x).tensor(gy)?.tensor(x)?.tensor(mean)?.ints(&cut.ints())?;
    let parts = cut.sums(call, x.dtype())?;
    Call::new(TEXT, "affine_of_parts", x)
        .tensor(&parts)?
        .tensor(var)?
        .number(eps)
        .ints(&[cut.axes.channels, cut.parts])?
        .make(&[2, cut.axes.channels], x.dtype())
}

/// As `kernels::norm::grad_batch`.
pub fn grad_batch(
    gy: &Tensor,
    x: &Tensor,
    stats: &Tensor,
    affine: &Tensor,
    weight: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let cut = Cut::of(x)?;
    Call::new(TEXT, "grad_batch", x)
        .tensor(gy)?
        .tensor(x)?
        .tensor(stats)?
        .tensor(affine)?
        .optional(weight)?
        .number(eps)
        .ints(&cut.ints())?
        .make(x.dims(), x.dtype())
}

/// Lengths as the texts take them: samples, channels, numbers of a channel in a sample, and into how many parts the numbers of a channel are cut.
struct Cut {
    axes: Axes,
    parts: usize,
}

impl Cut {
    fn of(x: &Tensor) -> Result<Cut> {
        let axes = Axes::of(x)?;
        Ok(Cut { axes, parts: (axes.batch * axes.plane).div_ceil(PART).max(1) })
    }

    fn ints(&self) -> [usize; 4] {
        [self.axes.batch, self.axes.channels, self.axes.plane, self.parts]
    }

    /// A block a part of a channel, two numbers each.
    fn sums(&self, call: Call, dtype: DType) -> Result<Tensor> {
        let Cut { axes: Axes { channels, .. }, parts } = *self;
        call.make_by_blocks(channels * parts, &[2, channels, parts], dtype)
    }
}
