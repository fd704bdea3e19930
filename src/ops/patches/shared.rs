//! What the ops of patches share: patches as class numbers.

use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

/// Patches of a picture, of which there are at most `most`.
///
/// # Errors
/// C1: a picture `[B, C, H, W]`. C2: of one channel or three.
pub fn of_picture(args: &Infer, most: i64) -> Result<Fact, OpError> {
    let image = planes(args, 0)?;
    if image.dims[1].as_const().is_some_and(|channels| channels > 3) {
        let message = format!("a picture has up to three channels, this is {image}");
        return Err(OpError::new(Code::DimensionMismatch, message).at(args.op.inputs[0].name));
    }
    let dims = vec![image.dims[0].clone(), image.dims[2].clone(), image.dims[3].clone()];
    Ok(Fact::new(Domain::Index { classes: Dim::constant(most), ignore: false }, dims))
}

/// The fact of patches `[B, H, W]` and how many there are at most.
pub fn patches<'a>(args: &Infer<'a>, slot: usize) -> Result<(&'a Fact, &'a Dim), OpError> {
    let found = rules::index(args, slot).map_err(|error| error.help("`slic` cuts a picture into patches"))?;
    args.expect_rank(slot, 3)?;
    Ok(found)
}

/// A whole number of at least `least`.
pub fn whole(attrs: &Attrs, name: &'static str, least: i64) -> Result<usize, OpError> {
    let value = attrs.get_int(name)?;
    match usize::try_from(value).ok().filter(|_| (least..=MOST).contains(&value)) {
        Some(value) => Ok(value),
        None => {
            let message = format!("`{name}` must be from {least} to {MOST}, it is {value}");
            Err(OpError::new(Code::OutOfRange, message).at(name))
        }
    }
}

/// More patches than any picture is cut into.
const MOST: i64 = 1 << 20;

/// A finite number of at least 0, or above it.
pub fn number(attrs: &Attrs, name: &'static str, zero: bool) -> Result<f64, OpError> {
    let value = attrs.get_float(name)?;
    if value.is_finite() && (value > 0.0 || (zero && value == 0.0)) {
        return Ok(value);
    }
    let least = if zero { "at least" } else { "above" };
    Err(OpError::new(Code::OutOfRange, format!("`{name}` must be {least} 0, it is {value}")).at(name))
}
