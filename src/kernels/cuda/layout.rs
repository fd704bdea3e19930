//! Moving numbers about without changing them.

use candle_core::{DType, Result, Tensor};

use super::call::empty;
use super::{Call, Walked};
use crate::kernels::walk::{Walk, row_major};

const TEXT: &str = include_str!("source/layout.cu");

/// As `kernels::layout::concat`, to a result of `dims`.
pub fn concat(tensors: &[&Tensor], axis: usize, dims: &[usize]) -> Result<Tensor> {
    let y = empty(dims, tensors[0].dtype(), tensors[0].device())?;
    let run = |dims: &[usize]| dims[axis..].iter().product::<usize>();
    let mut start = 0;
    for x in tensors {
        Call::new(TEXT, "put", x)
            .tensor(x)?
            .ints(&[run(x.dims()).max(1), run(dims), start])?
            .write(&y, x.elem_count())?;
        start += run(x.dims());
    }
    Ok(y)
}

/// As `kernels::layout::pad`, to a result of `dims`.
pub fn pad(x: &Tensor, before: &[usize], value: f64, dims: &[usize]) -> Result<Tensor> {
    let ints = |numbers: &[usize]| numbers.iter().map(|&number| number as isize).collect();
    let axes = Walked::table(dims, [row_major(x.dims()), ints(before), ints(x.dims())])?;
    let call = Call::new(TEXT, "pad", x).tensor(x)?.walked(axes);
    let call = if x.dtype() == DType::U32 { call.ints(&[value as usize])? } else { call.number(value) };
    call.make(dims, x.dtype())
}

/// As `kernels::layout::strided`.
pub fn strided(x: &Tensor, dims: &[usize], strides: &[isize], first: isize) -> Result<Tensor> {
    let walk = Walk::new(dims, &[strides.to_vec()], [first]);
    Call::new(TEXT, "strided", x).tensor(x)?.walk(&walk)?.make(dims, x.dtype())
}
