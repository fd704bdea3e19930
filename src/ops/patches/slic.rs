//! `slic`: superpixels.

use super::shared::{number, of_picture, whole};
use crate::kernels::patches::{self, Slic};
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "slic",
    summary: "Cuts a picture into connected patches of one colour, about equally large.",
    inputs: &[Input::one(
        "image",
        "Pictures `[B, C, H, W]` on any scale: each is brought to 0–1 by its own smallest and largest number.",
    )],
    params: &[
        Param::new("segments", ParamKind::Int, Preset::Int(200), "About how many patches, at least 1."),
        Param::new(
            "compactness",
            ParamKind::Float,
            Preset::Float(10.0),
            "How much place counts against colour, above 0: so far in colour is as far as the next patch's centre.",
        ),
        Param::new("iterations", ParamKind::Int, Preset::Int(10), "Rounds of k-means, at least 1."),
        Param::new(
            "lab",
            ParamKind::Bool,
            Preset::Bool(true),
            "Whether the three channels are red, green and blue and are compared in CIE Lab; else as they stand.",
        ),
    ],
    output: "The number of each pixel's patch, `[B, H, W]`, from 0 and below four times `segments`.",
    source: "Achanta et al., SLIC Superpixels Compared to State-of-the-art Superpixel Methods, TPAMI 2012; grid, windows and the sizes of connected patches as in scikit-image. CPN (ICCV 2021) takes 200.",
    infer: |args| {
        let how = how(args.attrs)?;
        of_picture(args, how.most() as i64)
    },
    frame: carry::kept,
    eval: |args| Ok(patches::slic(args.tensor(0), &how(args.attrs)?)?),
    grad: Gradient::None("patches are numbers"),
    flops: |cost| {
        100 * cost.output.iter().product::<usize>() as u64 * cost.attrs.get_int("iterations").unwrap_or(0).max(0) as u64
    },
    scratch: |cost| 16 * cost.output.iter().skip(1).product::<usize>() as u64,
    examples: &[Example {
        about: "two patches of one colour each",
        code: "slic(tensor([[[[0, 0, 1, 1], [0, 0, 1, 1]]]]), segments = 2)",
        answer: "[[[0 0 1 1] [0 0 1 1]]]",
    }],
    host: Some("patches are joined one after the other"),
    ..OpDef::USUAL
};

/// C1: `segments` and `iterations` are at least 1. C2: `compactness` is above 0.
fn how(attrs: &Attrs) -> Result<Slic, OpError> {
    Ok(Slic {
        segments: whole(attrs, "segments", 1)?,
        compactness: number(attrs, "compactness", false)?,
        iterations: whole(attrs, "iterations", 1)?,
        lab: attrs.get_bool("lab")?,
    })
}
