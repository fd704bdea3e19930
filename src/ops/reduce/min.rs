//! `min`: the smallest number along axes.

use super::shared::{FOLD, POINT, eval, eval_point, extreme, infer, point, read_point};
use crate::kernels::reduce::Reduce;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "min",
    summary: "The smallest number along axes.",
    source: "The whole gradient goes to the first of equal ones.",
    laws: |_| &[Law::SameDims, Law::Zero { slot: 0 }],
    infer: |args| infer(args, extreme),
    range: carry::same_numbers,
    eval: |args| eval(Reduce::Min, args),
    grad: Gradient::Of(|g| point(g, "min.grad")),
    examples: &[
        Example { about: "of each row", code: "tensor([[1, 3], [5, 0]]) |> min(axes = 1)", answer: "[1 0]" },
        Example { about: "of all", code: "tensor([[1, 3], [5, 0]]) |> min", answer: "0" },
    ],
    ..FOLD
};

pub(super) static GRAD: OpDef = OpDef {
    name: "min.grad",
    eval: |args| eval_point(Reduce::Min, args),
    grad: Gradient::Of(|g| read_point(g, "min.grad")),
    ..POINT
};
