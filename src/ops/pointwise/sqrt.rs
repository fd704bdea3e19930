//! `sqrt`: the square root.

use super::shared::{curved, eval, eval_grad, from_output, gradient, map, times};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "sqrt",
    summary: "The square root.",
    inputs: &[Input::one("x", "Numbers from 0 up; below 0 the root is not a number.")],
    output: "As large as `x`, never below 0.",
    source: "The gradient at 0 is 0, so that the length of a zero vector has one.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: |args, _| args.fact(0).range.rising(|x| x.max(0.0).sqrt()),
    eval: |args| eval(Unary::Sqrt, args),
    grad: Gradient::Of(|g| from_output(g, "sqrt.grad")),
    examples: &[Example { about: "of a square", code: "tensor([0, 4, 9]) |> sqrt", answer: "[0 2 3]" }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "sqrt.grad", |g, both| {
            // `1 / 2y` by `y` is `-1 / 2y²`.
            let once = g.op("sqrt.grad", &[both, g.input(1)], Attrs::new())?;
            let twice = g.op("sqrt.grad", &[once, g.input(1)], Attrs::new())?;
            times(g, twice, -2.0)
        })
    }),
    ..gradient("sqrt.grad", &[], |args| eval_grad(Unary::Sqrt, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |domain| if domain.is_a(&Domain::Unit) { rules::roleless(domain) } else { Domain::NonNegative })
}
