//! `sum`: numbers added along axes.

use super::shared::{FOLD, SPREAD, eval, eval_spread, fold_back, infer, spread};
use crate::kernels::reduce::Reduce;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "sum",
    summary: "Adds along axes.",
    source: "Added in double precision.",
    laws: |_| &[Law::SameDims, Law::Zero { slot: 0 }],
    infer: |args| infer(args, total),
    range: numbers,
    eval: |args| eval(Reduce::Sum, args),
    grad: Gradient::Of(|g| spread(g, "sum.grad")),
    examples: &[
        Example { about: "everything", code: "tensor([[1, 2], [3, 4]]) |> sum", answer: "10" },
        Example { about: "one axis", code: "tensor([[1, 2], [3, 4]]) |> sum(axes = 1)", answer: "[3 7]" },
        Example { about: "kept", code: "tensor([[1, 2], [3, 4]]) |> sum(axes = 0, keep = true)", answer: "[[4 6]]" },
    ],
    packing: Packing::Reads,
    ..FOLD
};

pub(super) static GRAD: OpDef = OpDef {
    name: "sum.grad",
    eval: |args| Ok(eval_spread(args)?.0),
    grad: Gradient::Of(|g| fold_back(g, "sum")),
    ..SPREAD
};

fn total(domain: &Domain) -> Domain {
    match domain {
        domain if rules::keeps_role(domain) => domain.clone(),
        domain if domain.is_a(&Domain::NonNegative) => Domain::NonNegative,
        _ => Domain::Real,
    }
}

/// As many times as numbers are added, where that is known.
fn numbers(args: &Infer, _: &Fact) -> Interval {
    let x = args.fact(0);
    let axes = rules::axes(args.attrs, "axes", x.rank()).unwrap_or_default();
    let count = axes.iter().fold(Dim::constant(1), |count, axis| count * x.dims[*axis].clone());
    x.range.sum(count.as_const())
}
