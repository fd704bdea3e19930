//! `log_softmax`: the logarithm of probabilities, exact where they vanish.

use super::shared::{GRADIENT, SCORES, axis, grad, infer};
use crate::kernels::softmax::{log_softmax, log_softmax_grad};
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "log_softmax",
    summary: "The logarithm of `softmax`, exact where a probability vanishes.",
    output: "As large as `x`, never above 0.",
    infer: |args| infer(args, Domain::LogProbability),
    eval: |args| Ok(log_softmax(args.tensor(0), axis(args)?)?),
    grad: Gradient::Of(|g| grad(g, "log_softmax.grad")),
    examples: &[
        Example {
            about: "two classes",
            code: r#"tensor([[0, 1]], "logit") |> log_softmax"#,
            answer: "[[-1.3133 -0.3133]]",
        },
        Example {
            about: "softmax would be 0 here",
            code: r#"tensor([[0, 1000]], "logit") |> log_softmax"#,
            answer: "[[-1000 0]]",
        },
    ],
    ..SCORES
};

pub(super) static GRAD: OpDef = OpDef {
    name: "log_softmax.grad",
    summary: "The gradient of `log_softmax`: `gy - exp(y) · sum(gy)`.",
    eval: |args| Ok(log_softmax_grad(args.tensor(0), args.tensor(1), axis(args)?)?),
    grad: Gradient::Of(second),
    ..GRADIENT
};

/// With `r = gy - exp(y) · sum(gy)` and what flows in, `u`: by `gy` `u - sum(u · exp(y))`, by `y` `-u · exp(y) · sum(gy)`.
fn second(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (gy, y, u) = (g.input(0), g.input(1), g.gradient);
    let along = Attrs::new().ints("axes", [g.attrs.get_int("axis")?]).flag("keep", true);
    let p = g.op("exp", &[y], Attrs::new())?;
    let product = g.op("mul", &[u, p], Attrs::new())?;
    let mut parts = vec![None, None];
    if g.wanted[0] {
        let sum = g.op("sum", &[product], along.clone())?;
        parts[0] = Some(g.op("sub", &[u, sum], Attrs::new())?);
    }
    if g.wanted[1] {
        let sum = g.op("sum", &[gy], along)?;
        let scaled = g.op("mul", &[product, sum], Attrs::new())?;
        parts[1] = Some(g.op("neg", &[scaled], Attrs::new())?);
    }
    Ok(parts)
}
