//! `normalize`: normalisation by given statistics, which are not trained.

use super::shared::{BIAS, EPS, WEIGHT, X, channels, eps, expect_one_a_channel, flops, row, two_rows};
use crate::kernels::chain::Link;
use crate::kernels::norm::{self, Channels};
use crate::ops::prelude::*;

const MEAN: Input = Input::one("mean", "Of each channel: `[channels]`; not trained.");
const VARIANCE: Input = Input::one("variance", "Of each channel: `[channels]`; not trained.");

pub(super) static OP: OpDef = OpDef {
    name: "normalize",
    summary: "Normalises each channel by a given mean and variance.",
    inputs: &[X, MEAN, VARIANCE, WEIGHT, BIAS],
    params: &[EPS],
    output: "`(x - mean) / sqrt(variance + eps) * weight + bias`, as large as `x`.",
    source: "Batch normalisation with running statistics (Ioffe and Szegedy, ICML 2015).",
    infer: |args| {
        let x = channels(args)?;
        expect_one_a_channel(args, x, 1..5)?;
        Ok(x.with_domain(Domain::Feature))
    },
    eval: |args| {
        let [x, mean, variance] = [0, 1, 2].map(|slot| args.tensor(slot));
        let eps = args.attrs.get_float("eps")?;
        Ok(norm::normalize(x, mean, variance, args.optional(3), args.optional(4), eps)?)
    },
    chain: Some(Chain {
        slots: &[0],
        link: |args| {
            let (mean, variance, eps) = (args.tensor(1), args.tensor(2), args.attrs.get_float("eps")?);
            Ok(Link::Channels(Channels::normalize(mean, variance, args.optional(3), args.optional(4), eps)?))
        },
    }),
    frame: carry::kept,
    grad: Gradient::Of(grad),
    flops: |cost| flops(cost, 4),
    examples: &[Example {
        about: "two channels, the second scaled and shifted",
        code: "normalize(tensor([[3, 8]]), tensor([1, 2]), tensor([4, 9]), tensor([1, 10]), tensor([0, 5]), eps = 0)",
        answer: "[[1 25]]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (x, mean, variance) = (g.input(0), g.input(1), g.input(2));
    let mut parts = vec![None; g.inputs.len()];
    if g.wanted[0] {
        let weight = g.inputs.get(3).copied().flatten();
        let inputs: Vec<Ref> = [g.gradient, variance].into_iter().chain(weight).collect();
        parts[0] = Some(g.op("normalize.grad_input", &inputs, eps(g)?)?);
    }
    let wanted: Vec<usize> = (3..parts.len()).filter(|&slot| g.wanted[slot]).collect();
    if !wanted.is_empty() {
        let affine = g.op("normalize.grad_affine", &[g.gradient, x, mean, variance], eps(g)?)?;
        for slot in wanted {
            parts[slot] = Some(row(g, affine, slot - 3)?);
        }
    }
    Ok(parts)
}

const GY: Input = Input::one("gy", "The gradient of the result.");

pub(super) static GRAD_AFFINE: OpDef = OpDef {
    name: "normalize.grad_affine",
    summary: "The gradients for weight and bias.",
    inputs: &[GY, X, MEAN, VARIANCE],
    params: &[EPS],
    output: "`[2, channels]`: the weight's, then the bias's.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(two_rows(args.fact(1))),
    eval: |args| {
        let [gy, x, mean, variance] = [0, 1, 2, 3].map(|slot| args.tensor(slot));
        Ok(norm::grad_affine(gy, x, mean, variance, args.attrs.get_float("eps")?)?)
    },
    // Sums of `gy` times what `normalize` makes of `x`, and of `gy`: what flows in weighs and shifts as weight and bias do.
    grad: Gradient::Of(|g| {
        let (gy, x, mean, variance) = (g.input(0), g.input(1), g.input(2), g.input(3));
        let (weight, bias) = (row(g, g.gradient, 0)?, row(g, g.gradient, 1)?);
        let mut parts = vec![None; 4];
        if g.wanted[0] {
            parts[0] = Some(g.op("normalize", &[x, mean, variance, weight, bias], eps(g)?)?);
        }
        if g.wanted[1] {
            parts[1] = Some(g.op("normalize.grad_input", &[gy, variance, weight], eps(g)?)?);
        }
        Ok(parts)
    }),
    flops: |cost| flops(cost, 4),
    packing: Packing::Reads,
    ..OpDef::USUAL
};

pub(super) static GRAD_INPUT: OpDef = OpDef {
    name: "normalize.grad_input",
    summary: "The gradient for the input.",
    inputs: &[GY, VARIANCE, WEIGHT],
    params: &[EPS],
    output: "As large as `gy`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(0).dims.clone())),
    eval: |args| {
        let eps = args.attrs.get_float("eps")?;
        Ok(norm::grad_fixed(args.tensor(0), args.tensor(1), args.optional(2), eps)?)
    },
    chain: Some(Chain {
        slots: &[0],
        link: |args| {
            Ok(Link::Channels(Channels::scale(args.tensor(1), args.optional(2), args.attrs.get_float("eps")?)?))
        },
    }),
    grad: Gradient::Of(|g| {
        let (gy, variance, u) = (g.input(0), g.input(1), g.gradient);
        let weight = g.inputs.get(2).copied().flatten();
        let mut parts = vec![None; g.inputs.len()];
        if g.wanted[0] {
            let inputs: Vec<Ref> = [u, variance].into_iter().chain(weight).collect();
            parts[0] = Some(g.op("normalize.grad_input", &inputs, eps(g)?)?);
        }
        if g.wanted.get(2) == Some(&true) {
            let both = g.op("mul", &[u, gy], Attrs::new())?;
            let scaled = g.op("normalize.grad_input", &[both, variance], eps(g)?)?;
            let rank = g.fact(scaled).rank() as i64;
            let others: Vec<i64> = (0..rank).filter(|axis| *axis != 1).collect();
            parts[2] = Some(g.op("sum", &[scaled], Attrs::new().ints("axes", others))?);
        }
        Ok(parts)
    }),
    flops: |cost| flops(cost, 1),
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
