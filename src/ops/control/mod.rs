//! What is said of a value, not done to it.

mod scale_gradient;
mod stop;
mod straight_through;

use super::Family;

pub static FAMILY: Family = Family {
    name: "control",
    summary: "What is said of a value, not done to it.",
    ops: &[&stop::OP, &scale_gradient::OP, &straight_through::OP],
};
