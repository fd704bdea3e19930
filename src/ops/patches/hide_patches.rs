//! `hide_patches`: which patches of a picture are hidden.

use super::shared::patches;
use crate::kernels::patches::{Hiding, hide};
use crate::ops::prelude::*;
use crate::ops::random::streams;

pub(super) static OP: OpDef = OpDef {
    name: "hide_patches",
    summary: "Chooses patches of each picture by chance.",
    inputs: &[Input::one("patches", "Patches `[B, H, W]`.")],
    params: &[
        Param::new("p", ParamKind::Float, Preset::Float(0.5), "The probability of each patch, from 0 to 1."),
        Param::new(
            "draw",
            ParamKind::Word(&["each", "with_replacement"]),
            Preset::Word("each"),
            "`\"each\"`: every patch for itself, as CPN's paper says; `\"with_replacement\"`: as its released code draws, some numbers twice, so that about 39 of 100 patches are hidden where p is 0.5.",
        ),
        Param::new("place", ParamKind::Int, Preset::Int(0), "Which of the recipe's draws this is."),
    ],
    output: "1 for each patch that is chosen, `[B, N]`; `N` is how many patches a picture may have.",
    source: "CPN (Zhang et al., ICCV 2021).",
    nature: Nature::RANDOM,
    infer: |args| {
        let (patches, most) = patches(args, 0)?;
        let p = args.attrs.get_float("p")?;
        if !(0.0..=1.0).contains(&p) {
            return Err(OpError::new(Code::OutOfRange, format!("`p` must be from 0 to 1, it is {p}")).at("p"));
        }
        Ok(Fact::new(Domain::Binary, vec![patches.dims[0].clone(), most.clone()]))
    },
    frame: carry::nowhere,
    eval: |args| {
        let hiding = if args.attrs.get_word("draw")? == "each" { Hiding::Each } else { Hiding::WithReplacement };
        let (p, most) = (args.attrs.get_float("p")?, args.shape()?[1]);
        Ok(hide(args.tensor(0), most, p, hiding, &streams(args)?, args.context.dtype)?)
    },
    grad: Gradient::None("chance does not depend on any number"),
    examples: &[Example {
        about: "for certain: both, of four there might be",
        code: "hide_patches(argmax(tensor([[[[0, 0]], [[0, 9]], [[0, 0]], [[0, 0]]]]), axis = 1), p = 1)",
        answer: "[[1 1 0 0]]",
    }],
    ..OpDef::USUAL
};
