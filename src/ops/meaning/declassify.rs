//! `declassify`: the same numbers; the recipe says why what they have seen does not count.

use crate::ops::prelude::*;

pub(crate) static OP: OpDef = OpDef {
    name: "declassify",
    summary: "Hands on its input; what is known of its labels is decided where the node is made.",
    inputs: &[Input::one("x", "Any tensor.")],
    output: "`x`, number for number.",
    nature: Nature::VIEW.internal(),
    laws: |_| &[Law::SameDims],
    infer: |args| Ok(args.fact(0).clone()),
    range: carry::same_numbers,
    frame: carry::kept,
    norm: carry::same_norm,
    eval: |args| Ok(args.tensor(0).clone()),
    grad: Gradient::Of(|g| Ok(vec![Some(g.gradient)])),
    flops: |_| 0,
    ..OpDef::USUAL
};
