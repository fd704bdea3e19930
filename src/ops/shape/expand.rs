//! `expand`: a tensor repeated to a larger shape.

use crate::kernels::broadcast;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "expand",
    summary: "Repeats along axes of length 1, and along new axes in front.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::required("dims", ParamKind::Dims, "The shape to reach; `x` is aligned at its last axis.")],
    output: "Of the new shape.",
    laws: |_| &[Law::Last, Law::SameDims, Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::kept,
    norm: carry::same_norm,
    eval: |args| Ok(broadcast::expand(args.tensor(0), &args.shape()?)?),
    grad: Gradient::Of(|g| {
        let gx = g.sum_to(g.gradient, g.input(0))?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example { about: "two rows", code: "tensor([1, 2]) |> expand([2, 2])", answer: "[[1 2] [1 2]]" }],
    ..OpDef::USUAL
};

/// C1: what is not repeated has the length it is to have.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let wide = x.with_dims(args.attrs.dims("dims")?.to_vec());
    if rules::broadcast_dims(args, 0, x, &wide)? == wide.dims {
        return Ok(wide);
    }
    Err(OpError::new(Code::DimensionMismatch, format!("{x} cannot be repeated to {wide}")).at("dims"))
}
