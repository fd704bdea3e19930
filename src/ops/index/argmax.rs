//! `argmax`: the class of the largest score.

use crate::kernels::reduce;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "argmax",
    summary: "The number of the largest entry along an axis.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: &[Param::new("axis", ParamKind::Int, Preset::Int(1), "The axis of the classes.")],
    output: "Class numbers, without the axis.",
    source: "Of equal entries the first counts.",
    infer,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, args.fact(0).rank()), result),
    eval: |args| Ok(reduce::argmax(args.tensor(0), rules::axis(args.attrs, "axis", args.tensor(0).rank())?)?),
    grad: Gradient::None("a class number does not change with its scores"),
    flops: |cost| cost.inputs.first().into_iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum(),
    examples: &[Example {
        about: "the first of equals",
        code: "tensor([[1, 3, 3], [2, 0, 1]]) |> argmax",
        answer: "[1 0]",
    }],
    ..OpDef::USUAL
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let mut dims = x.dims.clone();
    let classes = dims.remove(axis);
    Ok(Fact::new(Domain::Index { classes, ignore: false }, dims))
}
