//! `wsss`: a small declarative language for weakly supervised semantic segmentation.

pub mod cli;
pub mod data;
pub mod diag;
pub mod graph;
pub mod kernels;
pub mod ops;
pub mod random;
pub mod source;
pub mod syntax;
pub mod types;
