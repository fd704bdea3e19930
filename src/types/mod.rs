//! What is known of a tensor before it exists: its domain, its symbolic dims, what labels it was derived from.
//!
//! [`Dim`] is a whole number that may hold symbols, in a normal form. [`Domain`] says what the numbers mean. [`Fact`] is both
//! with the [`Labels`] it was derived from and the gradient reach. No tensor, no graph and no syntax is known here.

mod dim;
mod domain;
mod fact;
mod labels;

pub use dim::{Dim, DimEnv, Rounding, Unbound};
pub use domain::{Domain, Scale};
pub use fact::Fact;
pub use labels::{Label, Labels, Level};
