//! What a `train` stage says of its training: batch, length, optimizer, schedule.

use std::rc::Rc;

use indexmap::IndexMap;

use super::Entries;
use super::validate::Validated;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Clock, Output, Role};
use crate::lower::call::Given;
use crate::lower::recipe::{Length, RATE, Schedule, Train};
use crate::lower::value::{OptimizerValue, Value};
use crate::lower::{Lower, errors};
use crate::syntax::ast;

impl<'p> Lower<'p, '_> {
    pub(super) fn train(
        &mut self,
        stage: &ast::Stage,
        entries: &Entries<'p>,
        validated: Option<&Validated>,
    ) -> Option<Train> {
        let whole = |lower: &mut Self, name: &str| -> Option<Option<usize>> {
            match entries.settings.get(name) {
                None => Some(None),
                Some((value, span)) => lower.whole_number(name, value, *span).map(Some),
            }
        };
        let (batch, epochs, steps) = (whole(self, "batch"), whole(self, "epochs"), whole(self, "steps"));
        if batch == Some(None) {
            self.missing_setting(stage, "batch", "for example `batch = 8`");
        }
        let length = match (epochs, steps) {
            (Some(Some(epochs)), Some(None)) => Some(Length::Epochs(epochs)),
            (Some(None), Some(Some(steps))) => Some(Length::Steps(steps)),
            (Some(None), Some(None)) => {
                self.missing_setting(stage, "epochs", "for example `epochs = 8`, or `steps = 2000`");
                None
            }
            (Some(Some(_)), Some(Some(_))) => {
                let span = entries.settings["steps"].1;
                self.report(
                    Diagnostic::error(Code::DuplicateName, "`epochs` and `steps` both say how long to train")
                        .label(span, "the second")
                        .help("remove one of them"),
                );
                None
            }
            _ => None,
        };
        let optimizer = match entries.settings.get("optimizer") {
            Some((value, span)) => self.expect_optimizer(value, *span),
            None => {
                self.missing_setting(stage, "optimizer", "for example `optimizer = sgd(lr = 0.01, momentum = 0.9)`");
                None
            }
        };
        if let Some(Some(batch)) = batch
            && batch > 1
            && let Some(samples) = self.samples_quietly(entries)
            && !samples.has_fixed_size()
        {
            let span = entries.settings["data"].1;
            self.report(
                Diagnostic::error(Code::UnknownSize, "the pictures of a batch must be of one size")
                    .label(span, "every picture has its own size")
                    .help("end with `|> random_crop(size)`, or use `batch = 1`"),
            );
        }
        let accumulate = whole(self, "accumulate");
        if let Some(length) = length {
            let images = self.samples_quietly(entries).and_then(|samples| samples.images());
            let group = batch.flatten().zip(accumulate).map(|(batch, accumulate)| batch * accumulate.unwrap_or(1));
            let schedule = images.zip(group).map(|(images, group)| Schedule::new(length, group, images));
            self.never_on(length, schedule.map(|schedule| schedule.per_epoch));
        }
        let above = |number: f64| number > 0.0 && number.is_finite();
        let clip = self.positive(entries, "clip", above, ("is above 0", "5 is usual"));
        let share = |number: f64| (0.0..1.0).contains(&number);
        let ema = self.positive(entries, "ema", share, ("is at least 0 and below 1", "0.999 is usual"));
        let keep = self.keep(stage, entries, validated);
        let optimizer = optimizer?;
        self.schedule(RATE, &optimizer);
        for (path, optimizer) in &entries.optimizers {
            self.schedule(path, optimizer);
        }
        let (guards, moves) = match &mut self.step {
            Some(step) => (std::mem::take(&mut step.guards), std::mem::take(&mut step.moves)),
            None => Default::default(),
        };
        let optimizers = entries.optimizers.iter().map(|(path, optimizer)| (path.clone(), optimizer.rule.clone()));
        Some(Train {
            batch: batch??,
            length: length?,
            optimizer: optimizer.rule.clone(),
            optimizers: optimizers.collect(),
            rates: entries.rates.clone(),
            decay: entries.decay.clone(),
            accumulate: accumulate?.unwrap_or(1),
            clip: clip?,
            ema: ema?,
            keep: keep?,
            guards: guards.into_iter().map(|(guard, _)| guard).collect(),
            moves,
        })
    }

    /// A number that is left out or keeps to a rule; `None` where it does not.
    fn positive(
        &mut self,
        entries: &Entries<'p>,
        name: &str,
        rule: impl Fn(f64) -> bool,
        (words, help): (&str, &str),
    ) -> Option<Option<f64>> {
        match entries.settings.get(name) {
            None => Some(None),
            Some((Value::Poison, _)) => None,
            Some((Value::Number(number), _)) if rule(*number) => Some(Some(*number)),
            Some((Value::Number(number), span)) => {
                self.report(errors::out_of_range(format!("`{name}` {words}, this is {number}"), *span, help));
                None
            }
            Some((other, span)) => {
                let diagnostic = errors::wrong_kind("a number", other, *span);
                self.report(diagnostic);
                None
            }
        }
    }

    /// The schedule becomes part of the step graph: a scalar of the clocks, as the output `name`.
    fn schedule(&mut self, name: &str, optimizer: &OptimizerValue<'p>) {
        let Some((function, span)) = &optimizer.schedule else { return };
        let mut clocks: IndexMap<String, Value<'p>> = IndexMap::new();
        for clock in Clock::ALL {
            let Some(id) = self.clock(clock, *span) else { return };
            clocks.insert(clock.word().to_string(), Value::Tensor(id));
        }
        let given = vec![Given { name: None, value: Value::Record(Rc::new(clocks)), span: *span }];
        let rate = self.call(function.clone(), given, *span, *span);
        let Some(id) = self.tensor(rate, *span) else { return };
        let Some(step) = &mut self.step else { return };
        let fact = step.graph.node(id).fact.clone();
        if fact.rank() != 0 {
            self.report(
                Diagnostic::error(Code::RankMismatch, format!("a schedule gives one number, this is {fact}"))
                    .label(*span, "the schedule")
                    .help("for example `poly(0.9)`"),
            );
            return;
        }
        let output = Output { role: Role::Rate, name: name.into(), nodes: vec![id], span: Some(*span) };
        step.graph.outputs.push(output);
    }
}
