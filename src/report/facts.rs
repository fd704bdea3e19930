//! What a run left behind, read as far as it can be read. What is missing or broken is named, and the rest goes on.

use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Run;
use crate::exec::{Compared, EpochLine, Metrics, StageNote};
use crate::lower;
use crate::store::{Finished, timestamp};

pub(super) struct Facts<'a> {
    pub run: Run<'a>,
    /// When it began, UTC.
    pub began: String,
    /// All of the recipe, in its order, whether they ran or not.
    pub stages: Vec<StageFacts<'a>>,
    pub expected: Vec<Compared>,
    /// The recipe as it ran.
    pub text: String,
    /// What could not be read: the file as it is called below the output folder, and why.
    pub missing: Vec<String>,
}

pub(super) struct StageFacts<'a> {
    pub name: &'a str,
    /// What the run said of it; `None` where it was not asked for.
    pub note: Option<StageNote>,
    pub finished: Option<Finished>,
    pub metrics: Metrics,
    /// Of a training stage, an epoch a line.
    pub log: Vec<EpochLine>,
    /// What the recipe says of it.
    pub plan: Option<&'a lower::Stage>,
}

impl<'a> Facts<'a> {
    pub fn read(run: Run<'a>) -> Facts<'a> {
        let mut missing = Vec::new();
        let began = timestamp(run.folder.began());
        let json = |name: &str, missing: &mut Vec<String>| read(&run.folder.path().join(name), name, missing);
        let text = json("recipe.wsss", &mut missing).unwrap_or_default();
        let notes: Vec<StageNote> = json("stages.json", &mut missing)
            .and_then(|text| parsed("stages.json", &text, &mut missing))
            .unwrap_or_default();
        let details: Map<String, Value> = json("details.json", &mut missing)
            .and_then(|text| parsed("details.json", &text, &mut missing))
            .unwrap_or_default();
        // A recipe that expects nothing has no such file.
        let expected = match run.folder.path().join("expected.json").exists() {
            true => json("expected.json", &mut missing)
                .and_then(|text| parsed("expected.json", &text, &mut missing))
                .unwrap_or_default(),
            false => Vec::new(),
        };
        let mut stages = Vec::new();
        for locked in &run.lock.stages {
            let note = notes.iter().find(|note| note.stage == locked.name).cloned();
            let mut stage = StageFacts {
                name: &locked.name,
                finished: run.store.find(&locked.key),
                note,
                metrics: Metrics::new(),
                log: Vec::new(),
                plan: plan(run.recipe, &locked.name),
            };
            if stage.note.is_some() && stage.finished.is_none() {
                missing.push(format!("store/{}: the result of `{}` is not there", locked.key, locked.name));
            }
            if let Some(details) = details.get(&locked.name) {
                let what = format!("details.json, `{}`", locked.name);
                stage.metrics = told(&what, serde_json::from_value(details.clone()), &mut missing).unwrap_or_default();
            }
            stage.log = stage.finished.as_ref().map(|finished| log(finished, &mut missing)).unwrap_or_default();
            stages.push(stage);
        }
        Facts { run, began, stages, expected, text, missing }
    }
}

/// The stage of the text that ran. A stage of a used recipe is `base.cls` in the run and `cls` in the text that stands alone.
fn plan<'a>(recipe: Option<&'a lower::Recipe>, name: &str) -> Option<&'a lower::Stage> {
    let called = |name: &str| recipe?.stages.iter().find(|stage| stage.name == name);
    called(name).or_else(|| called(name.rsplit('.').next()?))
}

/// The training log; an `infer` or `score` stage has none.
fn log(finished: &Finished, missing: &mut Vec<String>) -> Vec<EpochLine> {
    let path = finished.path("log.jsonl");
    if finished.record.kind != "train" {
        return Vec::new();
    }
    let name = format!("store/{}/log.jsonl", finished.record.key);
    let text = read(&path, &name, missing).unwrap_or_default();
    let lines = text.lines().enumerate();
    lines.filter_map(|(at, line)| parsed(&format!("{name}, line {}", at + 1), line, missing)).collect()
}

fn read(path: &Path, name: &str, missing: &mut Vec<String>) -> Option<String> {
    let why = match std::fs::read_to_string(path) {
        Ok(text) => return Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => "there is no such file".to_string(),
        Err(error) if error.kind() == ErrorKind::InvalidData => "it is not text in UTF-8".to_string(),
        Err(error) => error.to_string(),
    };
    missing.push(format!("{name}: {why}"));
    None
}

fn parsed<T: DeserializeOwned>(what: &str, text: &str, missing: &mut Vec<String>) -> Option<T> {
    told(what, serde_json::from_str(text), missing)
}

fn told<T>(what: &str, read: serde_json::Result<T>, missing: &mut Vec<String>) -> Option<T> {
    read.map_err(|error| missing.push(format!("{what}: {error}"))).ok()
}
