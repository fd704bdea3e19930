//! `stack`: tensors along a new axis.

use super::shared::{joined, same_norms};
use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "stack",
    summary: "Puts tensors of one shape beside each other along a new axis.",
    inputs: &[Input::many("xs", "Tensors of equal shape.")],
    params: &[Param::new("axis", ParamKind::Int, Preset::Int(0), "Where the new axis is.")],
    output: "One axis more, as long as there are tensors.",
    infer,
    range: carry::all_numbers,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, result.rank()), result),
    norm: same_norms,
    eval: |args| {
        let tensors: Vec<&Tensor> = args.many(0).collect();
        let axis = rules::axis(args.attrs, "axis", args.tensor(0).rank() + 1)?;
        Ok(layout::stack(&tensors, axis)?)
    },
    grad: Gradient::Of(grad),
    flops: |_| 0,
    examples: &[Example {
        about: "two rows",
        code: "stack([tensor([1, 2]), tensor([3, 4])])",
        answer: "[[1 2] [3 4]]",
    }],
    ..OpDef::USUAL
};

/// C3: all have the same shape.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let first = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", first.rank() + 1)?;
    let mut count = 0;
    for fact in args.many(0) {
        if fact.dims != first.dims {
            let message = format!("{fact} beside {first}: all must have one shape");
            return Err(OpError::new(Code::DimensionMismatch, message).at("xs"));
        }
        count += 1;
    }
    let mut dims = first.dims.clone();
    dims.insert(axis, Dim::constant(count));
    Ok(Fact::new(joined(args)?, dims))
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let axis = rules::axis(g.attrs, "axis", g.fact(g.output).rank())? as i64;
    let mut gradients = Vec::new();
    for slot in 0..g.inputs.len() {
        let part = Attrs::new().int("axis", axis).dims_of("start", [Dim::from(slot)]).dims_of("length", [Dim::from(1)]);
        gradients.push(match g.wanted[slot] {
            true => {
                let part = g.op("slice", &[g.gradient], part)?;
                Some(g.op("squeeze", &[part], Attrs::new().int("axis", axis))?)
            }
            false => None,
        });
    }
    Ok(gradients)
}
