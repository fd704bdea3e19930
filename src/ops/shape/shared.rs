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
                return Err(rules::refused(args, slot, &format!("more like {first}")));
            }
            _ => rules::same_scale(args, 0, first, fact)?,
        }
        domain = domain.join(&fact.domain);
    }
    // Put together, probabilities need not sum to one any more.
    Ok(if domain == Domain::Probability { Domain::Unit } else { domain })
}

/// What all are normalised by.
pub fn same_norms(args: &Infer) -> Option<Norm> {
    let first = args.fact(0).norm;
    first.filter(|_| args.many(0).all(|fact| fact.norm == first))
}
