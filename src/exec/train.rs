//! Training: batches in, weights moved, a checkpoint at the end of each epoch.
//!
//! What a step computes depends on the seed, the epoch and the pictures of its batch, never on when it runs: a stopped run that
//! goes on from a checkpoint has the numbers of one that never stopped, bit for bit on the CPU.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::{DType, Tensor};

use super::checkpoint;
use super::error::data_error;
use super::event::{EpochLine, Metrics};
use super::interpreter::{Finite, Results};
use super::job::{Figures, Job, Tell, Ticker};
use super::keep::Kept;
use super::memory::Memories;
use super::notes;
use super::optimizer::{Accumulated, Gradients, Optimizer, Steps};
use super::phase::Phases;
use super::validate;
use super::weights::{self, Table};
use super::{Event, RunError};
use crate::data::{Batch, Loader, LoaderOptions};
use crate::diag::amount::counted;
use crate::files;
use crate::graph::Role;
use crate::lower::{Guard, Schedule, Train};
use crate::metrics::MetricValue;
use crate::store::npz;

/// Batches that are ready before the step that takes them.
pub const AHEAD: usize = 3;

/// The losses that count at no step of an epoch.
fn off(schedule: &Schedule, train: &Train, epoch: usize) -> Vec<String> {
    let is_on = |guard: &&Guard| schedule.of_epoch(epoch).any(|step| guard.is_on(epoch, step));
    train.guards.iter().filter(|guard| !is_on(guard)).map(|guard| guard.loss.clone()).collect()
}

/// Trains the stage of `job`; its nets and its log go into the draft. `borrowed` are the weights of other stages.
pub(super) fn train(job: &Job, train: &Train, borrowed: Table, tell: Tell) -> Result<Metrics, RunError> {
    let stage = job.stage();
    let schedule = train.schedule(job.prepared.images);
    // A memory that a checkpoint speaks of and that is gone makes the checkpoint worth nothing.
    let left = checkpoint::read(job.draft, &stage.weights).and_then(|left| {
        let memories = Memories::open(job, left.memories.clone())?;
        Some((left, memories))
    });
    let (left, mut memories) = match left {
        Some((left, memories)) => (Some(left), memories),
        None => (None, Memories::none(job)),
    };
    let (weights, moments, steps, best, mut lines) = match left {
        Some(left) => (left.weights, left.moments, left.steps, left.best, left.lines),
        None => {
            let weights = weights::initial(&stage.weights, &borrowed, job.dims, job.seed, job.machine.dtype)?;
            (weights, Table::new(), Steps::new(), Table::new(), Vec::new())
        }
    };
    let place = |table| job.machine.place(table);
    let (mut table, moments, best) = (place(weights)?, place(moments)?, place(best)?);
    let mut kept = Kept::new(&train.keep, &stage.weights, best, notes::of(job));
    table.extend(borrowed);
    let mut optimizer = Optimizer::new(stage, train, job.graph(), &table, &moments, &steps)?;
    let mut phases = Phases::new(job, train, &optimizer);
    for (epoch, line) in lines.iter_mut().enumerate() {
        line.off = off(&schedule, train, epoch);
    }
    if !lines.is_empty() {
        let text = format!("`{}` goes on after epoch {} of {}", stage.name, lines.len(), schedule.epochs);
        tell(Event::Note { text });
    }

    let mut ticker = Ticker::new();
    let mut metrics = Metrics::new();
    let begun = lines.len();
    let mut next = None;
    for epoch in begun..schedule.epochs {
        let clocks = [epoch * schedule.per_epoch, schedule.steps, epoch, schedule.epochs].map(|time| time as f64);
        memories.refresh(job, epoch, clocks, &table, &lines, tell)?;
        let batches = next.take().unwrap_or_else(|| open(job, train, epoch));
        let ahead = !memories.may_change(epoch + 1);
        let (line, figures) = {
            let (phases, table, optimizer) = (&mut phases, &mut table, &mut optimizer);
            let mut pass = Epoch { job, train, schedule, epoch, begun, ahead, phases, table, optimizer };
            pass.run(batches, &mut next, &mut ticker, tell)?
        };
        let left = optimizer.left(&table);
        let (line, figures) = validate::after(job, [epoch, schedule.epochs], clocks, &left, (line, figures))?;
        tell(Event::EpochFinished { stage: stage.name.clone(), line: line.clone() });
        lines.push(line);
        metrics = figures;
        kept.after(&lines, &left, job.draft)?;
        if epoch + 1 < schedule.epochs {
            let versions = memories.versions();
            let write =
                || checkpoint::write(job.draft, &stage.weights, &table, &optimizer, &kept.best, &lines, versions);
            job.machine.pool.install(write)?;
            memories.forget(job.draft)?;
        }
    }
    let (nets, metrics, note) = kept.finish(&lines, optimizer.left(&table), metrics);
    if let Some(note) = note {
        tell(Event::Note { text: format!("`{}`: {note}", stage.name) });
    }
    weights::save(job.draft.folder(), &stage.weights, &nets, &notes::of(job))?;
    write_log(job, &lines)?;
    Ok(metrics)
}

fn open(job: &Job, train: &Train, epoch: usize) -> Loader {
    let options = LoaderOptions {
        batch: train.batch,
        shuffle: true,
        drop_last: true,
        seed: job.seed,
        epoch: epoch as u64,
        limit: Some(job.prepared.images),
        ahead: AHEAD,
        workers: job.machine.workers,
    };
    Loader::new(job.prepared.pipeline.clone(), options)
}

/// One pass over the pictures.
struct Epoch<'a, 'j> {
    job: &'j Job<'j>,
    train: &'a Train,
    schedule: Schedule,
    /// From 0.
    epoch: usize,
    /// The epoch this run began with.
    begun: usize,
    /// Whether the next epoch's batches can be made before this one is over.
    ahead: bool,
    phases: &'a mut Phases<'j>,
    table: &'a mut Table,
    optimizer: &'a mut Optimizer,
}

impl Epoch<'_, '_> {
    /// Opens the loader of the next epoch as soon as this one's has nothing more to do.
    fn run(
        &mut self,
        mut batches: Loader,
        next: &mut Option<Loader>,
        ticker: &mut Ticker,
        tell: Tell,
    ) -> Result<(EpochLine, Metrics), RunError> {
        let Epoch { job, schedule, epoch, .. } = *self;
        let Range { start: first, end } = schedule.of_epoch(epoch);
        let steps = end - first;
        let mut figures = Figures::start(job.graph(), job.prepared.classes)?;
        let mut losses = Losses::new(job);
        let mut rates = vec![0.0];
        let begin = ticker.seconds();
        let accumulate = self.train.accumulate;
        for at in 0..steps {
            let last = at + 1 == steps;
            let step = first + at;
            // A device is waited for only where somebody wants to know: between, steps follow one another without a look at their numbers.
            let due = ticker.is_due(last);
            let look = due || job.machine.device.is_cpu();
            let mut gradients = Accumulated::default();
            for small in 0..accumulate {
                if job.machine.stopped() {
                    return Err(self.interrupted());
                }
                let batch = match batches.next() {
                    Some(Ok(batch)) => batch,
                    Some(Err(error)) => return Err(RunError::input(data_error(&error, job.stage()))),
                    None => return Err(RunError::internal("the loader ended before the epoch did")),
                };
                let last = last && small + 1 == accumulate;
                if last && self.ahead && epoch + 1 < schedule.epochs {
                    *next = Some(open(job, self.train, epoch + 1));
                }
                let (results, moving) = self.compute(&batch, step, look)?;
                // Before the weights move: a result may share its numbers with one.
                losses.add(&results, self.optimizer)?;
                if look {
                    losses.read()?;
                }
                figures.add(|output| &results[output])?;
                rates = self.optimizer.rates(&results)?;
                gradients.add(moving)?;
                self.assign(&results)?;
                if last {
                    self.show(&results)?;
                }
            }
            let gradients = gradients.means()?;
            job.machine.pool.install(|| self.optimizer.step(gradients, &rates))?;
            if due {
                let done = step + 1;
                let seen = (done - self.begun * schedule.per_epoch) * self.train.batch * accumulate;
                tell(Event::Progress {
                    stage: job.stage().name.clone(),
                    done,
                    total: schedule.steps,
                    images_per_second: seen as f64 / ticker.seconds().max(1e-9),
                    loss: Some(losses.last),
                    epoch: Some(epoch + 1),
                    epochs: Some(schedule.epochs),
                });
            }
        }
        let counted = figures.finish(job.stage());
        let line = EpochLine {
            epoch: epoch + 1,
            steps: first + steps,
            rate: rates[0],
            loss: losses.total / (steps * accumulate) as f64,
            losses: losses.named(steps * accumulate),
            off: off(&schedule, self.train, epoch),
            metrics: counted.iter().map(|(name, value)| (name.clone(), value.value)).collect(),
            seconds: ticker.seconds() - begin,
        };
        let metrics = with_loss(counted, line.loss, steps);
        Ok((line, metrics))
    }

    /// Forward and backward; `look` ends the run at a number that is none.
    fn compute(&mut self, batch: &Batch, step: usize, look: bool) -> Result<(Results, Gradients), RunError> {
        let Epoch { schedule, epoch, .. } = *self;
        let clocks = [step, schedule.steps, epoch, schedule.epochs].map(|time| time as f64);
        let during = || format!("step {} (epoch {})", step + 1, epoch + 1);
        let (job, places) = self.phases.at(epoch, step, self.optimizer)?;
        let table: &Table = self.table;
        let finite = if look { Finite::Gradients } else { Finite::Unchecked };
        let run = || job.run(batch, table, clocks, epoch as u64, finite, &during);
        let results = job.machine.pool.install(run)?;
        let gradients = self.optimizer.gradients(&results, places)?;
        Ok((results, gradients))
    }

    /// New values of states.
    fn assign(&mut self, results: &Results) -> Result<(), RunError> {
        for (at, output) in self.job.graph().outputs.iter().enumerate() {
            if output.role == Role::Assign {
                let value = self.optimizer.own(&results[at][0])?;
                self.table.insert(output.name.clone(), value);
            }
        }
        Ok(())
    }

    /// `show` lines: the first picture of the epoch's last batch, in `show/<name>/<epoch>.npz`.
    fn show(&self, results: &Results) -> Result<(), RunError> {
        for (at, output) in self.job.graph().outputs.iter().enumerate() {
            if output.role != Role::Show {
                continue;
            }
            let shown = &results[at][0];
            let first = if shown.rank() > 0 && shown.dims()[0] > 0 { shown.get(0)? } else { shown.clone() };
            let name = format!("show/{}/{:04}.npz", crate::store::file_name(&output.name), self.epoch + 1);
            npz::write(&self.job.draft.path(&name), &[(&output.name, &first)])?;
        }
        Ok(())
    }

    fn interrupted(&self) -> RunError {
        let kept = match self.epoch {
            0 => "no epoch was finished: the same run begins this stage anew".to_owned(),
            epochs => format!("the same run goes on after epoch {epochs} of {}", self.schedule.epochs),
        };
        RunError::interrupted(&self.job.stage().name, &kept)
    }
}

/// Sums over the steps of an epoch.
struct Losses {
    /// Name, place among the outputs, sum.
    named: Vec<(String, usize, f64)>,
    /// The output that is the sum of all.
    whole: Option<usize>,
    total: f64,
    last: f64,
    /// What has not been read yet: each loss, then the whole, step by step.
    pending: Vec<Tensor>,
}

impl Losses {
    fn new(job: &Job) -> Losses {
        let outputs = || job.graph().outputs.iter().enumerate();
        let losses = outputs().filter(|(_, output)| output.role == Role::Loss);
        Losses {
            named: losses.map(|(at, output)| (output.name.clone(), at, 0.0)).collect(),
            whole: outputs().find(|(_, output)| output.role == Role::Total).map(|(at, _)| at),
            total: 0.0,
            last: 0.0,
            pending: Vec::new(),
        }
    }

    fn add(&mut self, results: &Results, optimizer: &Optimizer) -> Result<(), RunError> {
        let places = self.named.iter().map(|(_, at, _)| *at).chain(self.whole);
        for at in places {
            self.pending.push(optimizer.own(&results[at][0])?);
        }
        Ok(())
    }

    /// Takes in the numbers of all steps since the last time, in their order.
    fn read(&mut self) -> Result<(), RunError> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let numbers = Tensor::stack(&pending, 0)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        for step in numbers.chunks(self.named.len() + usize::from(self.whole.is_some())) {
            self.named.iter_mut().zip(step).for_each(|((_, _, sum), number)| *sum += number);
            if self.whole.is_some() {
                self.last = step[self.named.len()];
                self.total += self.last;
            }
        }
        Ok(())
    }

    fn named(&self, steps: usize) -> BTreeMap<String, f64> {
        self.named.iter().map(|(name, _, sum)| (name.clone(), sum / steps as f64)).collect()
    }
}

/// The figures of an epoch with its mean loss, unless a metric has that name.
fn with_loss(mut metrics: Metrics, loss: f64, steps: usize) -> Metrics {
    let over = format!("{} of the last epoch", counted(steps, "step"));
    let value = MetricValue { value: Some(loss), oracle: false, over, detail: serde_json::Value::Null };
    metrics.entry("loss".into()).or_insert(value);
    metrics
}

fn write_log(job: &Job, lines: &[EpochLine]) -> Result<(), RunError> {
    let mut log = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut log, line).map_err(|error| RunError::internal(error.to_string()))?;
        log.push(b'\n');
    }
    Ok(files::write_bytes(&job.draft.path("log.jsonl"), &log)?)
}
