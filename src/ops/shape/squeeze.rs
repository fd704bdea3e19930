//! `squeeze`: an axis of length 1 less.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "squeeze",
    summary: "Drops an axis of length 1.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::required("axis", ParamKind::Int, "The axis that goes away.")],
    output: "One axis less.",
    nature: Nature::VIEW,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, args.fact(0).rank()), result),
    norm: carry::same_norm,
    eval: |args| Ok(layout::reshape(args.tensor(0), &args.shape()?)?),
    grad: Gradient::Of(|g| {
        let axis = rules::axis(g.attrs, "axis", g.fact(g.input(0)).rank())?;
        let gx = g.op("unsqueeze", &[g.gradient], Attrs::new().int("axis", axis as i64))?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example { about: "a column", code: "tensor([[1], [2]]) |> squeeze(axis = 1)", answer: "[1 2]" }],
    ..OpDef::USUAL
};

/// C1: the axis has length 1.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    if !x.dims[axis].is_one() {
        let message = format!("axis {axis} of {x} has length {}, not 1", x.dims[axis]);
        let help = "`mean`, `max` and `sum` fold longer axes";
        return Err(OpError::new(Code::DimensionMismatch, message).at("axis").help(help));
    }
    let mut dims = x.dims.clone();
    dims.remove(axis);
    Ok(x.with_dims(dims))
}
