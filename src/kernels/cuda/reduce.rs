//! Sums, means and extremes along any axes.

use candle_core::{DType, Result, Tensor};

use super::packed::by_pixel;
use super::{Call, Walked};
use crate::kernels::packed;
use crate::kernels::reduce::Reduce;
use crate::kernels::walk::{Walk, row_major};

const TEXT: &str = include_str!("source/reduce.cu");

/// Results that are made by a thread each where there are so many, or so few terms.
const MANY: usize = 1 << 14;
const FEW_TERMS: usize = 32;
/// Terms for a block; a result of more is made in parts.
const PART: usize = 1 << 13;

/// As `kernels::reduce::reduce`, to a result of `dims`.
pub fn reduce(how: Reduce, x: &Tensor, axes: &[usize], dims: &[usize]) -> Result<Tensor> {
    let folding = Folding::of(x, axes)?;
    let number = if packed::is(x) { DType::F32 } else { x.dtype() };
    let join = match how {
        Reduce::Sum | Reduce::Mean => 0,
        Reduce::Max => 1,
        Reduce::Min => 2,
    };
    let divisor = if how == Reduce::Mean { folding.terms as f64 } else { 1.0 };
    let call = |kernel: &'static str, x: &Tensor, folding: &Folding, divisor: f64| -> Result<Call> {
        let call = Call::new(TEXT, kernel, x).map(x)?.walked(folding.kept).walked(folding.folded);
        Ok(call.ints(&[folding.terms, join])?.number(divisor))
    };
    if folding.results >= MANY || folding.terms <= FEW_TERMS {
        return call("fold_by_thread", x, &folding, divisor)?.make(dims, number);
    }
    let parts = folding.terms.div_ceil(PART).min((MANY / folding.results).max(1));
    if parts == 1 {
        let call = call("fold_by_block", x, &folding, divisor)?.ints(&[1])?;
        return call.make_by_blocks(folding.results, dims, number);
    }
    let count = folding.results * parts;
    let partial = call("fold_by_block", x, &folding, 1.0)?.ints(&[parts])?.make_by_blocks(count, &[count], number)?;
    let rest = Folding::new(&[folding.results, parts], &[1])?;
    let call = call("fold_by_block", &partial, &rest, divisor)?.ints(&[1])?;
    call.make_by_blocks(folding.results, dims, number)
}

/// Where the first extreme of each result stands in `x`: `[results]`, as a whole number.
fn places(how: Reduce, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let folding = Folding::new(x.dims(), axes)?;
    let call = |kernel| -> Result<Call> {
        let call = Call::new(TEXT, kernel, x).tensor(x)?.walked(folding.kept).walked(folding.folded);
        call.ints(&[folding.terms, usize::from(how == Reduce::Max)])
    };
    if folding.results >= MANY || folding.terms <= FEW_TERMS {
        return call("first_by_thread")?.make(&[folding.results], DType::U32);
    }
    call("first_by_block")?.make_by_blocks(folding.results, &[folding.results], DType::U32)
}

/// As `kernels::reduce::extreme_grad`.
pub fn extreme_grad(how: Reduce, gy: &Tensor, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let places = places(how, x, axes)?;
    let gx = x.zeros_like()?;
    Call::new(TEXT, "scatter", x).tensor(&places)?.tensor(gy)?.write(&gx, places.elem_count())?;
    Ok(gx)
}

/// As `kernels::reduce::argmax`, to a result of `dims`.
pub fn argmax(x: &Tensor, axis: usize, dims: &[usize]) -> Result<Tensor> {
    let places = places(Reduce::Max, x, &[axis])?;
    let stride = row_major(x.dims())[axis] as usize;
    Call::new(TEXT, "along", x).tensor(&places)?.ints(&[stride, x.dims()[axis]])?.make(dims, DType::U32)
}

/// Whether all numbers are finite: waits for the device.
pub fn all_finite(x: &Tensor) -> Result<bool> {
    let lies = if packed::is(x) { by_pixel(x)? } else { x.clone() };
    let number = if packed::is(x) { DType::F32 } else { x.dtype() };
    let zeros = Call::new(TEXT, "nothing_of", x).raw(&lies)?.make(lies.dims(), number)?;
    let axes: Vec<usize> = (0..x.rank()).collect();
    let sum = reduce(Reduce::Sum, &zeros, &axes, &[])?;
    Ok(sum.to_dtype(DType::F64)?.to_scalar::<f64>()? == 0.0)
}

/// The axes that are kept, and those that are folded, each as a walk over `x`.
struct Folding {
    kept: Walked,
    folded: Walked,
    results: usize,
    terms: usize,
}

impl Folding {
    fn of(x: &Tensor, axes: &[usize]) -> Result<Folding> {
        let strides = x.stride().iter().map(|stride| *stride as isize).collect();
        if packed::is(x) { Folding::along(x.dims(), strides, axes) } else { Folding::new(x.dims(), axes) }
    }

    fn new(dims: &[usize], axes: &[usize]) -> Result<Folding> {
        Folding::along(dims, row_major(dims), axes)
    }

    fn along(dims: &[usize], strides: Vec<isize>, axes: &[usize]) -> Result<Folding> {
        let walk = |folded: bool| {
            let some = (0..dims.len()).filter(|axis| axes.contains(axis) == folded);
            let (dims, strides): (Vec<usize>, Vec<isize>) = some.map(|axis| (dims[axis], strides[axis])).unzip();
            Ok::<_, candle_core::Error>((Walked::new(&Walk::new(&dims, &[strides], [0]))?, dims.iter().product()))
        };
        let ((kept, results), (folded, terms)) = (walk(false)?, walk(true)?);
        Ok(Folding { kept, folded, results, terms })
    }
}
