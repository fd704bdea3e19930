//! `concat`: tensors one after another.

use super::shared::{joined, same_norms};
use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "concat",
    summary: "Puts tensors one after another along an axis.",
    inputs: &[Input::many("xs", "Tensors of equal shape but along the axis.")],
    params: &[Param::new("axis", ParamKind::Int, Preset::Int(1), "The axis along which they follow each other.")],
    output: "Along the axis as long as all together.",
    infer,
    range: carry::all_numbers,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, result.rank()), result),
    norm: same_norms,
    eval: |args| {
        let tensors: Vec<&Tensor> = args.many(0).collect();
        let axis = rules::axis(args.attrs, "axis", args.tensor(0).rank())?;
        Ok(layout::concat(&tensors, axis)?)
    },
    grad: Gradient::Of(grad),
    flops: |_| 0,
    examples: &[Example {
        about: "a column more",
        code: "concat([tensor([[1, 2], [3, 4]]), tensor([[5], [6]])])",
        answer: "[[1 2 5] [3 4 6]]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// C3: all have the same axes. C4: and the same lengths but along `axis`.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let first = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", first.rank())?;
    let mut dims = first.dims.clone();
    for (slot, fact) in args.many(0).enumerate().skip(1) {
        if fact.rank() != first.rank() {
            let message = format!("{fact} beside {first}: all must have {} axes", first.rank());
            return Err(OpError::new(Code::RankMismatch, message).at("xs"));
        }
        for (other, (a, b)) in first.dims.iter().zip(&fact.dims).enumerate() {
            if other != axis && a != b {
                return Err(rules::mismatch(args, slot, first, fact, a, b));
            }
        }
        dims[axis] = dims[axis].clone() + fact.dims[axis].clone();
    }
    Ok(Fact::new(joined(args)?, dims))
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let axis = rules::axis(g.attrs, "axis", g.fact(g.output).rank())?;
    let mut start = Dim::constant(0);
    let mut gradients = Vec::new();
    for (slot, &input) in g.inputs.to_vec().iter().enumerate() {
        let Some(input) = input else { continue };
        let length = g.fact(input).dims[axis].clone();
        let end = start.clone() + length.clone();
        let part = Attrs::new().int("axis", axis as i64).dims_of("start", [start]).dims_of("length", [length]);
        gradients.push(if g.wanted[slot] { Some(g.op("slice", &[g.gradient], part)?) } else { None });
        start = end;
    }
    Ok(gradients)
}
