//! What the ops of pairs share: which pixels are paired, and the table that pairs stand in.

use crate::kernels::pairs::{LARGEST, Pairs};
use crate::ops::prelude::*;

pub const PARAMS: &[Param] = &[RADIUS, SOURCES];

pub const RADIUS: Param = Param::new(
    "radius",
    ParamKind::Int,
    Preset::Int(5),
    "Pixels are paired that are less than this apart, from 2 to 32. 5 gives 34 planes, 10 gives 152.",
);

pub const SOURCES: Param = Param::new(
    "sources",
    ParamKind::Word(&["inner", "all"]),
    Preset::Word("inner"),
    "`\"inner\"`: pairs begin at pixels from which every step stays on the grid, as in psa; `\"all\"`: at every pixel.",
);

pub const TABLE: &str = "`[B, P, h, w]`: a plane for each step of half the disc, row by row; at a pixel what is of it and the pixel a step away; 0 where there is no pair.";

/// # Errors
/// C1: the radius is from 2 to 32.
pub fn pairs(attrs: &Attrs) -> Result<Pairs, OpError> {
    let radius = attrs.get_int("radius")?;
    match usize::try_from(radius).ok().filter(|radius| (2..=LARGEST).contains(radius)) {
        Some(radius) => Ok(Pairs { radius, all: attrs.get_word("sources")? == "all" }),
        None => {
            let message = format!("`radius` must be from 2 to {LARGEST}, it is {radius}");
            Err(OpError::new(Code::OutOfRange, message).at("radius"))
        }
    }
}

/// The lengths of the table of a map of `[B, …, h, w]`.
pub fn table(attrs: &Attrs, dims: &[Dim]) -> Result<Vec<Dim>, OpError> {
    let planes = Dim::constant(pairs(attrs)?.steps().len() as i64);
    match dims {
        [batch, .., height, width] => Ok(vec![batch.clone(), planes, height.clone(), width.clone()]),
        _ => Err(OpError::internal("a table of pairs is of maps")),
    }
}
