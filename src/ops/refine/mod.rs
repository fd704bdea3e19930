//! Maps brought into line with their picture.

mod mean_field;

use super::Family;

pub static FAMILY: Family =
    Family { name: "refine", summary: "Maps brought into line with their picture.", ops: &[&mean_field::OP] };
