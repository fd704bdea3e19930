//! `mean`: the average along axes.

use super::shared::{FOLD, SPREAD, eval, eval_spread, fold_back, infer, spread};
use crate::kernels::pointwise::{Unary, unary};
use crate::kernels::reduce::Reduce;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "mean",
    summary: "Averages along axes.",
    source: "Added in double precision. Of no numbers it is not a number.",
    laws: |_| &[Law::SameDims, Law::Zero { slot: 0 }],
    infer: |args| infer(args, average),
    range: carry::same_numbers,
    eval: |args| eval(Reduce::Mean, args),
    grad: Gradient::Of(|g| spread(g, "mean.grad")),
    examples: &[
        Example { about: "everything", code: "tensor([[1, 2], [3, 4]]) |> mean", answer: "2.5" },
        Example { about: "two axes", code: "tensor([[[1, 2], [3, 6]]]) |> mean(axes = [-2, -1])", answer: "[3]" },
    ],
    packing: Packing::Reads,
    ..FOLD
};

pub(super) static GRAD: OpDef = OpDef {
    name: "mean.grad",
    grad: Gradient::Of(|g| fold_back(g, "mean")),
    eval: |args| {
        let (spread, count) = eval_spread(args)?;
        Ok(unary(Unary::Affine { scale: 1.0 / count as f64, shift: 0.0 }, &spread)?)
    },
    ..SPREAD
};

fn average(domain: &Domain) -> Domain {
    if rules::keeps_role(domain) { domain.clone() } else { rules::within(rules::range(domain)) }
}
