//! Normalisation by channel.

mod batch_normalize;
mod channel_stats;
mod normalize;
mod shared;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "norm",
    summary: "Channels brought to mean 0 and variance 1.",
    ops: &[
        &channel_stats::OP,
        &batch_normalize::OP,
        &batch_normalize::GRAD_AFFINE,
        &batch_normalize::GRAD_INPUT,
        &normalize::OP,
        &normalize::GRAD_AFFINE,
        &normalize::GRAD_INPUT,
    ],
};
