//! `max`: the largest number along axes.

use super::shared::{FOLD, POINT, eval, eval_point, extreme, infer, point, read_point};
use crate::kernels::reduce::Reduce;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "max",
    summary: "The largest number along axes.",
    source: "The whole gradient goes to the first of equal ones.",
    laws: |_| &[Law::SameDims, Law::Zero { slot: 0 }],
    infer: |args| infer(args, extreme),
    range: carry::same_numbers,
    eval: |args| eval(Reduce::Max, args),
    grad: Gradient::Of(|g| point(g, "max.grad")),
    examples: &[
        Example { about: "of each row", code: "tensor([[1, 3], [5, 0]]) |> max(axes = 1)", answer: "[3 5]" },
        Example { about: "of all", code: "tensor([[1, 3], [5, 0]]) |> max", answer: "5" },
    ],
    ..FOLD
};

pub(super) static GRAD: OpDef = OpDef {
    name: "max.grad",
    eval: |args| eval_point(Reduce::Max, args),
    grad: Gradient::Of(|g| read_point(g, "max.grad")),
    ..POINT
};
