//! What is held against a tensor op beyond its types: the numbers that meet in it, and where in the picture they lie.
//!
//! Comes in: an op about to be applied, and then its node. Goes out: refusals, warnings, and a result whose type says what its
//! numbers prove. Only what is certain is refused; what is not known is no mistake.

mod numbers;
mod own_maximum;
mod views;

use crate::graph::Id;
use crate::lower::Lower;
use crate::ops::{self, Attrs, OpDef};
use crate::source::Span;
use crate::types::{Dim, Domain, Fact};

/// An op as the recipe uses it.
pub(super) struct Use<'a> {
    pub op: &'static OpDef,
    pub inputs: &'a [Option<Id>],
    /// Where each input is written.
    pub spans: &'a [Span],
    pub span: Span,
}

impl<'p> Lower<'p, '_> {
    /// Whether the op may be applied; a refusal has been reported then.
    pub(super) fn may_apply(&mut self, it: &Use) -> bool {
        self.shows_one_view(it.op.written(), it.inputs, it.spans, it.op.nature.pointwise) && self.masks_with_unit(it)
    }

    /// Warns of what the numbers of a new node tell, and gives the node with the type they prove.
    pub(super) fn applied(&mut self, it: &Use, id: Id) -> Id {
        if self.is_own(it.span) {
            self.warn_of_numbers(it, id);
        }
        self.narrowed(it, id)
    }

    /// Numbers without a meaning of their own take the narrowest type that holds them: the mean of two unit maps is a unit map.
    fn narrowed(&mut self, it: &Use, id: Id) -> Id {
        let divided = self.divided_by_own_maximum(it);
        let Some(step) = &mut self.step else { return id };
        let fact = &step.graph.node(id).fact;
        let mut attrs = Attrs::new();
        match (divided, &fact.domain) {
            (Some(norm), Domain::Real | Domain::NonNegative | Domain::Unit) => {
                attrs = attrs.word("domain", "unit").word("per", norm.to_string());
            }
            (None, Domain::Real | Domain::NonNegative) if fact.fits(&Domain::Unit) => {
                attrs = attrs.word("domain", "unit")
            }
            (None, Domain::Real) if fact.fits(&Domain::NonNegative) => attrs = attrs.word("domain", "nonneg"),
            _ => return id,
        }
        let origin = step.graph.node(id).origin.clone();
        let claim = ops::find("claim").and_then(|claim| step.graph.apply(claim, &[Some(id)], attrs, origin).ok());
        claim.unwrap_or(id)
    }

    pub(super) fn fact(&self, id: Id) -> Option<&Fact> {
        self.step.as_ref().map(|step| &step.graph.node(id).fact)
    }

    /// Whether the text is the recipe's own, not the standard library's: what the library compares is not the recipe's doing.
    fn is_own(&self, span: Span) -> bool {
        self.program.of_source(span.source).is_some_and(|module| self.is_users(module))
    }

    /// A length as a number, where the class counts of the data sets decide it.
    fn counted(&self, dim: &Dim) -> Option<i64> {
        let counts = self.datasets.iter().filter_map(|dataset| {
            let count = dataset.source.class_count()?;
            Some((dataset.classes.clone(), count as i64))
        });
        dim.eval(&counts.collect()).ok()
    }
}
