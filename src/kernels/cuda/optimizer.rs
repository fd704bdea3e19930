//! Steps of gradient descent, in place: all tensors that a rule is for in one launch.

use candle_core::{DType, Result, Tensor, bail};

use super::call::{Call, address};
use super::{reduce, upload};
use crate::kernels::real::contiguous;
use crate::kernels::reduce::Reduce;

/// One tensor's part: what stands in the rule for `t`, `a` and `b`, and its numbers `n[0]`, `n[1]`, ….
pub struct Update {
    pub target: Tensor,
    pub a: Tensor,
    pub b: Tensor,
    pub numbers: Vec<f64>,
}

/// Numbers that a block of threads takes.
const CHUNK: usize = 1 << 16;

const TEXT: &str = include_str!("source/optimizer.cu");

/// Writes over every number `t` of each target what `rule` says of it, of `a` and `b` beside it, and of the update's numbers.
///
/// # Errors
/// Tensors of different number types, a target that is not contiguous.
pub fn update_all(rule: &str, updates: &[&Update]) -> Result<()> {
    let Some(first) = updates.first() else { return Ok(()) };
    // What has to be brought into order lives to the end of the call.
    let sources: Vec<[Tensor; 2]> =
        updates.iter().map(|update| Ok([contiguous(&update.a)?, contiguous(&update.b)?])).collect::<Result<_>>()?;
    let (mut tensors, mut chunks, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (update, [a, b])) in updates.iter().zip(&sources).enumerate() {
        let (target, count) = (&update.target, update.target.elem_count());
        let alike = [a, b, target].iter().all(|tensor| tensor.dtype() == first.target.dtype());
        if !alike || !target.is_contiguous() || update.numbers.len() != first.numbers.len() {
            bail!("optimizer: {target} is not contiguous, or not of the type of its gradient");
        }
        for tensor in [target, a, b] {
            let address = address(tensor)?;
            tensors.extend([address as u32, (address >> 32) as u32]);
        }
        tensors.push(whole(count)?);
        for start in (0..count).step_by(CHUNK) {
            chunks.extend([whole(at)?, whole(start)?]);
        }
        numbers.extend(&update.numbers);
    }
    let device = first.target.device();
    let count = chunks.len() / 2;
    let [tensors, chunks] = [tensors, chunks].map(|words| upload::numbers::<u32>(&words, &[words.len()], device));
    // A rule without numbers has one all the same: a table of none has no address.
    numbers.push(0.0);
    let numbers = upload::numbers::<f64>(&numbers, &[numbers.len()], device)?;
    let text = format!("#define RULE {rule}\n#define KEPT {}\n{TEXT}", first.numbers.len());
    let call = Call::made(text, "update", &first.target);
    let call = call.tensor(&tensors?)?.tensor(&chunks?)?.tensor(&numbers)?;
    call.ints(&[CHUNK])?.write_by_blocks(&first.target, count)
}

fn whole(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(candle_core::Error::wrap)
}

/// As `kernels::optimizer::sum_of_squares`.
pub fn sum_of_squares(tensors: &[&Tensor]) -> Result<f64> {
    const TEXT: &str = "KERNEL square(R *y, unsigned count, const R *x) { EACH(i, count) y[i] = x[i] * x[i]; }\n";
    let sum = |x: &&Tensor| {
        let squares = Call::new(TEXT, "square", x).tensor(x)?.make(&[x.elem_count()], x.dtype())?;
        reduce::reduce(Reduce::Sum, &squares, &[0], &[])
    };
    let sums = tensors.iter().map(sum).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&sums, 0)?.to_dtype(DType::F64)?.to_vec1::<f64>()?.into_iter().sum())
}
