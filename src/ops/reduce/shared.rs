//! What the folds share.

use crate::kernels::reduce::{self, Reduce, extreme_grad};
use crate::kernels::{broadcast, layout};
use crate::ops::prelude::*;
use crate::ops::rules;

pub const AXES: Param =
    Param::new("axes", ParamKind::Axes, Preset::Absent, "The axes that are folded; all where it is left out.");

pub const PARAMS: &[Param] =
    &[AXES, Param::new("keep", ParamKind::Bool, Preset::Bool(false), "Whether the folded axes stay, with length 1.")];

pub const X: &[Input] = &[Input::one("x", "Any numbers.")];

/// The fields that folds have in common.
pub const FOLD: OpDef = OpDef {
    inputs: X,
    params: PARAMS,
    output: "The axes of `x` that are not folded.",
    frame: folded,
    flops: |cost| cost.inputs.first().into_iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum(),
    ..OpDef::USUAL
};

pub fn infer(args: &Infer, domain: impl FnOnce(&Domain) -> Domain) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let axes = rules::axes(args.attrs, "axes", x.rank())?;
    let keep = args.attrs.get_bool("keep")?;
    let dims = x.dims.iter().enumerate().filter_map(|(axis, dim)| match axes.contains(&axis) {
        true => keep.then(|| Dim::constant(1)),
        false => Some(dim.clone()),
    });
    Ok(Fact::new(domain(&x.domain), dims.collect()))
}

pub fn eval(how: Reduce, args: &Eval) -> Result<Tensor, OpError> {
    let x = args.tensor(0);
    let axes = rules::axes(args.attrs, "axes", x.rank())?;
    Ok(reduce::reduce(how, x, &axes, args.attrs.get_bool("keep")?)?)
}

/// The largest or the smallest of numbers of a domain.
pub fn extreme(domain: &Domain) -> Domain {
    if rules::keeps_role(domain) { domain.clone() } else { rules::roleless(domain) }
}

/// Of a sum or a mean, `name(gy)`: the gradient spread over the axes that were folded.
pub fn spread(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let dims = g.fact(g.input(0)).dims.clone();
    let attrs = folded_axes(g).dims_of("dims", dims);
    let gx = g.op(name, &[g.gradient], attrs)?;
    Ok(vec![Some(gx)])
}

/// Of an extreme, `name(gy, x)`: the gradient at the first extreme, 0 elsewhere.
pub fn point(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let attrs = folded_axes(g);
    let gx = g.op(name, &[g.gradient, g.input(0)], attrs)?;
    Ok(vec![Some(gx)])
}

fn folded_axes(g: &Grad) -> Attrs {
    match g.attrs.get("axes") {
        Some(axes) => Attrs::new().with("axes", axes.clone()),
        None => Attrs::new(),
    }
}

/// Of an op that spreads a gradient: what flows in, folded by `fold` to the shape of the gradient.
pub fn fold_back(g: &mut Grad, fold: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let attrs = folded_axes(g);
    let folded = g.op(fold, &[g.gradient], attrs)?;
    let dims = g.fact(g.input(0)).dims.clone();
    Ok(vec![Some(g.op("reshape", &[folded], Attrs::new().dims_of("dims", dims))?)])
}

/// Of `name(gy, x)`, which sends a gradient to the first extreme: what flows in there, and nothing by `x`, whose extreme stays
/// where it is.
pub fn read_point(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let ones = g.op("affine", &[g.input(0)], Attrs::new().float("scale", 0.0).float("shift", 1.0))?;
    let place = g.op(name, &[ones, g.input(1)], folded_axes(g))?;
    let read = g.op("mul", &[g.gradient, place], Attrs::new())?;
    let attrs = folded_axes(g);
    let sum = g.op("sum", &[read], attrs)?;
    let dims = g.fact(g.input(0)).dims.clone();
    Ok(vec![Some(g.op("reshape", &[sum], Attrs::new().dims_of("dims", dims))?), None])
}

/// The fields of the internal ops that [`spread`] asks for.
pub const SPREAD: OpDef = OpDef {
    summary: "Spreads a gradient over the axes that were folded.",
    inputs: &[Input::one("gy", "The gradient of the fold.")],
    params: &[AXES, Param::required("dims", ParamKind::Dims, "The shape before the fold.")],
    output: "The gradient of what was folded.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.attrs.dims("dims")?.to_vec())),
    ..OpDef::USUAL
};

/// `gy` repeated along the folded axes, and how many numbers each of its own stands for.
pub fn eval_spread(args: &Eval) -> Result<(Tensor, usize), OpError> {
    let dims = args.dims("dims")?;
    let axes = rules::axes(args.attrs, "axes", dims.len())?;
    let mut thin = dims.clone();
    axes.iter().for_each(|&axis| thin[axis] = 1);
    let count = axes.iter().map(|&axis| dims[axis]).product();
    let gy = layout::reshape(args.tensor(0), &thin)?;
    Ok((broadcast::expand(&gy, &dims)?, count))
}

/// The fields of the internal ops that [`point`] asks for.
pub const POINT: OpDef = OpDef {
    summary: "Sends a gradient to the first extreme.",
    inputs: &[Input::one("gy", "The gradient of the fold."), Input::one("x", "What was folded.")],
    params: &[AXES],
    output: "The gradient of what was folded.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    ..OpDef::USUAL
};

pub fn eval_point(how: Reduce, args: &Eval) -> Result<Tensor, OpError> {
    let x = args.tensor(1);
    let axes = rules::axes(args.attrs, "axes", x.rank())?;
    Ok(extreme_grad(how, args.tensor(0), x, &axes)?)
}

/// Without rows and columns there is no place; with one of the two it is not followed.
fn folded(args: &Infer, result: &Fact) -> Frame {
    let rank = args.fact(0).rank();
    let axes = rules::axes(args.attrs, "axes", rank).unwrap_or_default();
    match axes.iter().filter(|axis| **axis + 2 >= rank).count() {
        0 => carry::kept(args, result),
        1 => carry::lost(args, result),
        _ => Frame::Nowhere,
    }
}
