//! What ops on shapes share.

use crate::ops::prelude::*;
use crate::ops::rules;

/// The domain of tensors put together.
///
/// # Errors
/// C1: all are class numbers of the same classes, or none is. C2: pictures are of one colour scale.
pub fn joined(args: &Infer) -> Result<Domain, OpError> {
    let first = args.fact(0);
    let mut domain = first.domain.clone();
    for (slot, fact) in args.many(0).enumerate().skip(1) {
        match (&first.domain, &fact.domain) {
            (Domain::Index { classes, .. }, Domain::Index { classes: others, .. }) if classes != others => {
                return Err(rules::mismatch(args, slot, first, fact, classes, others));
            }
            (a, b) if a.is_index() != b.is_index() => {
                return Err(rules::refused(args, slot, &format!("beside {first} takes more of the kind")));
            }
            _ => rules::same_scale(args, 0, first, fact)?,
        }
        domain = domain.join(&fact.domain);
    }
    // Put together, probabilities need not sum to one any more.
    Ok(if domain == Domain::Probability { Domain::Unit } else { domain })
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
