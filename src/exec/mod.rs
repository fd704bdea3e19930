//! The room that runs plans. Tensors go in by name, tensors come out by output.

pub mod interpreter;
pub mod watch;

// For tests and tools.
pub mod check;
pub mod values;
