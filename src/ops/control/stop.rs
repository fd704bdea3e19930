//! `stop`: no gradient beyond this point.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "stop",
    summary: "The same value, through which no gradient flows.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    output: "`x`, unchanged.",
    nature: Nature::VIEW,
    laws: |_| &[Law::Stop],
    infer: |args| Ok(args.fact(0).clone()),
    range: carry::same_numbers,
    frame: carry::kept,
    norm: carry::same_norm,
    eval: |args| Ok(args.tensor(0).clone()),
    grad: Gradient::None("`stop` ends it"),
    flops: |_| 0,
    examples: &[Example { about: "the value is the same", code: "tensor([1, 2]) |> stop", answer: "[1 2]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
