//! The one test binary: what the rooms promise together.

mod ops;
