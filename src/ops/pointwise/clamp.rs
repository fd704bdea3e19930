//! `clamp`: numbers cut to a range.

use super::shared::{eval, eval_grad, from_input, gradient, map, straight};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

const PARAMS: &[Param] = &[
    Param::new("lo", ParamKind::Float, Preset::Absent, "The lowest number that comes out; without it there is none."),
    Param::new("hi", ParamKind::Float, Preset::Absent, "The highest number that comes out; without it there is none."),
];

pub(super) static OP: OpDef = OpDef {
    name: "clamp",
    summary: "Cuts to `lo..=hi`.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: PARAMS,
    output: "As large as `x`.",
    source: "The gradient on the limits is 1, as in PyTorch.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| match limits(args.attrs) {
        Ok(Unary::Clamp { lo, hi }) if lo <= hi => args.fact(0).range.rising(|x| x.clamp(lo, hi)),
        _ => Interval::ALL,
    },
    norm: carry::same_norm,
    eval: |args| eval(limits(args.attrs)?, args),
    grad: Gradient::Of(|g| from_input(g, "clamp.grad")),
    examples: &[
        Example { about: "both ends", code: "tensor([-1, 0.5, 3]) |> clamp(lo = 0, hi = 1)", answer: "[0 0.5 1]" },
        Example { about: "one end", code: "tensor([0, 0.5]) |> clamp(lo = 0.1)", answer: "[0.1 0.5]" },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| straight(g, "clamp.grad")),
    packing: Packing::Keeps,
    ..gradient("clamp.grad", PARAMS, |args| eval_grad(limits(args.attrs)?, args))
};

fn limits(attrs: &Attrs) -> Result<Unary, OpError> {
    let limit = |name, otherwise| if attrs.get(name).is_some() { attrs.get_float(name) } else { Ok(otherwise) };
    Ok(Unary::Clamp { lo: limit("lo", f64::NEG_INFINITY)?, hi: limit("hi", f64::INFINITY)? })
}

/// C1: `lo` is not above `hi`.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let Unary::Clamp { lo, hi } = limits(args.attrs)? else {
        return Err(OpError::internal("the limits of a clamp"));
    };
    if lo > hi {
        return Err(OpError::new(Code::OutOfRange, format!("`lo` is {lo}, above `hi`, which is {hi}")).at("lo"));
    }
    map(args, |domain| {
        let (low, high) = rules::range(domain);
        if lo <= low && high <= hi {
            return domain.clone();
        }
        let cut = rules::within((low.max(lo), high.min(hi)));
        if cut == Domain::Real { domain.clone() } else { cut }
    })
}
