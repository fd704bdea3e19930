//! Pixels that are near each other, and maps that spread among them.

mod pair_affinity;
mod pair_relation;
mod path_affinity;
mod pixel_adaptive;
mod random_walk;
mod shared;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "pairs",
    summary: "Pixels that are near each other, and maps that spread among them.",
    ops: &[
        &pair_affinity::OP,
        &pair_affinity::GRAD,
        &pair_affinity::ALONG,
        &path_affinity::OP,
        &path_affinity::GRAD,
        &path_affinity::ALONG,
        &pair_relation::OP,
        &random_walk::OP,
        &pixel_adaptive::OP,
    ],
};
