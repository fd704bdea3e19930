//! What the pointwise ops share: evaluation by one kernel, and gradients as ops of two inputs.

use crate::kernels::pointwise::{Unary, unary, unary_grad};
use crate::ops::prelude::*;
use crate::ops::rules;

/// The fact of `x` with another domain.
pub fn map(args: &Infer, domain: impl FnOnce(&Domain) -> Domain) -> Result<Fact, OpError> {
    let fact = rules::real(args, 0)?;
    Ok(fact.with_domain(domain(&fact.domain)))
}

pub fn eval(f: Unary, args: &Eval) -> Result<Tensor, OpError> {
    Ok(unary(f, args.tensor(0))?)
}

/// The gradient op `name(gy, y)`.
pub fn from_output(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let gx = g.op(name, &[g.gradient, g.output], g.attrs.clone())?;
    Ok(vec![Some(gx)])
}

/// The gradient op `name(gy, x)`.
pub fn from_input(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let gx = g.op(name, &[g.gradient, g.input(0)], g.attrs.clone())?;
    Ok(vec![Some(gx)])
}

/// Of `name(gy, saved)`, which multiplies by a derivative that is constant but for steps: what flows back to `gy`.
pub fn straight(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let back = g.op(name, &[g.gradient, g.input(1)], g.attrs.clone())?;
    Ok(vec![Some(back), None])
}

/// Of `name(gy, saved)`, which multiplies by a derivative: what flows back to `gy`, and to `saved` by the derivative of that.
/// `bend` is given the product of `gy` with what flows in, and multiplies it by the derivative's own derivative.
pub fn curved(
    g: &mut Grad,
    name: &'static str,
    bend: impl FnOnce(&mut Grad, Ref) -> Result<Ref, OpError>,
) -> Result<Vec<Option<Ref>>, OpError> {
    let mut parts = vec![None, None];
    if g.wanted[0] {
        parts[0] = Some(g.op(name, &[g.gradient, g.input(1)], g.attrs.clone())?);
    }
    if g.wanted[1] {
        let both = g.op("mul", &[g.gradient, g.input(0)], Attrs::new())?;
        parts[1] = Some(bend(g, both)?);
    }
    Ok(parts)
}

/// `x` times a number.
pub fn times(g: &mut Grad, x: Ref, factor: f64) -> Result<Ref, OpError> {
    g.op("affine", &[x], Attrs::new().float("scale", factor))
}

const GRADIENT_INPUTS: &[Input] = &[
    Input::one("gy", "The gradient of the result."),
    Input::one("saved", "The argument or the result of the function, whichever its derivative is made of."),
];

/// The internal op that multiplies a gradient by a derivative.
pub const fn gradient(
    name: &'static str,
    params: &'static [Param],
    eval: fn(&Eval) -> Result<Tensor, OpError>,
) -> OpDef {
    OpDef {
        name,
        summary: "Multiplies a gradient by a derivative.",
        inputs: GRADIENT_INPUTS,
        params,
        output: "The gradient of the argument.",
        nature: Nature::POINTWISE.internal(),
        laws: |_| &[Law::Zero { slot: 0 }],
        infer: |args| Ok(Fact::new(Domain::Real, args.fact(0).dims.clone())),
        eval,
        ..OpDef::USUAL
    }
}

pub fn eval_grad(f: Unary, args: &Eval) -> Result<Tensor, OpError> {
    Ok(unary_grad(f, args.tensor(0), args.tensor(1))?)
}

/// `log(1 + exp(x))`, of a bound.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
