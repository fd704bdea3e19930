//! `floor`: whole numbers.

use super::shared::{eval, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "floor",
    summary: "The largest whole number that is not above `x`.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Last, Law::Zero { slot: 0 }],
    infer: |args| map(args, |domain| rules::within(rules::range(domain))),
    range: |args, _| args.fact(0).range.rising(f64::floor),
    eval: |args| eval(Unary::Floor, args),
    grad: Gradient::None("a whole number does not change with what it was cut from"),
    examples: &[Example { about: "towards the lower side", code: "tensor([-0.5, 1.9]) |> floor", answer: "[-1 1]" }],
    ..OpDef::USUAL
};
