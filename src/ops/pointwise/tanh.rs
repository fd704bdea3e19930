//! `tanh`: the hyperbolic tangent.

use super::shared::{curved, eval, eval_grad, from_output, gradient, map, times};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "tanh",
    summary: "The hyperbolic tangent.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, within -1..=1.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: |args, _| args.fact(0).range.rising(f64::tanh),
    eval: |args| eval(Unary::Tanh, args),
    grad: Gradient::Of(|g| from_output(g, "tanh.grad")),
    examples: &[Example { about: "odd", code: "tensor([-1, 0, 1]) |> tanh", answer: "[-0.7616 0 0.7616]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "tanh.grad", |g, both| {
            let slope = times(g, g.input(1), -2.0)?;
            g.op("mul", &[both, slope], Attrs::new())
        })
    }),
    packing: Packing::Keeps,
    ..gradient("tanh.grad", &[], |args| eval_grad(Unary::Tanh, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |domain| {
        rules::within(match rules::range(domain) {
            (lo, _) if lo >= 0.0 => (0.0, 1.0),
            _ => (-1.0, 1.0),
        })
    })
}
