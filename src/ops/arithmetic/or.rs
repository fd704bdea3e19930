//! `or`: where one of two holds.

use super::shared::{SIDES, eval};
use crate::kernels::broadcast::Binary;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "or",
    summary: "1 where one of them is 1, or both; written `a or b`.",
    inputs: SIDES,
    output: "Zeros and ones in the shape both are broadcast to.",
    nature: Nature::POINTWISE,
    infer,
    eval: |args| eval(Binary::Or, args),
    grad: Gradient::None("a truth jumps, and is flat elsewhere"),
    examples: &[Example {
        about: "place by place",
        code: r#"tensor([1, 1, 0], "binary") or tensor([1, 0, 0], "binary")"#,
        answer: "[1 1 0]",
    }],
    ..OpDef::USUAL
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    rules::truth(args, 0)?;
    rules::truth(args, 1)?;
    Ok(Fact::new(Domain::Binary, rules::broadcast(args, 0, 1)?))
}
