//! `wsss`: a small declarative language for weakly supervised semantic segmentation.

pub mod data;
pub mod diag;
pub mod metrics;
pub mod random;
pub mod source;
pub mod syntax;
pub mod types;
