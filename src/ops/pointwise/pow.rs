//! `pow`: a number to a fixed power.

use super::shared::{eval, eval_grad, from_input, gradient, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

const PARAMS: &[Param] = &[Param::required("exponent", ParamKind::Float, "Any number.")];

pub(super) static OP: OpDef = OpDef {
    name: "pow",
    summary: "Raises to a power; written `x ^ 2`.",
    inputs: &[Input::one("x", "Any numbers; below 0 only a whole power is a number.")],
    params: PARAMS,
    output: "As large as `x`.",
    nature: Nature::POINTWISE,
    infer,
    eval: |args| eval(power(args.attrs)?, args),
    grad: Gradient::Of(|g| from_input(g, "pow.grad")),
    examples: &[
        Example { about: "a cube", code: "tensor([-1, 2, 3]) |> pow(3)", answer: "[-1 8 27]" },
        Example { about: "a root", code: "tensor([1, 4, 9]) ^ 0.5", answer: "[1 2 3]" },
    ],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = gradient("pow.grad", PARAMS, |args| eval_grad(power(args.attrs)?, args));

fn power(attrs: &Attrs) -> Result<Unary, OpError> {
    let exponent = attrs.get_float("exponent")?;
    Ok(if exponent == 2.0 { Unary::Square } else { Unary::Powf { exponent } })
}

/// Even powers and powers of what is never below 0 are never below 0; positive powers of 0..=1 stay within.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let exponent = args.attrs.get_float("exponent")?;
    map(args, |domain| match domain {
        domain if domain.is_a(&Domain::Unit) && exponent > 0.0 => Domain::Unit,
        domain if domain.is_a(&Domain::NonNegative) || exponent % 2.0 == 0.0 => Domain::NonNegative,
        _ => Domain::Real,
    })
}
