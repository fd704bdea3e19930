//! The kernels for CUDA: what the CPU's compute, on tensors that lie in a GPU's memory.
//!
//! A kernel is a text in CUDA's C++ (`source/*.cu`, or made for the occasion), compiled on the user's machine by NVRTC when it is first called, for
//! `f32` or `f64`, and kept. Convolutions are cuDNN's, products of matrices cuBLAS's. All work of a device goes into one stream, in order.
//!
//! Functions here have the arguments of their namesakes next door, whose checks have been made: these only lay out the work. In tests the
//! same functions take tensors of the CPU, and their texts run on it, compiled by the C++ compiler of the system: blocks one after the other, threads as the kernel
//! asks for. So all but the card itself is held against the kernels for the CPU on any machine.

mod call;
#[cfg(feature = "cuda")]
pub mod conv;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(test)]
mod emulate;
#[cfg(feature = "cuda")]
mod open;
#[cfg(feature = "cuda")]
pub mod precision;

pub mod broadcast;
pub mod chain;
pub mod indexing;
pub mod layout;
pub mod local_refine;
pub mod norm;
pub mod optimizer;
pub mod packed;
pub mod pairs;
pub mod patches;
pub mod pool;
pub mod random;
pub mod rank;
pub mod reduce;
pub mod resize;
pub mod softmax;
pub mod topk;
pub mod upload;

#[cfg(test)]
mod packed_tests;
#[cfg(test)]
mod tests;

use call::{Call, Walked};
#[cfg(test)]
pub use emulate::{can as can_emulate, emulated, is_emulated};
#[cfg(feature = "cuda")]
pub use open::{open, peak_bytes, reset_peak};
