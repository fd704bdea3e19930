//! `channel_dropout`: whole channels become zero by chance.

use super::shared::{PARAMS, infer, numbers, same, streams};
use crate::kernels::dropout::channel_dropout;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "channel_dropout",
    summary: "Sets channels to 0 by chance, scaling the others up by as much.",
    inputs: &[Input::one("x", "`[B, channels, …]`.")],
    params: PARAMS,
    output: "As large as `x`; each channel of a sample 0 or `x / (1 - p)`.",
    source: "Tompson et al., CVPR 2015; PyTorch's Dropout2d. A sample loses the same channels in any batch.",
    nature: Nature::RANDOM,
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        let fact = infer(args)?;
        match fact.rank() {
            0 | 1 => Err(OpError::new(Code::RankMismatch, format!("expected channels, found {fact}")).at("x")),
            _ => Ok(fact),
        }
    },
    range: numbers,
    frame: carry::kept,
    eval: |args| Ok(channel_dropout(args.tensor(0), args.attrs.get_float("p")?, &streams(args)?)?),
    grad: Gradient::Of(|g| same(g, "channel_dropout")),
    examples: &[Example {
        about: "nothing is dropped",
        code: "tensor([[[1, 2], [3, 4]]]) |> channel_dropout(p = 0)",
        answer: "[[[1 2] [3 4]]]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
