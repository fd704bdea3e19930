//! `relu`: what is below zero becomes zero.

use super::shared::{eval, eval_grad, from_output, gradient, map, straight};
use crate::kernels::chain::Link;
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "relu",
    summary: "Sets what is below 0 to 0.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, never below 0.",
    source: "The gradient at 0 is 0.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Last, Law::Zero { slot: 0 }],
    infer,
    range: |args, _| args.fact(0).range.rising(|x| x.max(0.0)),
    norm: carry::same_norm,
    eval: |args| eval(Unary::Relu, args),
    chain: Some(Chain { slots: &[0], link: |_| Ok(Link::Unary(Unary::Relu)) }),
    grad: Gradient::Of(|g| from_output(g, "relu.grad")),
    examples: &[Example { about: "the lower half is cut", code: "tensor([-1, 0, 2]) |> relu", answer: "[0 0 2]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    chain: Some(Chain { slots: &[0], link: |args| Ok(Link::Derivative(Unary::Relu, args.tensor(1))) }),
    grad: Gradient::Of(|g| straight(g, "relu.grad")),
    packing: Packing::Keeps,
    ..gradient("relu.grad", &[], |args| eval_grad(Unary::Relu, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, rectified)
}

/// What is never below 0 stays what it is.
fn rectified(domain: &Domain) -> Domain {
    if domain.is_a(&Domain::NonNegative) { domain.clone() } else { Domain::NonNegative }
}
