//! What convolutions are computed in, for the whole process.

use std::sync::atomic::{AtomicU8, Ordering};

/// The numbers that the factors of a convolution are; sums are in `f32` always.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    /// `f32` rounded to 10 binary digits of 23 before it is multiplied, as PyTorch's convolutions do by default.
    Tf32,
    F32,
    /// Maps are packed (`kernels::packed`) from the first convolution on; weights, statistics and losses stay `f32`.
    Bf16,
}

static PRECISION: AtomicU8 = AtomicU8::new(Precision::Tf32 as u8);

/// Before anything runs: algorithms are chosen for what was said first.
pub fn set(precision: Precision) {
    PRECISION.store(precision as u8, Ordering::Relaxed);
}

pub fn get() -> Precision {
    match PRECISION.load(Ordering::Relaxed) {
        one if one == Precision::F32 as u8 => Precision::F32,
        one if one == Precision::Bf16 as u8 => Precision::Bf16,
        _ => Precision::Tf32,
    }
}
