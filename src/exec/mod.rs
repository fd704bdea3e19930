//! Runs recipes: the only room, beside the command line, that reads the clock and writes results.
//!
//! Comes in: a compiled recipe and [`Options`]. Goes out: finished stages in the store, a run folder, and [`Event`]s on the way.
//! A stage whose key is in the store is not run again. Training, inference and scoring all run a plan on batches
//! ([`interpreter`]): tensors go in by name, tensors come out by output.

mod bind;
mod error;
mod event;
pub mod interpreter;
mod machine;
pub mod watch;
mod weights;

// For tests and tools.
pub mod check;
pub mod values;

pub use error::RunError;
pub use event::{EpochLine, Event, Metrics};
