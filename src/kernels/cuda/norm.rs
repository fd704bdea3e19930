//! Statistics of channels, and gradients through them.

use candle_core::{DType, Result, Tensor};

use super::Call;
use super::packed::packed_of;
use crate::kernels::norm::Axes;
use crate::kernels::packed;

const TEXT: &str = include_str!("source/norm.cu");

/// Numbers of a channel for a block; of packed maps a block takes [`LANES`] channels, as the text has it.
const PART: usize = 1 << 13;
const PIXELS: usize = 1 << 9;
const LANES: usize = 32;

/// As `kernels::norm::channel_stats`.
pub fn channel_stats(x: &Tensor) -> Result<Tensor> {
    let cut = Cut::of(x)?;
    let parts = cut.sums(Call::new(TEXT, cut.kernel("stats", "stats_by_pixel"), x).map(x)?)?;
    Call::new(TEXT, "stats_of_parts", x)
        .tensor(&parts)?
        .map(x)?
        .ints(&cut.ints())?
        .make(&[2, cut.axes.channels], parts.dtype())
}

/// As `kernels::norm::grad_affine`.
pub fn grad_affine(gy: &Tensor, x: &Tensor, mean: &Tensor, var: &Tensor, eps: f64) -> Result<Tensor> {
    let like = packed_of(&[gy, x]);
    let cut = Cut::of(like)?;
    let call = Call::new(TEXT, cut.kernel("affine", "affine_by_pixel"), like);
    let parts = cut.sums(call.map(gy)?.map(x)?.tensor(mean)?)?;
    Call::new(TEXT, "affine_of_parts", &parts)
        .tensor(&parts)?
        .tensor(var)?
        .number(eps)
        .ints(&[cut.axes.channels, cut.parts])?
        .make(&[2, cut.axes.channels], parts.dtype())
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
    let like = packed_of(&[gy, x]);
    let cut = Cut::of(like)?;
    let call = Call::new(TEXT, "grad_batch", like)
        .map(gy)?
        .map(x)?
        .tensor(stats)?
        .tensor(affine)?
        .optional(weight)?
        .number(eps)
        .ints(&cut.ints())?;
    let width = call.width(x.elem_count(), cut.axes.channels, cut.axes.plane)?;
    let text = format!("#define WIDTH {width}\n{TEXT}");
    Call { text: text.into(), ..call }.make_map_by(x.dims(), width)
}

/// Lengths as the texts take them: samples, channels, numbers of a channel in a sample, and into how many parts the numbers of a channel are cut.
/// Each pixel of a packed map is a sample of its own.
struct Cut {
    axes: Axes,
    parts: usize,
    packed: bool,
}

impl Cut {
    fn of(x: &Tensor) -> Result<Cut> {
        let (mut axes, packed) = (Axes::of(x)?, packed::is(x));
        if packed {
            (axes.batch, axes.plane) = (axes.batch * axes.plane, 1);
        }
        let part = if packed { PIXELS } else { PART };
        Ok(Cut { axes, parts: (axes.batch * axes.plane).div_ceil(part).max(1), packed })
    }

    fn ints(&self) -> [usize; 4] {
        [self.axes.batch, self.axes.channels, self.axes.plane, self.parts]
    }

    fn kernel(&self, by_channel: &'static str, by_pixel: &'static str) -> &'static str {
        if self.packed { by_pixel } else { by_channel }
    }

    /// A block a part of a channel, or of [`LANES`] of them; two numbers each.
    fn sums(&self, call: Call) -> Result<Tensor> {
        let Cut { axes: Axes { batch, channels, .. }, parts, packed } = *self;
        let dims = [2, channels, parts];
        if packed {
            let call = call.ints(&[batch, channels, parts])?;
            return call.make_by_blocks(channels.div_ceil(LANES) * parts, &dims, DType::F32);
        }
        let number = call.number;
        call.ints(&self.ints())?.make_by_blocks(channels * parts, &dims, number)
    }
}
