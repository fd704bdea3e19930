//! What the numbers mean and where they stand: claims, lengths as numbers, places in a picture.

mod claim;
mod declassify;
mod length;
mod position;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "meaning",
    summary: "What numbers are known to be, lengths as numbers, places in a picture.",
    ops: &[&claim::OP, &declassify::OP, &length::OP, &position::OP],
};
