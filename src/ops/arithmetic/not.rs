//! `not`: where something does not hold.

use crate::kernels::pointwise::{Unary, unary};
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "not",
    summary: "1 where `x` is 0, and the other way round; written `not x`.",
    inputs: &[Input::one("x", "Zeros and ones.")],
    output: "As large as `x`.",
    nature: Nature::POINTWISE,
    laws: |_| &[Law::Involution],
    infer: |args| Ok(rules::truth(args, 0)?.with_domain(Domain::Binary)),
    eval: |args| Ok(unary(Unary::Affine { scale: -1.0, shift: 1.0 }, args.tensor(0))?),
    grad: Gradient::None("a truth jumps, and is flat elsewhere"),
    examples: &[Example { about: "what is left", code: r#"not tensor([1, 0], "binary")"#, answer: "[0 1]" }],
    ..OpDef::USUAL
};
