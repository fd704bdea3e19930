//! What `softmax` and `log_softmax` share.

use crate::ops::prelude::*;
use crate::ops::rules;

const AXIS: Param = Param::new("axis", ParamKind::Int, Preset::Int(1), "The axis of the classes.");

pub const SCORES: OpDef = OpDef {
    inputs: &[Input::one("x", "Scores; not probabilities.")],
    params: &[AXIS],
    frame: carry::kept,
    mixes: |args| carry::along_batch(args, "axis"),
    // Largest, difference, exponential, sum, quotient.
    flops: |cost| 5 * cost.output.iter().product::<usize>() as u64,
    ..OpDef::USUAL
};

pub fn infer(args: &Infer, domain: Domain) -> Result<Fact, OpError> {
    rules::scores(args)?;
    let x = args.fact(0);
    rules::axis(args.attrs, "axis", x.rank())?;
    Ok(x.with_domain(domain))
}

pub fn axis(args: &Eval) -> Result<usize, OpError> {
    rules::axis(args.attrs, "axis", args.tensor(0).rank())
}

/// `name(gy, y)`.
pub fn grad(g: &mut Grad, name: &'static str) -> Result<Vec<Option<Ref>>, OpError> {
    let gx = g.op(name, &[g.gradient, g.output], g.attrs.clone())?;
    Ok(vec![Some(gx)])
}

pub const GRADIENT: OpDef = OpDef {
    inputs: &[Input::one("gy", "The gradient of the result."), Input::one("y", "The result.")],
    params: &[AXIS],
    output: "The gradient of the scores.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    flops: |cost| 4 * cost.output.iter().product::<usize>() as u64,
    ..OpDef::USUAL
};
