//! Clauses of a loss: when it counts (`from epoch 5 until epoch 20`), and what it moves (`moves disc`).

use super::Entries;
use crate::diag::amount::counted;
use crate::diag::{Code, Diagnostic};
use crate::grad::Moves;
use crate::graph::{Clock, Id};
use crate::lower::recipe::{Guard, Length, Moment};
use crate::lower::value::{Scope, Value};
use crate::lower::{Lower, errors, pattern};
use crate::ops::Attrs;
use crate::source::Span;
use crate::syntax::ast::{self, Name, TimeUnit, Unit};

impl<'p> Lower<'p, '_> {
    /// The loss while its guard is open, else 0, which nothing can lower.
    pub(super) fn guarded(&mut self, name: &Name, loss: Id, guard: &'p ast::Guard, scope: &Scope<'p>) -> Id {
        let mut sides = [None, None];
        for (slot, moment) in sides.iter_mut().zip([&guard.from, &guard.until]) {
            let Some(moment) = moment else { continue };
            let Some(at) = self.moment(moment, scope) else { return loss };
            *slot = Some((at, moment.at.span));
        }
        let [from, until] = sides;
        let Some(span) = from.or(until).map(|(_, span)| span) else { return loss };
        let mut open: Option<Id> = None;
        for (side, op) in [(from, "greater_equal"), (until, "less")] {
            let Some((moment, span)) = side else { continue };
            let (clock, at) = match moment {
                Moment::Epoch(at) => (Clock::Epoch, at),
                Moment::Step(at) => (Clock::Step, at),
            };
            let Some(clock) = self.clock(clock, span) else { return loss };
            let Some(at) = self.tensor(Value::Number(at as f64), span) else { return loss };
            let come = self.apply_named(op, &[(clock, span), (at, span)], Attrs::new(), span);
            let both = match (open, self.tensor(come, span)) {
                (_, None) => return loss,
                (None, come) => come,
                (Some(open), Some(come)) => {
                    let both = self.apply_named("and", &[(open, span), (come, span)], Attrs::new(), span);
                    self.tensor(both, span)
                }
            };
            open = both;
        }
        let (Some(open), Some(zero)) = (open, self.tensor(Value::Number(0.0), span)) else { return loss };
        let guarded = self.apply_named("where", &[(open, span), (loss, span), (zero, span)], Attrs::new(), span);
        let [from, until] = [from, until].map(|side| side.map(|(moment, _)| moment));
        if let Some(step) = &mut self.step {
            step.guards.push((Guard { loss: name.text.clone(), from, until }, span));
        }
        self.tensor(guarded, span).unwrap_or(loss)
    }

    /// A clock of the training as a leaf of the graph at hand.
    pub(in crate::lower) fn clock(&mut self, clock: Clock, span: Span) -> Option<Id> {
        let origin = self.origin(span);
        let step = self.step.as_mut().filter(|step| step.timed)?;
        Some(step.graph.clock(clock, origin))
    }

    fn moment(&mut self, moment: &'p ast::Moment, scope: &Scope<'p>) -> Option<Moment> {
        let unit = match moment.unit {
            TimeUnit::Epoch => Unit::Epochs,
            TimeUnit::Step => Unit::Steps,
        };
        let at = self.expr(&moment.at, scope);
        let at = match self.counting(at, unit, moment.at.span) {
            Value::Number(at) => at,
            Value::Poison => return None,
            other => {
                self.report(errors::wrong_kind("a whole number", &other, moment.at.span));
                return None;
            }
        };
        if at.fract() != 0.0 || !(0.0..=1e9).contains(&at) {
            let message = format!("a moment is a whole number, 0 and up, this is {at}");
            self.report(errors::out_of_range(message, moment.at.span, "for example `from epoch 5`"));
            return None;
        }
        Some(match moment.unit {
            TimeUnit::Epoch => Moment::Epoch(at as usize),
            TimeUnit::Step => Moment::Step(at as usize),
        })
    }

    /// A guard that is never open: the loss would stand in the recipe and count nowhere.
    pub(super) fn never_on(&mut self, length: Length) {
        let Some(step) = &self.step else { return };
        let mut found = Vec::new();
        for (guard, span) in &step.guards {
            let past = match (guard.from, length) {
                (Some(Moment::Epoch(from)), Length::Epochs(epochs)) if from >= epochs => Some(counted(epochs, "epoch")),
                (Some(Moment::Step(from)), Length::Steps(steps)) if from >= steps => Some(counted(steps, "step")),
                _ => None,
            };
            let over = match (guard.from, guard.until) {
                (Some(Moment::Epoch(from)), Some(Moment::Epoch(until)))
                | (Some(Moment::Step(from)), Some(Moment::Step(until))) => until <= from,
                (_, Some(Moment::Epoch(until) | Moment::Step(until))) => until == 0,
                _ => false,
            };
            let (label, help) = match (past, over) {
                (Some(length), _) => (
                    format!("the stage has {length}"),
                    format!("moments are counted from 0: the stage has {length}, and this is after the last"),
                ),
                (None, true) => (
                    "it ends before it begins".into(),
                    "the moment after `from` belongs to it, the one after `until` does not".into(),
                ),
                (None, false) => continue,
            };
            found.push(
                Diagnostic::error(Code::NeverOn, format!("the loss `{}` never counts", guard.loss))
                    .label(*span, label)
                    .help(help),
            );
        }
        for diagnostic in found {
            self.report(diagnostic);
        }
    }

    /// `moves disc`: the weights under the paths, each of which must hold one.
    pub(super) fn moves(&mut self, name: &Name, moves: &'p [Name], entries: &Entries<'p>) {
        if moves.is_empty() || !moves.iter().all(|path| self.is_held(path, entries)) {
            return;
        }
        let held = entries
            .weights
            .iter()
            .filter(|weight| !weight.state && moves.iter().any(|path| pattern::reaches(&path.text, &weight.within())));
        let weights = held.map(|weight| weight.path()).collect();
        if let Some(step) = &mut self.step {
            step.moves.push(Moves { loss: name.text.clone(), weights });
        }
    }
}
