//! When a memory is refreshed, and whether what a stage says of its memories makes sense as a whole.

use crate::diag::amount::counted;
use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::Kind;
use crate::lower::value::{Scope, Value};
use crate::lower::{Lower, Memory, Plateau, When, errors, units};
use crate::syntax::ast::{self, EntryKind, Expr, StatementKind, TimeUnit, Unit};

impl<'p> Lower<'p, '_> {
    /// `from epoch 5 every 10 epochs until epoch 25`, `when plateau(seg, patience = 2)`
    pub(super) fn when(&mut self, when: &'p ast::When, scope: &Scope<'p>) -> Option<When> {
        let epoch = |lower: &mut Self, moment: &'p Option<ast::Moment>| -> Option<Option<usize>> {
            let Some(moment) = moment else { return Some(None) };
            if moment.unit == TimeUnit::Step {
                lower.report(
                    Diagnostic::error(Code::UnitMismatch, "a refresh begins with an epoch")
                        .label(moment.at.span, "counts steps")
                        .help("write `from epoch …`"),
                );
                return None;
            }
            lower.whole(&moment.at, Unit::Epochs, 0.0, scope).map(Some)
        };
        let (from, until) = (epoch(self, &when.from), epoch(self, &when.until));
        let every = match &when.every {
            Some(every) => self.whole(every, Unit::Epochs, 1.0, scope).map(Some),
            None => Some(None),
        };
        let plateau = match &when.plateau {
            Some(plateau) => self.plateau(plateau, scope).map(Some),
            None => Some(None),
        };
        let (from, every, until, plateau) = (from?.unwrap_or(0), every?, until?, plateau?);
        if let (Some(clause), Some(_)) = (&when.every, &plateau) {
            self.report(
                Diagnostic::error(Code::DuplicateName, "`every` and `when` both say how often")
                    .label(clause.span, "the second")
                    .help("keep one of them; `from` and `until` go with both"),
            );
            return None;
        }
        Some(When { from, every, until, plateau })
    }

    fn plateau(&mut self, plateau: &'p ast::Plateau, scope: &Scope<'p>) -> Option<Plateau> {
        let mut found = Plateau { loss: plateau.loss.text.clone(), patience: 2, factor: 0.99 };
        for choice in &plateau.choices {
            match choice.name.text.as_str() {
                "patience" => found.patience = self.whole(&choice.value, Unit::Epochs, 1.0, scope)?,
                "factor" => {
                    found.factor = self.number(&choice.value, scope)?;
                    if !(found.factor > 0.0 && found.factor <= 1.0) {
                        let message = format!("`factor` is above 0 and at most 1, this is {}", found.factor);
                        let help = "0.99: a loss that is lower by less than a hundredth is no better";
                        self.report(errors::out_of_range(message, choice.value.span, help));
                        return None;
                    }
                }
                other => {
                    let known = ["patience", "factor"];
                    self.report(errors::unknown_argument("plateau", other, choice.name.span, known));
                    return None;
                }
            }
        }
        Some(found)
    }

    /// A whole number of `unit`, at least `least`.
    fn whole(&mut self, expr: &'p Expr, unit: Unit, least: f64, scope: &Scope<'p>) -> Option<usize> {
        let value = self.expr(expr, scope);
        let value = self.counting(value, unit, expr.span);
        match units::bare(value, unit) {
            Value::Number(number) if number.fract() == 0.0 && (least..=1e9).contains(&number) => Some(number as usize),
            Value::Number(number) => {
                let message = format!("expected a whole number of at least {least}, this is {number}");
                self.report(errors::out_of_range(message, expr.span, "for example `every 10 epochs`"));
                None
            }
            Value::Poison => None,
            other => {
                self.report(errors::wrong_kind("a whole number", &other, expr.span));
                None
            }
        }
    }

    /// What the whole stage shows of its memories: losses that a plateau speaks of, memories that are never refreshed or never read.
    /// `epochs` are those of the training, where they are known before the data is opened.
    pub(in crate::lower::stage) fn look_at_memories(
        &mut self,
        stage: &'p ast::Stage,
        memories: &[Memory],
        epochs: Option<usize>,
    ) {
        let (mut losses, mut plateaus, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for entry in &stage.entries {
            match &entry.kind {
                EntryKind::Body { statements, .. } => {
                    losses.extend(statements.iter().filter_map(|statement| match &statement.kind {
                        StatementKind::Loss { name, .. } => Some(name.text.as_str()),
                        _ => None,
                    }))
                }
                EntryKind::Refresh { when, .. } => plateaus.extend(&when.plateau),
                EntryKind::Memory { name, .. } => names.push(name),
                _ => {}
            }
        }
        for plateau in plateaus.into_iter().filter(|plateau| !losses.contains(&plateau.loss.text.as_str())) {
            self.report(
                Diagnostic::error(Code::UnknownName, format!("the step has no loss `{}`", plateau.loss.text))
                    .label(plateau.loss.span, "not a loss")
                    .help(suggest::help(&plateau.loss.text, "losses", losses.iter().copied())),
            );
        }
        if self.is_cut(stage) {
            return;
        }
        for memory in memories {
            let Some(name) = names.iter().find(|name| name.text == memory.name) else { continue };
            let written = stage
                .entries
                .iter()
                .any(|entry| matches!(&entry.kind, EntryKind::Refresh { name, .. } if name.text == memory.name));
            let too_short =
                epochs.filter(|epochs| memory.refreshes.iter().all(|refresh| refresh.when.times(*epochs) == 0));
            let by_others = memories.iter().filter(|other| other.name != memory.name);
            let by_others = by_others.flat_map(|other| &other.refreshes);
            let read = self.step.as_ref().is_some_and(|step| {
                step.graph.ids().any(|id| step.graph.node(id).kind == Kind::Field(memory.name.clone()))
            }) || by_others.into_iter().any(|refresh| refresh.data.fields.contains(&memory.name));
            let warning = |what: &str, help: String| {
                Diagnostic::warning(Code::IdleMemory, format!("the memory `{}` {what}", memory.name))
                    .label(name.span, "declared here")
                    .help(help)
            };
            if !written {
                let help = format!("add `refresh {} from epoch 5 {{ image, tags }} {{ … }}`", memory.name);
                self.report(warning("is never refreshed: it stays as it begins", help));
            } else if let (Some(epochs), false) = (too_short, memory.refreshes.is_empty()) {
                let epochs = counted(epochs, "epoch");
                let help = format!("training has {epochs}, counted from 0; `until` is the first that is too late");
                self.report(warning("is never refreshed: training ends before", help));
            }
            if !read {
                let help = format!("name it in the step: `step {{ image, tags, {} }}`", memory.name);
                self.report(warning("is not read by the step", help));
            }
        }
    }
}
