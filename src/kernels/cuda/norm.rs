//! Statistics of channels, and gradients through them.

use candle_core::{Result, Tensor};

use super::Call;

const TEXT: &str = include_str!("source/norm.cu");

/// Numbers of a channel for a block.
const PART: usize = 1 << 13;

/// As `kernels::norm::channel_stats`.
pub fn channel_stats(x: &Tensor) -> Result<Tensor> {
    let axes = Axes::of(x);
    let call = Call::new(TEXT, "stats", x).tensor(x)?.ints(&axes.ints())?;
    let parts = call.make_by_blocks(axes.channels * axes.parts, &[2, axes.channels, axes.parts], x.dtype())?;
    Call::new(TEXT, "stats_of_parts", x)
        .tensor(&parts)?
        .tensor(x)?
        .ints(&axes.ints())?
        .make(&[2, axes.channels], x.dtype())
}

/// As `kernels::norm::grad_affine`.
pub fn grad_affine(gy: &Tensor, x: &Tensor, mean: &Tensor, var: &Tensor, eps: f64) -> Result<Tensor> {
    let axes = Axes::of(x);
    let call = Call::new(TEXT, "affine", x).tensor(gy)?.tensor(x)?.tensor(mean)?.ints(&axes.ints())?;
    let parts = call.make_by_blocks(axes.channels * axes.parts, &[2, axes.channels, axes.parts], x.dtype())?;
    Call::new(TEXT, "affine_of_parts", x)
        .tensor(&parts)?
        .tensor(var)?
        .number(eps)
        .ints(&[axes.channels, axes.parts])?
        .make(&[2, axes.channels], x.dtype())
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
    let axes = Axes::of(x);
    Call::new(TEXT, "grad_batch", x)
        .tensor(gy)?
        .tensor(x)?
        .tensor(stats)?
        .tensor(affine)?
        .optional(weight)?
        .number(eps)
        .ints(&axes.ints())?
        .make(x.dims(), x.dtype())
}

struct Axes {
    batch: usize,
    channels: usize,
    plane: usize,
    /// Into how many parts the numbers of a channel are cut.
    parts: usize,
}

impl Axes {
    fn of(x: &Tensor) -> Axes {
        let (batch, channels, plane) = (x.dims()[0], x.dims()[1], x.dims()[2..].iter().product::<usize>());
        Axes { batch, channels, plane, parts: (batch * plane).div_ceil(PART).max(1) }
    }

    fn ints(&self) -> [usize; 4] {
        [self.batch, self.channels, self.plane, self.parts]
    }
}
