//! `path_affinity`: whether a boundary stands between paired pixels.

use super::shared::{PARAMS, TABLE, pairs, table};
use crate::kernels::pairs;
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

pub(super) static OP: OpDef = OpDef {
    name: "path_affinity",
    summary: "1 minus the strongest boundary on the straight way between each two pixels that are near each other.",
    inputs: &[Input::one("edge", "Boundaries from 0 to 1, `[B, 1, h, w]`.")],
    params: PARAMS,
    output: TABLE,
    source: "IRN (Ahn et al., CVPR 2019); the way holds both ends and each pixel between that is less than 1 away from the line.",
    infer,
    frame: carry::kept,
    eval: |args| Ok(pairs::path_affinity(args.tensor(0), pairs(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let gradient = g.op("neg", &[g.gradient], Attrs::new())?;
        Ok(vec![Some(g.op("path_max.grad", &[gradient, g.input(0)], g.attrs.clone())?)])
    }),
    flops: |cost| 8 * cost.output.iter().product::<usize>() as u64,
    examples: &[Example {
        about: "a wall behind the second pixel: to the right, then two to the right",
        code: "path_affinity(tensor([[[[0, 0.2, 0.9, 0]]]], \"unit\"), radius = 3, sources = \"all\") |> slice(axis = 1, start = 0, length = 2)",
        answer: "[[[[0.8 0.1 0.1 0]] [[0.1 0.1 0 0]]]]",
    }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "path_max.grad",
    summary: "Sends a gradient to the strongest boundary of each way.",
    inputs: &[Input::one("gy", "The gradient of the maxima."), Input::one("edge", "The boundaries.")],
    params: PARAMS,
    output: "The gradient of `edge`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    eval: |args| Ok(pairs::path_grad(args.tensor(0), args.tensor(1), pairs(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let along = g.op("path_max.along", &[g.input(1), g.gradient], g.attrs.clone())?;
        Ok(vec![Some(along), None])
    }),
    ..OpDef::USUAL
};

pub(super) static ALONG: OpDef = OpDef {
    name: "path_max.along",
    summary: "Reads a map where the strongest boundary of each way stands.",
    inputs: &[Input::one("edge", "The boundaries."), Input::one("v", "The map.")],
    params: PARAMS,
    output: "A number for each pair.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 1 }],
    infer: |args| Ok(Fact::new(Domain::Real, table(args.attrs, &args.fact(0).dims)?)),
    eval: |args| Ok(pairs::path_along(args.tensor(0), args.tensor(1), pairs(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let gv = g.op("path_max.grad", &[g.gradient, g.input(0)], g.attrs.clone())?;
        Ok(vec![None, Some(gv)])
    }),
    ..OpDef::USUAL
};

/// C1: maps. C2: numbers from 0 to 1. C3: one channel.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let edge = planes(args, 0)?;
    if !edge.domain.is_a(&Domain::Unit) {
        return Err(rules::refused(args, 0, "boundaries from 0 to 1").help("`sigmoid` makes them of scores"));
    }
    if edge.dims[1].as_const().is_some_and(|channels| channels != 1) {
        let message = format!("`edge` has one channel, this is {edge}");
        return Err(OpError::new(Code::DimensionMismatch, message).at("edge"));
    }
    Ok(Fact::new(Domain::Unit, table(args.attrs, &edge.dims)?))
}
