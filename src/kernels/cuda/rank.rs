//! Means weighed by rank: places are sorted, all planes at once and nothing read back.

use candle_core::{DType, Result, Tensor};

use super::Call;
use super::call::empty;
use super::reduce;
use crate::kernels::reduce::Reduce;

const TEXT: &str = include_str!("source/rank.cu");

/// As `kernels::topk::rank_mean`; `factor` makes the weights sum to 1.
pub fn mean(x: &Tensor, decay: f64, factor: f64, [planes, size]: [usize; 2]) -> Result<Tensor> {
    let order = order(x, planes, size)?;
    let call = Call::new(TEXT, "by_rank", x).tensor(x)?.tensor(&order)?.ints(&[size, order.dim(1)?])?;
    let weighed = call.double(decay).double(factor).make(&[planes, size], x.dtype())?;
    reduce::reduce(Reduce::Sum, &weighed, &[1], &x.dims()[..x.rank() - 2])
}

/// As `kernels::topk::rank_mean_grad`.
pub fn mean_grad(gy: &Tensor, x: &Tensor, decay: f64, factor: f64, [planes, size]: [usize; 2]) -> Result<Tensor> {
    let order = order(x, planes, size)?;
    let gx = empty(x.dims(), x.dtype(), x.device())?;
    let call = Call::new(TEXT, "shares_by_rank", x).tensor(gy)?.tensor(&order)?.ints(&[size, order.dim(1)?])?;
    call.double(decay).double(factor).write(&gx, planes * size)?;
    Ok(gx)
}

/// Where the numbers of each plane stand, the largest first; a row has a power of two of places.
fn order(x: &Tensor, planes: usize, size: usize) -> Result<Tensor> {
    let padded = size.next_power_of_two();
    let order = Call::new(TEXT, "places", x).ints(&[padded])?.make(&[planes, padded], DType::U32)?;
    let mut stretch = 2;
    while stretch <= padded {
        let mut step = stretch / 2;
        while step > 0 {
            let call = Call::new(TEXT, "exchange", x).tensor(x)?.ints(&[size, padded, step, stretch])?;
            call.write(&order, planes * padded / 2)?;
            step /= 2;
        }
        stretch *= 2;
    }
    Ok(order)
}
