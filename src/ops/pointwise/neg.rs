//! `neg`: the other sign.

use super::shared::{eval, map};
use crate::kernels::chain::Link;
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "neg",
    summary: "Changes the sign; written `-x`.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Involution, Law::Zero { slot: 0 }],
    infer: |args| map(args, |domain| rules::affine(domain, -1.0, 0.0)),
    range: |args, _| args.fact(0).range.affine(-1.0, 0.0),
    eval: |args| eval(Unary::Neg, args),
    chain: Some(Chain { slots: &[0], link: |_| Ok(Link::Unary(Unary::Neg)) }),
    grad: Gradient::Of(|g| {
        let gx = g.op("neg", &[g.gradient], Attrs::new())?;
        Ok(vec![Some(gx)])
    }),
    examples: &[Example { about: "the other side of 0", code: "tensor([-1, 2]) |> neg", answer: "[1 -2]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
