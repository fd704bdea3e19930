//! `claim`: a narrower domain than could be inferred, checked while it runs.

use crate::kernels::reduce::{Reduce, reduce};
use crate::ops::prelude::*;
use crate::ops::rules;

/// How far rounding may carry a number over the edge of its domain, in parts of the edge.
const SLACK: f64 = 1e-5;

pub(super) static OP: OpDef = OpDef {
    name: "claim",
    summary: "The same numbers, said to be of a narrower domain.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: &[Param::required(
        "domain",
        ParamKind::Word(Domain::WORDS),
        "What is known of them that the types cannot tell, as that a map divided by its maximum is within 0..=1.",
    )],
    output: "`x`, unchanged. A number outside the range of the domain stops the run.",
    nature: Nature::VIEW,
    infer,
    eval,
    grad: Gradient::Of(|g| Ok(vec![Some(g.gradient)])),
    examples: &[Example {
        about: "over its maximum, a map is a unit map",
        code: r#"1 - claim(tensor([1, 2, 4]) / 4, "unit")"#,
        answer: "[0.75 0.5 0]",
    }],
    ..OpDef::USUAL
};

/// C1: real numbers are not claimed to be class numbers.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let word = args.attrs.get_word("domain")?;
    match Domain::from_word(word, &Dim::constant(0)) {
        Some(domain) if !domain.is_index() => Ok(x.with_domain(domain)),
        Some(_) => {
            let message = format!("`claim` does not make class numbers of {x}");
            Err(OpError::new(Code::DomainMismatch, message).at("domain").help("`argmax` makes class numbers of scores"))
        }
        None => Err(OpError::internal(format!("`{word}` is not a domain"))),
    }
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let x = args.tensor(0);
    let (lo, hi) = rules::range(&args.fact.domain);
    if x.elem_count() == 0 || (lo, hi) == (f64::NEG_INFINITY, f64::INFINITY) {
        return Ok(x.clone());
    }
    let axes: Vec<usize> = (0..x.rank()).collect();
    let extreme = |how| -> Result<f64, OpError> {
        Ok(reduce(how, x, &axes, false)?.to_dtype(candle_core::DType::F64)?.to_scalar::<f64>()?)
    };
    for (found, outside) in [(extreme(Reduce::Min)?, lo - SLACK), (extreme(Reduce::Max)?, hi + SLACK)] {
        let beyond = if outside < lo { found < outside } else { found > outside };
        if beyond {
            let word = args.attrs.get_word("domain")?;
            let message = format!("a number is {found}, which is outside of `{word}`, {lo} to {hi}");
            return Err(OpError::new(Code::OutOfRange, message).at("x"));
        }
    }
    Ok(x.clone())
}
