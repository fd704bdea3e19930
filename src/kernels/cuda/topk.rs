//! The largest numbers of each sample: the smallest of them is found bit by bit, from the first on, by counting how many are at least as large; of
//! those that equal it the first count, which is found in the same way. All of a sample's numbers are counted at once, and nothing is read back.

use candle_core::{DType, Result, Tensor};

use super::{Call, reduce};
use crate::kernels::reduce::Reduce;

const TEXT: &str = include_str!("source/topk.cu");

/// Numbers that a block counts.
const PART: usize = 1 << 13;

/// As `kernels::topk::top_mean`, of the shape that `kernels::topk` has checked: samples and their size.
pub fn top_mean(x: &Tensor, k: usize, samples: usize, size: usize) -> Result<Tensor> {
    let (least, cut) = chosen(x, k, samples, size)?;
    let call = Call::new(TEXT, "weighed", x).tensor(x)?.tensor(&least)?.tensor(&cut)?;
    let weighed = call.ints(&[size])?.number(1.0 / k as f64).make(&[samples, size], x.dtype())?;
    reduce::reduce(Reduce::Sum, &weighed, &[1], &[samples])
}

/// As `kernels::topk::top_mean_grad`.
pub fn top_mean_grad(gy: &Tensor, x: &Tensor, k: usize, samples: usize, size: usize) -> Result<Tensor> {
    let (least, cut) = chosen(x, k, samples, size)?;
    let call = Call::new(TEXT, "shares", x).tensor(x)?.tensor(&least)?.tensor(&cut)?.optional(Some(gy))?;
    call.ints(&[size])?.number(k as f64).make(x.dims(), x.dtype())
}

/// As `kernels::topk::top_mask`.
pub fn top_mask(x: &Tensor, k: usize, samples: usize, size: usize) -> Result<Tensor> {
    let (least, cut) = chosen(x, k, samples, size)?;
    let call = Call::new(TEXT, "shares", x).tensor(x)?.tensor(&least)?.tensor(&cut)?.optional(None)?;
    call.ints(&[size])?.number(1.0).make(x.dims(), x.dtype())
}

/// Of each sample the key of its `k`th largest number, as two words, and the last place at which that key counts.
fn chosen(x: &Tensor, k: usize, samples: usize, size: usize) -> Result<(Tensor, Tensor)> {
    let (parts, device) = (size.div_ceil(PART), x.device());
    let least = Tensor::zeros((samples, 2), DType::U32, device)?;
    let cut = Tensor::zeros(samples, DType::U32, device)?;
    let bits = if x.dtype() == DType::F64 { 64 } else { 32 };
    let count = |kernel, bit: usize| -> Result<Tensor> {
        let call = Call::new(TEXT, kernel, x).tensor(x)?.tensor(&least)?.tensor(&cut)?;
        call.ints(&[size, parts, bit])?.make_by_blocks(samples * parts, &[samples, parts], DType::U32)
    };
    for bit in (0..bits).rev() {
        let counts = count("count_large", bit)?;
        Call::new(TEXT, "take_bit", x).tensor(&counts)?.ints(&[parts, bit, k])?.write(&least, samples)?;
    }
    // How many of those that equal it count.
    let above = count("count_above", 0)?;
    let wanted = Call::new(TEXT, "wanted", x).tensor(&above)?.ints(&[parts, k])?.make(&[samples], DType::U32)?;
    for bit in (0..usize::BITS as usize - size.leading_zeros() as usize).rev() {
        let counts = count("count_equal", bit)?;
        Call::new(TEXT, "move_on", x).tensor(&counts)?.tensor(&wanted)?.ints(&[parts, bit])?.write(&cut, samples)?;
    }
    Ok((least, cut))
}
