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
    ..GRADIENT
};
