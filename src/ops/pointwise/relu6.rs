//! `relu6`: a ramp from 0 to 6.

use super::shared::{eval, eval_grad, from_output, gradient, map, straight};
use crate::kernels::chain::Link;
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "relu6",
    summary: "Cuts to 0..=6.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, within 0..=6.",
    source: "MobileNetV2 (Sandler et al., CVPR 2018). The gradient at 0 and at 6 is 0.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Last, Law::Zero { slot: 0 }],
    infer,
    range: |args, _| args.fact(0).range.rising(|x| x.clamp(0.0, 6.0)),
    eval: |args| eval(Unary::Relu6, args),
    chain: Some(Chain { slots: &[0], link: |_| Ok(Link::Unary(Unary::Relu6)) }),
    grad: Gradient::Of(|g| from_output(g, "relu6.grad")),
    examples: &[Example { about: "both ends are cut", code: "tensor([-1, 3, 8]) |> relu6", answer: "[0 3 6]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    chain: Some(Chain { slots: &[0], link: |args| Ok(Link::Derivative(Unary::Relu6, args.tensor(1))) }),
    grad: Gradient::Of(|g| straight(g, "relu6.grad")),
    packing: Packing::Keeps,
    ..gradient("relu6.grad", &[], |args| eval_grad(Unary::Relu6, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |domain| if domain.is_a(&Domain::Unit) { domain.clone() } else { Domain::NonNegative })
}
