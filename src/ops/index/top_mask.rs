//! `top_mask`: where the largest numbers of each sample stand.

use super::top_mean::{PARAMS, count, expect_share};
use crate::kernels::topk;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "top_mask",
    summary: "Marks the largest numbers of each sample.",
    inputs: &[Input::one("x", "Any numbers, `[B, …]`.")],
    params: PARAMS,
    output: "As large as `x`: 1 at the largest numbers, 0 elsewhere.",
    source: "Of equal numbers the first count, so that there are always as many as were asked for.",
    infer: |args| {
        let x = rules::real(args, 0)?;
        expect_share(args, x)?;
        Ok(x.with_domain(Domain::Binary))
    },
    frame: carry::kept,
    eval: |args| Ok(topk::top_mask(args.tensor(0), count(args.attrs, args.tensor(0).dims())?)?),
    grad: Gradient::None("which numbers are the largest does not change with them"),
    examples: &[Example {
        about: "the larger half of each row",
        code: "tensor([[1, 4, 2, 3], [9, 0, 0, 0]]) |> top_mask(fraction = 0.5)",
        answer: "[[0 1 0 1] [1 1 0 0]]",
    }],
    ..OpDef::USUAL
};
