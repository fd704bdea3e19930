//! Maps packed and unpacked, and packed maps as rows of memory: see `kernels::packed`.

use candle_core::{DType, Result, Tensor, bail};

use super::Call;
use super::call::empty;
use crate::kernels::packed::is;

const TEXT: &str = include_str!("source/packed.cu");

/// Side of a tile, as the text has it.
const SIDE: usize = 32;

/// As `kernels::packed::pack`.
pub fn pack(x: &Tensor) -> Result<Tensor> {
    if is(x) {
        return Ok(x.clone());
    }
    let [batch, channels, height, width] = dims4(x)?;
    let y = empty(&[batch, height, width, channels], DType::BF16, x.device())?;
    turn(["pack", "narrow"], x, &y, [batch, channels, height * width])?;
    by_channel(&y)
}

/// As `kernels::packed::unpack`.
pub fn unpack(x: &Tensor) -> Result<Tensor> {
    if !is(x) {
        return Ok(x.clone());
    }
    let [batch, channels, height, width] = dims4(x)?;
    let y = empty(x.dims(), DType::F32, x.device())?;
    turn(["unpack", "widen"], &by_pixel(x)?, &y, [batch, height * width, channels])?;
    Ok(y)
}

/// `count` matrices of `x` into `y`, by the first kernel, or the second where a matrix is a row.
fn turn([turn, straight]: [&'static str; 2], x: &Tensor, y: &Tensor, [count, rows, columns]: [usize; 3]) -> Result<()> {
    let call = |kernel| Call::new(TEXT, kernel, x).packed().raw(x);
    if rows == 1 || columns == 1 {
        return call(straight)?.write(y, y.elem_count());
    }
    let tiles = count * rows.div_ceil(SIDE) * columns.div_ceil(SIDE);
    call(turn)?.ints(&[rows, columns])?.write_by_blocks(y, tiles)
}

/// A packed map as it lies: `[B, H, W, C]`.
pub(super) fn by_pixel(x: &Tensor) -> Result<Tensor> {
    let rows = x.permute((0, 2, 3, 1))?;
    if !rows.is_contiguous() {
        bail!("numbers of 16 bits that are no packed map: {:?}", x.layout());
    }
    Ok(rows.detach())
}

/// The packed map that lies so.
pub(super) fn by_channel(rows: &Tensor) -> Result<Tensor> {
    rows.permute((0, 3, 1, 2))
}

/// Where an axis of a map is when it lies packed.
pub(super) const AS_IT_LIES: [usize; 4] = [0, 2, 3, 1];

/// The channels that lie beside one another: one where the map is not packed.
pub(super) fn step(x: &Tensor) -> usize {
    if is(x) { x.dims()[1] } else { 1 }
}

/// A packed one of these maps, where there is one; else the first.
pub(super) fn packed_of<'a>(maps: &[&'a Tensor]) -> &'a Tensor {
    maps.iter().find(|map| is(map)).unwrap_or(&maps[0])
}

fn dims4(x: &Tensor) -> Result<[usize; 4]> {
    match *x.dims() {
        [a, b, c, d] => Ok([a, b, c, d]),
        _ => bail!("{:?} is no map to be packed", x.dims()),
    }
}
