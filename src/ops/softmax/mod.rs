//! Scores become probabilities over one axis.

mod log_softmax;
mod probabilities;
mod shared;

use super::Family;

pub static FAMILY: Family = Family {
    name: "softmax",
    summary: "Scores become probabilities over one axis.",
    ops: &[&probabilities::OP, &probabilities::GRAD, &log_softmax::OP, &log_softmax::GRAD],
};
