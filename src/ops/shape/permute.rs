//! `permute`: the axes in another order.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "permute",
    summary: "Puts the axes in another order.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[Param::required("axes", ParamKind::Axes, "The old axes in their new order, each once.")],
    output: "As many numbers in another order.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: permuted,
    norm: carry::same_norm,
    eval: |args| Ok(layout::permute(args.tensor(0), &order(args.attrs, args.tensor(0).rank())?)?),
    grad: Gradient::Of(grad),
    flops: |_| 0,
    examples: &[Example {
        about: "rows become columns",
        code: "tensor([[1, 2, 3], [4, 5, 6]]) |> permute([1, 0])",
        answer: "[[1 4] [2 5] [3 6]]",
    }],
    ..OpDef::USUAL
};

/// C1: each axis is named once.
fn order(attrs: &Attrs, rank: usize) -> Result<Vec<usize>, OpError> {
    let named = attrs.get_ints("axes")?;
    let all = rules::axes(attrs, "axes", rank)?;
    if all.len() != rank {
        let message = format!("`axes` names {} of {rank} axes", all.len());
        return Err(OpError::new(Code::RankMismatch, message).at("axes"));
    }
    Ok(named.iter().map(|&axis| if axis < 0 { axis + rank as i64 } else { axis } as usize).collect())
}

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let order = order(args.attrs, x.rank())?;
    Ok(x.with_dims(order.into_iter().map(|axis| x.dims[axis].clone()).collect()))
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let order = order(g.attrs, g.fact(g.output).rank())?;
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, &old)| back[old] = new as i64);
    let gx = g.op("permute", &[g.gradient], Attrs::new().ints("axes", back))?;
    Ok(vec![Some(gx)])
}

/// Where the last two axes stay the last two.
fn permuted(args: &Infer, result: &Fact) -> Frame {
    let rank = result.rank();
    match order(args.attrs, rank) {
        Ok(order) if order.iter().enumerate().skip(rank.saturating_sub(2)).all(|(i, axis)| i == *axis) => {
            carry::kept(args, result)
        }
        _ => carry::lost(args, result),
    }
}
