//! `div`: a quotient.

use super::shared::{SIDES, both, eval, map};
use crate::kernels::broadcast::Binary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "div",
    summary: "Divides; written `a / b`.",
    inputs: SIDES,
    output: "The shape both are broadcast to. By 0 it is infinite, and 0 by 0 is not a number.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Neutral { slot: 1, value: 1.0 }],
    infer: |args| map(args, quotient),
    range: |args, _| args.fact(0).range.over(args.fact(1).range),
    eval: |args| eval(Binary::Div, args),
    grad: Gradient::Of(|g| {
        let (y, b) = (g.output, g.input(1));
        both(
            g,
            |g| g.op("div", &[g.gradient, b], Attrs::new()),
            |g| {
                // d(a/b)/db = -y/b
                let product = g.op("mul", &[g.gradient, y], Attrs::new())?;
                let quotient = g.op("div", &[product, b], Attrs::new())?;
                g.op("neg", &[quotient], Attrs::new())
            },
        )
    }),
    examples: &[Example { about: "number by number", code: "tensor([1, 6]) / tensor([4, 2])", answer: "[0.25 3]" }],
    ..OpDef::USUAL
};

fn quotient(a: &Domain, b: &Domain) -> Domain {
    match (a, b) {
        (a, b) if rules::keeps_role(a) && !rules::keeps_role(b) => a.clone(),
        (a, b) if a.is_a(&Domain::NonNegative) && b.is_a(&Domain::NonNegative) => Domain::NonNegative,
        _ => Domain::Real,
    }
}
