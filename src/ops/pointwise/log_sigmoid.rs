//! `log_sigmoid`: the logarithm of a score's probability.

use super::shared::{curved, eval, eval_grad, from_input, gradient, map, softplus};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "log_sigmoid",
    summary: "The logarithm of a score's probability, exact for large scores: `log(sigmoid(x))`.",
    inputs: &[Input::one("x", "Scores; not probabilities.")],
    output: "As large as `x`, never above 0.",
    source: "The stable form of the logistic losses: `log_sigmoid(x) = -softplus(-x)`.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| args.fact(0).range.rising(|x| -softplus(-x)),
    eval: |args| eval(Unary::LogSigmoid, args),
    grad: Gradient::Of(|g| from_input(g, "log_sigmoid.grad")),
    examples: &[Example {
        about: "sigmoid would be 0 here",
        code: r#"tensor([-1000, 0], "logit") |> log_sigmoid"#,
        answer: "[-1000 -0.6931]",
    }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "log_sigmoid.grad", |g, both| {
            // The derivative is a sigmoid turned round, `s`, and its own `s² - s`.
            let once = g.op("log_sigmoid.grad", &[both, g.input(1)], Attrs::new())?;
            let twice = g.op("log_sigmoid.grad", &[once, g.input(1)], Attrs::new())?;
            g.op("sub", &[twice, once], Attrs::new())
        })
    }),
    ..gradient("log_sigmoid.grad", &[], |args| eval_grad(Unary::LogSigmoid, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    rules::scores(args)?;
    map(args, |_| Domain::Real)
}
