//! `abs`: the size without the sign.

use super::shared::{eval, eval_grad, from_input, gradient, map, straight};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "abs",
    summary: "The size of a number without its sign.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, never below 0.",
    source: "The gradient at 0 is 0.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Last, Law::Zero { slot: 0 }],
    infer,
    range: |args, _| args.fact(0).range.abs(),
    eval: |args| eval(Unary::Abs, args),
    grad: Gradient::Of(|g| from_input(g, "abs.grad")),
    examples: &[Example { about: "the sign is lost", code: "tensor([-2, 0, 3]) |> abs", answer: "[2 0 3]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| straight(g, "abs.grad")),
    packing: Packing::Keeps,
    ..gradient("abs.grad", &[], |args| eval_grad(Unary::Abs, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |domain| if domain.is_a(&Domain::NonNegative) { domain.clone() } else { Domain::NonNegative })
}
