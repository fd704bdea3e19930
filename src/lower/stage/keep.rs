//! `checkpoint = last | every(5) | best(metric)`: which state of training a stage leaves behind.
//!
//! The best by a metric is a choice: what the metric looks at has a part in the nets from then on.

use super::Entries;
use super::validate::Validated;
use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::{Id, Output, Role};
use crate::lower::recipe::{Figured, Keep};
use crate::lower::value::{Samples, Scope, Value};
use crate::lower::{Lower, errors};
use crate::metrics;
use crate::source::Span;
use crate::syntax::ast::{self, Argument, BodyOf, EntryKind, Expr, ExprKind, Setting, StatementKind, Unit};
use crate::types::{Label, Labels};

/// What the setting says, before the body of the stage is known.
pub(super) enum Said {
    Keep(Keep),
    Best(String, Span),
}

impl<'p> Lower<'p, '_> {
    pub(super) fn keep_setting(&mut self, setting: &'p Setting, entries: &mut Entries<'p>, scope: &Scope<'p>) {
        let said = match form(&setting.value) {
            Form::Last => Said::Keep(Keep::Last),
            Form::Best(metric, span) => Said::Best(metric.to_string(), span),
            Form::Every(count) => {
                let value = self.expr(count, scope);
                let value = self.counting(value, Unit::Epochs, count.span);
                match self.whole_number("every", &value, count.span) {
                    Some(epochs) => Said::Keep(Keep::Every(epochs)),
                    None => return,
                }
            }
            Form::Unread => return,
            Form::Other => {
                self.report(
                    Diagnostic::error(Code::WrongKind, "a checkpoint is `last`, `every(…)` or `best(…)`")
                        .label(setting.value.span, "none of these")
                        .help("for example `checkpoint = every(5)`; the metric of `best` is one of the step or of `validate`"),
                );
                return;
            }
        };
        if entries.keep.replace(said).is_some() {
            self.report(
                Diagnostic::error(Code::DuplicateName, "`checkpoint` is set twice")
                    .label(setting.name.span, "set again here")
                    .help("remove one of them"),
            );
        }
    }

    /// The policy, once the outputs of the step are known. `None` where it is a mistake.
    pub(super) fn keep(
        &mut self,
        stage: &ast::Stage,
        entries: &Entries<'p>,
        validated: Option<&Validated>,
    ) -> Option<Keep> {
        let (name, span) = match &entries.keep {
            None => return Some(Keep::Last),
            Some(Said::Keep(keep)) => return Some(keep.clone()),
            Some(Said::Best(name, span)) => (name, *span),
        };
        let samples = self.samples_quietly(entries);
        let chosen = match validated.and_then(|validated| validated.chosen.clone()) {
            Some(chosen) => Some(chosen),
            None => self.chosen_by(name, span, samples.as_deref()),
        };
        let step = self.step.as_mut()?;
        if let Some(chosen) = chosen {
            step.chosen = chosen;
            return Some(Keep::Best(Figured::Metric(name.clone())));
        }
        let outputs = || step.graph.outputs.iter();
        if name == "loss" {
            return Some(Keep::Best(Figured::Total));
        }
        if outputs().any(|output| output.role == Role::Loss && output.name == *name) {
            return Some(Keep::Best(Figured::Loss(name.clone())));
        }
        // Nothing is validated, or its mistake was told: there is nothing to choose by.
        if metrics_of_validation(stage).any(|metric| metric == name) {
            return Some(Keep::Last);
        }
        let known = outputs().filter(|output| matches!(output.role, Role::Metric { .. } | Role::Loss));
        let known = known.map(|output| output.name.as_str()).chain(metrics_of_validation(stage));
        let help = suggest::help(name, "figures", known.chain(["loss"]));
        self.report(
            Diagnostic::error(Code::UnknownField, format!("the stage has no metric `{name}`"))
                .label(span, "not there")
                .help(help),
        );
        None
    }

    /// What a metric of the graph at hand has seen, by which a checkpoint is to be chosen; a choice that an oracle would make is
    /// reported. `None` where there is no such metric.
    pub(super) fn chosen_by(&mut self, name: &str, span: Span, samples: Option<&Samples<'p>>) -> Option<Labels> {
        let step = self.step.as_ref()?;
        let named = |output: &&Output| matches!(output.role, Role::Metric { .. }) && output.name == name;
        let output = step.graph.outputs.iter().find(named)?;
        let Role::Metric { metric, .. } = output.role.clone() else { return None };
        let nodes = output.nodes.clone();
        let labels = Labels::join_all(nodes.iter().map(|id| &step.graph.node(*id).fact.labels));
        self.refuse_choice(name, &metric, &nodes, span, samples);
        Some(labels)
    }

    /// A choice by labels that the recipe keeps away, or by what was itself such a choice.
    fn refuse_choice(&mut self, name: &str, metric: &str, nodes: &[Id], span: Span, samples: Option<&Samples<'p>>) {
        let Some(step) = &self.step else { return };
        let labels = Labels::join_all(nodes.iter().map(|id| &step.graph.node(*id).fact.labels));
        let oracle = metrics::find(metric).is_some_and(|metric| metric.oracle);
        let looked_at = |label: &&Label| match oracle {
            true => self.chosen(&Labels::of([(*label).clone()])).is_oracle(),
            false => self.allowed.forbids(label),
        };
        let Some(label) = labels.iter().rev().find(looked_at) else { return };
        let stage = step.shown();
        let message = format!("the checkpoint of `{stage}` is chosen by `{name}`, which looks at {}", label.words());
        let line = self.allowed.line();
        let mut diagnostic = Diagnostic::error(Code::OracleUsed, message).label(span, "an oracle would choose so");
        if let Some(node) = nodes.iter().find(|id| step.graph.node(**id).fact.labels.contains(label)) {
            for place in self.way(*node, label, samples) {
                diagnostic = diagnostic.label(place.span, place.words);
            }
        }
        let help = format!("keep the `last`, or choose by what `{line}` allows, such as a loss");
        self.report(diagnostic.help(help));
    }

    /// A whole number of at least 1.
    pub(super) fn whole_number(&mut self, name: &str, value: &Value<'p>, span: Span) -> Option<usize> {
        match value {
            Value::Number(number) if number.fract() == 0.0 && (1.0..=1e9).contains(number) => Some(*number as usize),
            Value::Poison => None,
            Value::Number(number) => {
                let message = format!("`{name}` is a whole number of at least 1, this is {number}");
                self.report(errors::out_of_range(message, span, "for example 8"));
                None
            }
            other => {
                let diagnostic = errors::wrong_kind("a whole number", other, span);
                self.report(diagnostic);
                None
            }
        }
    }
}

/// The metrics that a `validate` block is written with.
fn metrics_of_validation(stage: &ast::Stage) -> impl Iterator<Item = &str> {
    let blocks = stage.entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::Body { of: BodyOf::Validate { .. }, statements, .. } => Some(statements),
        _ => None,
    });
    blocks.flatten().filter_map(|statement| match &statement.kind {
        StatementKind::Metric { name, .. } => Some(name.text.as_str()),
        _ => None,
    })
}

/// How the setting is written. Its words are no names of the recipe.
enum Form<'p> {
    Last,
    Every(&'p Expr),
    Best(&'p str, Span),
    Unread,
    Other,
}

fn form(value: &Expr) -> Form<'_> {
    match &value.kind {
        ExprKind::Name(name) if name == "last" => Form::Last,
        ExprKind::Cited { value, .. } => form(value),
        ExprKind::Error => Form::Unread,
        ExprKind::Call { callee, arguments } => match (&callee.kind, arguments.as_slice()) {
            (ExprKind::Name(word), [Argument { name: None, value }]) => match (word.as_str(), &value.kind) {
                ("every", _) => Form::Every(value),
                ("best", ExprKind::Name(metric)) => Form::Best(metric, value.span),
                _ => Form::Other,
            },
            _ => Form::Other,
        },
        _ => Form::Other,
    }
}
