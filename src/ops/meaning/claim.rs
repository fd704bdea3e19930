//! `claim`: the recipe vouches for a domain that the checker cannot see.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "claim",
    summary: "Gives the same numbers another domain.",
    inputs: &[Input::one("x", "Any real tensor.")],
    params: &[Param::required("domain", ParamKind::Word(Domain::WORDS), "What its numbers are known to be.")],
    output: "`x`, number for number.",
    source: "Division by a map's own maximum gives `unit` numbers; no rule on domains alone can tell.",
    nature: Nature::VIEW,
    infer,
    eval: |args| Ok(args.tensor(0).clone()),
    grad: Gradient::Of(|g| Ok(vec![Some(g.gradient)])),
    flops: |_| 0,
    examples: &[Example {
        about: "a map divided by its maximum is `unit`",
        code: "claim(tensor([1, 2]) / 2, \"unit\")",
        answer: "[0.5 1]",
    }],
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
