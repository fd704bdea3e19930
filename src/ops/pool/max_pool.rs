//! `max_pool`: the largest number of each window.

use super::shared::{PARAMS, dims, flops, window};
use crate::kernels::pool;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "max_pool",
    summary: "The largest number of each window.",
    inputs: &[Input::one("x", "`[B, channels, H, W]`.")],
    params: PARAMS,
    output: "`[B, channels, floor((H + 2*padding - kernel) / stride) + 1, …]`; rounded up with `ceil`.",
    source: "PyTorch's max_pool2d: the margin never wins; of equal numbers the first one takes the gradient.",
    infer: |args| {
        let domain = &args.fact(0).domain;
        let domain = if rules::keeps_role(domain) { domain.clone() } else { rules::roleless(domain) };
        Ok(Fact::new(domain, dims(args)?))
    },
    range: carry::same_numbers,
    frame: carry::kept,
    eval: |args| Ok(pool::max(args.tensor(0), &window(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let gx = g.op("max_pool.grad", &[g.gradient, g.input(0)], g.attrs.clone())?;
        Ok(vec![Some(gx)])
    }),
    flops,
    examples: &[
        Example {
            about: "two windows",
            code: "tensor([[[[1, 5, 2, 3], [4, 0, 8, 1]]]]) |> max_pool(kernel = 2)",
            answer: "[[[[5 8]]]]",
        },
        Example {
            about: "overlapping windows with a margin",
            code: "tensor([[[[-1, -2, -3, -4]]]]) |> max_pool(kernel = [1, 3], stride = [1, 2], padding = [0, 1])",
            answer: "[[[[-1 -2]]]]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "max_pool.grad",
    summary: "Sends the gradient of each window to its largest number.",
    inputs: &[Input::one("gy", "The gradient of the result."), Input::one("x", "What was pooled.")],
    params: PARAMS,
    output: "As large as `x`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    eval: |args| Ok(pool::max_grad(args.tensor(0), args.tensor(1), &window(args.attrs)?)?),
    flops,
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
