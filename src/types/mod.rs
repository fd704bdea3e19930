//! What is known of a tensor before it exists: its domain, its symbolic dims, what labels it was derived from.
//!
//! [`Dim`] is a whole number that may hold symbols, in a normal form. [`Domain`] says what the numbers mean, [`Interval`] which
//! numbers there may be, [`Norm`] what brought them to 0–1, [`Frame`] where in the picture they lie. [`Fact`] is all of it
//! with the [`Labels`] it was derived from and the gradient reach. No tensor, no graph and no syntax is known here.

mod classes;
mod dim;
mod domain;
mod fact;
mod frame;
mod interval;
mod labels;
mod norm;

pub use classes::ClassGap;
pub use dim::{Dim, DimEnv, Rounding, Unbound};
pub use domain::{Domain, Scale};
pub use fact::Fact;
pub use frame::{Frame, View};
pub use interval::Interval;
pub use labels::{Label, Labels, Level};
pub use norm::{Norm, Over};
