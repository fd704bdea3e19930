//! `claim`: the recipe vouches for a domain that the checker cannot see.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "claim",
    summary: "Gives the same numbers another domain.",
    inputs: &[Input::one("x", "Any real tensor.")],
    params: &[
        Param::required("domain", ParamKind::Word(Domain::WORDS), "What its numbers are known to be."),
        Param::new(
            "per",
            ParamKind::Word(Norm::WORDS),
            Preset::Absent,
            "What a unit map was brought to 0–1 by: the largest number of each map, of each image, of the classes at each pixel, \
             of the batch; `min_max_…` where the smallest was taken off first.",
        ),
        Param::new(
            "frame",
            ParamKind::Word(&["same", "any"]),
            Preset::Word("same"),
            "Whether it lies where `x` lies in the picture, or may stand beside any other view.",
        ),
    ],
    output: "`x`, number for number.",
    source: "Division by a map's own maximum gives `unit` numbers; no rule on domains alone can tell.",
    nature: Nature::VIEW,
    infer,
    range: |args, _| args.fact(0).range,
    frame,
    norm,
    eval: |args| Ok(args.tensor(0).clone()),
    grad: Gradient::Of(|g| Ok(vec![Some(g.gradient)])),
    flops: |_| 0,
    examples: &[Example {
        about: "a map divided by its maximum is `unit`",
        code: "claim(tensor([1, 2]) / 2, \"unit\")",
        answer: "[0.5 1]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let fact = args.fact(0);
    let word = args.attrs.get_word("domain")?;
    match Domain::from_word(word, &Dim::default()) {
        Some(domain) if !domain.is_index() && !fact.domain.is_index() => Ok(fact.with_domain(domain)),
        _ => Err(OpError::new(Code::DomainMismatch, "a claim is about real numbers, not about class numbers")
            .at("x")
            .help("`argmax` makes class numbers, `one_hot` makes reals of them")),
    }
}

fn norm(args: &Infer) -> Option<Norm> {
    match args.attrs.get_word("per") {
        Ok(word) => Norm::from_word(word),
        Err(_) => args.fact(0).norm,
    }
}

fn frame(args: &Infer, result: &Fact) -> Frame {
    match args.attrs.get_word("frame") {
        Ok("any") => carry::lost(args, result),
        _ => carry::kept(args, result),
    }
}
