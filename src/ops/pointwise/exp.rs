//! `exp`: the exponential.

use super::shared::{curved, eval, eval_grad, from_output, gradient, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "exp",
    summary: "The exponential.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, above 0.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| args.fact(0).range.rising(f64::exp),
    eval: |args| eval(Unary::Exp, args),
    grad: Gradient::Of(|g| from_output(g, "exp.grad")),
    examples: &[Example { about: "of 0 it is 1", code: "tensor([-1, 0, 1]) |> exp", answer: "[0.3679 1 2.7183]" }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| curved(g, "exp.grad", |_, both| Ok(both))),
    ..gradient("exp.grad", &[], |args| eval_grad(Unary::Exp, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |domain| match domain {
        Domain::LogProbability => Domain::Probability,
        _ => Domain::NonNegative,
    })
}
