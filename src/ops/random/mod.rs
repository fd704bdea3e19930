//! Numbers that chance decides on: drawn by place, epoch and sample, so that a run can be repeated.

mod channel_dropout;
mod dropout;
mod sample_class;
mod shared;
mod tensors;

pub(super) use shared::streams;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "random",
    summary: "What chance decides.",
    ops: &[
        &dropout::OP,
        &channel_dropout::OP,
        &sample_class::OP,
        &tensors::BERNOULLI,
        &tensors::UNIFORM,
        &tensors::NORMAL,
        &tensors::INDEX,
    ],
};
