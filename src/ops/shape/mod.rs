//! Numbers moved about, not changed.

mod concat;
mod expand;
mod flip;
mod pad;
mod permute;
mod reshape;
mod shared;
mod slice;
mod squeeze;
mod stack;
mod sum_to;
mod transpose;
mod unsqueeze;

use super::Family;

pub static FAMILY: Family = Family {
    name: "shape",
    summary: "Numbers moved about, not changed.",
    ops: &[
        &concat::OP,
        &stack::OP,
        &slice::OP,
        &pad::OP,
        &reshape::OP,
        &unsqueeze::OP,
        &squeeze::OP,
        &permute::OP,
        &transpose::OP,
        &flip::OP,
        &expand::OP,
        &sum_to::OP,
    ],
};
