//! `grow_seeds`: seeds that take in what is beside them and looks like them.

use super::picture::{labels, pictures};
use crate::kernels::regions::grow;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "grow_seeds",
    summary: "Lets seeds grow over the regions of their class that they touch.",
    inputs: &[
        Input::one("seeds", "Class numbers `[B, H, W]`; 255 is not known."),
        Input::one("claims", "The class that each pixel is taken for, `[B, H, W]`; 255 where for none."),
    ],
    output: "Class numbers: where a region of one claim (corners included) holds a seed of that class, all of it; elsewhere the seeds.",
    source: "One step of DSRG (Huang et al., Weakly-Supervised Semantic Segmentation Network with Deep Seeded Region Growing, CVPR 2018). Where a class grows over a seed of another, it wins.",
    infer: |args| {
        let (seeds, classes) = rules::index(args, 0)?;
        let (claims, others) = rules::index(args, 1)?;
        args.expect_rank(0, 3)?;
        args.expect_rank(1, 3)?;
        if classes != others {
            return Err(rules::mismatch(args, 1, seeds, claims, classes, others));
        }
        if let Some((a, b)) = seeds.dims.iter().zip(&claims.dims).find(|(a, b)| a != b) {
            return Err(rules::mismatch(args, 1, seeds, claims, a, b));
        }
        Ok(seeds.with_domain(Domain::Index { classes: classes.clone(), ignore: true }))
    },
    frame: carry::kept,
    eval: |args| {
        let (seeds, size) = pictures(args.tensor(0))?;
        let (claims, _) = pictures(args.tensor(1))?;
        labels(seeds.iter().zip(&claims).map(|(seeds, claims)| grow(seeds, claims, size)), size)
    },
    grad: Gradient::None("class numbers have no gradient"),
    examples: &[Example {
        about: "what is beside the seed is taken in, what is apart is not",
        code: r#"grow_seeds(ignore_where(argmax(tensor([[[[0, 0, 1, 0]], [[1, 1, 0, 1]]]]), axis = 1), tensor([[[0, 1, 1, 1]]], "binary")), argmax(tensor([[[[0, 0, 1, 0]], [[1, 1, 0, 1]]]]), axis = 1))"#,
        answer: "[[[1 1 255 255]]]",
    }],
    host: Some("regions are grown one pixel after the other"),
    ..OpDef::USUAL
};
