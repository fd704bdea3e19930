//! `pair_relation`: what labels say of paired pixels.

use super::shared::{RADIUS, SOURCES, TABLE, pairs, table};
use crate::kernels::pairs::{Relation, relation};
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "pair_relation",
    summary: "Marks the pairs of near pixels whose labels stand to each other in a certain way; both are known.",
    inputs: &[Input::one("labels", "Class numbers `[B, h, w]`, 0 the background; 255 is not known.")],
    params: &[
        Param::required(
            "relation",
            ParamKind::Word(&["background", "foreground", "different"]),
            "Both background; both the same other class; two classes.",
        ),
        RADIUS,
        SOURCES,
    ],
    output: TABLE,
    source: "The pairs of the three parts of AffinityNet's loss (Ahn and Kwak, psa, CVPR 2018).",
    infer: |args| {
        rules::index(args, 0)?;
        let labels = args.expect_rank(0, 3)?;
        Ok(Fact::new(Domain::Binary, table(args.attrs, &labels.dims)?))
    },
    frame: carry::kept,
    eval: |args| {
        let wanted = match args.attrs.get_word("relation")? {
            "background" => Relation::Background,
            "foreground" => Relation::Foreground,
            _ => Relation::Different,
        };
        Ok(relation(args.tensor(0), wanted, pairs(args.attrs)?)?.to_dtype(args.context.dtype)?)
    },
    grad: Gradient::None("class numbers have no gradient"),
    examples: &[Example {
        about: "labels 1, 1 above 0, 1: to the right, lower left, below, lower right",
        code: "pair_relation(argmax(tensor([[[[0, 0], [1, 0]], [[1, 1], [0, 1]]]]), axis = 1), relation = \"foreground\", radius = 2, sources = \"all\")",
        answer: "[[[[1 0] [0 0]] [[0 0] [0 0]] [[0 1] [0 0]] [[1 0] [0 0]]]]",
    }],
    ..OpDef::USUAL
};
