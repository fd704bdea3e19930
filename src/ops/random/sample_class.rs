//! `sample_class`: one of the classes of a picture by chance.

use super::shared::streams;
use crate::kernels::draw;
use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "sample_class",
    summary: "Chooses one of the classes that are there, each equally likely.",
    inputs: &[Input::one("tags", "Zeros and ones, `[B, K]`.")],
    params: &[Param::new("place", ParamKind::Int, Preset::Int(0), "Which of the recipe's draws this is.")],
    output: "The class of each picture, `[B]`; 255 where there is none.",
    source: "The target class of OC-CSE (Kweon et al., ICCV 2021), sec. 3.2.",
    nature: Nature::RANDOM,
    infer,
    frame: carry::nowhere,
    eval: |args| Ok(draw::class(args.tensor(0), &streams(args)?)?),
    grad: Gradient::None("a class number does not change with the tags"),
    examples: &[Example {
        about: "where there is one, that one",
        code: "tensor([[0, 0, 1], [1, 0, 0], [0, 0, 0]], \"tags\") |> sample_class",
        answer: "[2 0 255]",
    }],
    ..OpDef::USUAL
};

/// C1: tags are zeros and ones. C2: they have samples and classes.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let help = "give the `tags` of the data, or scores against a limit: `p > 0.5`";
    let tags = crate::ops::rules::truth(args, 0).map_err(|error| error.help(help))?;
    args.expect_rank(0, 2)?;
    let index = Domain::Index { classes: tags.dims[1].clone(), ignore: true };
    Ok(Fact::new(index, tags.dims[..1].to_vec()))
}
