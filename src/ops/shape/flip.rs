//! `flip`: an axis backwards.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "flip",
    summary: "Turns an axis around.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::new(
        "axis",
        ParamKind::Int,
        Preset::Int(-1),
        "The axis; the last one mirrors a picture left to right.",
    )],
    output: "As large as `x`.",
    infer: |args| {
        rules::axis(args.attrs, "axis", args.fact(0).rank())?;
        Ok(args.fact(0).clone())
    },
    eval: |args| Ok(layout::flip(args.tensor(0), rules::axis(args.attrs, "axis", args.tensor(0).rank())?)?),
    grad: Gradient::Of(|g| {
        let gx = g.op("flip", &[g.gradient], g.attrs.clone())?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example { about: "left to right", code: "tensor([[1, 2], [3, 4]]) |> flip", answer: "[[2 1] [4 3]]" }],
    ..OpDef::USUAL
};
