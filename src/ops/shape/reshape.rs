//! `reshape`: the same numbers in another shape.

use crate::kernels::layout;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "reshape",
    summary: "The same numbers, row by row, in another shape.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::required("dims", ParamKind::Dims, "The new lengths; as many numbers as before.")],
    output: "Of the new shape.",
    nature: Nature::VIEW,
    laws: |_| &[Law::Last, Law::SameDims, Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::by_dims,
    norm: carry::same_norm,
    eval: |args| Ok(layout::reshape(args.tensor(0), &args.shape()?)?),
    grad: Gradient::Of(|g| {
        let dims = g.fact(g.input(0)).dims.clone();
        let gx = g.op("reshape", &[g.gradient], Attrs::new().dims_of("dims", dims))?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example {
        about: "a row of all",
        code: "tensor([[1, 2], [3, 4]]) |> reshape([4])",
        answer: "[1 2 3 4]",
    }],
    ..OpDef::USUAL
};

/// C1: the numbers are as many as before.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let fact = x.with_dims(args.attrs.dims("dims")?.to_vec());
    if fact.elements() == x.elements() {
        return Ok(fact);
    }
    let message = format!("{x} has {} numbers, the new shape {}", x.elements(), fact.elements());
    Err(OpError::new(Code::DimensionMismatch, message).at("dims"))
}
