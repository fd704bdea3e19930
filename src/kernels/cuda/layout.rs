//! Moving numbers about without changing them.

use candle_core::{DType, Result, Tensor};

use super::call::empty;
use super::packed::{AS_IT_LIES, by_channel, by_pixel, packed_of};
use super::{Call, Walked};
use crate::kernels::packed;
use crate::kernels::walk::{Walk, row_major};

const TEXT: &str = include_str!("source/layout.cu");

/// As `kernels::layout::concat`, to a result of `dims`.
pub fn concat(tensors: &[&Tensor], axis: usize, dims: &[usize]) -> Result<Tensor> {
    if packed::is(packed_of(tensors)) {
        let rows = tensors.iter().map(|x| by_pixel(&packed::pack(x)?)).collect::<Result<Vec<_>>>()?;
        let (axis, dims) = (as_it_lies(axis), AS_IT_LIES.map(|axis| dims[axis]));
        return by_channel(&put_together(&rows.iter().collect::<Vec<_>>(), axis, &dims)?);
    }
    put_together(tensors, axis, dims)
}

fn put_together(tensors: &[&Tensor], axis: usize, dims: &[usize]) -> Result<Tensor> {
    let y = empty(dims, tensors[0].dtype(), tensors[0].device())?;
    let run = |dims: &[usize]| dims[axis..].iter().product::<usize>();
    let mut start = 0;
    for x in tensors {
        Call::new(TEXT, "put", x).raw(x)?.ints(&[run(x.dims()).max(1), run(dims), start])?.write(&y, x.elem_count())?;
        start += run(x.dims());
    }
    Ok(y)
}

/// As `kernels::layout::pad`, to a result of `dims`.
pub fn pad(x: &Tensor, before: &[usize], value: f64, dims: &[usize]) -> Result<Tensor> {
    let ints = |numbers: &[usize]| numbers.iter().map(|&number| number as isize).collect();
    let call = Call::new(TEXT, "pad", x);
    if packed::is(x) {
        let there = |lengths: &[usize]| AS_IT_LIES.map(|axis| lengths[axis]);
        let lengths = there(x.dims());
        let axes = Walked::table(&there(dims), [row_major(&lengths), ints(&there(before)), ints(&lengths)])?;
        return call.map(x)?.walked(axes).number(value).make_map(dims);
    }
    let axes = Walked::table(dims, [row_major(x.dims()), ints(before), ints(x.dims())])?;
    let call = call.tensor(x)?.walked(axes);
    let call = if x.dtype() == DType::U32 { call.ints(&[value as usize])? } else { call.number(value) };
    call.make(dims, x.dtype())
}

/// As `kernels::layout::slice`, of a packed map.
pub fn packed_slice(x: &Tensor, axis: usize, start: usize, count: usize) -> Result<Tensor> {
    let rows = by_pixel(x)?;
    let (axis, strides) = (as_it_lies(axis), row_major(rows.dims()));
    let mut dims = rows.dims().to_vec();
    dims[axis] = count;
    let walk = Walk::new(&dims, std::array::from_ref(&strides), [start as isize * strides[axis]]);
    by_channel(&Call::new(TEXT, "strided", x).raw(&rows)?.walk(&walk)?.make(&dims, DType::BF16)?)
}

/// Which axis it is when a packed map lies in memory.
fn as_it_lies(axis: usize) -> usize {
    AS_IT_LIES.iter().position(|there| *there == axis).unwrap_or(axis)
}

/// As `kernels::layout::strided`.
pub fn strided(x: &Tensor, dims: &[usize], strides: &[isize], first: isize) -> Result<Tensor> {
    let walk = Walk::new(dims, &[strides.to_vec()], [first]);
    Call::new(TEXT, "strided", x).tensor(x)?.walk(&walk)?.make(dims, x.dtype())
}
