//! What decides the result of a stage, part by part: the recipe's share, which is known before anything is opened, and what data
//! sets, files of weights and the command line add.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::compile::CompiledStage;
use crate::data::{self, Source};
use crate::graph::canonical;
use crate::lower::{DataPlan, Init, Keep, Length, Stage, Weight, paths};
use crate::store::{Key, Parts};

/// The version of the numbers that primitives compute. Raised when one of them gives other numbers for the same graph: results
/// in stores are then made anew.
pub const PRIMITIVES: u32 = 1;

/// What is known of the world outside of the recipe.
pub struct World<'a> {
    /// The fingerprint of a data set.
    pub data: &'a dyn Fn(&Source) -> String,
    /// The digest of a file of weights.
    pub file: &'a dyn Fn(&str) -> String,
    /// The fingerprint of a folder of maps.
    pub maps: &'a dyn Fn(&Path) -> String,
}

/// What the recipe alone decides of a stage; data sets and files count by what the recipe calls them.
pub fn of_recipe(compiled: &CompiledStage, stages: &[CompiledStage]) -> Parts {
    let world = World { data: &data::words, file: &str::to_owned, maps: &|folder| folder.display().to_string() };
    parts(compiled, stages, &world, &BTreeMap::new(), None)
}

/// Class counts by what they count: the stage's own data, or the contents of another data set.
fn class_symbols(stage: &Stage, stages: &[CompiledStage], world: &World) -> canonical::Symbols {
    let mut symbols = canonical::Symbols::default();
    for data in stages.iter().flat_map(|other| other.stage.plans()) {
        symbols.rename(&data.classes, format!("K_{}", (world.data)(&data.source)));
    }
    symbols.rename(&stage.data.classes, "K".into());
    symbols
}

/// All that decides the result of a stage: `inputs` are the keys of the stages it reads. Without `run`, the pictures it runs over
/// and its seed, what the recipe alone decides.
pub fn parts(
    compiled: &CompiledStage,
    stages: &[CompiledStage],
    world: &World,
    inputs: &BTreeMap<String, Key>,
    run: Option<(usize, u64)>,
) -> Parts {
    let stage = compiled.stage;
    let symbols = class_symbols(stage, stages, world);
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
        parts.add("optimizer", train.optimizer.to_string());
        parts.add("rates", paths::described(&train.rates, |factor| format!("{factor:?}")));
        // What a stage does not say is no part of its key, so that an older result stays one.
        if !train.optimizers.is_empty() {
            parts.add("optimizers", paths::described(&train.optimizers, ToString::to_string));
        }
        for guard in &train.guards {
            parts.add(format!("loss {}", guard.loss), guard.to_string());
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
        let name = |what: &str| format!("refresh {} {place}{what}", refresh.memory);
        parts.add(name(""), format!("{:?}", refresh.refresh.when));
        parts.add(name(" graph"), canonical::digest(&refresh.graph, &symbols).to_hex().to_string());
        parts.add(name(" joined"), joined(&refresh.refresh.data));
        parts.add(name(" augmentation"), augmentation(&refresh.refresh.data));
        for (field, folder) in folders(&refresh.refresh.data) {
            parts.add(name(&format!(" maps {field}")), (world.maps)(folder));
        }
    }
    if let Some(compiled) = &compiled.validation {
        let data = &compiled.validation.data;
        parts.add("validation", format!("every {}", compiled.validation.every));
        parts.add("validation graph", canonical::digest(&compiled.graph, &symbols).to_hex().to_string());
        parts.add("validation data", (world.data)(&data.source));
        parts.add("validation split", &data.split);
        parts.add("validation joined", joined(data));
        parts.add("validation augmentation", augmentation(data));
        for (field, folder) in folders(data) {
            parts.add(format!("validation maps {field}"), (world.maps)(folder));
        }
    }
    for submission in &stage.submissions {
        parts.add(format!("packed {}", submission.save), &submission.folder);
    }
    parts.add("weights", describe_weights(&stage.weights, world, &symbols));
    for (name, key) in inputs {
        parts.add(format!("stage {name}"), key.as_str());
    }
    parts.add("joined", joined(&stage.data));
    for (field, folder) in folders(&stage.data) {
        parts.add(format!("maps {field}"), (world.maps)(folder));
    }
    parts.add("data", (world.data)(&stage.data.source));
    parts.add("split", &stage.data.split);
    if let Some((images, _)) = run {
        parts.add("images", images.to_string());
    }
    parts.add("augmentation", augmentation(&stage.data));
    if let Some((_, seed)) = run {
        parts.add("seed", seed.to_string());
    }
    parts.add("numbers", "f32");
    parts
}

/// A hash of how every weight begins; of a file, its bytes count and not its name.
fn describe_weights(weights: &[Weight], world: &World, symbols: &canonical::Symbols) -> String {
    let mut lines: Vec<String> = weights
        .iter()
        .map(|weight| {
            let dims: Vec<String> = weight.dims.iter().map(|dim| symbols.apply(&dim.to_string())).collect();
            let init = match &weight.init {
                Init::File { file, name, otherwise, .. } => {
                    let renamed = if file.names.is_empty() { String::new() } else { format!(" where {}", file.names) };
                    let otherwise = otherwise.as_ref().map_or(String::new(), |init| format!(" else {init:?}"));
                    format!("{name} of {}{renamed}{otherwise}", (world.file)(&file.path))
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

/// Folders of maps that a step reads. Where one lies does not count, what is in it does.
pub(super) fn folders(plan: &DataPlan) -> impl Iterator<Item = &(String, PathBuf)> {
    plan.folders.iter().filter(|(field, _)| plan.fields.contains(field))
}

/// What a step reads of earlier stages, by field.
fn joined(plan: &DataPlan) -> String {
    let asked = plan.joins.iter().filter(|join| plan.fields.contains(&join.field));
    let mut joins: Vec<String> = asked.map(|join| format!("{} = {}.{}", join.field, join.stage, join.save)).collect();
    joins.sort();
    joins.join(", ")
}

/// Transforms are numbers and words, which JSON always has room for.
fn augmentation(plan: &DataPlan) -> String {
    serde_json::to_string(&plan.transforms).unwrap_or_default()
}
