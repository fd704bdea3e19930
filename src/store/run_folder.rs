//! The folder of one run: the recipe as it ran, all that decided the results, and the figures.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Key, Pins, file_name};
use crate::files::{self, FileError};

/// `wsss.lock`: everything that decides the results of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lock {
    /// Of this program.
    pub version: String,
    /// Of the numbers its primitives compute.
    pub primitives: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recipe: String,
    /// Variants of the recipe, in the order they were applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    pub seed: u64,
    pub device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    #[serde(default, rename = "data", skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataLock>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightFile>,
    #[serde(default, rename = "stage", skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageLock>,
}

/// A data set as it was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DataLock {
    /// The data set in words: `voc2012 data/VOC2012`.
    pub source: String,
    pub fingerprint: String,
}

/// A file of weights as it was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WeightFile {
    pub file: String,
    /// BLAKE3 of its bytes.
    pub digest: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StageLock {
    pub name: String,
    pub key: Key,
}

/// `<out>/<recipe>-<date>-<short hash>/`. The hash is of the stages' keys: the same run on the same day has the same folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder with `recipe.wsss` and `wsss.lock`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn create(out: &Path, recipe: &str, text: &str, lock: &Lock) -> Result<RunFolder, FileError> {
        let mut hasher = blake3::Hasher::new();
        lock.stages.iter().for_each(|stage| _ = hasher.update(stage.key.as_str().as_bytes()));
        let hash = &hasher.finalize().to_hex()[..8];
        let path = out.join(format!("{}-{}-{hash}", file_name(recipe), date(SystemTime::now())));
        files::write_bytes(&path.join("recipe.wsss"), text.as_bytes())?;
        let lock_path = path.join("wsss.lock");
        let lock = toml::to_string(lock).map_err(|error| FileError::broken(&lock_path, error.to_string()))?;
        files::write_bytes(&lock_path, lock.as_bytes())?;
        Ok(RunFolder { path })
    }

    /// The keys that any run below `out` names.
    ///
    /// # Errors
    /// A folder that cannot be listed, or a lock that cannot be read: then nobody knows what that run needs.
    pub fn needed(out: &Path) -> Result<HashSet<Key>, FileError> {
        let failed = |error: std::io::Error| FileError::read(out, &error);
        let mut needed = HashSet::new();
        for entry in std::fs::read_dir(out).map_err(failed)? {
            let path = entry.map_err(failed)?.path().join("wsss.lock");
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(error) => return Err(FileError::read(&path, &error)),
            };
            match toml::from_str::<Lock>(&text) {
                Ok(lock) => needed.extend(lock.stages.into_iter().map(|stage| stage.key)),
                // The pins beside a recipe have the same name; no run needs them.
                Err(_) if Pins::read(&path).is_ok_and(|pins| !pins.weights.is_empty()) => {}
                Err(error) => return Err(FileError::broken(&path, error.message())),
            }
        }
        Ok(needed)
    }

    /// The runs below `out` with their locks, the one that began last at the end. What is no run folder is passed over.
    pub fn all(out: &Path) -> Vec<(RunFolder, Lock)> {
        let Ok(entries) = std::fs::read_dir(out) else { return Vec::new() };
        let mut found: Vec<(SystemTime, PathBuf, Lock)> = entries
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let (lock, began) = read_lock(&path)?;
                Some((began, path, lock))
            })
            .collect();
        found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        found.into_iter().map(|(_, path, lock)| (RunFolder { path }, lock)).collect()
    }

    /// The run whose folder this is; `None` where it is none.
    pub fn open(path: &Path) -> Option<(RunFolder, Lock)> {
        read_lock(path).map(|(lock, _)| (RunFolder { path: path.to_owned() }, lock))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies a file of a stage to `name`; gives the copy's place.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn copy(&self, name: &str, from: &Path) -> Result<PathBuf, FileError> {
        let to = self.path.join(file_name(name));
        let bytes = std::fs::read(from).map_err(|error| FileError::read(from, &error))?;
        files::write_bytes(&to, &bytes)?;
        Ok(to)
    }

    /// The last part of its path: what `--run` takes.
    pub fn name(&self) -> String {
        self.path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
    }

    /// When the run began, as far as the file system tells.
    pub fn began(&self) -> SystemTime {
        began(&self.path.join("wsss.lock"))
    }

    /// What is written in `name`; `None` where it is not there, or is something else.
    pub fn read_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&std::fs::read(self.path.join(name)).ok()?).ok()
    }

    /// Writes `name` as JSON.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FileError> {
        files::write_json(&self.path.join(name), value)
    }
}

/// The lock of a run folder, with the time it was written.
fn read_lock(folder: &Path) -> Option<(Lock, SystemTime)> {
    let path = folder.join("wsss.lock");
    let text = std::fs::read_to_string(&path).ok()?;
    Some((toml::from_str(&text).ok()?, began(&path)))
}

fn began(lock: &Path) -> SystemTime {
    std::fs::metadata(lock).and_then(|file| file.modified()).unwrap_or(UNIX_EPOCH)
}

/// `2026-08-14`, UTC.
pub fn date(time: SystemTime) -> String {
    let (year, month, day) = civil(seconds(time).div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-08-14T09:30:00Z`.
pub fn timestamp(time: SystemTime) -> String {
    let second = seconds(time).rem_euclid(86_400);
    format!("{}T{:02}:{:02}:{:02}Z", date(time), second / 3600, second / 60 % 60, second % 60)
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last of its year; 400 years have 146 097 days.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468; // from 0000-03-01
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // March is 0; five months have 153 days
    let (from_january, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, from_january, day - (153 * month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Parts;
    use std::time::Duration;

    #[test]
    fn dates_of_the_calendar() {
        let at = |seconds: u64| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        // The answers of `date -u -d @…`.
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(at(4_102_444_800), "2100-01-01T00:00:00Z");
    }

    #[test]
    fn a_run_folder_reads_back() {
        let out = tempfile::tempdir().unwrap();
        let lock = Lock {
            version: "0.1.0".into(),
            primitives: 1,
            recipe: "my recipe".into(),
            variants: vec!["quick".into()],
            seed: 7,
            device: "cpu".into(),
            limit: None,
            data: vec![DataLock { source: "scenes".into(), fingerprint: "ab".into() }],
            weights: Vec::new(),
            stages: vec![StageLock { name: "classifier".into(), key: Parts::default().key() }],
        };
        let run = RunFolder::create(out.path(), "my recipe", "supervision image\n", &lock).unwrap();
        let name = run.path().file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("my%20recipe-2") && name.len() == "my%20recipe-2026-08-14-12345678".len(), "{name}");
        assert_eq!(std::fs::read_to_string(run.path().join("recipe.wsss")).unwrap(), "supervision image\n");
        let text = std::fs::read_to_string(run.path().join("wsss.lock")).unwrap();
        assert_eq!(toml::from_str::<Lock>(&text).unwrap(), lock);
    }
}
