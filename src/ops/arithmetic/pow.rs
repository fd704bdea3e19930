//! `pow`: a number to the power of another.

use super::shared::{SIDES, both, eval, map};
use crate::kernels::broadcast::{Binary, binary, select};
use crate::kernels::pointwise::{Unary, unary};
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "pow",
    summary: "Raises to a power; written `a ^ b`.",
    inputs: SIDES,
    output: "The shape both are broadcast to. Below 0 only a whole power is a number.",
    source: "Where `a` is 0, the gradient of `b` is 0.",
    nature: Nature::POINTWISE,
    infer: |args| map(args, power),
    range: |args, _| args.fact(0).range.pow(args.fact(1).range),
    eval: |args| eval(Binary::Pow, args),
    grad: Gradient::Of(|g| {
        let (a, b, y) = (g.input(0), g.input(1), g.output);
        both(
            g,
            |g| g.op("pow.base", &[g.gradient, a, b], Attrs::new()),
            |g| g.op("pow.exponent", &[g.gradient, a, y], Attrs::new()),
        )
    }),
    flops: |cost| 10 * cost.output.iter().product::<usize>() as u64,
    examples: &[
        Example { about: "a cube", code: "tensor([-1, 2, 3]) ^ 3", answer: "[-1 8 27]" },
        Example { about: "a root", code: "tensor([1, 4, 9]) ^ 0.5", answer: "[1 2 3]" },
        Example { about: "place by place", code: r#"tensor([2, 3], "nonneg") ^ tensor([3, 2])"#, answer: "[8 9]" },
    ],
    ..OpDef::USUAL
};

/// The gradient of the base: `gy · b · a^(b - 1)`.
pub(super) static BASE: OpDef = OpDef {
    name: "pow.base",
    summary: "Sends a gradient to the base of a power.",
    inputs: &[
        Input::one("gy", "The gradient of the power."),
        Input::one("a", "The base."),
        Input::one("b", "The exponent."),
    ],
    eval: |args| {
        let (gy, a, b) = (args.tensor(0), args.tensor(1), args.tensor(2));
        let less = unary(Unary::Affine { scale: 1.0, shift: -1.0 }, b)?;
        let slope = binary(Binary::Mul, &binary(Binary::Pow, a, &less)?, b)?;
        Ok(binary(Binary::Mul, gy, &slope)?)
    },
    grad: Gradient::Of(base_again),
    ..SIDE
};

/// By `gy` the same op; by `a` `gy · b · (b - 1) · a^(b - 2)`, the same op of `gy · b` at the exponent below.
fn base_again(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (gy, a, b, u) = (g.input(0), g.input(1), g.input(2), g.gradient);
    if g.wanted[2] {
        return Err(OpError::new(Code::NoGradient, "the second derivative of a power by its exponent is not known"));
    }
    let mut parts = vec![None; 3];
    if g.wanted[0] {
        parts[0] = Some(g.op("pow.base", &[u, a, b], Attrs::new())?);
    }
    if g.wanted[1] {
        let both = g.op("mul", &[u, gy], Attrs::new())?;
        let scaled = g.op("mul", &[both, b], Attrs::new())?;
        let below = g.op("affine", &[b], Attrs::new().float("shift", -1.0))?;
        let whole = g.op("pow.base", &[scaled, a, below], Attrs::new())?;
        parts[1] = Some(g.sum_to(whole, a)?);
    }
    Ok(parts)
}

/// The gradient of the exponent: `gy · y · log(a)`, 0 where `y` is 0.
pub(super) static EXPONENT: OpDef = OpDef {
    name: "pow.exponent",
    summary: "Sends a gradient to the exponent of a power.",
    inputs: &[
        Input::one("gy", "The gradient of the power."),
        Input::one("a", "The base."),
        Input::one("y", "The power."),
    ],
    eval: |args| {
        let (gy, a, y) = (args.tensor(0), args.tensor(1), args.tensor(2));
        let slope = binary(Binary::Mul, y, &unary(Unary::Log, a)?)?;
        Ok(binary(Binary::Mul, gy, &select(y, &slope, y)?)?)
    },
    ..SIDE
};

const SIDE: OpDef = OpDef {
    output: "The gradient, before it is summed to the shape of its side.",
    nature: Nature::POINTWISE.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(0).dims.clone())),
    flops: |cost| 12 * cost.output.iter().product::<usize>() as u64,
    ..OpDef::USUAL
};

/// Powers of what is never below 0 are never below 0; those of 0..=1 that are not negative stay within.
fn power(a: &Domain, b: &Domain) -> Domain {
    match (a, b) {
        (a, b) if a.is_a(&Domain::Unit) && b.is_a(&Domain::NonNegative) => Domain::Unit,
        (a, _) if a.is_a(&Domain::NonNegative) => Domain::NonNegative,
        _ => Domain::Real,
    }
}
