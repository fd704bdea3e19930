//! `sub`: a difference.

use super::shared::{SIDES, both, eval, map, other_side, role_of_sum};
use crate::kernels::broadcast::Binary;
use crate::kernels::chain::Link;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "sub",
    summary: "Subtracts; written `a - b`.",
    inputs: SIDES,
    output: "The shape both are broadcast to.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Neutral { slot: 1, value: 0.0 }],
    infer: |args| map(args, difference),
    range: |args, _| args.fact(0).range.minus(args.fact(1).range),
    eval: |args| eval(Binary::Sub, args),
    chain: Some(Chain { slots: &[0], link: |args| Ok(Link::Sub(other_side(args))) }),
    grad: Gradient::Of(|g| both(g, |g| Ok(g.gradient), |g| g.op("neg", &[g.gradient], Attrs::new()))),
    examples: &[Example { about: "number by number", code: "tensor([1, 2]) - tensor([10, 20])", answer: "[-9 -18]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

fn difference(a: &Domain, b: &Domain) -> Domain {
    role_of_sum(a, b).unwrap_or_else(|| {
        let ((a_lo, a_hi), (b_lo, b_hi)) = (rules::range(a), rules::range(b));
        rules::within((a_lo - b_hi, a_hi - b_lo))
    })
}
