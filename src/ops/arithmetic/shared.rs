//! What two-sided ops share.

use crate::kernels::broadcast::{Binary, binary};
use crate::ops::prelude::*;
use crate::ops::rules;

/// The two sides of an op.
pub const SIDES: &[Input] = &[
    Input::one("a", "The left side."),
    Input::one("b", "The right side; its shape and that of `a` are broadcast together."),
];

/// Both sides hold real numbers, of one colour scale if both are pictures.
pub fn map(args: &Infer, domain: impl FnOnce(&Domain, &Domain) -> Domain) -> Result<Fact, OpError> {
    let (a, b) = (rules::real(args, 0)?, rules::real(args, 1)?);
    rules::same_scale(args, 1, a, b)?;
    Ok(Fact::new(domain(&a.domain, &b.domain), rules::broadcast(args, 0, 1)?))
}

/// The side that gives the result its role, where one does: of sums, the only one that has a role or both if it is the same.
pub fn role_of_sum(a: &Domain, b: &Domain) -> Option<Domain> {
    let lasting = |domain: &Domain| rules::keeps_role(domain) || *domain == Domain::Image(Scale::Standardized);
    match (lasting(a), lasting(b)) {
        (true, true) if a == b => Some(a.clone()),
        (true, false) if rules::keeps_role(a) => Some(a.clone()),
        (false, true) if rules::keeps_role(b) => Some(b.clone()),
        _ => None,
    }
}

pub fn eval(f: Binary, args: &Eval) -> Result<Tensor, OpError> {
    Ok(binary(f, args.tensor(0), args.tensor(1))?)
}

/// The side that does not come from a chain.
pub fn other_side<'a>(args: &Eval<'a>) -> &'a Tensor {
    args.optional(0).unwrap_or_else(|| args.tensor(1))
}

/// Both gradients, each summed to the shape of its side; a side that needs none gets none.
pub fn both(
    g: &mut Grad,
    left: impl FnOnce(&mut Grad) -> Result<Ref, OpError>,
    right: impl FnOnce(&mut Grad) -> Result<Ref, OpError>,
) -> Result<Vec<Option<Ref>>, OpError> {
    let (a, b) = (g.input(0), g.input(1));
    let mut gradients = vec![None, None];
    if g.wanted[0] {
        let whole = left(g)?;
        gradients[0] = Some(g.sum_to(whole, a)?);
    }
    if g.wanted[1] {
        let whole = right(g)?;
        gradients[1] = Some(g.sum_to(whole, b)?);
    }
    Ok(gradients)
}
