//! `pair_affinity`: how alike the features of paired pixels are.

use super::shared::{PARAMS, TABLE, pairs, table};
use crate::kernels::pairs;
use crate::ops::prelude::*;
use crate::ops::window::planes;

pub(super) static OP: OpDef = OpDef {
    name: "pair_affinity",
    summary: "How alike the features of each two pixels are that are near each other.",
    inputs: &[Input::one("x", "Features, `[B, C, h, w]`.")],
    params: PARAMS,
    output: TABLE,
    source: "`exp(-mean |f_i - f_j|)` over the channels: AffinityNet (Ahn and Kwak, psa, CVPR 2018); the mean is the released code's.",
    infer: |args| {
        let x = planes(args, 0)?;
        Ok(Fact::new(Domain::Unit, table(args.attrs, &x.dims)?))
    },
    frame: carry::kept,
    eval: |args| Ok(pairs::affinity(args.tensor(0), pairs(args.attrs)?)?),
    // Of exp(-d): minus itself, times the gradient of d.
    grad: Gradient::Of(|g| {
        let (x, affinity) = (g.input(0), g.output);
        let weighed = g.op("mul", &[g.gradient, affinity], Attrs::new())?;
        let weighed = g.op("neg", &[weighed], Attrs::new())?;
        Ok(vec![Some(g.op("pair_distance.grad", &[weighed, x], g.attrs.clone())?)])
    }),
    flops: |cost| 3 * (cost.output.iter().product::<usize>() * channels(cost)) as u64,
    examples: &[
        Example {
            about: "to the right, and to the three below; exp(-1) where they differ by 1",
            code: "pair_affinity(tensor([[[[0, 1], [0, 1]]]]), radius = 2, sources = \"all\")",
            answer: "[[[[0.3679 0] [0.3679 0]] [[0 0.3679] [0 0]] [[1 1] [0 0]] [[0.3679 0] [0 0]]]]",
        },
        Example {
            about: "the first and last column and the last row begin no pair",
            code: "pair_affinity(tensor([[[[0, 1, 1], [0, 1, 3]]]]), radius = 2)",
            answer: "[[[[0 1 0] [0 0 0]] [[0 0.3679 0] [0 0 0]] [[0 1 0] [0 0 0]] [[0 0.1353 0] [0 0 0]]]]",
        },
    ],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "pair_distance.grad",
    summary: "Sends a gradient of the pairs' distances back to the features.",
    inputs: &[Input::one("gy", "The gradient of the distances."), Input::one("x", "The features.")],
    params: PARAMS,
    output: "The gradient of `x`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    eval: |args| Ok(pairs::distance_grad(args.tensor(0), args.tensor(1), pairs(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let along = g.op("pair_distance.along", &[g.input(1), g.gradient], g.attrs.clone())?;
        Ok(vec![Some(along), None])
    }),
    flops: |cost| {
        4 * cost.inputs.iter().flatten().next().map_or(0, |gy| gy.iter().product::<usize>() * channels(cost)) as u64
    },
    ..OpDef::USUAL
};

pub(super) static ALONG: OpDef = OpDef {
    name: "pair_distance.along",
    summary: "How the pairs' distances change as the features move.",
    inputs: &[Input::one("x", "The features."), Input::one("v", "How they move.")],
    params: PARAMS,
    output: "The change of each distance.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 1 }],
    infer: |args| Ok(Fact::new(Domain::Real, table(args.attrs, &args.fact(0).dims)?)),
    eval: |args| Ok(pairs::distance_along(args.tensor(0), args.tensor(1), pairs(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let gv = g.op("pair_distance.grad", &[g.gradient, g.input(0)], g.attrs.clone())?;
        Ok(vec![None, Some(gv)])
    }),
    flops: |cost| 3 * (cost.output.iter().product::<usize>() * channels(cost)) as u64,
    ..OpDef::USUAL
};

/// Of the features, which every op here has last or alone.
fn channels(cost: &Cost) -> usize {
    cost.inputs.iter().flatten().next_back().map_or(0, |x| x[1])
}
