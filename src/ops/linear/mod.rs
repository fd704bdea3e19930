//! Matrices.

mod matmul;

use super::Family;

pub(super) static FAMILY: Family = Family { name: "linear", summary: "Products of matrices.", ops: &[&matmul::OP] };
