//! `flip`: axes backwards.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "flip",
    summary: "Turns axes around.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::new(
        "axes",
        ParamKind::Axes,
        Preset::Axes(&[-1]),
        "The axes; the last one mirrors a picture left to right.",
    )],
    output: "As large as `x`.",
    laws: |_| &[Law::Involution, Law::Zero { slot: 0 }],
    infer: |args| {
        rules::axes(args.attrs, "axes", args.fact(0).rank())?;
        Ok(args.fact(0).clone())
    },
    range: carry::same_numbers,
    frame: turned,
    norm: carry::same_norm,
    mixes: |args| carry::along_batch(args, "axes"),
    eval: |args| {
        let axes = rules::axes(args.attrs, "axes", args.tensor(0).rank())?;
        Ok(axes.into_iter().try_fold(args.tensor(0).clone(), |x, axis| layout::flip(&x, axis))?)
    },
    grad: Gradient::Of(|g| {
        let gx = g.op("flip", &[g.gradient], g.attrs.clone())?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[
        Example { about: "left to right", code: "tensor([[1, 2], [3, 4]]) |> flip", answer: "[[2 1] [4 3]]" },
        Example {
            about: "both ways",
            code: "tensor([[1, 2], [3, 4]]) |> flip(axes = [0, 1])",
            answer: "[[4 3] [2 1]]",
        },
    ],
    ..OpDef::USUAL
};

/// Turning rows or columns around twice is not turning them.
fn turned(args: &Infer, result: &Fact) -> Frame {
    let rank = result.rank();
    let axes = rules::axes(args.attrs, "axes", rank).unwrap_or_default();
    carry::kept(args, result).map(|view| {
        view.upside_down ^= axes.contains(&(rank - 2));
        view.mirrored ^= axes.contains(&(rank - 1));
    })
}
