//! `wsss`: a small declarative language for weakly supervised semantic segmentation.

pub mod diag;
pub mod exec;
pub mod grad;
pub mod graph;
pub mod kernels;
pub mod ops;
pub mod passes;
pub mod plan;
pub mod source;
pub mod syntax;
pub mod types;
