//! `where`: one of two numbers, by a third.

use crate::kernels::broadcast::select;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "where",
    summary: "`a` where the condition holds, `b` elsewhere.",
    inputs: &[
        Input::one("condition", "Zeros and ones."),
        Input::one("a", "What is taken where the condition is 1."),
        Input::one("b", "What is taken where it is 0; class numbers if `a` is."),
    ],
    output: "The shape all three are broadcast to.",
    source: "What is not taken gets no gradient, not even one that is not a number.",
    nature: Nature::POINTWISE,
    infer,
    range: |args, _| args.fact(1).range.union(args.fact(2).range),
    norm: |args| args.fact(1).norm.filter(|norm| Some(*norm) == args.fact(2).norm),
    eval: |args| Ok(select(args.tensor(0), args.tensor(1), args.tensor(2))?),
    grad: Gradient::Of(grad),
    examples: &[Example {
        about: "place by place",
        code: r#"where(tensor([1, 0], "binary"), tensor([1, 2]), tensor([10, 20]))"#,
        answer: "[1 20]",
    }],
    ..OpDef::USUAL
};

/// C1: both are class numbers of the same classes, or neither is. C2: all shapes are broadcast together.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    rules::truth(args, 0)?;
    let (a, b) = (args.fact(1), args.fact(2));
    match (&a.domain, &b.domain) {
        (Domain::Index { classes, .. }, Domain::Index { classes: others, .. }) if classes != others => {
            return Err(rules::mismatch(args, 2, a, b, classes, others));
        }
        (Domain::Index { .. }, Domain::Index { .. }) => {}
        (Domain::Index { .. }, _) => return Err(rules::refused(args, 2, "class numbers on both sides")),
        _ => {
            rules::real(args, 2)?;
            rules::same_scale(args, 2, a, b)?;
        }
    }
    let domain = match a.domain.join(&b.domain) {
        // Mixed entry by entry, probabilities need not sum to one any more.
        Domain::Probability => Domain::Unit,
        domain => domain,
    };
    let inner = rules::broadcast(args, 0, 1)?;
    let dims = rules::broadcast_dims(args, 2, &a.with_dims(inner), b)?;
    Ok(Fact::new(domain, dims))
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (condition, a, b) = (g.input(0), g.input(1), g.input(2));
    let zero = g.build.scalar(0.0);
    let mut gradients = vec![None; 3];
    if g.wanted[1] {
        let taken = g.op("where", &[condition, g.gradient, zero], Attrs::new())?;
        gradients[1] = Some(g.sum_to(taken, a)?);
    }
    if g.wanted[2] {
        let taken = g.op("where", &[condition, zero, g.gradient], Attrs::new())?;
        gradients[2] = Some(g.sum_to(taken, b)?);
    }
    Ok(gradients)
}
