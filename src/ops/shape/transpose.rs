//! `transpose`: rows become columns.

use crate::kernels::layout;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "transpose",
    summary: "Exchanges the last two axes.",
    inputs: &[Input::one("x", "Numbers of any kind, at least two axes.")],
    output: "As many numbers in another order.",
    laws: |_| &[Law::Involution, Law::Zero { slot: 0 }],
    infer: |args| {
        let x = args.fact(0);
        Ok(x.with_dims(order(x.rank())?.into_iter().map(|axis| x.dims[axis].clone()).collect()))
    },
    range: carry::same_numbers,
    norm: carry::same_norm,
    eval: |args| Ok(layout::permute(args.tensor(0), &order(args.tensor(0).rank())?)?),
    grad: Gradient::Of(|g| {
        let gx = g.op("transpose", &[g.gradient], Attrs::new())?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example {
        about: "rows become columns",
        code: "tensor([[1, 2, 3], [4, 5, 6]]) |> transpose",
        answer: "[[1 4] [2 5] [3 6]]",
    }],
    ..OpDef::USUAL
};

fn order(rank: usize) -> Result<Vec<usize>, OpError> {
    if rank < 2 {
        let message = format!("`x` must have at least two axes, this has {rank}");
        return Err(OpError::new(Code::RankMismatch, message).at("x"));
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    Ok(order)
}
