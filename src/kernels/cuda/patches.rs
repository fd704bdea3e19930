//! Cells of a grid, and patches drawn by chance.

use candle_core::{DType, Result, Tensor};

use super::Call;
use super::random::stream_words;
use crate::kernels::patches::Hiding;
use crate::random::Stream;

const TEXT: &str = concat!(include_str!("source/philox.cu"), include_str!("source/patches.cu"));

/// As `kernels::patches::grid`. The sides stand in the text.
pub fn grid(sides: &[usize], chosen: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let call = call(sides, "grid", chosen, DType::F32).tensor(chosen)?.ints(&[height, width])?;
    call.make(&[chosen.elem_count(), height, width], DType::U32)
}

/// As `kernels::patches::count`.
pub fn count(patches: &Tensor, dtype: DType) -> Result<Tensor> {
    let (batch, height, width) = patches.dims3()?;
    let call = call(&[1], "patch_count", patches, dtype).tensor(patches)?.ints(&[height * width])?;
    call.make_by_blocks(batch, &[batch], dtype)
}

/// As `kernels::patches::hide`, where no picture has more than `most` patches.
pub fn hide(patches: &Tensor, most: usize, p: f64, hiding: Hiding, streams: &[Stream], dtype: DType) -> Result<Tensor> {
    let (counts, words) = (count(patches, DType::F64)?, stream_words(streams, patches.device())?);
    let call = call(&[1], "hide", patches, dtype).tensor(&words)?.ints(&[streams.len()])?.tensor(&counts)?;
    let call = call.ints(&[most, usize::from(hiding == Hiding::WithReplacement)])?.double(p);
    call.make(&[patches.dim(0)?, most], dtype)
}

fn call(sides: &[usize], kernel: &'static str, like: &Tensor, number: DType) -> Call {
    let sides: Vec<String> = sides.iter().map(|side| format!("{side}u")).collect();
    Call::made(format!("#define SIDES {{{}}}\n{TEXT}", sides.join(", ")), kernel, like).of(number)
}
