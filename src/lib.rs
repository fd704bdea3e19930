//! `wsss`: a small declarative language for weakly supervised semantic segmentation.

pub mod checkpoints;
pub mod cli;
pub mod compile;
pub mod cost;
pub mod data;
pub mod diag;
pub mod diff;
pub mod exec;
pub mod expand;
pub mod files;
pub mod grad;
pub mod graph;
pub mod hir;
pub mod kernels;
pub mod lower;
pub mod manifest;
pub mod metrics;
pub mod ops;
pub mod passes;
pub mod plan;
pub mod random;
pub mod source;
pub mod stdlib;
pub mod store;
pub mod syntax;
pub mod types;
