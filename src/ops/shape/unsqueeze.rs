//! `unsqueeze`: an axis of length 1 more.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "unsqueeze",
    summary: "Adds an axis of length 1.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::required("axis", ParamKind::Int, "Where the new axis is.")],
    output: "One axis more.",
    nature: Nature::VIEW,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        let x = args.fact(0);
        let mut dims = x.dims.clone();
        dims.insert(rules::axis(args.attrs, "axis", x.rank() + 1)?, Dim::constant(1));
        Ok(x.with_dims(dims))
    },
    range: carry::same_numbers,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, result.rank()), result),
    norm: carry::same_norm,
    eval: |args| Ok(layout::reshape(args.tensor(0), &args.shape()?)?),
    grad: Gradient::Of(|g| {
        let axis = rules::axis(g.attrs, "axis", g.fact(g.output).rank())?;
        let gx = g.op("squeeze", &[g.gradient], Attrs::new().int("axis", axis as i64))?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example { about: "a column", code: "tensor([1, 2]) |> unsqueeze(axis = 1)", answer: "[[1] [2]]" }],
    ..OpDef::USUAL
};
