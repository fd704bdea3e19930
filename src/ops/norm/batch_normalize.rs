//! `batch_normalize`: normalisation by the statistics of the batch itself, with the gradient through them.

use super::shared::{BIAS, EPS, WEIGHT, X, channels, eps, expect_one_a_channel, flops, row, two_rows};
use crate::kernels::norm::{self, channel_stats};
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "batch_normalize",
    summary: "Brings each channel of the batch to mean 0 and variance 1.",
    inputs: &[X, WEIGHT, BIAS],
    params: &[EPS],
    output: "`(x - mean) / sqrt(variance + eps) * weight + bias`, as large as `x`.",
    source: "Ioffe and Szegedy, ICML 2015; the variance is divided by the count. `channel_stats` gives both numbers.",
    infer: |args| {
        let x = channels(args)?;
        expect_one_a_channel(args, x, 1..3)?;
        Ok(x.with_domain(Domain::Feature))
    },
    frame: carry::kept,
    mixes: |_| true,
    eval,
    grad: Gradient::Of(grad),
    parts: Some(parts),
    flops: |cost| flops(cost, 8),
    examples: &[
        Example { about: "one channel", code: "batch_normalize(tensor([[1], [3]]), eps = 0)", answer: "[[-1] [1]]" },
        Example {
            about: "scaled and shifted",
            code: "batch_normalize(tensor([[1, 5], [3, 9]]), tensor([10, 1]), tensor([0, 7]), eps = 0)",
            answer: "[[-10 6] [10 8]]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let x = args.tensor(0);
    let stats = channel_stats(x)?;
    let (mean, variance) = (stats.get(0)?, stats.get(1)?);
    let eps = args.attrs.get_float("eps")?;
    Ok(norm::normalize(x, &mean, &variance, args.optional(1), args.optional(2), eps)?)
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (x, weight) = (g.input(0), g.inputs.get(1).copied().flatten());
    let stats = g.op("channel_stats", &[x], Attrs::new())?;
    let affine = g.op("batch_normalize.grad_affine", &[g.gradient, x, stats], eps(g)?)?;
    let mut parts = vec![None; g.inputs.len()];
    if g.wanted[0] {
        let inputs: Vec<Ref> = [g.gradient, x, stats, affine].into_iter().chain(weight).collect();
        parts[0] = Some(g.op("batch_normalize.grad_input", &inputs, eps(g)?)?);
    }
    for (slot, part) in parts.iter_mut().enumerate().skip(1) {
        if g.wanted[slot] {
            *part = Some(row(g, affine, slot - 1)?);
        }
    }
    Ok(parts)
}

/// The statistics, and a normalisation by them.
fn parts(g: &mut Grad) -> Result<Ref, OpError> {
    let stats = g.op("channel_stats", &[g.input(0)], Attrs::new())?;
    let given = [Some(g.input(0)), Some(row(g, stats, 0)?), Some(row(g, stats, 1)?)];
    let inputs: Vec<Option<Ref>> = given.into_iter().chain(g.inputs[1..].iter().copied()).collect();
    let attrs = eps(g)?;
    g.build.apply(&super::normalize::OP, &inputs, attrs)
}

const GY: Input = Input::one("gy", "The gradient of the result.");
const STATS: Input = Input::one("stats", "`channel_stats` of `x`.");

pub(super) static GRAD_AFFINE: OpDef = OpDef {
    name: "batch_normalize.grad_affine",
    summary: "The gradients for weight and bias.",
    inputs: &[GY, X, STATS],
    params: &[EPS],
    output: "`[2, channels]`: the weight's, then the bias's.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(two_rows(args.fact(1))),
    eval: |args| {
        let stats = args.tensor(2);
        let eps = args.attrs.get_float("eps")?;
        Ok(norm::grad_affine(args.tensor(0), args.tensor(1), &stats.get(0)?, &stats.get(1)?, eps)?)
    },
    flops: |cost| flops(cost, 4),
    packing: Packing::Reads,
    ..OpDef::USUAL
};

pub(super) static GRAD_INPUT: OpDef = OpDef {
    name: "batch_normalize.grad_input",
    summary: "The gradient for the input, through the statistics as well.",
    inputs: &[GY, X, STATS, Input::one("affine", "The gradients for weight and bias."), WEIGHT],
    params: &[EPS],
    output: "As large as `x`.",
    nature: Nature::PLAIN.internal(),
    // `affine` is made of `gy` and zeros with it.
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    eval: |args| {
        let [gy, x, stats, affine] = [0, 1, 2, 3].map(|slot| args.tensor(slot));
        Ok(norm::grad_batch(gy, x, stats, affine, args.optional(4), args.attrs.get_float("eps")?)?)
    },
    flops: |cost| flops(cost, 5),
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
