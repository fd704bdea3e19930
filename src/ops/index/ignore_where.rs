//! `ignore_where`: class numbers that are taken back.

use crate::kernels::broadcast::select;
use crate::ops::prelude::*;
use crate::ops::rules;

/// The class number that stands for "not known".
const IGNORE: u32 = 255;

pub(super) static OP: OpDef = OpDef {
    name: "ignore_where",
    summary: "Marks class numbers as not known (255) where a condition holds.",
    inputs: &[
        Input::one("index", "Class numbers."),
        Input::one("condition", "Zeros and ones of the same shape, or one that is broadcast to it."),
    ],
    output: "Class numbers of the same shape, some not known.",
    infer,
    frame: carry::kept,
    eval: |args| {
        let ignore = Tensor::new(IGNORE, args.tensor(0).device())?;
        Ok(select(args.tensor(1), &ignore, args.tensor(0))?)
    },
    grad: Gradient::None("class numbers have no gradient"),
    examples: &[Example {
        about: "the second is not known",
        code: r#"tensor([[0, 1], [1, 0]]) |> argmax |> ignore_where(tensor([0, 1], "binary"))"#,
        answer: "[1 255]",
    }],
    ..OpDef::USUAL
};

/// C1: the condition does not make the shape larger.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (index, classes) = rules::index(args, 0)?;
    let condition = rules::truth(args, 1)?;
    if rules::broadcast(args, 0, 1)? != index.dims {
        let message = format!("{condition} is larger than {index}");
        return Err(OpError::new(Code::DimensionMismatch, message).at("condition"));
    }
    Ok(index.with_domain(Domain::Index { classes: classes.clone(), ignore: true }))
}
