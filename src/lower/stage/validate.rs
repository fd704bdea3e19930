//! `validation = …` and `validate every … { fields } { metrics }`: figures of the nets over pictures that the stage does not learn from.
//!
//! The block is lowered after the step, on a graph of its own in evaluation mode. With `validation = none` it is left out as a whole, so
//! that one param decides whether the masks it looks at are asked for.

use std::rc::Rc;

use super::Entries;
use super::keep::Said;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Kind, Role};
use crate::lower::seen::Figure;
use crate::lower::trace::Ways;
use crate::lower::value::{Samples, Scope, Value};
use crate::lower::{Lower, Step, Validation, data, errors};
use crate::source::Span;
use crate::syntax::ast::{self, BodyOf, EntryKind, Expr, Name, Statement, StatementKind, Unit};
use crate::types::Labels;

/// Places of random ops before those of a validation begin: between the step's and those of the first refresh.
const RANDOM: i64 = 500_000;

/// What the block of a stage has become.
pub(super) struct Validated {
    pub validation: Validation,
    pub figures: Vec<Figure>,
    /// How forbidden labels came to its figures.
    pub ways: Ways,
    /// What the figure has seen that chooses what the stage leaves behind, where it is one of these.
    pub chosen: Option<Labels>,
}

/// The block as it is written.
struct Written<'p> {
    every: Option<&'p Expr>,
    fields: &'p [Name],
    statements: &'p [Statement],
    span: Span,
    scope: Scope<'p>,
}

impl<'p> Lower<'p, '_> {
    pub(super) fn validate_entry(
        &mut self,
        entry: &'p ast::Entry,
        stage: &ast::Stage,
        entries: &mut Entries<'p>,
        scope: &Scope<'p>,
    ) {
        let is_another =
            |(known, _): &(&ast::Entry, _)| matches!(&known.kind, EntryKind::Body { of: BodyOf::Validate { .. }, .. });
        let problem = if stage.kind != ast::StageKind::Train {
            Diagnostic::error(Code::UnknownSetting, "only a `train` stage is validated")
                .label(entry.span, "there are no epochs here")
                .help("a `score` stage measures what is finished")
        } else if entries.later.iter().any(is_another) {
            Diagnostic::error(Code::DuplicateName, "a stage has one `validate` block")
                .label(entry.span, "a second one")
                .help("put both into one")
        } else {
            entries.later.push((entry, scope.clone()));
            return;
        };
        self.report(problem);
    }

    /// The `validate` block of a stage; `None` where there is none, or no pictures for it.
    pub(super) fn validated(&mut self, stage: &'p ast::Stage, entries: &Entries<'p>) -> Option<Validated> {
        let block = entries.later.iter().find_map(|(entry, scope)| match &entry.kind {
            EntryKind::Body { of: BodyOf::Validate { every }, fields, statements } => {
                Some(Written { every: every.as_ref(), fields, statements, span: entry.span, scope: scope.clone() })
            }
            _ => None,
        });
        match (block, entries.settings.get("validation")) {
            (None, None) | (_, Some((Value::Nothing | Value::Poison, _))) => None,
            (None, Some((_, span))) => {
                if !self.is_cut(stage) {
                    self.report(
                        Diagnostic::error(Code::NothingSaved, "nothing is measured on the pictures of `validation`")
                            .label(*span, "nobody looks at them")
                            .help("add `validate { image, mask } { metric … = … }` to the stage"),
                    );
                }
                None
            }
            (Some(block), None) => {
                if !self.is_cut(stage) {
                    self.report(
                        Diagnostic::error(Code::MissingSetting, "the stage does not say what it is validated on")
                            .label(block.span, "on which pictures?")
                            .help("for example `validation = dataset.val |> standardize()`; `validation = none` leaves the block out"),
                    );
                }
                None
            }
            (Some(block), Some((Value::Samples(samples), _))) => self.block(block, samples.clone(), entries),
            (Some(_), Some((other, span))) => {
                let problem = errors::wrong_kind("the pictures of a data set, or none", other, *span);
                self.report(problem);
                None
            }
        }
    }

    fn block(&mut self, block: Written<'p>, samples: Rc<Samples<'p>>, entries: &Entries<'p>) -> Option<Validated> {
        let every = match block.every {
            Some(expr) => {
                let value = self.expr(expr, &block.scope);
                let value = self.counting(value, Unit::Epochs, expr.span);
                self.whole_number("every", &value, expr.span)?
            }
            None => 1,
        };
        if !self.only_metrics(block.statements) {
            return None;
        }
        data::choices(self, &samples);
        let of_step = self.step.take()?;
        self.step = Some(Step {
            stage: of_step.stage.clone(),
            scope: of_step.scope.clone(),
            timed: true,
            random: RANDOM,
            carried: of_step.carried.clone(),
            ..Step::default()
        });
        self.body(block.fields, block.statements, Some(samples.clone()), entries, &block.scope);
        self.keep_splits_apart(Some(&samples), block.span);
        let (figures, ways) = (self.figures(), self.ways(Some(&samples)));
        let chosen = match &entries.keep {
            Some(Said::Best(name, span)) => self.chosen_by(name, *span, Some(&samples)),
            _ => None,
        };
        self.unmark();
        let step = self.step.replace(of_step)?;
        self.keep_names_apart(&step);
        let read = step.graph.ids().filter_map(|id| match &step.graph.node(id).kind {
            Kind::Field(name) => Some(name.clone()),
            _ => None,
        });
        let data = self.data_plan(Some(&samples), &step.stage, &step.scope, read.collect());
        let validation = Validation { every, graph: step.graph, data, span: block.span };
        Some(Validated { validation, figures, ways, chosen })
    }

    /// Refuses what only a step or an `infer` stage can do.
    fn only_metrics(&mut self, statements: &'p [Statement]) -> bool {
        let mut fine = true;
        for statement in statements {
            let (word, name) = match &statement.kind {
                StatementKind::Loss { name, .. } => ("loss", name),
                StatementKind::Save { name, .. } => ("save", name),
                StatementKind::Show { name, .. } => ("show", name),
                StatementKind::Let(_) | StatementKind::Metric { .. } | StatementKind::Error => continue,
            };
            fine = false;
            self.report(
                Diagnostic::error(Code::UnknownSetting, format!("a `validate` block measures: it has no `{word}`"))
                    .label(name.span, "only a `metric` belongs here")
                    .help(match word {
                        "loss" => "what the nets learn from stands in `step`; write `metric` to report the number",
                        _ => "keep maps and pictures in an `infer` stage that reads the trained net",
                    }),
            );
        }
        fine
    }

    /// A figure of the block and one of the step would be one line in the log.
    fn keep_names_apart(&mut self, validation: &Step) {
        let Some(step) = &self.step else { return };
        let twice = validation.graph.outputs.iter().filter_map(|output| {
            let same = |known: &&crate::graph::Output| {
                matches!(known.role, Role::Metric { .. } | Role::Loss) && known.name == output.name
            };
            Some((output.name.clone(), output.span?, step.graph.outputs.iter().find(same)?.span?))
        });
        let twice: Vec<_> = twice.collect();
        for (name, again, first) in twice {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("two figures of the stage are called `{name}`"))
                    .label(again, "again here")
                    .label(first, "first here")
                    .help("rename one of them"),
            );
        }
    }
}
