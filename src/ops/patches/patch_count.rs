//! `patch_count`: how many patches a picture is cut into.

use super::shared::patches;
use crate::kernels;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "patch_count",
    summary: "How many patches each picture is cut into: its largest number, and one.",
    inputs: &[Input::one("patches", "Patches `[B, H, W]`.")],
    output: "One number a picture, `[B]`.",
    infer: |args| {
        let (patches, _) = patches(args, 0)?;
        Ok(Fact::new(Domain::NonNegative, patches.dims[..1].to_vec()))
    },
    frame: carry::nowhere,
    eval: |args| Ok(kernels::patches::count(args.tensor(0), args.context.dtype)?),
    grad: Gradient::None("patches are numbers"),
    examples: &[Example {
        about: "four cells",
        code: "tensor([[[[0, 0, 0], [0, 0, 0], [0, 0, 0]]]]) |> grid_patches(cells = [2]) |> patch_count",
        answer: "[4]",
    }],
    ..OpDef::USUAL
};
