//! Tensor maths without a language: plain functions from Candle tensors on the CPU to tensors, in `f32` and `f64`.
//!
//! Every kernel gives the same bits from run to run and for any number of worker threads: work is cut into blocks whose
//! size follows from the shapes alone, and no two tasks add into the same number. An input may lie in memory in any
//! order; results are contiguous. No kernel records anything on Candle's tape: gradients are kernels of their own.

// Number by number, along axes, and around.
pub mod broadcast;
pub mod chain;
pub mod indexing;
pub mod layout;
pub mod pointwise;
pub mod reduce;
pub mod softmax;
pub mod topk;

// What the kernels are written with.
#[cfg(any(test, feature = "cuda"))]
pub mod cuda;
mod par;
mod product;
pub mod real;
mod scratch;
mod walk;
pub mod wide;

// Networks, by the cost of what they do.
pub mod adaptive;
pub mod conv;
pub mod draw;
pub mod dropout;
pub mod matmul;
pub mod norm;
pub mod optimizer;
pub mod packed;
pub mod pool;
pub mod resize;

// Refinement of maps and labels.
pub mod confidence;
pub mod crf;
pub mod local_refine;
pub mod pairs;
pub mod patches;
pub mod random_walk;
pub mod regions;

/// The tensor on that device, itself where it is there. What comes from the host does not wait for the work that a device has been given.
///
/// # Errors
/// The device has no room.
pub fn to_device(
    tensor: &candle_core::Tensor,
    device: &candle_core::Device,
) -> candle_core::Result<candle_core::Tensor> {
    #[cfg(feature = "cuda")]
    return cuda::upload::tensor(tensor, device);
    #[cfg(not(feature = "cuda"))]
    tensor.to_device(device)
}

#[cfg(test)]
pub mod testing;
