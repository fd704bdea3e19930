//! Pairs of pixels less than a radius apart. The steps of a radius stand in the text, so a radius is compiled once.

use candle_core::{DType, Result, Tensor};

use super::Call;
use crate::kernels::pairs::{Pairs, Relation};

const TEXT: &str = include_str!("source/pairs.cu");

/// As `kernels::pairs::affinity`, and with `plain` as `distance_along`: of features `x` that move along `v`.
pub fn table(x: &Tensor, v: &Tensor, pairs: Pairs, plain: bool) -> Result<Tensor> {
    let [batch, channels, height, width] = dims4(x);
    let call = call("table", x, pairs).tensor(x)?.tensor(v)?.ints(&[channels, height, width])?;
    call.ints(&[usize::from(plain)])?.make(&[batch, pairs.steps().len(), height, width], x.dtype())
}

/// As `kernels::pairs::distance_grad`.
pub fn distance_grad(g: &Tensor, x: &Tensor, pairs: Pairs) -> Result<Tensor> {
    let [_, channels, height, width] = dims4(x);
    let call = call("distance_grad", x, pairs).tensor(g)?.tensor(x)?.ints(&[channels, height, width])?;
    call.make(x.dims(), x.dtype())
}

/// As `kernels::pairs::path_affinity`, and with `plain` as `path_along`.
pub fn path(edge: &Tensor, v: &Tensor, pairs: Pairs, plain: bool) -> Result<Tensor> {
    let [batch, _, height, width] = dims4(edge);
    let call = call("path", edge, pairs).tensor(edge)?.tensor(v)?.ints(&[height, width, usize::from(plain)])?;
    call.make(&[batch, pairs.steps().len(), height, width], edge.dtype())
}

/// As `kernels::pairs::path_grad`.
pub fn path_grad(g: &Tensor, edge: &Tensor, pairs: Pairs) -> Result<Tensor> {
    let [batch, _, height, width] = dims4(edge);
    let call = call("path_grad", edge, pairs).tensor(g)?.tensor(edge)?.ints(&[height, width])?;
    call.make(&[batch, 1, height, width], edge.dtype())
}

/// As `kernels::pairs::relation`.
pub fn relation(labels: &Tensor, wanted: Relation, pairs: Pairs) -> Result<Tensor> {
    let (batch, height, width) = labels.dims3()?;
    let wanted = match wanted {
        Relation::Background => 0,
        Relation::Foreground => 1,
        Relation::Different => 2,
    };
    let call = call("relation", labels, pairs).of(DType::F32).tensor(labels)?.ints(&[height, width, wanted])?;
    call.make(&[batch, pairs.steps().len(), height, width], DType::F32)
}

fn call(kernel: &'static str, like: &Tensor, pairs: Pairs) -> Call {
    let steps = pairs.steps();
    let down: Vec<String> = steps.iter().map(|(dy, _)| dy.to_string()).collect();
    let right: Vec<String> = steps.iter().map(|(_, dx)| dx.to_string()).collect();
    let text = format!(
        "#define PAIRS {}\n#define REACH {}\n#define ALL {}\n#define DOWN {{{}}}\n#define RIGHT {{{}}}\n{TEXT}",
        steps.len(),
        pairs.radius - 1,
        u8::from(pairs.all),
        down.join(", "),
        right.join(", "),
    );
    Call::made(text, kernel, like)
}

fn dims4(x: &Tensor) -> [usize; 4] {
    let [a, b, c, d] = *x.dims() else { return [0; 4] };
    [a, b, c, d]
}
