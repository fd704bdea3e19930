//! Packed maps: `[B, C, H, W]` with numbers of 16 bits (bfloat16, 8 binary digits) that lie channel beside channel, pixel after pixel. A GPU multiplies
//! such maps several times as fast, and they take half the memory; sums over them are in `f32`.
//!
//! A tensor is packed if its numbers are bfloat16: nothing here keeps such numbers in another order. Kernels for CUDA that know packed maps give packed
//! maps for them; no others, and none for the CPU, are ever handed any.

use candle_core::{DType, Result, Tensor};

pub fn is(x: &Tensor) -> bool {
    x.dtype() == DType::BF16
}

/// A map of 4 axes, packed.
///
/// # Errors
/// A build without kernels for CUDA; a tensor of other axes.
pub fn pack(x: &Tensor) -> Result<Tensor> {
    #[cfg(any(test, feature = "cuda"))]
    return super::cuda::packed::pack(x);
    #[cfg(not(any(test, feature = "cuda")))]
    candle_core::bail!("this build packs no maps ({:?})", x.dims())
}

/// The map in `f32`, in the usual order; any other tensor as it is.
///
/// # Errors
/// The device has no room.
pub fn unpack(x: &Tensor) -> Result<Tensor> {
    #[cfg(any(test, feature = "cuda"))]
    return super::cuda::packed::unpack(x);
    #[cfg(not(any(test, feature = "cuda")))]
    Ok(x.clone())
}
