//! What a run says of each of its stages: ran or reused, and why. It lies in the run folder as `stages.json`.

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::store::{Key, RunFolder};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StageNote {
    pub stage: String,
    pub key: Key,
    pub reused: bool,
    /// Why it ran, or why not.
    pub why: String,
}

impl StageNote {
    pub(super) fn all(outcome: &Outcome) -> Vec<StageNote> {
        let stages = outcome.stages.iter();
        let note = |stage: &super::StageOutcome| StageNote {
            stage: stage.name.clone(),
            key: stage.key.clone(),
            reused: stage.reused,
            why: stage.why.clone(),
        };
        stages.map(note).collect()
    }

    /// What a run said; nothing where it was stopped before its first stage was done.
    pub fn of_run(folder: &RunFolder) -> Vec<StageNote> {
        folder.read_json("stages.json").unwrap_or_default()
    }
}
