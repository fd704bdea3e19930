//! Many numbers become one along some axes.

mod max;
mod mean;
mod min;
mod shared;
mod sum;

use super::Family;

pub static FAMILY: Family = Family {
    name: "reduce",
    summary: "Many numbers become one along some axes.",
    ops: &[&sum::OP, &sum::GRAD, &mean::OP, &mean::GRAD, &max::OP, &max::GRAD, &min::OP, &min::GRAD],
};
