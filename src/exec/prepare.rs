//! Before anything runs: every data set is opened, every stage gets its key. All that is wrong with data and files is told here,
//! at once, for all stages.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::RunError;
use super::error::data_error;
use super::memory::{Maps, PreparedMemory, PreparedRefresh};
use super::parts::{self, World};
use super::validate::PreparedValidation;
use super::weights;
use crate::compile::{Compiled, CompiledRefresh, CompiledStage, CompiledValidation};
use crate::data::{self, Dataset, Fields, FolderMaps, Join, Pipeline, Source};
use crate::diag::{Code, Diagnostic, Problems};
use crate::lower::{DataPlan, Stage};
use crate::store::{DataLock, Key, Parts, StageArtifacts, Store, WeightFile};
use crate::types::DimEnv;

/// A stage that could run: all that decides its result is known.
pub(super) struct Prepared<'c> {
    pub compiled: &'c CompiledStage<'c>,
    pub pipeline: Arc<Pipeline>,
    /// How many pictures it runs over.
    pub images: usize,
    /// Foreground classes of its data.
    pub classes: usize,
    /// What the stage keeps of its pictures while it trains.
    pub memories: Vec<PreparedMemory<'c>>,
    pub validation: Option<PreparedValidation<'c>>,
    pub parts: Parts,
    pub key: Key,
    /// Earlier stages that it reads, by name.
    pub inputs: BTreeMap<String, Key>,
}

impl Prepared<'_> {
    pub fn stage(&self) -> &Stage {
        self.compiled.stage
    }

    /// The ways to the pictures of all its graphs, each with how many of them it goes over.
    pub fn pipelines(&self) -> impl Iterator<Item = (&Arc<Pipeline>, usize)> {
        let refreshes = self.memories.iter().flat_map(|memory| &memory.refreshes);
        let own = std::iter::once(&self.pipeline).chain(refreshes.map(|refresh| &refresh.pipeline));
        let validation = self.validation.iter().map(|validation| (&validation.pipeline, validation.images));
        own.map(|pipeline| (pipeline, self.images)).chain(validation)
    }
}

/// Everything that is known before the first stage runs.
pub(super) struct Preparation<'c> {
    pub stages: Vec<Prepared<'c>>,
    /// Numbers for the class symbols of all data sets: a net keeps those it was made with.
    pub dims: DimEnv,
    pub data: Vec<DataLock>,
    pub weights: Vec<WeightFile>,
    /// What is to be said of files of weights.
    pub notes: Vec<String>,
}

/// Opens and hashes. `limit` is the most pictures a stage runs over.
///
/// # Errors
/// All that is wrong with data sets and files of weights.
pub(super) fn prepare<'c>(
    recipe: &'c Compiled<'c>,
    store: &Store,
    seed: u64,
    limit: Option<usize>,
) -> Result<Preparation<'c>, RunError> {
    let mut problems = Problems::default();
    let mut opened = Opened::default();
    let mut digests = HashMap::new();
    for stage in &recipe.stages {
        opened.open(stage.stage, &mut problems);
        for (file, span) in weights::files(&stage.stage.weights) {
            if !digests.contains_key(file) {
                match weights::digest(file, span) {
                    Ok(digest) => _ = digests.insert(file, digest),
                    Err(error) => problems.extend(error.diagnostics().iter().cloned()),
                }
            }
        }
    }
    if problems.has_errors() {
        return Err(RunError::Input(problems.sorted()));
    }
    let mut stages: Vec<Prepared> = Vec::new();
    for compiled in &recipe.stages {
        let stage = compiled.stage;
        let classes = opened.get(&stage.data.source).map_or(0, |(dataset, _)| dataset.classes().len());
        let dims = DimEnv::from([(stage.data.classes.clone(), classes as i64)]);
        let maps = stage.memories.iter().map(|memory| Arc::new(Maps::of(&stage.name, memory, &dims)));
        let maps: Vec<Arc<Maps>> = maps.collect();
        let pipeline_of = |plan| pipeline(stage, plan, &maps, &opened, store, &stages);
        let refresh = |compiled: &'c CompiledRefresh| {
            let pipeline = Arc::new(pipeline_of(&compiled.refresh.data)?);
            Ok(PreparedRefresh { compiled, pipeline })
        };
        let memory = |maps: &Arc<Maps>| {
            let own = compiled.refreshes.iter().filter(|refresh| refresh.memory == maps.name);
            let refreshes = own.map(refresh).collect::<Result<_, Diagnostic>>()?;
            Ok(PreparedMemory { maps: maps.clone(), refreshes })
        };
        let memories = maps.iter().map(memory).collect::<Result<Vec<_>, Diagnostic>>();
        let most = limit.unwrap_or(usize::MAX);
        let validate = |compiled: &'c CompiledValidation| {
            let data = &compiled.validation.data;
            let pipeline = Arc::new(pipeline_of(data)?);
            let classes = opened.get(&data.source).map_or(0, |(dataset, _)| dataset.classes().len());
            Ok(PreparedValidation { compiled, images: pipeline.len().min(most), classes, pipeline })
        };
        let validation = compiled.validation.as_ref().map(validate).transpose();
        match pipeline_of(&stage.data).and_then(|pipeline| Ok((pipeline, memories?, validation?))) {
            Ok((pipeline, memories, validation)) => {
                let images = pipeline.len().min(most);
                expect_a_batch(stage, images, &mut problems);
                expect_classes(stage, pipeline.dataset().as_ref(), &mut problems);
                let inputs = inputs(stage, &stages)?;
                let dataset = pipeline.dataset().clone();
                let seen = World {
                    data: &|source| opened.get(source).map_or(String::new(), |(_, print)| print.to_owned()),
                    file: &|file| digests.get(file).cloned().unwrap_or_default(),
                    maps: &|folder| opened.maps.get(folder).cloned().unwrap_or_default(),
                };
                let parts = parts::parts(compiled, &recipe.stages, &seen, &inputs, Some((images, seed)));
                let key = parts.key();
                let classes = dataset.classes().len();
                let pipeline = Arc::new(pipeline);
                stages.push(Prepared { compiled, pipeline, images, classes, memories, validation, parts, key, inputs });
            }
            Err(problem) => {
                problems.add(problem);
                // Later stages cannot be looked at without this one.
                return Err(RunError::Input(problems.sorted()));
            }
        }
    }
    if problems.has_errors() {
        return Err(RunError::Input(problems.sorted()));
    }
    let own = stages.iter().map(|stage| (stage.stage().data.classes.clone(), stage.classes as i64));
    let validations = stages.iter().filter_map(|stage| stage.validation.as_ref());
    let validated =
        validations.map(|validation| (validation.compiled.validation.data.classes.clone(), validation.classes as i64));
    let dims = own.chain(validated).collect();
    let mut weights: Vec<WeightFile> =
        digests.into_iter().map(|(file, digest)| WeightFile { file: file.to_owned(), digest }).collect();
    weights.sort_by(|a, b| a.file.cmp(&b.file));
    let mut notes = Vec::new();
    for prepared in &stages {
        notes.extend(weights::check(&prepared.stage().weights, &dims)?);
    }
    let data = opened
        .all
        .iter()
        .map(|(source, _, print)| DataLock { source: data::words(source), fingerprint: print.clone() });
    Ok(Preparation { data: data.collect(), stages, dims, weights, notes })
}

/// Data sets by source, each opened once, with their fingerprints.
#[derive(Default)]
struct Opened {
    all: Vec<(Source, Arc<dyn Dataset>, String)>,
    /// What could not be opened: told once, at the first stage that asks for it.
    refused: Vec<Source>,
    /// Fingerprints of folders of maps.
    maps: HashMap<PathBuf, String>,
}

impl Opened {
    fn open(&mut self, stage: &Stage, problems: &mut Problems) {
        for (_, folder) in stage.plans().flat_map(parts::folders) {
            if !self.maps.contains_key(folder) {
                let print = FolderMaps::new(folder).fingerprint();
                let print = print.unwrap_or_else(|error| {
                    problems.add(data_error(&error, stage));
                    String::new()
                });
                self.maps.insert(folder.to_path_buf(), print);
            }
        }
        for source in stage.plans().map(|plan| &plan.source) {
            self.open_source(source, stage, problems);
        }
    }

    fn open_source(&mut self, source: &Source, stage: &Stage, problems: &mut Problems) {
        if self.get(source).is_some() || self.refused.contains(source) {
            return;
        }
        let opened = data::open(source).and_then(|dataset| dataset.fingerprint().map(|print| (dataset, print)));
        match opened {
            Ok((dataset, print)) => self.all.push((source.clone(), dataset, print)),
            Err(error) => {
                problems.add(data_error(&error, stage));
                self.refused.push(source.clone());
            }
        }
    }

    fn get(&self, source: &Source) -> Option<(&Arc<dyn Dataset>, &str)> {
        self.all.iter().find(|(known, ..)| known == source).map(|(_, dataset, print)| (dataset, print.as_str()))
    }
}

fn pipeline(
    stage: &Stage,
    plan: &DataPlan,
    memories: &[Arc<Maps>],
    opened: &Opened,
    store: &Store,
    earlier: &[Prepared],
) -> Result<Pipeline, Diagnostic> {
    let Some((dataset, _)) = opened.get(&plan.source) else {
        return Err(Diagnostic::error(Code::Internal, format!("the data of `{}` was not opened", stage.name)));
    };
    let asked = |name: &str| plan.fields.iter().any(|field| field == name);
    let fields = Fields {
        image: asked("image"),
        mask: asked("mask"),
        tags: asked("tags"),
        valid: asked("valid"),
        size: asked("size"),
    };
    let mut joins = Vec::new();
    for join in plan.joins.iter().filter(|join| asked(&join.field)) {
        let Some(from) = earlier.iter().find(|from| from.stage().name == stage.shown(&join.stage)) else {
            let message = format!("`{}` reads `{}`, which is no earlier stage", stage.name, join.stage);
            return Err(Diagnostic::error(Code::Internal, message).label(stage.span, "this stage"));
        };
        let artifacts = StageArtifacts::new(&store.place(&from.key), &join.stage, &join.save, join.index);
        let flat = !join.index && join.rank == 2;
        joins.push(Join { name: join.field.clone(), artifacts: Arc::new(artifacts), flat });
    }
    for (field, folder) in plan.folders.iter().filter(|(field, _)| asked(field)) {
        joins.push(Join { name: field.clone(), artifacts: Arc::new(FolderMaps::new(folder)), flat: false });
    }
    for (memory, maps) in stage.memories.iter().zip(memories).filter(|(memory, _)| asked(&memory.name)) {
        let flat = !maps.index && memory.fact.rank() == 3;
        joins.push(Join { name: memory.name.clone(), artifacts: maps.clone(), flat });
    }
    Pipeline::new(dataset.clone(), &plan.split, plan.transforms.clone(), joins, fields)
        .map_err(|error| data_error(&error, stage))
}

fn expect_a_batch(stage: &Stage, images: usize, problems: &mut Problems) {
    if let Some(train) = &stage.train
        && images < train.batch * train.accumulate
    {
        let of = match train.accumulate {
            1 => format!("no batch of {}", train.batch),
            count => format!("no group of {count} batches of {}", train.batch),
        };
        let message = format!("`{}` has {images} pictures, which make {of}", stage.name);
        let help = "lower `batch`, or take more pictures (`--limit`)";
        problems.add(Diagnostic::error(Code::OutOfRange, message).label(stage.span, "this stage").help(help));
    }
}

/// The test server knows the twenty classes of VOC and no others.
fn expect_classes(stage: &Stage, dataset: &dyn Dataset, problems: &mut Problems) {
    if !stage.submissions.is_empty() && dataset.classes() != data::VOC_CLASSES {
        let message = format!(
            "`{}` packs maps for the server of PASCAL VOC, whose classes are others than those of {}",
            stage.name,
            data::words(&stage.data.source)
        );
        let help = "the server takes the twenty classes of VOC in their order: a folder without a `classes.txt`";
        problems.add(Diagnostic::error(Code::DataBroken, message).label(stage.span, "this stage").help(help));
    }
}

/// The stages whose nets, maps or numbers a stage reads.
fn inputs(stage: &Stage, earlier: &[Prepared]) -> Result<BTreeMap<String, Key>, RunError> {
    stage
        .reads()
        .into_iter()
        .map(|name| match earlier.iter().find(|from| from.stage().name == stage.shown(name)) {
            Some(from) => Ok((name.to_owned(), from.key.clone())),
            None => Err(RunError::internal(format!("`{}` reads `{name}`, which is no earlier stage", stage.name))),
        })
        .collect()
}
