//! `gelu`: the Gaussian error linear unit.

use super::shared::{curved, eval, eval_grad, from_input, gradient, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "gelu",
    summary: "Weighs a number by the share of a normal distribution that lies below it.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`, never below -0.17.",
    source: "Hendrycks and Gimpel, 2016; exact, not the approximation by tanh.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        map(args, |domain| if domain.is_a(&Domain::NonNegative) { Domain::NonNegative } else { Domain::Real })
    },
    eval: |args| eval(Unary::Gelu, args),
    grad: Gradient::Of(|g| from_input(g, "gelu.grad")),
    examples: &[Example {
        about: "far above 0 the number itself",
        code: "tensor([-1, 0, 1, 10]) |> gelu",
        answer: "[-0.1587 0 0.8413 10]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// The second derivative is `φ(x) · (2 - x²)`.
pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "gelu.grad", |g, both| {
            let x = g.input(1);
            let square = g.op("square", &[x], Attrs::new())?;
            let exponent = g.op("affine", &[square], Attrs::new().float("scale", -0.5))?;
            let bell = g.op("exp", &[exponent], Attrs::new())?;
            let scale = -1.0 / std::f64::consts::TAU.sqrt();
            let bend = g.op("affine", &[square], Attrs::new().float("scale", scale).float("shift", -2.0 * scale))?;
            let curve = g.op("mul", &[bell, bend], Attrs::new())?;
            g.op("mul", &[both, curve], Attrs::new())
        })
    }),
    packing: Packing::Keeps,
    ..gradient("gelu.grad", &[], |args| eval_grad(Unary::Gelu, args))
};
