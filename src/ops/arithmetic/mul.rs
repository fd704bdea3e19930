//! `mul`: a product.

use super::shared::{SIDES, both, eval, map, other_side};
use crate::kernels::broadcast::Binary;
use crate::kernels::chain::Link;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "mul",
    summary: "Multiplies; written `a * b`.",
    inputs: SIDES,
    output: "The shape both are broadcast to. A picture times a unit map is a picture, a unit map times another is one.",
    nature: Nature::POINTWISE,
    laws: |_| {
        &[
            Law::Neutral { slot: 0, value: 1.0 },
            Law::Neutral { slot: 1, value: 1.0 },
            Law::Zero { slot: 0 },
            Law::Zero { slot: 1 },
        ]
    },
    infer: |args| map(args, product),
    range: |args, _| args.fact(0).range.times(args.fact(1).range),
    norm: |args| {
        let truths = |slot: usize| args.fact(slot).domain.is_a(&Domain::Binary);
        args.fact(0).norm.filter(|_| truths(1)).or(args.fact(1).norm.filter(|_| truths(0)))
    },
    eval: |args| eval(Binary::Mul, args),
    chain: Some(Chain { slots: &[0, 1], link: |args| Ok(Link::Mul(other_side(args))) }),
    grad: Gradient::Of(|g| {
        let (a, b) = (g.input(0), g.input(1));
        both(g, |g| g.op("mul", &[g.gradient, b], Attrs::new()), |g| g.op("mul", &[g.gradient, a], Attrs::new()))
    }),
    examples: &[
        Example { about: "number by number", code: "tensor([1, 2]) * tensor([10, 20])", answer: "[10 40]" },
        Example {
            about: "a column by a row",
            code: "tensor([[1], [2]]) * tensor([10, 20])",
            answer: "[[10 20] [20 40]]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

fn product(a: &Domain, b: &Domain) -> Domain {
    let truths = |domain: &Domain| domain.is_a(&Domain::Binary);
    match (a, b) {
        (a, b) if truths(a) && truths(b) => Domain::Binary,
        (picture @ Domain::Image(_), mask) | (mask, picture @ Domain::Image(_))
            if mask.is_a(&Domain::Unit) && !matches!(mask, Domain::Image(_)) =>
        {
            picture.clone()
        }
        (a, b) if rules::keeps_role(a) != rules::keeps_role(b) => {
            if rules::keeps_role(a) {
                a.clone()
            } else {
                b.clone()
            }
        }
        (a, b) if a.is_a(&Domain::Unit) && b.is_a(&Domain::Unit) => Domain::Unit,
        (a, b) if a.is_a(&Domain::NonNegative) && b.is_a(&Domain::NonNegative) => Domain::NonNegative,
        _ => Domain::Real,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_product_is() {
        let picture = Domain::Image(Scale::Standardized);
        assert_eq!(product(&picture, &Domain::Unit), picture);
        assert_eq!(product(&Domain::Tags, &Domain::Binary), Domain::Binary);
        assert_eq!(product(&Domain::Probability, &Domain::Unit), Domain::Unit);
        assert_eq!(product(&Domain::Logit, &Domain::NonNegative), Domain::Logit);
        assert_eq!(product(&Domain::Unit, &Domain::NonNegative), Domain::NonNegative);
        assert_eq!(product(&Domain::Logit, &Domain::Feature), Domain::Real);
    }
}
