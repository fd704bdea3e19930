//! One stage in the store: a draft while it runs, finished and never changed after.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Key, Parts};
use crate::files::{self, FileError};

/// `stage.json`: where a result comes from. Nothing in it is needed to use the result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StageRecord {
    pub key: Key,
    pub recipe: String,
    pub stage: String,
    /// `train`, `infer`, `score`.
    pub kind: String,
    /// Why it ran rather than being reused.
    pub why: String,
    /// Pictures it has seen, each once.
    pub images: usize,
    /// When it was finished, UTC.
    pub finished: String,
    /// Wall time of the run that finished it.
    pub seconds: f64,
    pub device: String,
    pub workers: usize,
    /// The most memory the program held while the stage ran, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_bytes: Option<u64>,
    /// Of this program.
    pub version: String,
    /// What the key is the hash of.
    pub parts: Parts,
}

/// A finished stage.
#[derive(Clone, PartialEq, Debug)]
pub struct Finished {
    folder: PathBuf,
    pub record: StageRecord,
}

impl Finished {
    /// `None` unless the folder holds a finished stage.
    pub(super) fn open(folder: PathBuf) -> Option<Finished> {
        let text = std::fs::read(folder.join("stage.json")).ok()?;
        let record = serde_json::from_slice(&text).ok()?;
        Some(Finished { folder, record })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What results are ordered by in time. The record counts whole seconds; of two within one the file tells.
    pub fn when(&self) -> (&str, Option<SystemTime>) {
        let written = std::fs::metadata(self.path("stage.json")).and_then(|file| file.modified());
        (&self.record.finished, written.ok())
    }
}

/// A place that this run alone may fill. Dropped unfinished, it stays for a later run to go on with.
#[derive(Debug)]
pub struct Draft {
    folder: PathBuf,
    place: PathBuf,
    /// Held until the draft is gone; the system lets go of it when the program dies.
    _lock: File,
}

/// Where a result is made.
pub(super) fn part(root: &Path, key: &Key) -> PathBuf {
    root.join(format!("{key}.part"))
}

impl Draft {
    pub(super) fn begin(root: &Path, key: &Key, lock: File) -> Result<Draft, FileError> {
        let folder = part(root, key);
        files::make_folder(&folder)?;
        Ok(Draft { folder, place: root.join(key.as_str()), _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Throws away what a stopped run has left.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn clear(&self) -> Result<(), FileError> {
        files::remove_folder(&self.folder)?;
        files::make_folder(&self.folder)
    }

    /// Puts the draft in its place: whole, on the disk, without the checkpoint.
    ///
    /// # Errors
    /// What the operating system refuses; the draft stays a draft then.
    pub fn finish(self, record: &StageRecord) -> Result<Finished, FileError> {
        files::remove_folder(&self.path("checkpoint"))?;
        files::sync_folder(&self.folder)?;
        files::write_json(&self.path("stage.json"), record)?;
        let failed = |error: std::io::Error| FileError::write(&self.place, &error);
        // A folder that is not empty cannot be replaced in one step: the old result steps aside first.
        let aside = self.place.with_extension("old");
        files::remove_folder(&aside)?;
        if self.place.exists() {
            std::fs::rename(&self.place, &aside).map_err(failed)?;
        }
        std::fs::rename(&self.folder, &self.place).map_err(failed)?;
        files::remove_folder(&aside)?;
        Ok(Finished { folder: self.place.clone(), record: record.clone() })
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A key that is another for each name.
    pub fn key(name: &str) -> Key {
        let mut parts = Parts::default();
        parts.add("name", name);
        parts.key()
    }

    /// A record with plain answers.
    pub fn record(key: &Key) -> StageRecord {
        StageRecord {
            key: key.clone(),
            recipe: "cam".into(),
            stage: "classifier".into(),
            kind: "train".into(),
            why: "it is not in the store".into(),
            images: 4,
            finished: "2026-01-02T03:04:05Z".into(),
            seconds: 0.5,
            device: "cpu".into(),
            workers: 1,
            peak_bytes: None,
            version: "0.1.0".into(),
            parts: Parts::default(),
        }
    }
}
