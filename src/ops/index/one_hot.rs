//! `one_hot`: a channel for each class.

use crate::kernels::indexing;
use crate::ops::prelude::*;
use crate::ops::rules::{self, length};

pub(super) static OP: OpDef = OpDef {
    name: "one_hot",
    summary: "Makes a channel of each class: 1 where the class is, 0 elsewhere.",
    inputs: &[Input::one("index", "Class numbers; where one is not known (255) all channels are 0.")],
    params: &[
        Param::new(
            "classes",
            ParamKind::Dim,
            Preset::Absent,
            "How many there are; as many as are counted if left out.",
        ),
        Param::new("axis", ParamKind::Int, Preset::Int(1), "Where the new axis of the classes is."),
    ],
    output: "Zeros and ones, one axis more.",
    infer,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, result.rank()), result),
    eval: |args| {
        let axis = rules::axis(args.attrs, "axis", args.tensor(0).rank() + 1)?;
        Ok(indexing::one_hot(args.tensor(0), args.shape()?[axis], axis, args.context.dtype)?)
    },
    grad: Gradient::None("class numbers have no gradient"),
    examples: &[Example {
        about: "two of three classes",
        code: r#"tensor([[1, 0, 0], [0, 0, 1]]) |> argmax |> one_hot"#,
        answer: "[[1 0 0] [0 0 1]]",
    }],
    ..OpDef::USUAL
};

/// C1: `classes` are those that are counted.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (index, classes) = rules::index(args, 0)?;
    if let Some(asked) = length(args.attrs, "classes")?
        && asked != *classes
    {
        let wanted = index.with_domain(Domain::Index { classes: asked.clone(), ignore: true });
        return Err(rules::mismatch(args, 0, &wanted, index, &asked, classes));
    }
    let axis = rules::axis(args.attrs, "axis", index.rank() + 1)?;
    let mut dims = index.dims.clone();
    dims.insert(axis, classes.clone());
    Ok(Fact::new(Domain::Binary, dims))
}
