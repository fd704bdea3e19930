//! Maps of another height and width.

mod interpolate;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "resize",
    summary: "Maps of another height and width.",
    ops: &[&interpolate::OP, &interpolate::GRAD],
};
