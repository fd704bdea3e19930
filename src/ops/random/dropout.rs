//! `dropout`: single numbers become zero by chance.

use super::shared::{PARAMS, infer, numbers, same, streams};
use crate::kernels::dropout::dropout;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "dropout",
    summary: "Sets numbers to 0 by chance, scaling the others up by as much.",
    inputs: &[Input::one("x", "A batch; its first axis is that of the samples.")],
    params: PARAMS,
    output: "As large as `x`; each number 0 or `x / (1 - p)`.",
    source: "Srivastava et al., JMLR 2014, inverted. A sample loses the same numbers in any batch.",
    nature: Nature::RANDOM,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: numbers,
    frame: carry::kept,
    eval: |args| Ok(dropout(args.tensor(0), args.attrs.get_float("p")?, &streams(args)?)?),
    grad: Gradient::Of(|g| same(g, "dropout")),
    examples: &[Example { about: "nothing is dropped", code: "tensor([[1, 2]]) |> dropout(p = 0)", answer: "[[1 2]]" }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
