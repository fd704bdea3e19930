//! `square`: the square.

use super::shared::{curved, eval, eval_grad, from_input, gradient, map, times};
use crate::kernels::chain::Link;
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "square",
    summary: "The square.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, never below 0.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: |args, _| args.fact(0).range.square(),
    eval: |args| eval(Unary::Square, args),
    chain: Some(Chain { slots: &[0], link: |_| Ok(Link::Unary(Unary::Square)) }),
    grad: Gradient::Of(|g| from_input(g, "square.grad")),
    examples: &[Example { about: "the sign is lost", code: "tensor([-2, 0, 3]) |> square", answer: "[4 0 9]" }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| curved(g, "square.grad", |g, both| times(g, both, 2.0))),
    ..gradient("square.grad", &[], |args| eval_grad(Unary::Square, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |domain| if domain.is_a(&Domain::Unit) { rules::roleless(domain) } else { Domain::NonNegative })
}
