//! `softmax`: probabilities that sum to one over the classes.

use super::shared::{GRADIENT, SCORES, axis, grad, infer};
use crate::kernels::softmax::{softmax, softmax_grad};
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "softmax",
    summary: "Makes probabilities of scores: `exp(x)` over its sum along the axis.",
    output: "As large as `x`; sums to one along the axis.",
    source: "The largest score is taken off first, so that large ones do not overflow.",
    infer: |args| infer(args, Domain::Probability),
    eval: |args| Ok(softmax(args.tensor(0), axis(args)?)?),
    grad: Gradient::Of(|g| grad(g, "softmax.grad")),
    examples: &[
        Example { about: "two classes", code: r#"tensor([[0, 1]], "logit") |> softmax"#, answer: "[[0.2689 0.7311]]" },
        Example { about: "large scores", code: r#"tensor([[1000, 1000]], "logit") |> softmax"#, answer: "[[0.5 0.5]]" },
    ],
    ..SCORES
};

pub(super) static GRAD: OpDef = OpDef {
    name: "softmax.grad",
    summary: "The gradient of `softmax`: `y · (gy - sum(gy · y))`.",
    eval: |args| Ok(softmax_grad(args.tensor(0), args.tensor(1), axis(args)?)?),
    grad: Gradient::Of(second),
    ..GRADIENT
};

/// With `r = y · (gy - sum(gy · y))` and what flows in, `u`: by `gy` the same op of `u`, by `y`
/// `u · (gy - sum(gy · y)) - gy · sum(u · y)`.
fn second(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (gy, y, u) = (g.input(0), g.input(1), g.gradient);
    let mut parts = vec![None, None];
    if g.wanted[0] {
        parts[0] = Some(g.op("softmax.grad", &[u, y], g.attrs.clone())?);
    }
    if g.wanted[1] {
        let (of_gy, of_u) = (weighed(g, gy, y)?, weighed(g, u, y)?);
        let rest = g.op("sub", &[gy, of_gy], Attrs::new())?;
        let (left, right) = (g.op("mul", &[u, rest], Attrs::new())?, g.op("mul", &[gy, of_u], Attrs::new())?);
        parts[1] = Some(g.op("sub", &[left, right], Attrs::new())?);
    }
    Ok(parts)
}

/// `sum(x · y)` along the axis, kept.
fn weighed(g: &mut Grad, x: Ref, y: Ref) -> Result<Ref, OpError> {
    let product = g.op("mul", &[x, y], Attrs::new())?;
    let axis = g.attrs.get_int("axis")?;
    g.op("sum", &[product], Attrs::new().ints("axes", [axis]).flag("keep", true))
}
