//! `sigmoid`: the probability of a score.

use super::shared::{curved, eval, eval_grad, from_output, gradient, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "sigmoid",
    summary: "The probability of a score: `1 / (1 + exp(-x))`.",
    inputs: &[Input::one("x", "Scores; not probabilities.")],
    output: "As large as `x`, within 0..=1, each entry for itself.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| args.fact(0).range.rising(|x| 1.0 / (1.0 + (-x).exp())),
    eval: |args| eval(Unary::Sigmoid, args),
    grad: Gradient::Of(|g| from_output(g, "sigmoid.grad")),
    examples: &[Example {
        about: "0 is undecided",
        code: r#"tensor([-1, 0, 1], "logit") |> sigmoid"#,
        answer: "[0.2689 0.5 0.7311]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "sigmoid.grad", |g, both| {
            let slope = g.op("affine", &[g.input(1)], Attrs::new().float("scale", -2.0).float("shift", 1.0))?;
            g.op("mul", &[both, slope], Attrs::new())
        })
    }),
    packing: Packing::Keeps,
    ..gradient("sigmoid.grad", &[], |args| eval_grad(Unary::Sigmoid, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    rules::scores(args)?;
    map(args, |_| Domain::Unit)
}
