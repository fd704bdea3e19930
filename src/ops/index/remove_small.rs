//! `remove_small`: class maps without specks.

use super::picture::{labels, pictures};
use crate::kernels::regions::{Becomes, without_small};
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "remove_small",
    summary: "Takes away regions of one class that have few pixels.",
    inputs: &[Input::one("labels", "Class numbers `[B, H, W]`; 255 is not known and stays.")],
    params: &[
        Param::required("least", ParamKind::Int, "How many pixels a region must have to stay, at least 1."),
        Param::new(
            "becomes",
            ParamKind::Word(&["neighbour", "background", "ignore"]),
            Preset::Word("neighbour"),
            "What such a region becomes: the class that most of the pixels around it have, which also closes holes; class 0; or 255.",
        ),
    ],
    output: "Class numbers of the same shape. Neighbours are four.",
    infer: |args| {
        let (found, classes) = rules::index(args, 0)?;
        args.expect_rank(0, 3)?;
        least(args.attrs)?;
        let Domain::Index { ignore, .. } = found.domain else { return Err(OpError::internal("class numbers")) };
        let ignore = ignore || args.attrs.get_word("becomes")? == "ignore";
        Ok(found.with_domain(Domain::Index { classes: classes.clone(), ignore }))
    },
    frame: carry::kept,
    eval: |args| {
        let becomes = match args.attrs.get_word("becomes")? {
            "neighbour" => Becomes::Neighbour,
            "background" => Becomes::Label(0),
            _ => Becomes::Label(255),
        };
        let (found, size) = pictures(args.tensor(0))?;
        let least = least(args.attrs)?;
        labels(found.iter().map(|found| without_small(found, size, least, becomes)), size)
    },
    grad: Gradient::None("class numbers have no gradient"),
    examples: &[Example {
        about: "a speck of one pixel",
        code: "tensor([[[[0, 0, 0, 0]], [[0, 1, 0, 0]]]]) |> argmax(axis = 1) |> remove_small(least = 2)",
        answer: "[[[0 0 0 0]]]",
    }],
    host: Some("regions are found one pixel after the other"),
    ..OpDef::USUAL
};

/// C1: `least` is at least 1.
fn least(attrs: &Attrs) -> Result<usize, OpError> {
    let least = attrs.get_int("least")?;
    match usize::try_from(least).ok().filter(|least| *least > 0) {
        Some(least) => Ok(least),
        None => Err(OpError::new(Code::OutOfRange, format!("`least` must be at least 1, it is {least}")).at("least")),
    }
}
