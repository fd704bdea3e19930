//! Before anything runs: every data set is opened, every stage gets its key. All that is wrong with data and files is told here,
//! at once, for all stages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::RunError;
use super::error::data_error;
use super::memory::{Maps, PreparedMemory, PreparedRefresh};
use super::weights;
use crate::compile::{Compiled, CompiledRefresh, CompiledStage};
use crate::data::{self, Dataset, Fields, Join, Pipeline, Source};
use crate::diag::{Code, Diagnostic, Problems};
use crate::graph::canonical;
use crate::lower::{DataPlan, Init, Keep, Length, Stage, Weight, paths};
use crate::store::{DataLock, Key, Parts, StageArtifacts, Store, WeightFile};
use crate::types::DimEnv;

/// The version of the numbers that primitives compute. Raised when one of them gives other numbers for the same graph: results
/// in stores are then made anew.
pub const PRIMITIVES: u32 = 1;

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
    pub parts: Parts,
    pub key: Key,
    /// Earlier stages that it reads, by name.
    pub inputs: BTreeMap<String, Key>,
}

impl Prepared<'_> {
    pub fn stage(&self) -> &Stage {
        self.compiled.stage
    }
}

/// Everything that is known before the first stage runs.
pub(super) struct Preparation<'c> {
    pub stages: Vec<Prepared<'c>>,
    /// Numbers for the class symbols of all data sets: a net keeps those it was made with.
    pub dims: DimEnv,
    pub data: Vec<DataLock>,
    pub weights: Vec<WeightFile>,
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
        match pipeline_of(&stage.data).and_then(|pipeline| Ok((pipeline, memories?))) {
            Ok((pipeline, memories)) => {
                let images = pipeline.len().min(limit.unwrap_or(usize::MAX));
                expect_a_batch(stage, images, &mut problems);
                let inputs = inputs(stage, &stages)?;
                let dataset = pipeline.dataset().clone();
                let parts = parts(compiled, &recipe.stages, &opened, &digests, &inputs, images, seed)?;
                let key = parts.key();
                let classes = dataset.classes().len();
                let pipeline = Arc::new(pipeline);
                stages.push(Prepared { compiled, pipeline, images, classes, memories, parts, key, inputs });
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
    let dims = stages.iter().map(|stage| (stage.stage().data.classes.clone(), stage.classes as i64)).collect();
    let mut weights: Vec<WeightFile> =
        digests.into_iter().map(|(file, digest)| WeightFile { file: file.to_owned(), digest }).collect();
    weights.sort_by(|a, b| a.file.cmp(&b.file));
    for prepared in &stages {
        weights::check(&prepared.stage().weights, &dims)?;
    }
    let data =
        opened.all.iter().map(|(source, _, print)| DataLock { source: describe(source), fingerprint: print.clone() });
    Ok(Preparation { data: data.collect(), stages, dims, weights })
}

/// Data sets by source, each opened once, with their fingerprints.
#[derive(Default)]
struct Opened {
    all: Vec<(Source, Arc<dyn Dataset>, String)>,
    /// What could not be opened: told once, at the first stage that asks for it.
    refused: Vec<Source>,
}

impl Opened {
    fn open(&mut self, stage: &Stage, problems: &mut Problems) {
        let source = &stage.data.source;
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

fn describe(source: &Source) -> String {
    match source {
        Source::Voc2012 { root } => format!("voc2012 {}", root.display()),
        Source::Folder { root } => format!("folder {}", root.display()),
        Source::Scenes { images, size: [height, width], classes, seed } => {
            format!("scenes {images} {height}x{width} {classes} classes seed {seed}")
        }
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

/// The stages whose nets, maps or numbers a stage reads.
fn inputs(stage: &Stage, earlier: &[Prepared]) -> Result<BTreeMap<String, Key>, RunError> {
    let nets = stage.borrowed.iter().map(|weight| &weight.stage);
    let refreshes = stage.memories.iter().flat_map(|memory| &memory.refreshes).map(|refresh| &refresh.data);
    let maps = [&stage.data]
        .into_iter()
        .chain(refreshes)
        .flat_map(|plan| plan.joins.iter().filter(|join| plan.fields.contains(&join.field)).map(|join| &join.stage));
    let numbers = stage.measured.iter().map(|number| &number.stage);
    nets.chain(maps)
        .chain(numbers)
        .map(|name| match earlier.iter().find(|from| from.stage().name == stage.shown(name)) {
            Some(from) => Ok((name.clone(), from.key.clone())),
            None => Err(RunError::internal(format!("`{}` reads `{name}`, which is no earlier stage", stage.name))),
        })
        .collect()
}

/// Class counts by what they count: the stage's own data, or the contents of another data set.
fn class_symbols(stage: &Stage, stages: &[CompiledStage], opened: &Opened) -> canonical::Symbols {
    let mut symbols = canonical::Symbols::default();
    for other in stages {
        let data = &other.stage.data;
        if let Some((_, print)) = opened.get(&data.source) {
            symbols.rename(&data.classes, format!("K_{print}"));
        }
    }
    symbols.rename(&stage.data.classes, "K".into());
    symbols
}

fn parts(
    compiled: &CompiledStage,
    stages: &[CompiledStage],
    opened: &Opened,
    digests: &HashMap<&str, String>,
    inputs: &BTreeMap<String, Key>,
    images: usize,
    seed: u64,
) -> Result<Parts, RunError> {
    let stage = compiled.stage;
    let symbols = class_symbols(stage, stages, opened);
    let mut parts = Parts::default();
    parts.add("kind", stage.kind.word());
    parts.add("primitives", PRIMITIVES.to_string());
    parts.add("graph", canonical::digest(&compiled.graph, &symbols).to_hex().to_string());
    if let Some(train) = &stage.train {
        let length = match train.length {
            Length::Epochs(epochs) => format!("{epochs} epochs"),
            Length::Steps(steps) => format!("{steps} steps"),
        };
        parts.add("length", length);
        parts.add("batch", train.batch.to_string());
        parts.add("optimizer", format!("{:?}", train.optimizer));
        parts.add("rates", paths::described(&train.rates, |factor| format!("{factor:?}")));
        // What a stage does not say is no part of its key, so that an older result stays one.
        if !train.optimizers.is_empty() {
            parts.add("optimizers", paths::described(&train.optimizers, |optimizer| format!("{optimizer:?}")));
        }
        if train.accumulate > 1 {
            parts.add("accumulate", train.accumulate.to_string());
        }
        for (name, number) in [("clip", train.clip), ("ema", train.ema)] {
            if let Some(number) = number {
                parts.add(name, format!("{number:?}"));
            }
        }
        match &train.keep {
            Keep::Last => {}
            Keep::Every(epochs) => parts.add("checkpoint", format!("every {epochs}")),
            Keep::Best(figure) => parts.add("checkpoint", format!("best {figure:?}")),
        }
        if !train.decay.is_empty() {
            parts.add("decay", paths::described(&train.decay, |factor| format!("{factor:?}")));
        }
    }
    for memory in &stage.memories {
        parts.add(format!("memory {}", memory.name), format!("{:?}", memory.initial));
    }
    for (place, refresh) in compiled.refreshes.iter().enumerate() {
        let graph = canonical::digest(&refresh.graph, &symbols).to_hex().to_string();
        let transforms = serde_json::to_string(&refresh.refresh.data.transforms);
        let transforms = transforms.map_err(|error| RunError::internal(error.to_string()))?;
        let joined = joined(&refresh.refresh.data);
        let all = format!("{:?}, {graph}, {joined}, {transforms}", refresh.refresh.when);
        parts.add(format!("refresh {} {place}", refresh.memory), all);
    }
    parts.add("weights", describe_weights(&stage.weights, digests, &symbols));
    for (name, key) in inputs {
        parts.add(format!("stage {name}"), key.as_str());
    }
    parts.add("joined", joined(&stage.data));
    let print = opened.get(&stage.data.source).map_or("", |(_, print)| print);
    parts.add("data", print);
    parts.add("split", &stage.data.split);
    parts.add("images", images.to_string());
    let transforms =
        serde_json::to_string(&stage.data.transforms).map_err(|error| RunError::internal(error.to_string()))?;
    parts.add("augmentation", transforms);
    parts.add("seed", seed.to_string());
    parts.add("numbers", "f32");
    Ok(parts)
}

/// A hash of how every weight begins; of a file, its bytes count and not its name.
fn describe_weights(weights: &[Weight], digests: &HashMap<&str, String>, symbols: &canonical::Symbols) -> String {
    let mut lines: Vec<String> = weights
        .iter()
        .map(|weight| {
            let dims: Vec<String> = weight.dims.iter().map(|dim| symbols.apply(&dim.to_string())).collect();
            let init = match &weight.init {
                Init::File { file, name, .. } => {
                    format!("{name} of {}", digests.get(file.as_str()).map_or("", String::as_str))
                }
                Init::Weight(path) => format!("as {path}"),
                drawn => format!("{drawn:?}"),
            };
            format!("{} [{}] {} {init}", weight.path(), dims.join(", "), weight.state)
        })
        .collect();
    lines.sort();
    if lines.is_empty() { "none".into() } else { blake3::hash(lines.join("\n").as_bytes()).to_hex().to_string() }
}

/// What a step reads of earlier stages, by field.
fn joined(plan: &DataPlan) -> String {
    let asked = plan.joins.iter().filter(|join| plan.fields.contains(&join.field));
    let mut joins: Vec<String> = asked.map(|join| format!("{} = {}.{}", join.field, join.stage, join.save)).collect();
    joins.sort();
    joins.join(", ")
}
