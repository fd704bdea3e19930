//! Where in the picture two maps lie that meet place by place; and, where images run one by one, what looks at a whole batch.

use crate::diag::{Code, Diagnostic};
use crate::graph::{Graph, Id};
use crate::lower::Lower;
use crate::source::Span;
use crate::types::{Dim, Frame};

impl<'p> Lower<'p, '_> {
    /// Whether all inputs show one view of the picture, where `aligned` says that they are read place by place.
    pub(in crate::lower) fn shows_one_view(
        &mut self,
        written: &str,
        inputs: &[Option<Id>],
        spans: &[Span],
        aligned: bool,
    ) -> bool {
        let Some(step) = self.step.as_ref().filter(|_| aligned) else { return true };
        let view = |slot: usize| Some(step.graph.node(inputs.get(slot).copied().flatten()?).fact.frame);
        let known = |slot: &usize| matches!(view(*slot), Some(Frame::Picture(_)));
        let Some(first) = (0..inputs.len()).find(known) else { return true };
        let Some(other) =
            (first..inputs.len()).find(|slot| view(*slot).zip(view(first)).is_some_and(|(a, b)| a.differs(b)))
        else {
            return true;
        };
        let (Some(a), Some(b)) = (view(first), view(other)) else { return true };
        let turned = |frame: Frame| matches!(frame, Frame::Picture(view) if view.mirrored || view.upside_down);
        let help = if turned(a) || turned(b) {
            "turn it back first (`mirror(map)`); where both views are meant, `claim(map, …, frame = \"any\")` says so"
        } else {
            "cut both the same way; where both views are meant, `claim(map, …, frame = \"any\")` says so"
        };
        let message = format!("`{written}`: {a} meets {b}");
        let mut diagnostic = Diagnostic::error(Code::FrameMismatch, message);
        for (slot, frame) in [(other, b), (first, a)] {
            if let Some(span) = spans.get(slot) {
                diagnostic = diagnostic.label(*span, format!("this is {frame}"));
            }
        }
        self.report(diagnostic.help(help));
        false
    }

    /// A map that is saved or measured where images run one by one does not depend on the other images of a batch.
    pub(in crate::lower) fn looks_at_one_image(&mut self, id: Id, span: Span) -> bool {
        let Some(step) = self.step.as_ref().filter(|step| !step.training) else { return true };
        let fact = &step.graph.node(id).fact;
        if !fact.mixed || fact.dims.first() != Some(&Dim::symbol("B")) {
            return true;
        }
        let source = mixes(&step.graph, id);
        let place = step.graph.node(source).origin.outermost();
        let mut diagnostic = Diagnostic::error(
            Code::BatchDependence,
            "this map depends on all images of a batch, and `each` runs one by one",
        )
        .label(span, "would be another in a batch of two");
        if let Some(place) = place {
            diagnostic = diagnostic.label(place, "looks at the whole batch");
        }
        self.report(
            diagnostic.help("name the axes of one image: `axes = [2, 3]` for a map, `[1, 2, 3]` for all its classes"),
        );
        false
    }
}

/// The first node on the way back whose inputs are of single images.
fn mixes(graph: &Graph, mut id: Id) -> Id {
    while let Some(earlier) = graph.inputs(id).into_iter().flatten().find(|input| graph.node(*input).fact.mixed) {
        id = earlier;
    }
    id
}
