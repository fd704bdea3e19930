//! Splits kept apart: an artifact is there for every picture it is joined to, nothing is learnt from the pictures that figures are
//! computed on, and no answer is measured on pictures whose labels it has seen. And a `supervision` line no wider than what is used.

use super::Lower;
use super::value::Samples;
use crate::data::{covers, is_evaluation, overlap};
use crate::diag::{Code, Diagnostic};
use crate::graph::{Output, Role};
use crate::metrics;
use crate::source::Span;
use crate::types::{Label, Level};

impl Lower<'_, '_> {
    /// Maps of one split do not serve another: told before anything runs, not when the first picture has none.
    pub(super) fn expect_covered(&mut self, samples: &Samples, base: Span, stage: usize, save: &str, span: Span) {
        let Some(from) = self.stages.get(stage) else { return };
        let (made, wanted) = (&from.result.data.split, &samples.split);
        if from.result.data.source != samples.dataset.source || covers(made, wanted) {
            return;
        }
        let stage = &from.result.name;
        let help = match covers(wanted, made) {
            true => format!("let `{stage}` run over `{wanted}`, which has the pictures of `{made}` as well"),
            false => format!("let `{stage}` run over `{wanted}`, or take the pictures of `{made}` here"),
        };
        let message =
            format!("`{stage}.{save}` is made for the pictures of `{made}`, it is joined to those of `{wanted}`");
        let made = format!("`{stage}` runs over `{made}`");
        let diagnostic = Diagnostic::error(Code::SplitMismatch, message).label(span, made);
        self.report(diagnostic.label(base, format!("the pictures of `{wanted}`")).help(help));
    }

    /// Warns of figures that the stage at hand spoils, or that are spoilt in it.
    pub(super) fn keep_splits_apart(&mut self, samples: Option<&Samples>, stage: Span) {
        let Some(samples) = samples else { return };
        let Some(step) = &self.step else { return };
        let found: Vec<Diagnostic> = if step.training {
            self.learns_from_evaluation(samples, stage).into_iter().collect()
        } else if is_evaluation(&samples.split) {
            step.graph.outputs.iter().filter_map(|output| self.knows_the_answer(output, samples)).collect()
        } else {
            Vec::new()
        };
        for diagnostic in found {
            self.report(diagnostic);
        }
    }

    fn learns_from_evaluation(&self, samples: &Samples, stage: Span) -> Option<Diagnostic> {
        let step = self.step.as_ref()?;
        let losses = step.graph.outputs.iter().filter(|output| output.role == Role::Loss);
        let of_evaluation = |label: &&Label| matches!(label, Label::Seen { split, .. } if is_evaluation(split));
        let found = losses.filter_map(|output| {
            let label = step.graph.node(output.nodes[0]).fact.labels.iter().rev().find(of_evaluation)?;
            Some((output, label))
        });
        let mut found = found.map(|(output, label)| {
            let message =
                format!("the loss `{}` learns from {}, on which figures are computed", output.name, label.words());
            let mut diagnostic = Diagnostic::warning(Code::EvaluationSplit, message);
            if let Some(span) = output.span {
                diagnostic = diagnostic.label(span, "no figure on that split says anything of new pictures");
            }
            for place in self.way(output.nodes[0], label, Some(samples)) {
                diagnostic = diagnostic.label(place.span, place.words);
            }
            diagnostic
        });
        let own = || {
            // One of a family is told by the family's name: the text is theirs together.
            let name = step.stage.split('[').next().unwrap_or(&step.stage);
            let message = format!("`{name}` trains on `{}`, on which figures are computed", samples.split);
            Diagnostic::warning(Code::EvaluationSplit, message)
                .label(stage, "no figure on that split says anything of new pictures")
        };
        let diagnostic = found.next().or_else(|| is_evaluation(&samples.split).then(own))?;
        Some(diagnostic.help("train on another split, and keep this one for `score` stages"))
    }

    /// The figure of an answer that has seen the pictures it is measured on: their labels, or a net that was trained on them.
    fn knows_the_answer(&self, output: &Output, samples: &Samples) -> Option<Diagnostic> {
        let Role::Metric { metric, .. } = &output.role else { return None };
        if !metrics::find(metric).is_some_and(|metric| metric.judges_answers) {
            return None;
        }
        let step = self.step.as_ref()?;
        let answer = output.nodes[0];
        // The weakest first: that a net was trained on the pictures says more than which labels it saw there.
        let mut labels = step.graph.node(answer).fact.labels.iter();
        let label =
            labels.find(|label| matches!(label, Label::Seen { split, .. } if overlap(split, &samples.split)))?;
        let (name, split) = (&output.name, &samples.split);
        let (message, help) = match label {
            Label::Seen { level: Level::None, .. } => (
                format!("the figure `{name}` over `{split}` measures a net that was trained on {}", label.words()),
                "train on pictures of another split, or measure on one that no net has seen",
            ),
            _ => (
                format!("the figure `{name}` over `{split}` measures an answer that has seen {}", label.words()),
                "compute the answer from the pictures alone, as for pictures without labels, or measure maps with \
                 `best_threshold_iou`",
            ),
        };
        let mut diagnostic = Diagnostic::warning(Code::EvaluationSplit, message);
        if let Some(span) = output.span {
            diagnostic = diagnostic.label(span, "measured here");
        }
        for place in self.way(answer, label, Some(samples)) {
            diagnostic = diagnostic.label(place.span, place.words);
        }
        Some(diagnostic.help(help))
    }

    /// A line that allows more than the recipe learns from promises less than it could. `image` is what a recipe without the line
    /// states, so nothing weaker is asked for.
    pub(super) fn needless_supervision(&mut self) {
        let trains = self.stages.iter().any(|stage| !stage.result.seen.losses.is_empty());
        let Some(stated) = self.allowed.stated.filter(|_| trains && !self.problems.has_errors()) else { return };
        let learnt = || self.stages.iter().flat_map(|stage| stage.result.seen.learnt.iter());
        let used = learnt().filter_map(|label| match label {
            Label::Seen { level, .. } | Label::Oracle { level, .. } => Some(*level),
            other => other.outside_level(),
        });
        let used = used.max().unwrap_or_default().max(Level::Image);
        let unused = self
            .allowed
            .extras
            .iter()
            .filter(|extra| !learnt().any(|label| matches!(label, Label::Outside(what) if **what == ***extra)));
        let unused: Vec<String> = unused.map(|extra| format!("`{extra}`")).collect();
        let wide = self.allowed.level > used;
        let message = match (wide, unused.is_empty()) {
            (false, true) => return,
            (true, _) => {
                let (level, used) = (self.allowed.level.word(), used.word());
                format!("the recipe states `supervision {level}`, what it learns from is `{used}` at most")
            }
            (false, false) => format!("nothing that is trained uses {}", unused.join(", ")),
        };
        let mut less = self.allowed.clone();
        less.level = less.level.min(used);
        less.extras.retain(|extra| !unused.contains(&format!("`{extra}`")));
        let help = format!("state `{}`", less.line());
        self.report(
            Diagnostic::warning(Code::NeedlessSupervision, message)
                .label(stated, "allows more than is used")
                .help(help),
        );
    }
}
