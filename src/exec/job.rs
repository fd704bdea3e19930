//! What the parts of the room share while one stage runs: its graph, its data, where its results go, who is told.

use std::time::{Duration, Instant};

use candle_core::Tensor;

use super::bind::bind;
use super::error::step_error;
use super::interpreter::{Finite, Interpreter, Leaves, Options as StepOptions, Results};
use super::machine::Machine;
use super::prepare::Prepared;
use super::weights::Table;
use super::{Event, RunError};
use crate::data::Batch;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Clock, Graph, Role};
use crate::lower::Stage;
use crate::metrics::{self, Accumulator};
use crate::ops::{Context, Draw, OpError};
use crate::store::Draft;
use crate::types::DimEnv;

/// One stage that runs.
pub(super) struct Job<'a> {
    pub prepared: &'a Prepared<'a>,
    pub interpreter: Interpreter,
    pub machine: &'a Machine,
    /// Numbers for class symbols.
    pub dims: &'a DimEnv,
    pub seed: u64,
    pub draft: &'a Draft,
}

impl<'a> Job<'a> {
    pub fn stage(&self) -> &Stage {
        self.prepared.stage()
    }

    pub fn graph(&self) -> &Graph {
        self.interpreter.graph()
    }

    /// The same stage with another graph of it.
    pub fn with(&self, interpreter: Interpreter) -> Job<'a> {
        let Job { prepared, machine, dims, seed, draft, .. } = *self;
        Job { prepared, interpreter, machine, dims, seed, draft }
    }

    /// Runs the graph on a batch, on the calling thread's rayon pool. `during` says when, for messages.
    pub fn run(
        &self,
        batch: &Batch,
        table: &Table,
        clocks: [f64; 4],
        epoch: u64,
        finite: Finite,
        during: &dyn Fn() -> String,
    ) -> Result<Results, RunError> {
        let context = Context {
            dims: bind(self.dims, self.graph(), |name| batch.tensors.get(name)),
            dtype: self.machine.dtype,
            device: self.machine.device.clone(),
            draw: Draw { seed: self.seed, epoch, samples: batch.indices.clone() },
        };
        let leaves = StepLeaves { batch, table, clocks };
        let options = StepOptions { finite, shapes: false, observer: None };
        let results = self.interpreter.run(&leaves, &context, options);
        results.map_err(|error| step_error(error, self.graph(), self.stage(), &context.dims, &during()))
    }
}

/// Leaves by name: a batch, the weights, the time.
struct StepLeaves<'a> {
    batch: &'a Batch,
    table: &'a Table,
    clocks: [f64; 4],
}

impl Leaves for StepLeaves<'_> {
    fn field(&self, name: &str) -> Option<Tensor> {
        self.batch.tensors.get(name).cloned()
    }

    fn weight(&self, path: &str) -> Option<Tensor> {
        self.table.get(path).cloned()
    }

    fn state(&self, path: &str) -> Option<Tensor> {
        self.table.get(path).cloned()
    }

    fn clock(&self, clock: Clock) -> Option<f64> {
        Clock::ALL.iter().position(|known| *known == clock).map(|at| self.clocks[at])
    }
}

/// The metrics of a graph: name, place among the outputs, what has come in so far.
pub(super) struct Figures(Vec<(String, usize, Box<dyn Accumulator>)>);

impl Figures {
    /// Nothing counted yet. `classes` are foreground classes.
    pub fn start(graph: &Graph, classes: usize) -> Result<Figures, RunError> {
        let mut figures = Vec::new();
        for (at, output) in graph.outputs.iter().enumerate() {
            let Role::Metric { metric, attrs } = &output.role else { continue };
            let def =
                metrics::find(metric).ok_or_else(|| RunError::internal(format!("there is no metric `{metric}`")))?;
            let counter = (def.start)(attrs, classes).map_err(|error| wrong(&output.name, error))?;
            figures.push((output.name.clone(), at, counter));
        }
        Ok(Figures(figures))
    }

    /// The outputs that [`Figures::add`] wants to see.
    pub fn outputs(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(_, at, _)| *at)
    }

    /// Takes in one batch; `tensors` gives the tensors of an output.
    pub fn add<'t>(&mut self, tensors: impl Fn(usize) -> &'t [Tensor]) -> Result<(), RunError> {
        for (name, at, counter) in &mut self.0 {
            counter.add(tensors(*at)).map_err(|error| wrong(name, error))?;
        }
        Ok(())
    }

    /// What it came to.
    pub fn finish(self, stage: &Stage) -> super::Metrics {
        let known = &stage.seen.figures;
        let finished = self.0.into_iter().map(|(name, _, counter)| {
            let mut value = counter.finish();
            // A figure computed with an oracle is one, whatever metric it is of.
            value.oracle |= known.iter().any(|figure| figure.name == name && figure.oracle);
            (name, value)
        });
        finished.collect()
    }
}

fn wrong(metric: &str, error: OpError) -> RunError {
    let message = format!("the metric `{metric}`: {error}");
    match error.code {
        Code::Internal => RunError::internal(message),
        code => RunError::input(Diagnostic::error(code, message)),
    }
}

/// Tells of progress a few times a second and not more often.
pub(super) struct Ticker {
    start: Instant,
    last: Option<Instant>,
}

impl Ticker {
    const PAUSE: Duration = Duration::from_millis(200);

    pub fn new() -> Ticker {
        Ticker { start: Instant::now(), last: None }
    }

    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Whether it is time; always when `now`.
    pub fn is_due(&mut self, now: bool) -> bool {
        let due = now || self.last.is_none_or(|last| last.elapsed() >= Ticker::PAUSE);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

/// Who is told what happens.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Event);
