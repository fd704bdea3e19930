//! `threshold`: what is bright enough.

use crate::kernels::broadcast::{Binary, binary};
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "threshold",
    summary: "1 where a number reaches `at`, 0 below.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: &[Param::required("at", ParamKind::Float, "The lowest number that counts.")],
    output: "Zeros and ones, as large as `x`.",
    nature: Nature::POINTWISE,
    infer: |args| Ok(rules::real(args, 0)?.with_domain(Domain::Binary)),
    range: |args, _| {
        let (x, at) = (args.fact(0).range, args.attrs.get_float("at").unwrap_or(f64::NAN));
        Interval::new(truth(x.low() >= at), truth(x.high() >= at))
    },
    eval: |args| {
        let at = Tensor::new(args.attrs.get_float("at")?, args.tensor(0).device())?.to_dtype(args.tensor(0).dtype())?;
        Ok(binary(Binary::GreaterEqual, args.tensor(0), &at)?)
    },
    grad: Gradient::None("a threshold jumps, and is flat elsewhere"),
    examples: &[Example {
        about: "half of a ramp",
        code: "tensor([0.1, 0.3, 0.5]) |> threshold(0.3)",
        answer: "[0 1 1]",
    }],
    ..OpDef::USUAL
};

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
