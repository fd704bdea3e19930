//! `rank_pool`: the mean of a map, its largest numbers weighing most.

use crate::kernels::topk;
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

const DECAY: Param = Param::required(
    "decay",
    ParamKind::Float,
    "What each number weighs, as a part of what the next larger one does: 1 is the mean, 0 the maximum.",
);

pub(super) static OP: OpDef = OpDef {
    name: "rank_pool",
    summary: "The mean of each map, weighed by rank from the largest number down.",
    inputs: &[Input::one("x", "`[B, K, H, W]`.")],
    params: &[DECAY],
    output: "One number a map, `[B, K]`: `sum(decay^i * x_i) / sum(decay^i)`, `x_0` the largest.",
    source: "Global weighted rank pooling (Kolesnikov and Lampert, SEC, ECCV 2016, eq. 3); of equal numbers the first ranks higher.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::nowhere,
    eval: |args| Ok(topk::rank_mean(args.tensor(0), args.attrs.get_float("decay")?)?),
    grad: Gradient::Of(|g| {
        let gx = g.op("rank_pool.grad", &[g.gradient, g.input(0)], g.attrs.clone())?;
        Ok(vec![Some(gx)])
    }),
    flops: |cost| 8 * cost.inputs.iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum::<u64>(),
    examples: &[
        Example {
            about: "half as much from one to the next: (4 + 2/2 + 0/4) / 1.75",
            code: "tensor([[[[2, 4, 0]]]]) |> rank_pool(0.5)",
            answer: "[[2.8571]]",
        },
        Example { about: "all the same: the mean", code: "tensor([[[[2, 4, 0]]]]) |> rank_pool(1)", answer: "[[2]]" },
        Example { about: "the first alone", code: "tensor([[[[2, 4, 0]]]]) |> rank_pool(0)", answer: "[[4]]" },
    ],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "rank_pool.grad",
    summary: "Shares a gradient among the numbers of a map by rank.",
    inputs: &[Input::one("gy", "The gradient of the means."), Input::one("x", "What was pooled.")],
    params: &[DECAY],
    output: "The gradient of `x`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    eval: |args| Ok(topk::rank_mean_grad(args.tensor(0), args.tensor(1), args.attrs.get_float("decay")?)?),
    // Linear in the gradient: what flows back to it is the same weighing of what flows in.
    grad: Gradient::Of(|g| {
        let ones = g.op("affine", &[g.input(0)], Attrs::new().float("scale", 0.0).float("shift", 1.0))?;
        let weights = g.op("rank_pool.grad", &[ones, g.input(1)], g.attrs.clone())?;
        let weighed = g.op("mul", &[g.gradient, weights], Attrs::new())?;
        let sum = g.op("sum", &[weighed], Attrs::new().ints("axes", [2, 3]))?;
        Ok(vec![Some(sum), None])
    }),
    ..OpDef::USUAL
};

/// C1: `decay` is from 0 to 1. C2: maps.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = planes(args, 0)?;
    let decay = args.attrs.get_float("decay")?;
    if !(0.0..=1.0).contains(&decay) {
        let message = format!("`decay` must be from 0 to 1, it is {decay}");
        return Err(OpError::new(Code::OutOfRange, message)
            .at("decay")
            .help("SEC takes 0.996 for the classes that are there"));
    }
    let domain = if rules::keeps_role(&x.domain) { x.domain.clone() } else { rules::within(rules::range(&x.domain)) };
    Ok(Fact::new(domain, x.dims[..2].to_vec()))
}
