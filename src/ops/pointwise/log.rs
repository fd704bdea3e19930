//! `log`: the natural logarithm.

use super::shared::{curved, eval, eval_grad, from_input, gradient, map, times};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "log",
    summary: "The natural logarithm.",
    inputs: &[Input::one("x", "Numbers above 0; at 0 the logarithm is infinite. Not scores.")],
    output: "As large as `x`; of a probability its logarithm.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| args.fact(0).range.rising(|x| x.max(0.0).ln()),
    eval: |args| eval(Unary::Log, args),
    grad: Gradient::Of(|g| from_input(g, "log.grad")),
    examples: &[Example { about: "of 1 it is 0", code: "tensor([0.5, 1, 2]) |> log", answer: "[-0.6931 0 0.6931]" }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "log.grad", |g, both| {
            let once = g.op("log.grad", &[both, g.input(1)], Attrs::new())?;
            let twice = g.op("log.grad", &[once, g.input(1)], Attrs::new())?;
            times(g, twice, -1.0)
        })
    }),
    ..gradient("log.grad", &[], |args| eval_grad(Unary::Log, args))
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    match rules::real(args, 0)?.domain {
        Domain::Logit => {
            let help = "`log_softmax` and `log_sigmoid` make logarithms of scores, exact where a probability vanishes";
            Err(rules::refused(args, 0, "numbers above 0").help(help))
        }
        Domain::LogProbability => {
            Err(rules::refused(args, 0, "numbers above 0").help("this is a logarithm already: leave `log` out"))
        }
        Domain::Probability => map(args, |_| Domain::LogProbability),
        _ => map(args, |_| Domain::Real),
    }
}
