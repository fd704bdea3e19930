//! Memories of a training stage: one map an image, kept between epochs in the draft's folder, so that what is held is bounded by a
//! batch and not by the data set.
//!
//! A version of a memory is a folder of maps, named by the epoch it was made at the beginning of. It is whole before it is read;
//! the checkpoint says which version was read last, and older ones are then removed. What a version holds follows from the seed
//! and that epoch's weights, so a refresh that was stopped goes on with the pictures that are not done yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::error::data_error;
use super::event::EpochLine;
use super::interpreter::{Finite, Interpreter};
use super::job::{Job, Tell};
use super::weights::Table;
use super::{Event, RunError, parallel};
use crate::compile::CompiledRefresh;
use crate::data::{Array, Artifacts, DataError, JoinedMap, Pipeline};
use crate::files;
use crate::lower::{Memory, When};
use crate::store::{Draft, StageArtifacts, file_name, is_written, write_artifact};
use crate::types::{Dim, DimEnv};

/// The maps of a memory as the loader reads them: those of its version, before the first one a single number.
#[derive(Debug)]
pub(super) struct Maps {
    pub stage: String,
    pub name: String,
    pub index: bool,
    /// The shape for one picture where it has one without the picture: `[C]`.
    pub vector: Option<usize>,
    /// Channels of a map.
    pub channels: usize,
    pub initial: f64,
    version: RwLock<Option<PathBuf>>,
}

impl Maps {
    /// Those of a memory, none of them made yet; `dims` are the class counts of its data.
    pub fn of(stage: &str, memory: &Memory, dims: &DimEnv) -> Maps {
        // Beside those of the picture, lengths are numbers and counts of classes.
        let length = |dim: &Dim| dim.eval(dims).map_or(0, |length| usize::try_from(length).unwrap_or(0));
        let (vector, channels) = match &memory.fact.dims[1..] {
            [one] => (Some(length(one)), 1),
            [channels, _, _] => (None, length(channels)),
            _ => (None, 1),
        };
        Maps::new(stage, &memory.name, memory.fact.domain.is_index(), vector, channels, memory.initial)
    }

    fn new(stage: &str, name: &str, index: bool, vector: Option<usize>, channels: usize, initial: f64) -> Maps {
        let (stage, name, version) = (stage.to_owned(), name.to_owned(), RwLock::new(None));
        Maps { stage, name, index, vector, channels, initial, version }
    }

    fn turn_to(&self, version: Option<PathBuf>) {
        *self.version.write().unwrap_or_else(PoisonError::into_inner) = version;
    }
}

impl Artifacts for Maps {
    fn load(&self, id: &str) -> Result<JoinedMap, DataError> {
        let version = self.version.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(match (version, self.vector) {
            (Some(folder), _) => StageArtifacts::new(&folder, &self.stage, &self.name, self.index).load(id)?,
            (None, Some(length)) => {
                JoinedMap::Array(Array::Float { dims: vec![length], data: vec![self.initial as f32; length] })
            }
            (None, None) => JoinedMap::Even { channels: self.channels, index: self.index, value: self.initial },
        })
    }

    fn needs_size(&self) -> bool {
        self.vector.is_none()
    }
}

/// A memory with the ways of computing it anew.
pub(super) struct PreparedMemory<'c> {
    pub maps: Arc<Maps>,
    pub refreshes: Vec<PreparedRefresh<'c>>,
}

/// The memories of a stage that trains.
pub(super) struct Memories<'a> {
    all: &'a [PreparedMemory<'a>],
    /// The epochs at whose beginnings the versions were made, by memory; none before the first refresh.
    versions: BTreeMap<String, usize>,
}

/// One way of computing a memory anew.
pub(super) struct PreparedRefresh<'c> {
    pub compiled: &'c CompiledRefresh<'c>,
    pub pipeline: Arc<Pipeline>,
}

impl<'a> Memories<'a> {
    /// As a training begins.
    pub fn none(job: &Job<'a>) -> Memories<'a> {
        let all = &job.prepared.memories;
        all.iter().for_each(|memory| memory.maps.turn_to(None));
        Memories { all, versions: BTreeMap::new() }
    }

    /// As the checkpoint left them; `None` where a version that it speaks of is gone.
    pub fn open(job: &Job<'a>, versions: BTreeMap<String, usize>) -> Option<Memories<'a>> {
        let all = &job.prepared.memories;
        for memory in all {
            let folder = versions.get(&memory.maps.name).map(|epoch| version(job.draft, &memory.maps.name, *epoch));
            if folder.as_ref().is_some_and(|folder| !folder.is_dir()) {
                return None;
            }
            memory.maps.turn_to(folder);
        }
        Some(Memories { all, versions })
    }

    /// Whether a memory may change at the beginning of `epoch`: its batches cannot be made before then.
    pub fn may_change(&self, epoch: usize) -> bool {
        self.refreshes().any(|(_, refresh)| refresh.compiled.refresh.when.may(epoch))
    }

    fn refreshes(&self) -> impl Iterator<Item = (&'a PreparedMemory<'a>, &'a PreparedRefresh<'a>)> + use<'a> {
        self.all.iter().flat_map(|memory| memory.refreshes.iter().map(move |refresh| (memory, refresh)))
    }

    /// For the checkpoint.
    pub fn versions(&self) -> &BTreeMap<String, usize> {
        &self.versions
    }

    /// Computes anew what is due at the beginning of `epoch`, with the weights of the moment.
    pub fn refresh(
        &mut self,
        job: &Job<'a>,
        epoch: usize,
        clocks: [f64; 4],
        table: &Table,
        lines: &[EpochLine],
        tell: Tell,
    ) -> Result<(), RunError> {
        for (memory, refresh) in self.refreshes() {
            let last = self.versions.get(&memory.maps.name).copied();
            if !is_due(&refresh.compiled.refresh.when, epoch, last, lines) {
                continue;
            }
            let folder = version(job.draft, &memory.maps.name, epoch);
            let name = &memory.maps.name;
            let pictures = job.prepared.images;
            let text =
                format!("`{}` refreshes `{name}` before epoch {}: {pictures} pictures", job.stage().name, epoch + 1);
            tell(Event::Note { text });
            compute(job, refresh, &folder, name, epoch, clocks, table)?;
            memory.maps.turn_to(Some(folder));
            self.versions.insert(name.clone(), epoch);
        }
        Ok(())
    }

    /// Removes the versions that no checkpoint speaks of any more.
    pub fn forget(&self, draft: &Draft) -> Result<(), RunError> {
        for (name, kept) in &self.versions {
            let Ok(versions) = std::fs::read_dir(root(draft, name)) else { continue };
            for entry in versions.flatten() {
                let epoch = entry.file_name().to_str().and_then(|epoch| epoch.parse::<usize>().ok());
                if epoch.is_some_and(|epoch| epoch < *kept) {
                    files::remove_folder(&entry.path())?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a refresh is due at the beginning of `epoch`; a plateau is looked for since the `last` one.
fn is_due(when: &When, epoch: usize, last: Option<usize>, lines: &[EpochLine]) -> bool {
    let losses: Vec<f64> = match &when.plateau {
        Some(plateau) => {
            let since = lines.iter().skip(last.unwrap_or(0)).take(epoch);
            let counts = |line: &&EpochLine| !line.off.contains(&plateau.loss);
            since.filter(counts).filter_map(|line| line.losses.get(&plateau.loss).copied()).collect()
        }
        None => Vec::new(),
    };
    when.is_due(epoch, &losses)
}

fn root(draft: &Draft, memory: &str) -> PathBuf {
    draft.path("checkpoint").join("memory").join(file_name(memory))
}

fn version(draft: &Draft, memory: &str, epoch: usize) -> PathBuf {
    root(draft, memory).join(epoch.to_string())
}

/// The map of every picture, into `folder`.
fn compute(
    job: &Job,
    refresh: &PreparedRefresh,
    folder: &Path,
    name: &str,
    epoch: usize,
    clocks: [f64; 4],
    table: &Table,
) -> Result<(), RunError> {
    let (stage, pipeline) = (job.stage(), &refresh.pipeline);
    let interpreter = Interpreter::new(refresh.compiled.graph.clone(), job.machine.dtype, &job.machine.device);
    let interpreter = interpreter.map_err(|error| RunError::internal(format!("`{name}`: {error}")))?;
    let job = job.with(interpreter);
    let work = |index: usize| {
        if job.machine.stopped() {
            let kept = match epoch {
                0 => "the same run begins this stage anew".to_owned(),
                epochs => format!("the same run goes on after epoch {epochs}"),
            };
            return Err(RunError::interrupted(&stage.name, &kept));
        }
        let id = pipeline.id(index);
        if is_written(folder, name, id) {
            return Ok(());
        }
        let batch = pipeline.batch_of_one(index, epoch as u64, job.seed);
        let batch = batch.map_err(|error| RunError::input(data_error(&error, stage)))?;
        let during = || format!("the picture `{id}`, for the memory `{name}`");
        let results = job.run(&batch, table, clocks, epoch as u64, Finite::Saves, &during)?;
        Ok(write_artifact(folder, name, id, &results[0][0].squeeze(0)?)?)
    };
    parallel::in_order(job.prepared.images, job.machine.workers, work, |_, ()| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::Plateau;

    #[test]
    fn a_plateau_begins_anew_after_each_refresh() {
        let line = |loss: f64| EpochLine {
            epoch: 0,
            steps: 0,
            rate: 0.0,
            loss,
            losses: [("seg".to_owned(), loss)].into(),
            metrics: BTreeMap::new(),
            seconds: 0.0,
            off: Vec::new(),
        };
        let plateau = Plateau { loss: "seg".into(), patience: 1, factor: 1.0 };
        let when = When { from: 1, every: None, until: None, plateau: Some(plateau) };
        let lines: Vec<EpochLine> = [1.0, 0.5, 0.6, 0.9, 0.9].map(line).into();
        assert!(!is_due(&when, 2, None, &lines[..2]));
        assert!(is_due(&when, 3, None, &lines[..3]));
        // The loss on new labels is another one: 0.9 is the first of them.
        assert!(!is_due(&when, 4, Some(3), &lines[..4]));
        assert!(is_due(&when, 5, Some(3), &lines));
    }

    #[test]
    fn before_the_first_refresh_a_memory_is_one_number() {
        let maps = Maps::new("t", "seeds", true, None, 1, 255.0);
        assert_eq!(maps.load("a"), Ok(JoinedMap::Even { channels: 1, index: true, value: 255.0 }));
        let scores = Maps::new("t", "scores", false, Some(2), 1, 0.5);
        let array = Array::Float { dims: vec![2], data: vec![0.5; 2] };
        assert_eq!(scores.load("a"), Ok(JoinedMap::Array(array)));
        assert!(maps.needs_size() && !scores.needs_size());
    }
}
