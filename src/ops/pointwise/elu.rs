//! `elu`: the exponential linear unit.

use super::shared::{curved, eval, eval_grad, from_output, gradient, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

const PARAMS: &[Param] = &[Param::new(
    "alpha",
    ParamKind::Float,
    Preset::Float(1.0),
    "What it tends to far below 0, without its sign; above 0.",
)];

pub(super) static OP: OpDef = OpDef {
    name: "elu",
    summary: "Bends what is below 0: `alpha · (exp(x) - 1)`.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: PARAMS,
    output: "As large as `x`, never below `-alpha`.",
    source: "Clevert et al., ICLR 2016.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: numbers,
    eval: |args| eval(bend(args.attrs)?, args),
    grad: Gradient::Of(|g| from_output(g, "elu.grad")),
    examples: &[Example {
        about: "the lower half is bent",
        code: "tensor([-1, 0, 2]) |> elu",
        answer: "[-0.6321 0 2]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    grad: Gradient::Of(|g| {
        curved(g, "elu.grad", |g, both| {
            // The derivative is `y + alpha` below 0 and 1 above.
            let below = g.op("neg", &[g.input(1)], Attrs::new())?;
            g.op("relu.grad", &[both, below], Attrs::new())
        })
    }),
    packing: Packing::Keeps,
    ..gradient("elu.grad", PARAMS, |args| eval_grad(bend(args.attrs)?, args))
};

fn bend(attrs: &Attrs) -> Result<Unary, OpError> {
    Ok(Unary::Elu { alpha: attrs.get_float("alpha")? })
}

/// C1: `alpha` is above 0, or the sign of the result would not tell which side it came from.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let alpha = args.attrs.get_float("alpha")?;
    if alpha.is_nan() || alpha <= 0.0 {
        return Err(OpError::new(Code::OutOfRange, format!("`alpha` must be above 0, it is {alpha}")).at("alpha"));
    }
    map(args, |domain| if domain.is_a(&Domain::NonNegative) { domain.clone() } else { Domain::Real })
}

fn numbers(args: &Infer, _: &Fact) -> Interval {
    let alpha = args.attrs.get_float("alpha").unwrap_or(1.0);
    args.fact(0).range.rising(|x| if x > 0.0 { x } else { alpha * x.exp_m1() })
}
