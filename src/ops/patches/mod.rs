//! Pictures cut into patches, patches hidden by chance, maps made even over them.

mod felzenszwalb;
mod grid_patches;
mod hide_patches;
mod patch_count;
mod patch_mean;
mod patch_values;
mod shared;
mod slic;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "patches",
    summary: "Pictures cut into patches, patches hidden by chance, maps made even over them.",
    ops: &[
        &slic::OP,
        &felzenszwalb::OP,
        &grid_patches::OP,
        &patch_count::OP,
        &hide_patches::OP,
        &patch_mean::OP,
        &patch_values::OP,
        &patch_values::GRAD,
    ],
};
