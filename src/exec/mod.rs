//! The room that runs plans. Tensors go in by name, tensors come out by output.

pub mod interpreter;
pub mod watch;
