//! One stage on this machine: how long its step takes, what it holds, and which ops the time goes to.
//!
//! Nothing is opened: pictures are made up, weights are as they begin, and what would come from a file is drawn. So the figures are
//! those of the step itself, decoding and augmentation left out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use candle_core::{DType, Device};

use super::error::step_error;
use super::interpreter::{Finite, Interpreter, Options};
use super::machine::{self, Machine};
use super::optimizer::Optimizer;
use super::parallel;
use super::values::Values;
use super::watch::{Observer, Seen};
use super::weights::{self, Table};
use super::{NEVER, RunError};
use crate::compile::CompiledStage;
use crate::graph::Id;
use crate::lower::{Init, Weight};
use crate::ops::{Context, Draw};
use crate::types::DimEnv;

/// How long the step is run for.
pub struct Effort {
    pub device: Device,
    /// 0 stands for one a core.
    pub workers: usize,
    /// Steps are counted until so much time has gone, and three at least.
    pub time: Duration,
}

/// Steps that are counted at least, and those that are looked into op by op.
const LEAST: usize = 3;
const WATCHED: usize = 2;

/// What was seen.
pub struct Measured {
    /// Pictures of one step: a batch, or one a worker.
    pub images: usize,
    /// Wall time of each step, in the order they ran; the first ones, which warm up, are left out.
    pub steps: Vec<Duration>,
    /// The most that the program held in a step, where the system tells.
    pub peak_bytes: Option<u64>,
    /// The shortest time of each op of the graph; of one picture's where pictures run side by side.
    pub nodes: Vec<(Id, Duration)>,
    /// Moving the weights, at its shortest.
    pub update: Duration,
}

/// Runs the step of a stage for a while. `dims` has a number for each symbol of its graph.
///
/// # Errors
/// An op that fails: a mistake of ours.
pub fn bench(compiled: &CompiledStage, dims: &DimEnv, effort: &Effort) -> Result<Measured, RunError> {
    let stage = compiled.stage;
    let machine = Machine::new(effort.device.clone(), effort.workers, &NEVER)?;
    let context = Context {
        dims: dims.clone(),
        dtype: machine.dtype,
        device: machine.device.clone(),
        draw: Draw { seed: 0, epoch: 0, samples: (0..dims.get("B").copied().unwrap_or(1).max(1) as u64).collect() },
    };
    let failed = |error| RunError::internal(format!("`{}`: {error}", stage.name));
    let interpreter = Interpreter::new(compiled.graph.clone(), machine.dtype, &machine.device)
        .map_err(|error| failed(error.to_string()))?;
    let mut values = Values::plausible(&compiled.graph, &context, 0).map_err(|error| failed(error.to_string()))?;
    let drawn = machine.place(drawn(stage.weights.iter().chain(&stage.borrowed), dims, machine.dtype)?)?;
    for (path, tensor) in &drawn {
        for table in [&mut values.weights, &mut values.states] {
            if let Some(value) = table.get_mut(path) {
                *value = tensor.clone();
            }
        }
    }

    let once = |observer: Option<&mut dyn Observer>| {
        let options = Options { finite: Finite::Unchecked, shapes: false, observer };
        interpreter
            .run(&values, &context, options)
            .map_err(|error| step_error(error, &compiled.graph, stage, dims, "a step"))
    };
    let mut optimizer = match &stage.train {
        Some(train) => {
            let new = Optimizer::new(stage, train, &compiled.graph, &drawn, &Table::new(), &BTreeMap::new())?;
            let places = new.places(&compiled.graph);
            Some((new, places))
        }
        None => None,
    };
    let images = if stage.train.is_some() { context.draw.samples.len() } else { machine.workers };
    // One step; the answer is how long the weights took to move.
    let mut step = || -> Result<Duration, RunError> {
        let Some((optimizer, places)) = &mut optimizer else {
            // As the stage itself does it: pictures side by side, one a worker.
            parallel::in_order(images, machine.workers, |_| once(None), |_, _| Ok(()))?;
            machine.device.synchronize()?;
            return Ok(Duration::ZERO);
        };
        let results = once(None)?;
        // A device is handed work and does it later.
        machine.device.synchronize()?;
        let begin = Instant::now();
        // Rates of nothing: all is computed, and numbers stay as they are however long this goes on.
        let rates = vec![0.0; optimizer.rates(&results)?.len()];
        optimizer.step(optimizer.gradients(&results, places)?, &rates)?;
        machine.device.synchronize()?;
        Ok(begin.elapsed())
    };

    machine.pool.install(|| {
        let mut update = step()?;
        machine::reset_peak(&machine.device);
        let begin = Instant::now();
        let mut steps = Vec::new();
        while steps.len() < LEAST || begin.elapsed() < effort.time {
            let begin = Instant::now();
            update = update.min(step()?);
            steps.push(begin.elapsed());
        }
        let peak_bytes = machine::peak_bytes(&machine.device);
        let mut shortest = Shortest::default();
        for _ in 0..WATCHED {
            once(Some(&mut shortest))?;
        }
        Ok(Measured { images, steps, peak_bytes, nodes: shortest.0.into_iter().collect(), update })
    })
}

/// Shortest times seen of each op.
#[derive(Default)]
struct Shortest(BTreeMap<Id, Duration>);

impl Observer for Shortest {
    fn step(&mut self, seen: Seen) {
        let time = self.0.entry(seen.node).or_insert(Duration::MAX);
        *time = seen.time.min(*time);
    }
}

/// The weights as they begin; those of files and of other stages are drawn.
fn drawn<'w>(all: impl Iterator<Item = &'w Weight>, dims: &DimEnv, dtype: DType) -> Result<Table, RunError> {
    let stand_in = |weight: &Weight| match weight.init {
        // Of a batch norm, a bias, running statistics: ones keep what flows through in range.
        Init::File { .. } | Init::Weight(_) if weight.dims.len() < 2 => Init::Constant(1.0),
        Init::File { .. } | Init::Weight(_) => Init::HeNormal { fan_out: false },
        ref init => init.clone(),
    };
    let all: Vec<Weight> = all.map(|weight| Weight { init: stand_in(weight), ..weight.clone() }).collect();
    weights::initial(&all, &Table::new(), dims, 0, dtype)
}
