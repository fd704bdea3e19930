//! Convolutions.

mod conv2d;
mod gradients;
mod shared;
mod transpose;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "conv",
    summary: "Weighted sums over a sliding window.",
    ops: &[&conv2d::OP, &gradients::INPUT, &gradients::WEIGHT, &transpose::OP],
};
