//! What is said of a value, not done to it.

mod stop;

use super::Family;

pub static FAMILY: Family =
    Family { name: "control", summary: "What is said of a value, not done to it.", ops: &[&stop::OP] };
