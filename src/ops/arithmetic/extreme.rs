//! `minimum`, `maximum`: the smaller and the larger of two numbers.

use super::shared::{SIDES, both, eval, map};
use crate::kernels::broadcast::Binary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static MINIMUM: OpDef = OpDef {
    name: "minimum",
    summary: "The smaller of two numbers.",
    infer: |args| map(args, |a, b| chosen(a, b, f64::min)),
    range: |args, _| both_bounds(args, f64::min),
    eval: |args| eval(Binary::Min, args),
    grad: Gradient::Of(|g| grad(g, "less_equal")),
    examples: &[Example { about: "place by place", code: "minimum(tensor([1, 5]), tensor([3, 4]))", answer: "[1 4]" }],
    ..EXTREME
};

pub(super) static MAXIMUM: OpDef = OpDef {
    name: "maximum",
    summary: "The larger of two numbers.",
    infer: |args| map(args, |a, b| chosen(a, b, f64::max)),
    range: |args, _| both_bounds(args, f64::max),
    eval: |args| eval(Binary::Max, args),
    grad: Gradient::Of(|g| grad(g, "greater_equal")),
    examples: &[Example { about: "place by place", code: "maximum(tensor([1, 5]), tensor([3, 4]))", answer: "[3 5]" }],
    ..EXTREME
};

const EXTREME: OpDef = OpDef {
    inputs: SIDES,
    output: "The shape both are broadcast to.",
    source: "Where both are equal, the gradient goes to `a`.",
    nature: Nature::POINTWISE,
    ..OpDef::USUAL
};

fn chosen(a: &Domain, b: &Domain, choose: fn(f64, f64) -> f64) -> Domain {
    match (a, b) {
        // Probabilities need not sum to one any more.
        (Domain::Probability, Domain::Probability) => return Domain::Unit,
        (a, b) if a == b => return a.clone(),
        _ => {}
    }
    let ((a_lo, a_hi), (b_lo, b_hi)) = (rules::range(a), rules::range(b));
    match rules::within((choose(a_lo, b_lo), choose(a_hi, b_hi))) {
        Domain::Real if rules::keeps_role(a) && !rules::keeps_role(b) => a.clone(),
        Domain::Real if rules::keeps_role(b) && !rules::keeps_role(a) => b.clone(),
        domain => domain,
    }
}

fn grad(g: &mut Grad, a_wins: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let (a, b) = (g.input(0), g.input(1));
    let to_a = g.op(a_wins, &[a, b], Attrs::new())?;
    both(
        g,
        |g| g.op("mul", &[g.gradient, to_a], Attrs::new()),
        |g| {
            let to_b = g.op("not", &[to_a], Attrs::new())?;
            g.op("mul", &[g.gradient, to_b], Attrs::new())
        },
    )
}

fn both_bounds(args: &Infer, choose: fn(f64, f64) -> f64) -> Interval {
    let (a, b) = (args.fact(0).range, args.fact(1).range);
    Interval::new(choose(a.low(), b.low()), choose(a.high(), b.high()))
}
