//! What the normalisations share.

use crate::ops::prelude::*;
use crate::ops::rules;

pub const X: Input = Input::one("x", "`[B, channels, …]`.");
pub const WEIGHT: Input = Input::optional("weight", "Multiplied with each channel: `[channels]`; 1 if left out.");
pub const BIAS: Input = Input::optional("bias", "Added to each channel: `[channels]`; 0 if left out.");
pub const EPS: Param = Param::new(
    "eps",
    ParamKind::Float,
    Preset::Float(1e-5),
    "Added to the variance, so that a flat channel is not divided by 0; not negative.",
);

/// The fact of `x`. C1: it has channels. C2: `eps` is not negative.
pub fn channels<'a>(args: &Infer<'a>) -> Result<&'a Fact, OpError> {
    let x = rules::real(args, 0)?;
    if x.rank() < 2 {
        return Err(OpError::new(Code::RankMismatch, format!("expected channels, found {x}")).at("x"));
    }
    match args.attrs.get("eps").map(|_| args.attrs.get_float("eps")).transpose()? {
        Some(eps) if !(eps.is_finite() && eps >= 0.0) => {
            Err(OpError::new(Code::OutOfRange, format!("`eps` must not be negative, it is {eps}")).at("eps"))
        }
        _ => Ok(x),
    }
}

/// C3: each of `slots` that is there has one number for each channel of `x`.
pub fn expect_one_a_channel(args: &Infer, x: &Fact, slots: std::ops::Range<usize>) -> Result<(), OpError> {
    for slot in slots {
        if let Some(fact) = args.optional(slot)
            && fact.dims != x.dims[1..2]
        {
            let message = format!("expected one number for each of {} channels, found {fact}", x.dims[1]);
            return Err(OpError::new(Code::DimensionMismatch, message).at(args.op.inputs[slot].name));
        }
    }
    Ok(())
}

/// `[2, channels]`, as statistics and sums by channel are given.
pub fn two_rows(x: &Fact) -> Fact {
    Fact::new(Domain::Real, vec![Dim::constant(2), x.dims[1].clone()])
}

/// Row `row` of a `[2, channels]` node.
pub fn row(g: &mut Grad, node: Ref, row: usize) -> Result<Ref, OpError> {
    let channels = g.fact(node).dims[1].clone();
    let part = Attrs::new().int("axis", 0).dims_of("start", [Dim::from(row)]).dims_of("length", [Dim::constant(1)]);
    let part = g.op("slice", &[node], part)?;
    g.op("reshape", &[part], Attrs::new().dims_of("dims", [channels]))
}

/// `eps` alone, for the gradients.
pub fn eps(g: &Grad) -> Result<Attrs, OpError> {
    Ok(Attrs::new().float("eps", g.attrs.get_float("eps")?))
}

/// Operations: `each` for every number of the first input.
pub fn flops(cost: &Cost, each: u64) -> u64 {
    each * cost.inputs.first().into_iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum::<u64>()
}
