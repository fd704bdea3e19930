//! Two numbers in, one out, with broadcasting: shapes are aligned at their last axes, and an axis that is missing or of length 1
//! is repeated.

mod add;
mod and;
mod choose;
mod compare;
mod div;
mod extreme;
mod mul;
mod not;
mod or;
mod pow;
mod shared;
mod sub;

use super::Family;

pub static FAMILY: Family = Family {
    name: "arithmetic",
    summary: "Two numbers in, one out; shapes are broadcast.",
    ops: &[
        &add::OP,
        &sub::OP,
        &mul::OP,
        &div::OP,
        &pow::OP,
        &pow::BASE,
        &pow::EXPONENT,
        &extreme::MINIMUM,
        &extreme::MAXIMUM,
        &compare::LESS,
        &compare::LESS_EQUAL,
        &compare::GREATER,
        &compare::GREATER_EQUAL,
        &compare::EQUAL,
        &compare::NOT_EQUAL,
        &and::OP,
        &or::OP,
        &not::OP,
        &choose::OP,
    ],
};
