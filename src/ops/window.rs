//! What convolutions and pools share: pairs of numbers, and how long an axis is after a window has slid along it.

use crate::ops::prelude::*;
use crate::ops::rules;

pub const STRIDE: Param =
    Param::new("stride", ParamKind::Pair, Preset::Pair([1, 1]), "Pixels from one window to the next.");

/// A `Pair` whose numbers are at least `least`.
pub fn pair(attrs: &Attrs, name: &'static str, least: i64) -> Result<[usize; 2], OpError> {
    let [height, width] = attrs.get_pair(name)?;
    if height.min(width) >= least {
        return Ok([height as usize, width as usize]);
    }
    let message = format!("`{name}` must be at least {least}, it is {}", height.min(width));
    Err(OpError::new(Code::OutOfRange, message).at(name))
}

/// The fact of an image-like input: real numbers `[B, C, H, W]`.
pub fn planes<'a>(args: &Infer<'a>, slot: usize) -> Result<&'a Fact, OpError> {
    rules::real(args, slot)?;
    args.expect_rank(slot, 4)
}

/// The two lengths of a `Dims` param.
///
/// # Errors
/// There are not two, or one is known to be below 1.
pub fn size(attrs: &Attrs, name: &'static str) -> Result<[Dim; 2], OpError> {
    let [height, width] = attrs.dims(name)? else {
        return Err(OpError::new(Code::OutOfRange, format!("`{name}` must be `[height, width]`")).at(name));
    };
    match [height, width].into_iter().filter_map(Dim::as_const).find(|length| *length < 1) {
        Some(length) => {
            Err(OpError::new(Code::OutOfRange, format!("`{name}` must be at least 1, it is {length}")).at(name))
        }
        None => Ok([height.clone(), width.clone()]),
    }
}

/// The last two lengths of a tensor.
pub fn last_two(tensor: &Tensor) -> Result<[usize; 2], OpError> {
    match *tensor.dims() {
        [.., height, width] => Ok([height, width]),
        _ => Err(OpError::internal("a tensor without planes")),
    }
}

/// The error of a window that is larger than what it slides over, where both are known.
pub fn expect_room(output: &Dim, input: &Dim, axis: &str) -> Result<(), OpError> {
    match output.as_const() {
        Some(length) if length < 1 => {
            let message = format!("a {axis} of {input} leaves no room for the kernel");
            Err(OpError::new(Code::DimensionMismatch, message).at("x").help("a larger `padding` makes room"))
        }
        _ => Ok(()),
    }
}
