//! `straight_through`: one value forward, another one's gradient backward.

use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "straight_through",
    summary: "Gives `value`, and hands its gradient to `through` as it is.",
    inputs: &[
        Input::one("value", "What comes out, for example a threshold that has no gradient."),
        Input::one("through", "What takes the gradient, as large as `value`."),
    ],
    output: "`value`, unchanged.",
    source: "Bengio et al., 2013 (arXiv 1308.3432), sec. 4.",
    nature: Nature { view: true, ..Nature::POINTWISE },
    infer,
    range: carry::same_numbers,
    norm: carry::same_norm,
    eval: |args| Ok(args.tensor(0).clone()),
    grad: Gradient::Of(|g| Ok(vec![None, Some(g.gradient)])),
    flops: |_| 0,
    examples: &[Example {
        about: "a sharp mask forward, the soft one's gradient backward",
        code: "straight_through(tensor([0.2, 0.7]) > 0.5, tensor([0.2, 0.7]))",
        answer: "[0 1]",
    }],
    ..OpDef::USUAL
};

/// C1: both are real. C2: both have one shape.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (value, through) = (rules::real(args, 0)?, rules::real(args, 1)?);
    if value.rank() != through.rank() {
        let message = format!("{through} cannot take the gradient of {value}");
        return Err(OpError::new(Code::RankMismatch, message).at("through"));
    }
    match value.dims.iter().zip(&through.dims).find(|(a, b)| a != b) {
        Some((a, b)) => Err(rules::mismatch(args, 1, value, through, a, b)),
        None => Ok(value.clone()),
    }
}
