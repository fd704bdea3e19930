//! `softplus`: a smooth ramp.

use super::shared::{curved, eval, eval_grad, from_input, gradient, map, softplus};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "softplus",
    summary: "The smooth ramp `log(1 + exp(x))`, exact for large numbers.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, never below 0.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| args.fact(0).range.rising(softplus),
    eval: |args| eval(Unary::Softplus, args),
    grad: Gradient::Of(|g| from_input(g, "softplus.grad")),
    examples: &[Example {
        about: "0 on the left, `x` on the right",
        code: "tensor([-1000, 0, 1000]) |> softplus",
        answer: "[0 0.6931 1000]",
    }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "softplus.grad", |g, both| {
            // The derivative is a sigmoid, `s`, and its own `s - s²`.
            let once = g.op("softplus.grad", &[both, g.input(1)], Attrs::new())?;
            let twice = g.op("softplus.grad", &[once, g.input(1)], Attrs::new())?;
            g.op("sub", &[once, twice], Attrs::new())
        })
    }),
    ..gradient("softplus.grad", &[], |args| eval_grad(Unary::Softplus, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    map(args, |_| Domain::NonNegative)
}
