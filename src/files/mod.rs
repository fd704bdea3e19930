//! Files as such: written whole or not at all, and two containers that others made, zip archives and NumPy's header.
//!
//! Comes in: paths and bytes. Goes out: bytes, or a [`FileError`] that says which file and why. Absent from this room: what any file is for.

pub mod archive;
mod error;
pub mod npy;
mod write;

pub use error::FileError;
pub use write::{make_folder, remove_folder, sync_folder, write, write_bytes, write_json};
