//! The two number types a kernel computes in, and the way from a tensor to its numbers and back.
//!
//! A kernel is written once over [`Real`] and chosen by [`dispatch!`]:
//!
//! ```text
//! pub fn double(x: &Tensor) -> Result<Tensor> {
//!     dispatch!("double", x, R => {
//!         let (x, shape) = (contiguous(x)?, x.shape());
//!         let data = read::<R>(&x)?;
//!         tensor(data.iter().map(|&v| v + v).collect(), shape)
//!     })
//! }
//! ```

use std::marker::PhantomData;
use std::ops::{Deref, Neg, Range};

use candle_core::{Device, Result, Shape, Storage, Tensor, WithDType};
use gemm::Parallelism;

use super::par::for_tasks;

/// `f32` or `f64`.
pub trait Real: WithDType + Neg<Output = Self> + Default {
    const ZERO: Self;
    const ONE: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    /// Distance from 1 to the next larger number.
    const EPSILON: Self;

    /// The same number as `f64`. Unlike `WithDType::to_f64` certain to be inlined.
    fn double(self) -> f64;
    /// The nearest number of this type.
    fn of(number: f64) -> Self;

    fn exp(self) -> Self;
    /// `exp(self) - 1`, exact near 0.
    fn exp_m1(self) -> Self;
    fn ln(self) -> Self;
    /// `ln(1 + self)`, exact near 0.
    fn ln_1p(self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    fn tanh(self) -> Self;
    fn powf(self, exponent: Self) -> Self;
    fn floor(self) -> Self;
    /// The larger one; a NaN loses against a number.
    fn max(self, other: Self) -> Self;
    /// The smaller one; a NaN loses against a number.
    fn min(self, other: Self) -> Self;
    fn is_finite(self) -> bool;
    fn is_nan(self) -> bool;

    /// `out = lhs * rhs`, or `out += lhs * rhs` with `accumulate`, for `m` by `k` times `k` by `n`, on the calling thread.
    ///
    /// # Safety
    /// The three grids lie in memory that is valid for their sizes and strides, and nobody else touches `out` meanwhile.
    unsafe fn gemm(
        size: [usize; 3],
        out: Grid<*mut Self>,
        accumulate: bool,
        lhs: Grid<*const Self>,
        rhs: Grid<*const Self>,
    );
}

/// Where a matrix lies: its first number and the steps to the next row and the next column.
#[derive(Clone, Copy, Debug)]
pub struct Grid<P> {
    pub start: P,
    pub row: usize,
    pub column: usize,
}

impl<P> Grid<P> {
    pub fn new(start: P, row: usize, column: usize) -> Grid<P> {
        Grid { start, row, column }
    }
}

macro_rules! real {
    ($float:ident) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INFINITY: Self = $float::INFINITY;
            const NEG_INFINITY: Self = $float::NEG_INFINITY;
            const EPSILON: Self = $float::EPSILON;

            #[inline(always)]
            fn double(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn of(number: f64) -> Self {
                number as $float
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                self.exp_m1()
            }
            #[inline(always)]
            fn ln(self) -> Self {
                self.ln()
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                self.ln_1p()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                self.tanh()
            }
            #[inline(always)]
            fn powf(self, exponent: Self) -> Self {
                self.powf(exponent)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                self.floor()
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                self.min(other)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            unsafe fn gemm(
                [m, n, k]: [usize; 3],
                out: Grid<*mut Self>,
                accumulate: bool,
                lhs: Grid<*const Self>,
                rhs: Grid<*const Self>,
            ) {
                // SAFETY: the caller vouches for the three grids.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        out.start,
                        out.column as isize,
                        out.row as isize,
                        accumulate,
                        lhs.start,
                        lhs.column as isize,
                        lhs.row as isize,
                        rhs.start,
                        rhs.column as isize,
                        rhs.row as isize,
                        1.0,
                        1.0,
                        false,
                        false,
                        false,
                        Parallelism::None,
                    )
                }
            }
        }
    };
}

real!(f32);
real!(f64);

/// Runs a body with a type name bound to the number type of a tensor; any other type is an error that names the kernel.
macro_rules! dispatch {
    ($name:expr, $tensor:expr, $real:ident => $body:expr) => {
        match $tensor.dtype() {
            candle_core::DType::F32 => {
                type $real = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $real = f64;
                $body
            }
            other => candle_core::bail!("{}: computes in f32 and f64, found {}", $name, other.as_str()),
        }
    };
}
pub(crate) use dispatch;

/// Leaves the work to the kernel for CUDA where the tensor lies on such a device, and in tests that emulate one.
macro_rules! on_cuda {
    ($tensor:expr, $call:expr) => {
        #[cfg(feature = "cuda")]
        if $tensor.device().is_cuda() {
            use crate::kernels::cuda;
            return $call;
        }
        #[cfg(test)]
        if crate::kernels::cuda::is_emulated() {
            use crate::kernels::cuda;
            return $call;
        }
    };
}
pub(crate) use on_cuda;

/// The tensor with its numbers in row-major order: itself where they already are.
///
/// Detached, so that a kernel never keeps a tape alive.
pub fn contiguous(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor.contiguous()?.detach())
}

/// The numbers of a contiguous CPU tensor, row by row. `S` is the tensor's lock, held for reading until dropped.
pub struct Numbers<S, R> {
    storage: S,
    range: Range<usize>,
    number: PhantomData<R>,
}

/// Opens a tensor for reading. Fails for another number type, another device, and numbers that are not contiguous.
pub fn read<R: WithDType>(tensor: &Tensor) -> Result<Numbers<impl Deref<Target = Storage> + '_, R>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("a kernel was given a tensor that is not contiguous: {:?}", layout.shape());
    };
    match &*storage {
        Storage::Cpu(numbers) => R::cpu_storage_as_slice(numbers)?,
        _ => candle_core::bail!("a CPU kernel was given a tensor of another device"),
    };
    Ok(Numbers { storage, range: start..end, number: PhantomData })
}

impl<S: Deref<Target = Storage>, R: WithDType> Deref for Numbers<S, R> {
    type Target = [R];

    #[inline]
    fn deref(&self) -> &[R] {
        match &*self.storage {
            Storage::Cpu(numbers) => match R::cpu_storage_as_slice(numbers) {
                Ok(numbers) => &numbers[self.range.clone()],
                Err(_) => unreachable!("`read` has checked the number type"),
            },
            _ => unreachable!("`read` has checked the device"),
        }
    }
}

/// A CPU tensor that takes over `numbers`, which are in row-major order.
pub fn tensor<R: WithDType>(numbers: Vec<R>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(numbers, shape.into(), &Device::Cpu)
}

/// Memory that several tasks write, each its own part.
pub struct Out<R>(*mut R);

impl<R> Clone for Out<R> {
    fn clone(&self) -> Out<R> {
        *self
    }
}

impl<R> Copy for Out<R> {}

// SAFETY: an `Out` is an address. Whoever uses it promises (see its methods) that no two tasks hold the same part.
unsafe impl<R: Send> Send for Out<R> {}
unsafe impl<R: Send> Sync for Out<R> {}

impl<R> Out<R> {
    pub fn new(numbers: &mut [R]) -> Out<R> {
        Out(numbers.as_mut_ptr())
    }

    /// The address of the number at `at`.
    ///
    /// # Safety
    /// `at` is within the memory, or one past it.
    #[inline]
    pub unsafe fn at(self, at: usize) -> *mut R {
        // SAFETY: as the caller promises.
        unsafe { self.0.add(at) }
    }

    /// The part from `at` on, `length` numbers long.
    ///
    /// # Safety
    /// The part is within the memory and held by no other task. If the memory comes from [`build`], a number is written
    /// before it is read.
    #[inline]
    pub unsafe fn part<'a>(self, at: usize, length: usize) -> &'a mut [R] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(at), length) }
    }
}

/// A vector whose numbers `fill` writes, without clearing it first.
///
/// # Safety
/// `fill` writes all `length` numbers.
pub unsafe fn build<R: Real>(length: usize, fill: impl FnOnce(Out<R>)) -> Vec<R> {
    let mut numbers = Vec::with_capacity(length);
    fill(Out(numbers.as_mut_ptr()));
    // SAFETY: the capacity is `length`, and the caller promises that all are written.
    unsafe { numbers.set_len(length) };
    numbers
}

/// Lends `work` memory for `length` numbers with unspecified content.
pub fn with_room<R: Real, T>(length: usize, work: impl FnOnce(Out<R>) -> T) -> T {
    let mut numbers = Vec::<R>::with_capacity(length);
    work(Out(numbers.as_mut_ptr()))
}

/// A vector made of blocks of `block` numbers (the last may be shorter), each written by one call of `fill` with the
/// position of its first number. Blocks run in parallel when there are several.
///
/// # Safety
/// `fill` writes its whole block, and reads none of it before.
pub unsafe fn build_blocks<R: Real>(length: usize, block: usize, fill: impl Fn(usize, &mut [R]) + Sync) -> Vec<R> {
    let block = block.max(1);
    let one = |out: Out<R>, index: usize| {
        let start = index * block;
        // SAFETY: blocks are disjoint and end within `length`.
        fill(start, unsafe { out.part(start, block.min(length - start)) });
    };
    // SAFETY: the blocks cover all numbers.
    unsafe { build(length, |out| for_tasks(length.div_ceil(block), block, |index| one(out, index))) }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;

    fn double(x: &Tensor) -> Result<Tensor> {
        dispatch!("double", x, R => {
            let flat = contiguous(x)?;
            let data = &*read::<R>(&flat)?;
            // SAFETY: every number of a block is written.
            let numbers = unsafe {
                build_blocks(data.len(), 2, |start, block: &mut [R]| {
                    block.iter_mut().zip(&data[start..]).for_each(|(y, &x)| *y = x + x);
                })
            };
            tensor(numbers, x.shape())
        })
    }

    #[test]
    fn a_kernel_reads_any_order_and_both_types() -> Result<()> {
        let x = Tensor::new(&[[1f32, 2., 3.], [4., 5., 6.]], &Device::Cpu)?;
        let swapped = double(&x.t()?)?;
        assert_eq!(swapped.to_vec2::<f32>()?, [[2., 8.], [4., 10.], [6., 12.]]);
        let wide = double(&x.to_dtype(DType::F64)?.narrow(1, 1, 2)?)?;
        assert_eq!(wide.to_vec2::<f64>()?, [[4., 6.], [10., 12.]]);
        Ok(())
    }

    #[test]
    fn other_types_are_refused_by_name() -> Result<()> {
        let x = Tensor::new(&[1u8], &Device::Cpu)?;
        let message = double(&x).expect_err("bytes are not real").to_string();
        assert!(message.starts_with("double: computes in f32 and f64, found u8"), "{message}");
        Ok(())
    }

    #[test]
    fn products_of_strided_grids() {
        // [1 2; 3 4] times the transpose of [5 6; 7 8], once and once more on top.
        let (a, b, mut c) = ([1f64, 2., 3., 4.], [5f64, 6., 7., 8.], [0f64; 4]);
        for accumulate in [false, true] {
            // SAFETY: all three are 2 by 2.
            unsafe {
                f64::gemm(
                    [2, 2, 2],
                    Grid::new(c.as_mut_ptr(), 2, 1),
                    accumulate,
                    Grid::new(a.as_ptr(), 2, 1),
                    Grid::new(b.as_ptr(), 1, 2),
                );
            }
        }
        assert_eq!(c, [34., 46., 78., 106.]);
    }
}
