//! `pad`: a margin of one value.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules::{self, counted, length};

pub(super) static OP: OpDef = OpDef {
    name: "pad",
    summary: "Adds a margin before and after an axis.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[
        Param::required("axis", ParamKind::Int, "The axis that grows."),
        Param::new("before", ParamKind::Dim, Preset::Absent, "Entries before the first; none if left out."),
        Param::new("after", ParamKind::Dim, Preset::Absent, "Entries after the last; none if left out."),
        Param::new(
            "value",
            ParamKind::Float,
            Preset::Float(0.0),
            "What the margin holds; of class numbers 255 is not known.",
        ),
    ],
    output: "Along the axis longer by the margins.",
    laws,
    infer,
    range: |args, _| {
        let margin = args.attrs.get_float("value").map_or(Interval::ALL, Interval::point);
        args.fact(0).range.union(margin)
    },
    frame: |args, result| carry::beside_axis(args, carry::axis(args, result.rank()), result),
    eval,
    grad: Gradient::Of(grad),
    flops: |_| 0,
    examples: &[Example {
        about: "a zero before, two after",
        code: "tensor([[1, 2]]) |> pad(axis = 1, before = 1, after = 2)",
        answer: "[[0 1 2 0 0]]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// C1: margins are not negative. C2: the margin of class numbers is a class number or 255.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let mut dims = x.dims.clone();
    for name in ["before", "after"] {
        let Some(margin) = length(args.attrs, name)? else { continue };
        if margin.as_const().is_some_and(|margin| margin < 0) {
            return Err(OpError::new(Code::OutOfRange, format!("`{name}` is {margin}, below 0")).at(name));
        }
        dims[axis] = dims[axis].clone() + margin;
    }
    Ok(Fact::new(padded(&x.domain, args.attrs.get_float("value")?)?, dims))
}

fn padded(domain: &Domain, value: f64) -> Result<Domain, OpError> {
    let (lo, hi) = rules::range(domain);
    match domain {
        Domain::Index { classes, .. } if value == 255.0 => Ok(Domain::Index { classes: classes.clone(), ignore: true }),
        Domain::Index { classes, .. } => {
            let known = classes.as_const().is_none_or(|classes| value < classes as f64);
            if value >= 0.0 && value.fract() == 0.0 && known {
                return Ok(domain.clone());
            }
            Err(OpError::new(Code::OutOfRange, format!("{value} is not one of {classes} classes")).at("value"))
        }
        Domain::Probability => Ok(Domain::Unit),
        domain if lo <= value && value <= hi => Ok(domain.clone()),
        _ => Ok(rules::within((lo.min(value), hi.max(value)))),
    }
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let x = args.tensor(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let (mut before, mut after) = (vec![0; x.rank()], vec![0; x.rank()]);
    before[axis] = counted(length(args.attrs, "before")?.as_ref(), args, 0)?;
    after[axis] = counted(length(args.attrs, "after")?.as_ref(), args, 0)?;
    Ok(layout::pad(x, &before, &after, args.attrs.get_float("value")?)?)
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let dims = g.fact(g.input(0)).dims.clone();
    let axis = rules::axis(g.attrs, "axis", dims.len())?;
    let start = length(g.attrs, "before")?.unwrap_or_else(|| Dim::constant(0));
    let length = dims[axis].clone();
    let part = Attrs::new().int("axis", axis as i64).dims_of("start", [start]).dims_of("length", [length]);
    let gx = g.op("slice", &[g.gradient], part)?;
    Ok(vec![Some(gx)])
}

fn laws(attrs: &Attrs) -> &'static [Law] {
    match attrs.get_float("value") {
        Ok(0.0) => &[Law::SameDims, Law::Zero { slot: 0 }],
        _ => &[Law::SameDims],
    }
}
