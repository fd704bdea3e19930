//! `affine`: a number times `scale` plus `shift`, what arithmetic with literals becomes.

use super::shared::{eval, map};
use crate::kernels::chain::Link;
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "affine",
    summary: "Multiplies by `scale` and adds `shift`; `1 - x` is `affine(x, scale = -1, shift = 1)`.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: &[
        Param::new("scale", ParamKind::Float, Preset::Float(1.0), "What `x` is multiplied by."),
        Param::new("shift", ParamKind::Float, Preset::Float(0.0), "What is added."),
    ],
    output: "As large as `x`; its range follows: `1 - x` of a unit map is a unit map.",
    nature: Nature::POINTWISE,
    laws,
    infer,
    range: |args, _| args.fact(0).range.affine(number(args, "scale"), number(args, "shift")),
    norm: |args| args.fact(0).norm.filter(|_| number(args, "scale") == 1.0 && number(args, "shift") == 0.0),
    eval: |args| {
        let (scale, shift) = (args.attrs.get_float("scale")?, args.attrs.get_float("shift")?);
        eval(Unary::Affine { scale, shift }, args)
    },
    chain: Some(Chain {
        slots: &[0],
        link: |args| {
            let (scale, shift) = (args.attrs.get_float("scale")?, args.attrs.get_float("shift")?);
            Ok(Link::Unary(Unary::Affine { scale, shift }))
        },
    }),
    grad: Gradient::Of(|g| {
        let scale = Attrs::new().float("scale", g.attrs.get_float("scale")?);
        let gx = g.op("affine", &[g.gradient], scale)?;
        Ok(vec![Some(gx)])
    }),
    flops: |cost| 2 * cost.output.iter().product::<usize>() as u64,
    examples: &[
        Example { about: "a line", code: "tensor([0, 1, 2]) |> affine(scale = 3, shift = -1)", answer: "[-1 2 5]" },
        Example { about: "the rest", code: r#"1 - tensor([0, 0.25, 1], "unit")"#, answer: "[1 0.75 0]" },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// `1 · x + 0` is `x`; without a shift zeros stay zeros, and a scale of 0 makes them.
fn laws(attrs: &Attrs) -> &'static [Law] {
    match (attrs.get_float("scale"), attrs.get_float("shift")) {
        (Ok(1.0), Ok(0.0)) => &[Law::SameDims],
        (Ok(0.0), Ok(0.0)) => &[Law::Zeros],
        (_, Ok(0.0)) => &[Law::Zero { slot: 0 }],
        _ => &[],
    }
}

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (scale, shift) = (args.attrs.get_float("scale")?, args.attrs.get_float("shift")?);
    map(args, |domain| rules::affine(domain, scale, shift))
}

fn number(args: &Infer, name: &'static str) -> f64 {
    args.attrs.get_float(name).unwrap_or(f64::NAN)
}
