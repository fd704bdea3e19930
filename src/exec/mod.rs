//! Runs recipes: the only room, beside the command line, that reads the clock and writes results.
//!
//! Comes in: a compiled recipe and [`Options`]. Goes out: finished stages in the store, a run folder, and [`Event`]s on the way.
//! A stage whose key is in the store is not run again. Training, inference and scoring all run a plan on batches
//! ([`interpreter`]): tensors go in by name, tensors come out by output.

pub mod bench;
mod bind;
mod checkpoint;
mod choose;
mod each;
mod error;
mod event;
mod expected;
pub mod interpreter;
mod job;
mod keep;
mod machine;
mod measured;
mod memory;
mod note;
mod notes;
mod optimizer;
mod packing;
mod parallel;
pub mod parts;
mod phase;
mod pins;
mod placement;
mod prepare;
mod train;
mod unfit;
mod validate;
pub mod watch;
mod weights;

// For tests and tools.
pub mod check;
#[cfg(test)]
mod tests;
pub mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use candle_core::Device;

pub use error::RunError;
pub use event::{EpochLine, Event, Metrics};
pub use expected::{Compared, within};
pub use note::StageNote;
pub use packing::kept;
pub use parts::PRIMITIVES;
pub use train::AHEAD;

use crate::compile::Compiled;
use crate::files::{self, FileError};
use crate::lower::{Recipe, Stage};
use crate::store::{
    Claim, Draft, Finished, Key, Lock, RunFolder, StageLock, StageRecord, Store, submission, timestamp,
};
use choose::Choice;
use interpreter::Interpreter;
use job::{Job, Tell};
use machine::Machine;
use prepare::{Preparation, Prepared};
use weights::Table;

/// What a run was asked to do beside its recipe.
#[derive(Clone, Debug)]
pub struct Options {
    /// The output folder; the store lies in it.
    pub out: PathBuf,
    pub seed: u64,
    pub device: Device,
    /// Threads that compute and decode; 0 stands for one a core. Decides no number.
    pub workers: usize,
    /// The most pictures that a stage runs over.
    pub limit: Option<usize>,
    /// The stage whose result is wanted, or the family: only it and what it needs runs.
    pub until: Option<String>,
    /// The one stage that runs.
    pub only: Option<String>,
    /// The stages whose results are wanted, by their names in the pipeline: of the others, only what these need runs. All are wanted
    /// where none is named.
    pub toward: Vec<String>,
    /// Stages that run although their result is there.
    pub force: Vec<String>,
    /// Tells what would run and runs nothing.
    pub dry_run: bool,
    /// The recipe as it runs, for the run folder.
    pub text: String,
    /// Where files of weights are pinned: `wsss.lock` beside the recipe.
    pub pins: Option<PathBuf>,
    /// Set from outside to stop the run as soon as what is finished is kept.
    pub stop: &'static AtomicBool,
}

/// For runs that nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Options {
    /// Whether the result of a stage is asked for, be it needed for another one or not.
    pub fn wants(&self, stage: &Stage) -> bool {
        let all = self.until.is_none() && self.toward.is_empty();
        all || self.until.as_deref().is_some_and(|until| stage.answers_to(until)) || self.toward.contains(&stage.name)
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            out: "runs".into(),
            seed: 0,
            device: Device::Cpu,
            workers: 0,
            limit: None,
            until: None,
            only: None,
            toward: Vec::new(),
            force: Vec::new(),
            dry_run: false,
            text: String::new(),
            pins: None,
            stop: &NEVER,
        }
    }
}

/// What a run came to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// The stages that were asked for, in the order of the recipe.
    pub stages: Vec<StageOutcome>,
    /// Where recipe, lock and figures are; `None` after a dry run.
    pub folder: Option<PathBuf>,
    /// What the recipe expects of its figures, beside what came out.
    pub expected: Vec<Compared>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct StageOutcome {
    pub name: String,
    pub key: Key,
    pub reused: bool,
    /// Why it ran, or why not.
    pub why: String,
    pub metrics: Metrics,
}

/// Runs what is not in the store yet.
///
/// # Errors
/// Wrong input before anything runs; afterwards whatever stops a stage. Stages finished by then are kept and reused.
pub fn run(recipe: &Compiled, options: &Options, events: &mut dyn FnMut(Event)) -> Result<Outcome, RunError> {
    let store = Store::at(&options.out);
    let machine = Machine::new(options.device.clone(), options.workers, options.stop)?;
    let name = &recipe.recipe.name;
    let preparation = prepare::prepare(recipe, &store, options.seed, options.limit)?;
    let pinned = pins::hold(options.pins.as_deref(), &preparation, options.dry_run)?;
    for text in preparation.notes.iter().cloned().chain(pinned) {
        events(Event::Note { text });
    }
    let choices = choose::choose(&preparation, &store, name, options)?;
    for text in unfit::refuse(&preparation, &choices)? {
        events(Event::Note { text });
    }
    if options.dry_run {
        return Ok(planned(&preparation, choices, events));
    }
    store.expect_writable()?;
    // From here on nothing that the run reuses is freed; what was freed a moment ago runs again.
    let choosing = store.choosing()?;
    let is_there = |(at, choice): &(usize, Choice)| match choice {
        Choice::Reuse(_) => store.find(&preparation.stages[*at].key).is_some(),
        Choice::Run { .. } => true,
    };
    let choices = match choices.iter().all(is_there) {
        true => choices,
        false => choose::choose(&preparation, &store, name, options)?,
    };
    let lock = lock(recipe.recipe, &preparation, options, &machine);
    let folder = RunFolder::create(&options.out, name, &options.text, &lock)?;
    drop(choosing);
    let mut runner =
        Runner { recipe: name, preparation: &preparation, store: &store, machine: &machine, options, tell: events };
    let mut outcome = Outcome { stages: Vec::new(), folder: Some(folder.path().to_owned()), expected: Vec::new() };
    for (at, choice) in choices {
        let stage = &preparation.stages[at];
        let (finished, why) = match choice {
            Choice::Reuse(finished) => (*finished, None),
            Choice::Run { why, again } => runner.stage(stage, &why, again)?,
        };
        let metrics = read_metrics(&finished)?;
        runner.hand_out(stage, &finished, &folder)?;
        let key = stage.key.to_string();
        let stage = stage.stage().name.clone();
        let reused = why.is_none();
        if reused {
            (runner.tell)(Event::StageReused { stage: stage.clone(), key, metrics: metrics.clone() });
        } else {
            let StageRecord { seconds, peak_bytes, .. } = finished.record;
            (runner.tell)(Event::StageFinished {
                stage: stage.clone(),
                key,
                seconds,
                peak_bytes,
                metrics: metrics.clone(),
            });
        }
        let key = finished.record.key;
        outcome.stages.push(StageOutcome {
            name: stage,
            key,
            reused,
            why: why.unwrap_or_else(|| UNCHANGED.into()),
            metrics,
        });
        write_figures(&folder, &outcome)?;
    }
    let Recipe { expectations, variants, .. } = recipe.recipe;
    outcome.expected = expected::compare(expectations, &outcome.stages, variants, options.limit.is_none());
    if !outcome.expected.is_empty() {
        folder.write_json("expected.json", &outcome.expected)?;
    }
    Ok(outcome)
}

/// Why a stage is reused.
const UNCHANGED: &str = "nothing that decides its result has changed";

fn planned(preparation: &Preparation, choices: Vec<(usize, Choice)>, tell: Tell) -> Outcome {
    let mut outcome = Outcome::default();
    for (at, choice) in choices {
        let stage = &preparation.stages[at];
        let (reused, why) = match choice {
            Choice::Reuse(_) => (true, UNCHANGED.into()),
            Choice::Run { why, .. } => (false, why),
        };
        let (name, key) = (stage.stage().name.clone(), stage.key.clone());
        tell(Event::StagePlanned { stage: name.clone(), key: key.to_string(), reused, why: why.clone() });
        outcome.stages.push(StageOutcome { name, key, reused, why, metrics: Metrics::new() });
    }
    outcome
}

fn lock(recipe: &Recipe, preparation: &Preparation, options: &Options, machine: &Machine) -> Lock {
    let stages = preparation.stages.iter();
    Lock {
        version: env!("CARGO_PKG_VERSION").into(),
        primitives: PRIMITIVES,
        recipe: recipe.name.clone(),
        variants: recipe.variants.clone(),
        seed: options.seed,
        device: machine.device_name().into(),
        limit: options.limit,
        data: preparation.data.clone(),
        weights: preparation.weights.clone(),
        stages: stages.map(|stage| StageLock { name: stage.stage().name.clone(), key: stage.key.clone() }).collect(),
    }
}

/// What stays the same from stage to stage.
struct Runner<'a> {
    recipe: &'a str,
    preparation: &'a Preparation<'a>,
    store: &'a Store,
    machine: &'a Machine,
    options: &'a Options,
    tell: Tell<'a>,
}

impl Runner<'_> {
    /// Runs one stage, or takes what another run finished meanwhile: then the reason is `None`.
    fn stage(&mut self, prepared: &Prepared, why: &str, again: bool) -> Result<(Finished, Option<String>), RunError> {
        let name = &prepared.stage().name;
        let mut told = false;
        let claim = self.store.claim(&prepared.key, again, || {
            if !std::mem::replace(&mut told, true) {
                (self.tell)(Event::Note { text: format!("`{name}` is being run by another run; waiting for it") });
            }
            !self.machine.stopped()
        })?;
        match claim {
            None => Err(RunError::interrupted(name, "another run goes on with it")),
            Some(Claim::Finished(finished)) => Ok((*finished, None)),
            Some(Claim::Draft(draft)) => Ok((self.fill(prepared, why, draft)?, Some(why.to_owned()))),
        }
    }

    fn fill(&mut self, prepared: &Prepared, why: &str, draft: Draft) -> Result<Finished, RunError> {
        let stage = prepared.stage();
        let start = Instant::now();
        machine::reset_peak(&self.machine.device);
        let units = if stage.train.is_some() { "steps" } else { "images" };
        (self.tell)(Event::StageStarted {
            stage: stage.name.clone(),
            kind: stage.kind.word(),
            key: prepared.key.to_string(),
            why: why.to_owned(),
            units,
            images: prepared.images,
        });
        let interpreter = Interpreter::new(prepared.compiled.graph.clone(), self.machine.dtype, &self.machine.device);
        let interpreter = interpreter.map_err(|error| RunError::internal(format!("`{}`: {error}", stage.name)))?;
        let borrowed = self.machine.place(self.borrowed(prepared)?)?;
        let job = Job {
            prepared,
            interpreter,
            machine: self.machine,
            dims: &self.preparation.dims,
            seed: self.options.seed,
            draft: &draft,
        };
        let metrics = match &stage.train {
            Some(train) => train::train(&job, train, borrowed, self.tell)?,
            None => each::each(&job, borrowed, self.tell)?,
        };
        files::write_json(&draft.path("metrics.json"), &metrics)?;
        let record = StageRecord {
            key: prepared.key.clone(),
            recipe: self.recipe.to_owned(),
            stage: stage.name.clone(),
            kind: stage.kind.word().into(),
            why: why.to_owned(),
            images: prepared.images,
            finished: timestamp(SystemTime::now()),
            seconds: start.elapsed().as_secs_f64(),
            device: self.machine.device_name().into(),
            workers: self.machine.workers,
            peak_bytes: machine::peak_bytes(&self.machine.device),
            version: env!("CARGO_PKG_VERSION").into(),
            parts: prepared.parts.clone(),
        };
        Ok(draft.finish(&record)?)
    }

    /// Puts what is packed for a test server beside the figures, where a person finds it.
    fn hand_out(&mut self, prepared: &Prepared, finished: &Finished, folder: &RunFolder) -> Result<(), RunError> {
        let stage = prepared.stage();
        for submission in &stage.submissions {
            let name = format!("{}.{}", stage.name, submission.save);
            let from = submission::path(finished.folder(), &submission.save);
            let copy = folder.copy(&format!("{name}.zip"), &from)?;
            let images = crate::diag::amount::counted(prepared.images, "picture");
            (self.tell)(Event::Note {
                text: format!("`{name}` of {images} is packed for the server: {}", copy.display()),
            });
        }
        Ok(())
    }

    /// The weights and numbers of other stages that a stage reads.
    fn borrowed(&self, prepared: &Prepared) -> Result<Table, RunError> {
        let mut by_stage: BTreeMap<&str, Vec<&crate::lower::Weight>> = BTreeMap::new();
        for weight in &prepared.stage().borrowed {
            by_stage.entry(&weight.stage).or_default().push(weight);
        }
        let input = |stage: &str| {
            prepared.inputs.get(stage).ok_or_else(|| RunError::internal(format!("`{stage}` is no input")))
        };
        let mut table = Table::new();
        for (stage, weights) in by_stage {
            let key = input(stage)?;
            table.extend(weights::borrow(&self.store.place(key), &weights, self.machine.dtype)?);
        }
        for number in &prepared.stage().measured {
            let value = measured::read(&self.store.place(input(&number.stage)?), number, prepared.stage())?;
            let tensor = candle_core::Tensor::new(value, &Device::Cpu)?;
            table.insert(number.leaf.clone(), tensor.to_dtype(self.machine.dtype)?);
        }
        Ok(table)
    }
}

fn read_metrics(finished: &Finished) -> Result<Metrics, RunError> {
    read_figures(finished.folder())
}

/// The figures of a finished stage by its folder.
fn read_figures(folder: &std::path::Path) -> Result<Metrics, RunError> {
    let path = folder.join("metrics.json");
    let text = std::fs::read(&path).map_err(|error| FileError::read(&path, &error))?;
    serde_json::from_slice(&text).map_err(|error| FileError::broken(&path, error.to_string()).into())
}

/// `metrics.json` has plain numbers (`null` for none); `details.json` beside it says over what each was taken, which are
/// oracle figures, and holds curves and values a class.
fn write_figures(folder: &RunFolder, outcome: &Outcome) -> Result<(), RunError> {
    let stages = || outcome.stages.iter().filter(|stage| !stage.metrics.is_empty());
    let plain = |metrics: &Metrics| -> BTreeMap<String, Option<f64>> {
        metrics.iter().map(|(name, metric)| (name.clone(), metric.value)).collect()
    };
    let values: indexmap::IndexMap<&str, _> =
        stages().map(|stage| (stage.name.as_str(), plain(&stage.metrics))).collect();
    let details: indexmap::IndexMap<&str, _> = stages().map(|stage| (stage.name.as_str(), &stage.metrics)).collect();
    folder.write_json("details.json", &Ordered(details))?;
    folder.write_json("stages.json", &StageNote::all(outcome))?;
    Ok(folder.write_json("metrics.json", &Ordered(values))?)
}

/// A map whose entries are written in the order they were put in.
struct Ordered<K, V>(indexmap::IndexMap<K, V>);

impl<K: serde::Serialize, V: serde::Serialize> serde::Serialize for Ordered<K, V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}
