//! `felzenszwalb`: patches along the weakest differences.

use super::shared::{number, of_picture, whole};
use crate::kernels::patches::{self, Felzenszwalb};
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "felzenszwalb",
    summary: "Cuts a picture into patches of any size, along its differences.",
    inputs: &[Input::one(
        "image",
        "Pictures `[B, C, H, W]` on any scale: each is brought to 0–1 by its own smallest and largest number.",
    )],
    params: &[
        Param::new("scale", ParamKind::Float, Preset::Float(100.0), "Larger values make larger patches; above 0."),
        Param::new(
            "sigma",
            ParamKind::Float,
            Preset::Float(0.8),
            "Width of the Gaussian that smooths the picture first, in pixels; 0 leaves it.",
        ),
        Param::new("min_size", ParamKind::Int, Preset::Int(20), "Patches of fewer pixels go to a neighbour."),
        Param::new(
            "most",
            ParamKind::Int,
            Preset::Int(1024),
            "How many patches there may be; where there are more, `min_size` is doubled until there are not.",
        ),
    ],
    output: "The number of each pixel's patch, `[B, H, W]`, from 0 and below `most`.",
    source: "Felzenszwalb and Huttenlocher, Efficient Graph-Based Image Segmentation, IJCV 2004; eight neighbours, as scikit-image.",
    infer: |args| {
        let how = how(args.attrs)?;
        of_picture(args, how.most as i64)
    },
    frame: carry::kept,
    eval: |args| Ok(patches::felzenszwalb(args.tensor(0), &how(args.attrs)?)?),
    grad: Gradient::None("patches are numbers"),
    flops: |cost| 400 * cost.output.iter().product::<usize>() as u64,
    // Four edges a pixel, sorted.
    scratch: |cost| 192 * cost.output.iter().skip(1).product::<usize>() as u64,
    examples: &[Example {
        about: "a step in the middle",
        code: "felzenszwalb(tensor([[[[0, 0, 1, 1], [0, 0, 1, 1]]]]), scale = 10, sigma = 0, min_size = 2)",
        answer: "[[[0 0 1 1] [0 0 1 1]]]",
    }],
    host: Some("edges are joined one after the other"),
    ..OpDef::USUAL
};

/// C1: `scale` is above 0. C2: `sigma` is not negative. C3: `most` is at least 1.
fn how(attrs: &Attrs) -> Result<Felzenszwalb, OpError> {
    Ok(Felzenszwalb {
        scale: number(attrs, "scale", false)?,
        sigma: number(attrs, "sigma", true)?,
        min_size: whole(attrs, "min_size", 0)?,
        most: whole(attrs, "most", 1)?,
    })
}
