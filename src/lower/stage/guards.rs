//! Clauses of a loss: when it counts (`from epoch 5 until epoch 20`), and what it moves (`moves disc`).

use std::mem::discriminant;

use super::Entries;
use crate::diag::amount::counted;
use crate::diag::{Code, Diagnostic};
use crate::grad::Moves;
use crate::graph::{Clock, Id};
use crate::lower::recipe::{Guard, Length, Moment};
use crate::lower::value::{Scope, Value};
use crate::lower::{Lower, errors, pattern};
use crate::source::Span;
use crate::syntax::ast::{self, Name, TimeUnit, Unit};

impl<'p> Lower<'p, '_> {
    /// `from epoch 5 until epoch 20`: the step of any other time is made without the loss.
    pub(super) fn guard(&mut self, name: &Name, guard: &'p ast::Guard, scope: &Scope<'p>) {
        let mut sides = [None, None];
        for (slot, moment) in sides.iter_mut().zip([&guard.from, &guard.until]) {
            let Some(moment) = moment else { continue };
            let Some(at) = self.moment(moment, scope) else { return };
            *slot = Some((at, moment.at.span));
        }
        let [from, until] = sides;
        let Some(span) = from.or(until).map(|(_, span)| span) else { return };
        let [from, until] = [from, until].map(|side| side.map(|(moment, _)| moment));
        if let Some(step) = &mut self.step {
            step.guards.push((Guard { loss: name.text.clone(), from, until }, span));
        }
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

    /// A guard that is never open: the loss would stand in the recipe and count nowhere. `per_epoch` are the steps of an epoch, where
    /// they are known before the data is opened.
    pub(super) fn never_on(&mut self, length: Length, per_epoch: Option<usize>) {
        let Some(step) = &self.step else { return };
        let mut found = Vec::new();
        for (guard, span) in &step.guards {
            let from = guard.from.unwrap_or(Moment::Step(0));
            // Where moments of two units meet, what an epoch has of steps is a part of the reason.
            let beside = |other: Moment| match per_epoch {
                Some(steps) if guard.from.is_some_and(|from| discriminant(&from) != discriminant(&other)) => {
                    format!(" (an epoch has {})", counted(steps, "step"))
                }
                _ => String::new(),
            };
            let (end, over) = (length.end(), guard.until.filter(|until| from.is_from(*until, per_epoch)));
            let (label, help) = if guard.from.is_some() && from.is_from(end, per_epoch) {
                let length = format!("the stage has {length}{}", beside(end));
                (length.clone(), format!("moments are counted from 0: {length}, and this is after the last"))
            } else if let Some(until) = over {
                let help = "the moment after `from` belongs to it, the one after `until` does not";
                (format!("it ends before it begins{}", beside(until)), help.into())
            } else {
                continue;
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
