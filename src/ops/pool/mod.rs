//! One number for each window.

mod adaptive_avg_pool;
mod avg_pool;
mod max_pool;
mod rank_pool;
mod shared;

use super::Family;

pub(super) static FAMILY: Family = Family {
    name: "pool",
    summary: "One number for each window.",
    ops: &[
        &max_pool::OP,
        &max_pool::GRAD,
        &avg_pool::OP,
        &avg_pool::GRAD,
        &adaptive_avg_pool::OP,
        &adaptive_avg_pool::GRAD,
        &rank_pool::OP,
        &rank_pool::GRAD,
    ],
};
