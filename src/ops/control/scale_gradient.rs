//! `scale_gradient`: the same value, its gradient times a factor.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "scale_gradient",
    summary: "The same value, through which the gradient flows times a factor.",
    inputs: &[Input::one("x", "Real numbers.")],
    params: &[Param::required("factor", ParamKind::Float, "Times the gradient; -1 turns it round, 0 is `stop`.")],
    output: "`x`, unchanged.",
    source: "With -1 the gradient reversal of Ganin and Lempitsky, ICML 2015.",
    nature: Nature { view: true, ..Nature::POINTWISE },
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    norm: carry::same_norm,
    eval: |args| Ok(args.tensor(0).clone()),
    grad: Gradient::Of(|g| {
        let gx = g.op("affine", &[g.gradient], Attrs::new().float("scale", g.attrs.get_float("factor")?))?;
        Ok(vec![Some(gx)])
    }),
    flops: |_| 0,
    examples: &[Example {
        about: "the value is the same",
        code: "tensor([1, 2]) |> scale_gradient(-1)",
        answer: "[1 2]",
    }],
    ..OpDef::USUAL
};

/// C1: the factor is a finite number.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = crate::ops::rules::real(args, 0)?;
    let factor = args.attrs.get_float("factor")?;
    if factor.is_finite() {
        return Ok(x.clone());
    }
    Err(OpError::new(Code::OutOfRange, format!("`factor` must be a finite number, it is {factor}")).at("factor"))
}
