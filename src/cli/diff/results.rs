//! The figures of two recipes side by side: of each stage those of the latest run in which it was what the recipe says.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::compile::Compiled;
use crate::data;
use crate::exec::Metrics;
use crate::exec::parts::{self, World};
use crate::store::{Key, Lock, RunFolder, Store};

/// One figure of a stage; `None` where the stage has not run so.
pub(super) struct Figure {
    pub stage: String,
    pub name: String,
    pub old: Option<f64>,
    pub new: Option<f64>,
}

impl Figure {
    /// How much larger the new one is.
    pub fn change(&self) -> Option<f64> {
        Some(self.new? - self.old?)
    }

    pub fn object(&self) -> Value {
        json!({ "stage": self.stage, "name": self.name, "old": self.old, "new": self.new, "change": self.change() })
    }
}

/// Every figure that at least one of the recipes has, under the name that its stage has in the new one. `renamed` are the old names of stages
/// that have another now.
pub(super) fn beside(old: &Compiled, new: &Compiled, renamed: &BTreeMap<String, String>, out: &Path) -> Vec<Figure> {
    let [mut before, after] = [old, new].map(|compiled| figures(compiled, out));
    let mut all: Vec<Figure> = Vec::new();
    for ((stage, name), new) in after {
        let old = before.remove(&(renamed.get(&stage).unwrap_or(&stage).clone(), name.clone())).flatten();
        all.push(Figure { stage, name, old, new });
    }
    all.extend(before.into_iter().map(|((stage, name), old)| Figure { stage, name, old, new: None }));
    all
}

/// By stage and name.
fn figures(compiled: &Compiled, out: &Path) -> BTreeMap<(String, String), Option<f64>> {
    let store = Store::at(out);
    let mut figures = BTreeMap::new();
    // Later runs are looked at first and their figures stay.
    for (_, lock) in RunFolder::all(out).into_iter().rev() {
        for (stage, key) in in_run(compiled, &lock, &store) {
            let Some(finished) = store.find(&key) else { continue };
            let Ok(text) = std::fs::read(finished.path("metrics.json")) else { continue };
            let Ok(metrics) = serde_json::from_slice::<Metrics>(&text) else { continue };
            for (name, metric) in metrics {
                figures.entry((stage.clone(), name)).or_insert(metric.value);
            }
        }
    }
    figures
}

/// The stages of a recipe that were in a run just as the recipe has them, with their keys. What data sets and files of weights held is
/// taken from the lock of the run.
fn in_run(compiled: &Compiled, lock: &Lock, store: &Store) -> Vec<(String, Key)> {
    let data = |source: &data::Source| {
        let words = data::words(source);
        let known = lock.data.iter().find(|data| data.source == words);
        known.map_or(String::new(), |data| data.fingerprint.clone())
    };
    let file = |name: &str| {
        let known = lock.weights.iter().find(|weights| weights.file == name);
        known.map_or(String::new(), |weights| weights.digest.clone())
    };
    let world = World { data: &data, file: &file, maps: &|folder| folder.display().to_string() };
    let mut found: Vec<(String, Key)> = Vec::new();
    for stage in &compiled.stages {
        let name = &stage.stage.name;
        let Some(locked) = lock.stages.iter().find(|locked| locked.name == *name) else { continue };
        // How many pictures there were is known to the result alone.
        let Some(finished) = store.find(&locked.key) else { continue };
        let needed = stage.stage.reads();
        let input = |seen: &&str| {
            let shown = stage.stage.shown(seen);
            let (_, key) = found.iter().find(|(other, _)| *other == shown)?;
            Some((seen.to_string(), key.clone()))
        };
        let inputs: BTreeMap<String, Key> = needed.iter().filter_map(input).collect();
        let run = Some((finished.record.images, lock.seed));
        let parts = parts::parts(stage, &compiled.stages, &world, &inputs, run);
        if inputs.len() == needed.len() && parts.key() == locked.key {
            found.push((name.clone(), locked.key.clone()));
        }
    }
    found
}
