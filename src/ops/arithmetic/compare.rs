//! Comparisons: 1 where one holds, 0 elsewhere. Class numbers are compared with class numbers of the same classes, or with a
//! single number.

use super::shared::SIDES;
use crate::kernels::broadcast::{Binary, binary, to_real};
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static LESS: OpDef = OpDef {
    name: "less",
    summary: "1 where `a` is smaller than `b`; written `a < b`.",
    range: |args, _| decided(args, |a, b| (b.low() > a.high(), b.high() > a.low())),
    eval: |args| eval(Binary::Less, args),
    examples: &[Example { about: "place by place", code: "tensor([1, 2, 3]) < tensor([2, 2, 2])", answer: "[1 0 0]" }],
    ..COMPARISON
};

pub(super) static LESS_EQUAL: OpDef = OpDef {
    name: "less_equal",
    summary: "1 where `a` is not larger than `b`; written `a <= b`.",
    range: |args, _| decided(args, |a, b| (b.low() >= a.high(), b.high() >= a.low())),
    eval: |args| eval(Binary::LessEqual, args),
    examples: &[Example { about: "place by place", code: "tensor([1, 2, 3]) <= tensor([2, 2, 2])", answer: "[1 1 0]" }],
    ..COMPARISON
};

pub(super) static GREATER: OpDef = OpDef {
    name: "greater",
    summary: "1 where `a` is larger than `b`; written `a > b`.",
    range: |args, _| decided(args, |a, b| (a.low() > b.high(), a.high() > b.low())),
    eval: |args| eval(Binary::Greater, args),
    examples: &[Example { about: "with a number", code: "tensor([1, 2, 3]) > 2", answer: "[0 0 1]" }],
    ..COMPARISON
};

pub(super) static GREATER_EQUAL: OpDef = OpDef {
    name: "greater_equal",
    summary: "1 where `a` is not smaller than `b`; written `a >= b`.",
    range: |args, _| decided(args, |a, b| (a.low() >= b.high(), a.high() >= b.low())),
    eval: |args| eval(Binary::GreaterEqual, args),
    examples: &[Example { about: "with a number", code: "tensor([1, 2, 3]) >= 2", answer: "[0 1 1]" }],
    ..COMPARISON
};

pub(super) static EQUAL: OpDef = OpDef {
    name: "equal",
    summary: "1 where both are the same; written `a == b`.",
    range: |args, _| decided(args, |a, b| (a.as_point().is_some() && a == b, a.meet(b).is_some())),
    eval: |args| eval(Binary::Equal, args),
    examples: &[
        Example { about: "place by place", code: "tensor([1, 2, 3]) == tensor([2, 2, 2])", answer: "[0 1 0]" },
        Example { about: "one class", code: "argmax(tensor([[1, 0], [0, 1]])) == 1", answer: "[0 1]" },
    ],
    ..COMPARISON
};

pub(super) static NOT_EQUAL: OpDef = OpDef {
    name: "not_equal",
    summary: "1 where both differ; written `a != b`.",
    range: |args, _| decided(args, |a, b| (a.meet(b).is_none(), !(a.as_point().is_some() && a == b))),
    eval: |args| eval(Binary::NotEqual, args),
    examples: &[Example {
        about: "what is known",
        code: r#"ignore_where(argmax(tensor([[1, 0], [0, 1]])), tensor([0, 1], "binary")) != 255"#,
        answer: "[1 0]",
    }],
    ..COMPARISON
};

const COMPARISON: OpDef = OpDef {
    inputs: SIDES,
    output: "Zeros and ones in the shape both are broadcast to.",
    nature: Nature::POINTWISE,
    infer,
    grad: Gradient::None("a comparison jumps, and is flat elsewhere"),
    ..OpDef::USUAL
};

/// C1: class numbers beside class numbers count the same classes. C2: beside other numbers there is only one of these.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (a, b) = (args.fact(0), args.fact(1));
    match (&a.domain, &b.domain) {
        (Domain::Index { classes, .. }, Domain::Index { classes: others, .. }) if classes != others => {
            return Err(rules::mismatch(args, 1, a, b, classes, others));
        }
        (Domain::Index { .. }, Domain::Index { .. }) => {}
        (Domain::Index { .. }, _) if b.rank() > 0 => {
            return Err(rules::refused(args, 1, "class numbers, or one number"));
        }
        (_, Domain::Index { .. }) if a.rank() > 0 => {
            return Err(rules::refused(args, 0, "class numbers, or one number"));
        }
        _ => rules::same_scale(args, 1, a, b)?,
    }
    Ok(Fact::new(Domain::Binary, rules::broadcast(args, 0, 1)?))
}

fn eval(f: Binary, args: &Eval) -> Result<Tensor, OpError> {
    let real = |slot: usize| {
        let tensor = args.tensor(slot);
        if tensor.dtype().is_float() { Ok(tensor.clone()) } else { to_real(tensor, args.context.dtype) }
    };
    Ok(binary(f, &real(0)?, &real(1)?)?)
}

/// What two ranges say of a comparison: whether it always holds, and whether it ever does.
fn decided(args: &Infer, compare: fn(Interval, Interval) -> (bool, bool)) -> Interval {
    let (always, ever) = compare(args.fact(0).range, args.fact(1).range);
    Interval::new(f64::from(u8::from(always)), f64::from(u8::from(ever)))
}
