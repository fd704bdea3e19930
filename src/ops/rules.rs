//! What ops of several families ask when they infer: which numbers a domain allows, which axes are meant, which shape two
//! tensors are broadcast to.

use crate::ops::prelude::*;
use crate::types::ClassGap;

/// The smallest and the largest number of a domain.
pub fn range(domain: &Domain) -> (f64, f64) {
    let range = domain.range();
    (range.low(), range.high())
}

/// The narrowest domain without a role that allows all numbers from `lo` to `hi`.
pub fn within((lo, hi): (f64, f64)) -> Domain {
    match lo >= 0.0 {
        true if hi <= 1.0 => Domain::Unit,
        true => Domain::NonNegative,
        false => Domain::Real,
    }
}

/// The domain without its role: what is left of `prob` when its channels no longer sum to one.
pub fn roleless(domain: &Domain) -> Domain {
    match domain {
        Domain::Binary | Domain::Tags => Domain::Binary,
        domain => within(range(domain)),
    }
}

/// Scores, features and losses stay what they are when they are scaled, shifted, averaged or summed.
pub fn keeps_role(domain: &Domain) -> bool {
    matches!(domain, Domain::Logit | Domain::Feature | Domain::Loss)
}

/// The domain of `scale · x + shift`.
pub fn affine(domain: &Domain, scale: f64, shift: f64) -> Domain {
    match domain {
        domain if (scale, shift) == (1.0, 0.0) || keeps_role(domain) => domain.clone(),
        // Not: 1 - x.
        Domain::Binary | Domain::Tags if (scale, shift) == (-1.0, 1.0) => Domain::Binary,
        domain => {
            let (lo, hi) = range(domain);
            let (a, b) = (at(lo, scale) + shift, at(hi, scale) + shift);
            within((a.min(b), a.max(b)))
        }
    }
}

/// `scale · bound`, where 0 · infinity is 0: a bound is never reached.
fn at(bound: f64, scale: f64) -> f64 {
    if scale == 0.0 { 0.0 } else { scale * bound }
}

/// The fact of an input that holds real numbers.
pub fn real<'a>(args: &Infer<'a>, slot: usize) -> Result<&'a Fact, OpError> {
    let fact = args.fact(slot);
    if !fact.domain.is_index() {
        return Ok(fact);
    }
    let help = "`one_hot` makes a channel of each class; class numbers are compared with `==`";
    Err(refused(args, slot, "real numbers").help(help))
}

/// The fact of an input that holds class numbers.
pub fn index<'a>(args: &Infer<'a>, slot: usize) -> Result<(&'a Fact, &'a Dim), OpError> {
    let fact = args.fact(slot);
    match &fact.domain {
        Domain::Index { classes, .. } => Ok((fact, classes)),
        _ => Err(refused(args, slot, "class numbers").help("`argmax` makes class numbers of scores")),
    }
}

/// The fact of an input that holds truths.
pub fn truth<'a>(args: &Infer<'a>, slot: usize) -> Result<&'a Fact, OpError> {
    let fact = args.fact(slot);
    if fact.domain.is_a(&Domain::Binary) {
        return Ok(fact);
    }
    Err(refused(args, slot, "zeros and ones").help("a comparison makes them: `x > 0.5`"))
}

/// Scores go in, not what is a probability or its logarithm already.
pub fn scores(args: &Infer) -> Result<(), OpError> {
    let fact = real(args, 0)?;
    match fact.domain {
        Domain::Unit | Domain::Probability | Domain::Binary | Domain::Tags | Domain::LogProbability => {
            let help =
                format!("this is a probability already: leave `{}` out, or apply it to the scores", args.op.name);
            Err(refused(args, 0, "scores").help(help))
        }
        _ => Ok(()),
    }
}

/// "expected scores, found prob[B, K]".
pub fn refused(args: &Infer, slot: usize, expected: &str) -> OpError {
    let message = format!("expected {expected}, found {}", args.fact(slot));
    OpError::new(Code::DomainMismatch, message).at(args.op.inputs[slot.min(args.op.inputs.len() - 1)].name)
}

/// An axis counted from 0, negative from the end, of a tensor of `rank` axes.
///
/// # Errors
/// There is no such axis.
pub fn axis(attrs: &Attrs, name: &'static str, rank: usize) -> Result<usize, OpError> {
    resolve(attrs.get_int(name)?, name, rank)
}

/// The axes of an `Axes` param, ascending; all where it is absent.
///
/// # Errors
/// There is no such axis, or one is named twice.
pub fn axes(attrs: &Attrs, name: &'static str, rank: usize) -> Result<Vec<usize>, OpError> {
    if attrs.get(name).is_none() {
        return Ok((0..rank).collect());
    }
    let named = attrs.get_ints(name)?;
    let mut axes = named.iter().map(|&axis| resolve(axis, name, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    match axes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(OpError::new(Code::OutOfRange, format!("`{name}` has axis {} twice", pair[0])).at(name)),
        None => Ok(axes),
    }
}

fn resolve(axis: i64, name: &'static str, rank: usize) -> Result<usize, OpError> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(counted).ok().filter(|axis| *axis < rank).ok_or_else(|| {
        let message = format!("there is no axis {axis} where there are {rank}");
        let help = format!("axes are counted from 0 to {}, or from -1 back to -{rank}", rank.saturating_sub(1));
        let error = OpError::new(Code::OutOfRange, message).at(name);
        if rank == 0 { error } else { error.help(help) }
    })
}

/// The length of an optional `Dim` param.
pub fn length(attrs: &Attrs, name: &'static str) -> Result<Option<Dim>, OpError> {
    match attrs.get(name) {
        None => Ok(None),
        Some(_) => Ok(attrs.dims(name)?.first().cloned()),
    }
}

/// A length in one run.
pub fn counted(dim: Option<&Dim>, args: &Eval, otherwise: usize) -> Result<usize, OpError> {
    let Some(dim) = dim else { return Ok(otherwise) };
    let value = dim.eval(&args.context.dims)?;
    usize::try_from(value).map_err(|_| OpError::new(Code::OutOfRange, format!("a length of {value} is below zero")))
}

/// The dims two inputs are broadcast to.
///
/// # Errors
/// C1: axes, aligned at the last, are equal or one of them is 1. Where they differ by the background class alone, the
/// message says so.
pub fn broadcast(args: &Infer, left: usize, right: usize) -> Result<Vec<Dim>, OpError> {
    broadcast_dims(args, right, args.fact(left), args.fact(right))
}

/// As [`broadcast`], for facts that need not be inputs; the input at `slot` is to blame.
pub fn broadcast_dims(args: &Infer, slot: usize, left: &Fact, right: &Fact) -> Result<Vec<Dim>, OpError> {
    let one = Dim::constant(1);
    let rank = left.rank().max(right.rank());
    let length = |fact: &Fact, axis: usize| match (axis + fact.rank()).checked_sub(rank) {
        Some(own) => fact.dims[own].clone(),
        None => one.clone(),
    };
    let mut dims = Vec::with_capacity(rank);
    for axis in 0..rank {
        let (a, b) = (length(left, axis), length(right, axis));
        dims.push(match (a.is_one(), b.is_one()) {
            (true, _) => b,
            (_, true) => a,
            _ if a == b => a,
            _ => return Err(mismatch(args, slot, left, right, &a, &b)),
        });
    }
    Ok(dims)
}

/// Two lengths that should be one, of `left` and of the input at `slot`.
pub fn mismatch(args: &Infer, slot: usize, left: &Fact, right: &Fact, a: &Dim, b: &Dim) -> OpError {
    let name = args.op.inputs[slot.min(args.op.inputs.len() - 1)].name;
    let message = format!("{left} and {right} do not go together: {a} against {b}");
    if let Some(gap) = ClassGap::between(a, b) {
        let numbers = left.domain.is_index() && right.domain.is_index();
        return OpError::new(Code::ClassAxisMismatch, message).at(name).help(gap.help(numbers));
    }
    OpError::new(Code::DimensionMismatch, message).at(name)
}

/// Both are pictures of different colour scales.
pub fn same_scale(args: &Infer, slot: usize, left: &Fact, right: &Fact) -> Result<(), OpError> {
    match (&left.domain, &right.domain) {
        (Domain::Image(a), Domain::Image(b)) if a != b => {
            let name = args.op.inputs[slot].name;
            let message = format!("{left} and {right} are pictures of different colour scales");
            Err(OpError::new(Code::ImageScaleMismatch, message).at(name).help("bring both to one scale first"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affine_maps_follow_the_numbers() {
        assert_eq!(affine(&Domain::Unit, -1.0, 1.0), Domain::Unit);
        assert_eq!(affine(&Domain::Tags, -1.0, 1.0), Domain::Binary);
        assert_eq!(affine(&Domain::Image(Scale::Bytes), 1.0 / 255.0, 0.0), Domain::Unit);
        assert_eq!(affine(&Domain::Unit, 2.0, 0.0), Domain::NonNegative);
        assert_eq!(affine(&Domain::LogProbability, -1.0, 0.0), Domain::NonNegative);
        assert_eq!(affine(&Domain::NonNegative, 0.0, 0.5), Domain::Unit);
        assert_eq!(affine(&Domain::Unit, 1.0, -0.5), Domain::Real);
        assert_eq!(affine(&Domain::Logit, -2.0, 1.0), Domain::Logit);
    }
}
