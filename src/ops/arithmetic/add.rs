//! `add`: a sum.

use super::shared::{SIDES, both, eval, map, other_side, role_of_sum};
use crate::kernels::broadcast::Binary;
use crate::kernels::chain::Link;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "add",
    summary: "Adds; written `a + b`.",
    inputs: SIDES,
    output: "The shape both are broadcast to.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Neutral { slot: 0, value: 0.0 }, Law::Neutral { slot: 1, value: 0.0 }],
    infer: |args| map(args, sum),
    range: |args, _| args.fact(0).range.plus(args.fact(1).range),
    eval: |args| eval(Binary::Add, args),
    chain: Some(Chain { slots: &[0, 1], link: |args| Ok(Link::Add(other_side(args))) }),
    grad: Gradient::Of(|g| both(g, |g| Ok(g.gradient), |g| Ok(g.gradient))),
    examples: &[
        Example { about: "number by number", code: "tensor([1, 2]) + tensor([10, 20])", answer: "[11 22]" },
        Example {
            about: "a row to each row",
            code: "tensor([[1, 2], [3, 4]]) + tensor([10, 20])",
            answer: "[[11 22] [13 24]]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

fn sum(a: &Domain, b: &Domain) -> Domain {
    role_of_sum(a, b).unwrap_or_else(|| {
        let ((a_lo, a_hi), (b_lo, b_hi)) = (rules::range(a), rules::range(b));
        rules::within((a_lo + b_lo, a_hi + b_hi))
    })
}
