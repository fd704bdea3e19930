//! Reading and writing where whole numbers point.

use candle_core::{DType, Result, Tensor};

use super::Call;

const TEXT: &str = include_str!("source/indexing.cu");

/// As `kernels::indexing::one_hot`.
pub fn one_hot(index: &Tensor, classes: usize, axis: usize, dtype: DType) -> Result<Tensor> {
    let mut dims = index.dims().to_vec();
    dims.insert(axis, classes);
    let inner: usize = index.dims()[axis..].iter().product();
    Call::new(TEXT, "one_hot", index).of(dtype).tensor(index)?.ints(&[classes, inner])?.make(&dims, dtype)
}

/// As `kernels::indexing::gather`.
pub fn gather(x: &Tensor, index: &Tensor, axis: usize) -> Result<Tensor> {
    let inner: usize = x.dims()[axis + 1..].iter().product();
    let call = Call::new(TEXT, "gather", x).tensor(x)?.tensor(index)?;
    call.ints(&[x.dims()[axis], index.dims()[axis], inner])?.make(index.dims(), x.dtype())
}

/// As `kernels::indexing::gather_grad`, to a result of `dims`.
pub fn gather_grad(gy: &Tensor, index: &Tensor, axis: usize, dims: &[usize]) -> Result<Tensor> {
    let inner: usize = dims[axis + 1..].iter().product();
    let call = Call::new(TEXT, "gather_grad", gy).tensor(gy)?.tensor(index)?;
    call.ints(&[dims[axis], index.dims()[axis], inner])?.make(dims, gy.dtype())
}
