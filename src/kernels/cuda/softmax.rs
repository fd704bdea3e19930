//! Softmax and its logarithm along one axis, with their gradients.

use candle_core::{Result, Tensor};

use super::Call;

const TEXT: &str = include_str!("source/softmax.cu");

/// Which of the four; the numbers are those of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Softmax {
    Plain = 0,
    Log = 1,
}

/// As `kernels::softmax::softmax` and `log_softmax`.
pub fn forward(which: Softmax, x: &Tensor, axis: usize) -> Result<Tensor> {
    let (lines, [length, inner]) = lines(x, axis);
    let call = |kernel| Call::new(TEXT, kernel, x).tensor(x)?.ints(&[length, inner, which as usize]);
    if by_thread(length, inner) {
        let y = super::call::empty(x.dims(), x.dtype(), x.device())?;
        call("softmax_by_thread")?.write(&y, lines)?;
        return Ok(y);
    }
    call("softmax_by_block")?.make_by_blocks(lines, x.dims(), x.dtype())
}

/// As `kernels::softmax::softmax_grad` and `log_softmax_grad`.
pub fn backward(which: Softmax, gy: &Tensor, y: &Tensor, axis: usize) -> Result<Tensor> {
    let (lines, [length, inner]) = lines(y, axis);
    let call = |kernel| Call::new(TEXT, kernel, y).tensor(gy)?.tensor(y)?.ints(&[length, inner, which as usize]);
    if by_thread(length, inner) {
        let gx = super::call::empty(y.dims(), y.dtype(), y.device())?;
        call("gradient_by_thread")?.write(&gx, lines)?;
        return Ok(gx);
    }
    call("gradient_by_block")?.make_by_blocks(lines, y.dims(), y.dtype())
}

/// Lines side by side are read together; long ones that lie apart want a block each.
fn by_thread(length: usize, inner: usize) -> bool {
    inner > 1 || length <= 64
}

/// How many lines there are, the length of one and the step along it.
fn lines(x: &Tensor, axis: usize) -> (usize, [usize; 2]) {
    let (length, inner) = (x.dims()[axis], x.dims()[axis + 1..].iter().product());
    (x.elem_count() / length.max(1), [length, inner])
}
