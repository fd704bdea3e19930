//! `channel_stats`: what running statistics are averaged from.

use super::shared::{X, channels, flops, two_rows};
use crate::kernels::norm::channel_stats;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "channel_stats",
    summary: "Mean and variance of each channel over all other axes.",
    inputs: &[X],
    output: "`[2, channels]`: the means, then the variances (divided by the count, not by one less).",
    source: "Added in double precision.",
    infer: |args| Ok(two_rows(channels(args)?)),
    eval: |args| Ok(channel_stats(args.tensor(0))?),
    grad: Gradient::None("running statistics are not trained; `batch_normalize` has a gradient through its own"),
    flops: |cost| flops(cost, 4),
    examples: &[Example {
        about: "two channels of two samples",
        code: "channel_stats(tensor([[[1, 2], [0, 0]], [[3, 6], [0, 4]]]))",
        answer: "[[3 1] [3.5 3]]",
    }],
    packing: Packing::Reads,
    ..OpDef::USUAL
};
