//! `random_walk`: maps that spread along affinities.

use crate::kernels::pairs::Pairs;
use crate::kernels::random_walk::random_walk;
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

pub(super) static OP: OpDef = OpDef {
    name: "random_walk",
    summary: "Spreads maps along the affinities of near pixels, by so many steps of a random walk.",
    inputs: &[
        Input::one("scores", "Maps on the grid of the affinities, `[B, K, h, w]`; a map of zeros stays one."),
        Input::one("affinity", "A table of pairs, `[B, P, h, w]`; where it is 0, no way leads."),
    ],
    params: &[
        Param::required(
            "beta",
            ParamKind::Float,
            "The power that affinities are raised to, above 0; psa takes 8, IRN 10.",
        ),
        Param::required(
            "steps",
            ParamKind::Int,
            "How many steps, from 0 to 65536. Code that squares its matrix 8 times means 256.",
        ),
    ],
    output: "As large as `scores`: each number a mean of its map's own.",
    source: "`S T^steps`, `T` the affinities to the power beta, 1 from each pixel to itself, each column over its sum (Ahn and Kwak, psa, CVPR 2018).",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::kept,
    eval,
    grad: Gradient::None("maps are refined before anything learns from them, and stored"),
    flops: |cost| {
        let steps = cost.attrs.get_int("steps").unwrap_or(0).max(0) as f64;
        let products = steps.min(6.0 * steps.sqrt()) as u64;
        let planes = cost.inputs.iter().flatten().nth(1).map_or(0, |affinity| affinity[1]) as u64;
        4 * cost.output.iter().product::<usize>() as u64 * planes * products
    },
    // The weights with their margins; of the three maps that walk together the last two products and the sum.
    scratch: |cost| {
        let planes = cost.inputs.iter().flatten().nth(1).map_or(0, |affinity| affinity[1]);
        let area: usize = cost.output.iter().skip(2).product();
        (2 * (planes + 9) * area * cost.real) as u64
    },
    examples: &[
        Example {
            about: "one step: a third of its own and of both its neighbours",
            code: "random_walk(tensor([[[[6, 0, 0]]]]), pair_affinity(tensor([[[[1, 1, 1]]]]), radius = 2, sources = \"all\"), beta = 8, steps = 1)",
            answer: "[[[[3 2 0]]]]",
        },
        Example {
            about: "no step",
            code: "random_walk(tensor([[[[6, 0, 0]]]]), pair_affinity(tensor([[[[1, 1, 1]]]]), radius = 2), beta = 8, steps = 0)",
            answer: "[[[[6 0 0]]]]",
        },
        Example {
            about: "many steps: every pixel counts by how many it is paired with",
            code: "random_walk(tensor([[[[7, 0, 0]]]]), pair_affinity(tensor([[[[1, 1, 1]]]]), radius = 2, sources = \"all\"), beta = 8, steps = 256)",
            answer: "[[[[2 2 2]]]]",
        },
    ],
    host: Some("a walk over sparse pairs, once a picture"),
    ..OpDef::USUAL
};

/// The most steps: psa takes 256.
const MOST: i64 = 1 << 16;

/// C1: both are maps of one grid. C2: affinities are from 0 to 1. C3: their planes are those of a radius. C4: `beta` is above 0. C5: `steps`
/// is from 0 to 65536.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (scores, affinity) = (planes(args, 0)?, planes(args, 1)?);
    if !affinity.domain.is_a(&Domain::Unit) {
        let help = "`pair_affinity` and `path_affinity` make them of features and of boundaries";
        return Err(rules::refused(args, 1, "affinities from 0 to 1").help(help));
    }
    for axis in [0, 2, 3] {
        let (a, b) = (&scores.dims[axis], &affinity.dims[axis]);
        if a != b {
            let help = "maps walk on the grid of the features: `avg_pool` brings them there";
            return Err(rules::mismatch(args, 1, scores, affinity, a, b).help(help));
        }
    }
    let counted = affinity.dims[1].as_const().and_then(|count| usize::try_from(count).ok());
    if counted.is_some_and(|count| Pairs::of_count(count).is_none()) {
        let message = format!("{} planes are the pairs of no radius", affinity.dims[1]);
        return Err(OpError::new(Code::DimensionMismatch, message).at("affinity"));
    }
    let (beta, steps) = (args.attrs.get_float("beta")?, args.attrs.get_int("steps")?);
    if !(beta > 0.0 && beta.is_finite()) {
        return Err(OpError::new(Code::OutOfRange, format!("`beta` must be above 0, it is {beta}")).at("beta"));
    }
    if !(0..=MOST).contains(&steps) {
        let message = format!("`steps` must be from 0 to {MOST}, it is {steps}");
        return Err(OpError::new(Code::OutOfRange, message).at("steps"));
    }
    let domain = match &scores.domain {
        // Every class walks the same way: what summed to one does so afterwards.
        Domain::Probability => Domain::Probability,
        domain if rules::keeps_role(domain) => domain.clone(),
        domain => rules::within(rules::range(domain)),
    };
    Ok(Fact::new(domain, scores.dims.clone()))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    for (slot, name) in [(0, "scores"), (1, "affinity")] {
        // A single one would be everywhere after a few steps.
        let sum = args.tensor(slot).sum_all()?.to_dtype(candle_core::DType::F64)?.to_scalar::<f64>()?;
        if !sum.is_finite() {
            return Err(OpError::new(Code::NotANumber, format!("`{name}` holds what is no number")).at(name));
        }
    }
    let steps = args.attrs.get_int("steps")?.max(0) as usize;
    Ok(random_walk(args.tensor(0), args.tensor(1), args.attrs.get_float("beta")?, steps)?)
}
