//! `half`: numbers of half precision.

use half::f16;

use super::shared::{eval, map};
use crate::kernels::pointwise::Unary;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "half",
    summary: "The nearest number of half precision: eleven binary digits, up to 65,504 in size, beyond which it is infinite.",
    inputs: &[Input::one("x", "Any numbers.")],
    output: "As large as `x`. Maps of such numbers take half the room where they are saved.",
    source: "IEEE 754, binary16.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| map(args, |domain| if *domain == Domain::Probability { Domain::Unit } else { domain.clone() }),
    range: |args, _| args.fact(0).range.rising(|x| f16::from_f64(x).to_f64()),
    norm: carry::same_norm,
    eval: |args| eval(Unary::Half, args),
    grad: Gradient::None("a rounded number does not change with what it was rounded from"),
    examples: &[Example { about: "a third", code: "tensor([0.5, 0.33333]) |> half", answer: "[0.5 0.3333]" }],
    ..OpDef::USUAL
};
