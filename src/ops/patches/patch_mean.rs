//! `patch_mean`: maps made even over patches.

use super::shared::patches;
use crate::kernels;
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

pub(super) static OP: OpDef = OpDef {
    name: "patch_mean",
    summary: "Gives every pixel the mean of its patch, map by map.",
    inputs: &[
        Input::one("x", "Maps `[B, C, H, W]`."),
        Input::one("patches", "Patches of the same pictures, `[B, H, W]`."),
    ],
    output: "As large as `x`.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::kept,
    eval: |args| Ok(kernels::patches::mean(args.tensor(0), args.tensor(1))?),
    // A mean over a patch, spread over it: its own transpose.
    grad: Gradient::Of(|g| {
        let gx = g.op("patch_mean", &[g.gradient, g.input(1)], Attrs::new())?;
        Ok(vec![Some(gx), None])
    }),
    flops: |cost| 2 * cost.output.iter().product::<usize>() as u64,
    examples: &[Example {
        about: "cells of two: the third column is alone",
        code: "patch_mean(tensor([[[[1, 3, 5]]]]), grid_patches(tensor([[[[0, 0, 0]]]]), cells = [2]))",
        answer: "[[[[2 2 5]]]]",
    }],
    host: Some("it sums over patches, whose pixels lie apart"),
    ..OpDef::USUAL
};

/// C1: maps. C2: patches of the same pictures.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = planes(args, 0)?;
    let (patches, _) = patches(args, 1)?;
    for (a, b) in [(0, 0), (2, 1), (3, 2)].map(|(own, other)| (&x.dims[own], &patches.dims[other])) {
        if a != b {
            return Err(rules::mismatch(args, 1, x, patches, a, b));
        }
    }
    let domain = match &x.domain {
        Domain::Probability => Domain::Probability,
        domain if rules::keeps_role(domain) => domain.clone(),
        domain => rules::within(rules::range(domain)),
    };
    Ok(Fact::new(domain, x.dims.clone()))
}
