//! `save mask = voc_submission(mask)`: what is saved, packed for the test server of PASCAL VOC as well.
//!
//! The server takes class numbers of its own twenty classes, at every pixel, as large as the picture; so all of that is looked at
//! here, before anything is trained.

use std::rc::Rc;

use super::Entries;
use crate::data::Source;
use crate::diag::{Code, Diagnostic};
use crate::graph::Id;
use crate::lower::recipe::Submission;
use crate::lower::value::{Samples, SubmissionValue};
use crate::lower::{Lower, errors};
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::types::{Dim, Domain, Frame};

impl<'p> Lower<'p, '_> {
    /// Notes that the save is to be packed; false where the server would not take it, which is reported.
    pub(super) fn submission(
        &mut self,
        name: &Name,
        value: &SubmissionValue,
        entries: &Entries<'p>,
        span: Span,
    ) -> bool {
        // Without samples the stage has a mistake that was reported.
        let Some(samples) = self.samples_quietly(entries) else { return false };
        if let Some(problem) = self.unfit(value.mask, &samples, span) {
            self.report(problem);
            return false;
        }
        let folder = format!("results/VOC2012/Segmentation/{}_{}_cls", value.competition, samples.split);
        if let Some(step) = &mut self.step {
            step.submissions.push(Submission { save: name.text.clone(), folder });
        }
        true
    }

    /// Why the server would not take it.
    fn unfit(&self, mask: Id, samples: &Rc<Samples<'p>>, span: Span) -> Option<Diagnostic> {
        let fact = &self.step.as_ref()?.graph.node(mask).fact;
        let problem = |code, message: String, label: String, help: &str| {
            Some(Diagnostic::error(code, message).label(span, label).help(help))
        };
        if !matches!(samples.dataset.source, Source::Voc2012 { .. }) {
            let message = "the server of PASCAL VOC takes pictures of `voc2012` and of no other data set".to_string();
            return problem(
                Code::WrongKind,
                message,
                "saved for pictures of another data set".into(),
                "`save` the map alone",
            );
        }
        let classes = Dim::symbol(&samples.dataset.classes) + Dim::constant(1);
        match &fact.domain {
            Domain::Index { classes: own, ignore: false } if *own == classes => {}
            Domain::Index { ignore: true, .. } => {
                let message = "the server wants a class at every pixel, these may be 255".to_string();
                return problem(Code::DomainMismatch, message, format!("this is {fact}"), "save what `argmax` gives");
            }
            Domain::Index { classes: other, .. } => {
                let message = format!(
                    "the server wants numbers of VOC's classes and the background, these are of {other} classes"
                );
                let help = "give scores of `dataset.classes + 1` classes to `argmax`, the background first";
                return problem(Code::ClassAxisMismatch, message, format!("this is {fact}"), help);
            }
            _ => {
                let message = format!("the server wants class numbers with the background as 0, this is {fact}");
                return problem(
                    Code::DomainMismatch,
                    message,
                    format!("this is {fact}"),
                    "`argmax(scores, axis = 1)` gives class numbers",
                );
            }
        }
        let as_large = matches!(fact.dims.as_slice(), [_, height, width]
            if height.as_symbol() == Some("H") && width.as_symbol() == Some("W"));
        if !as_large || !samples.is_whole() {
            let message = format!("the server wants maps as large as their pictures, this is {fact}");
            let help = "take the pictures as they are and bring the scores to their size: `resize_like(image)`";
            return problem(Code::DimensionMismatch, message, "not as large as the picture".into(), help);
        }
        if fact.frame.differs(Frame::WHOLE) {
            let message = format!("the server wants maps of the pictures as they are, this is {}", fact.frame);
            return problem(Code::FrameMismatch, message, "turned".into(), "turn it back: `mirror(map)`");
        }
        None
    }
}

/// The word of a competition, where it is one.
pub(in crate::lower) fn competition(word: &str, span: Span) -> Result<&'static str, Diagnostic> {
    const KNOWN: [&str; 2] = ["comp6", "comp5"];
    KNOWN.into_iter().find(|known| *known == word).ok_or_else(|| {
        errors::out_of_range(
            format!("`{word}` is no competition of the server's segmentation task"),
            span,
            "`\"comp6\"`: learnt from any data; `\"comp5\"`: from VOC's own alone",
        )
    })
}
