//! Results on disk, by what decides them: finished stages, run folders, and the files they are made of.
//!
//! Comes in: the [`Parts`] that decide a stage's result. Goes out: a [`Claim`] on its place in the store: the finished result, or a
//! [`Draft`] to fill. Nothing is seen before it is whole: files are written beside their place and renamed, and so are stages.
//! Absent from this room: what a stage is, and every decision whether it should run.

mod artifacts;
pub mod heat;
mod key;
mod name;
pub mod npz;
pub mod palette;
mod pins;
mod run_folder;
mod stage;
pub mod submission;
mod sweep;
pub mod tensors;

pub use artifacts::{StageArtifacts, is_written, write as write_artifact};
pub use key::{Key, Part, Parts};
pub use name::file_name;
pub use pins::Pins;
pub use run_folder::{DataLock, Lock, RunFolder, StageLock, WeightFile, date, timestamp};
pub use stage::{Draft, Finished, StageRecord};
pub use sweep::{Freed, Sweep, What};

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{self, FileError};

/// The finished stages below `<out>/store`.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What became of asking for a stage's place.
#[derive(Debug)]
pub enum Claim {
    /// The result is there, perhaps since a moment ago.
    Finished(Box<Finished>),
    /// The place is empty and nobody else fills it.
    Draft(Draft),
}

impl Store {
    /// The store of the output folder `out`. Makes no folder: looking needs none.
    pub fn at(out: &Path) -> Store {
        Store { root: out.join("store") }
    }

    /// Finds out before hours of work whether anything can be written.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub fn expect_writable(&self) -> Result<(), FileError> {
        files::make_folder(&self.root)?;
        let failed = |error: std::io::Error| FileError::write(&self.root, &error);
        tempfile::Builder::new().prefix(".writing-").tempfile_in(&self.root).map_err(failed)?.close().map_err(failed)
    }

    /// Where the result of that key is, or will be.
    pub fn place(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// The result of that key, where there is one.
    pub fn find(&self, key: &Key) -> Option<Finished> {
        Finished::open(self.place(key))
    }

    /// Whether a run has begun it and left something that is not the whole.
    pub fn is_begun(&self, key: &Key) -> bool {
        std::fs::read_dir(stage::part(&self.root, key)).is_ok_and(|mut left| left.next().is_some())
    }

    /// Every finished result, in order of key.
    pub fn all(&self) -> Vec<Finished> {
        let Ok(entries) = std::fs::read_dir(&self.root) else { return Vec::new() };
        let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        // Only finished stages have a name without a dot and a record inside.
        let finished = folders.into_iter().filter(|path| path.extension().is_none());
        finished.filter_map(Finished::open).collect()
    }

    /// Takes the place of `key`. While another run holds it, `wait` is asked every tenth of a second whether to go on waiting;
    /// `None` when it says no. With `again`, a result that is there counts as absent, and so does what a stopped run has left.
    ///
    /// # Errors
    /// A folder or lock file that cannot be made.
    pub fn claim(&self, key: &Key, again: bool, mut wait: impl FnMut() -> bool) -> Result<Option<Claim>, FileError> {
        if let (Some(finished), false) = (self.find(key), again) {
            return Ok(Some(Claim::Finished(Box::new(finished))));
        }
        let (lock, path) = self.lock_file(key.as_str())?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if wait() => std::thread::sleep(Duration::from_millis(100)),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(FileError::write(&path, &error)),
            }
        }
        // The one who held the lock may have finished it.
        if let (Some(finished), false) = (self.find(key), again) {
            return Ok(Some(Claim::Finished(Box::new(finished))));
        }
        let draft = Draft::begin(&self.root, key, lock)?;
        if again {
            draft.clear()?;
        }
        Ok(Some(Claim::Draft(draft)))
    }

    /// The file `NAME.lock`, which is there from now on.
    fn lock_file(&self, name: &str) -> Result<(File, PathBuf), FileError> {
        files::make_folder(&self.root)?;
        let path = self.root.join(format!("{name}.lock"));
        let lock = File::options().create(true).write(true).truncate(false).open(&path);
        Ok((lock.map_err(|error| FileError::write(&path, &error))?, path))
    }
}

#[cfg(test)]
mod tests {
    use super::stage::testing::{key, record};
    use super::*;

    fn draft(store: &Store, key: &Key, again: bool) -> Draft {
        match store.claim(key, again, || false).unwrap() {
            Some(Claim::Draft(draft)) => draft,
            other => panic!("expected a draft, found {other:?}"),
        }
    }

    #[test]
    fn a_stage_is_seen_when_it_is_whole_and_not_before() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        let filling = draft(&store, &key, false);
        files::write_bytes(&filling.path("net/oc.safetensors"), b"weights").unwrap();
        files::write_bytes(&filling.path("checkpoint/state.safetensors"), b"state").unwrap();
        assert!(store.find(&key).is_none() && store.all().is_empty());
        drop(filling);
        assert!(store.find(&key).is_none(), "a stopped stage counts as finished");

        let resumed = draft(&store, &key, false);
        assert_eq!(std::fs::read(resumed.path("checkpoint/state.safetensors")).unwrap(), b"state");
        let finished = resumed.finish(&record(&key)).unwrap();
        assert!(!finished.path("checkpoint").exists());
        assert_eq!(std::fs::read(finished.path("net/oc.safetensors")).unwrap(), b"weights");
        assert_eq!(store.find(&key).unwrap().record, record(&key));
        assert!(matches!(store.claim(&key, false, || false), Ok(Some(Claim::Finished(_)))));
    }

    #[test]
    fn the_second_run_waits_for_the_first_and_takes_its_result() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        let first = draft(&store, &key, false);
        assert!(store.claim(&key, false, || false).unwrap().is_none(), "two runs fill one place");
        assert!(matches!(store.claim(&super::stage::testing::key("b"), false, || false), Ok(Some(Claim::Draft(_)))));
        let (waits, waited) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| store.claim(&key, false, || waits.send(()).is_ok()));
            waited.recv().unwrap();
            first.finish(&record(&key)).unwrap();
            assert!(matches!(second.join().unwrap(), Ok(Some(Claim::Finished(_)))));
        });
    }

    #[test]
    fn forced_again_replaces_the_result_and_forgets_what_was_left() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        let first = draft(&store, &key, false);
        files::write_bytes(&first.path("old"), b"old").unwrap();
        first.finish(&record(&key)).unwrap();
        let second = draft(&store, &key, true);
        files::write_bytes(&second.path("left"), b"left").unwrap();
        drop(second);
        assert!(store.find(&key).unwrap().path("old").exists(), "the old result stays until the new one is whole");
        let third = draft(&store, &key, true);
        files::write_bytes(&third.path("new"), b"new").unwrap();
        let finished = third.finish(&record(&key)).unwrap();
        assert!(finished.path("new").exists() && !finished.path("old").exists() && !finished.path("left").exists());
        let left: Vec<String> = std::fs::read_dir(out.path().join("store"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        assert_eq!(left, [key.as_str()]);
    }

    #[test]
    fn an_output_folder_that_cannot_be_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("runs");
        std::fs::write(&out, "a file").unwrap();
        let error = Store::at(&out).expect_writable().unwrap_err();
        assert!(error.to_string().contains("runs/store: a file is where a folder should be"), "{error}");
    }

    /// The superuser may write anywhere, so this says nothing where the tests run as root.
    #[cfg(unix)]
    #[test]
    fn a_read_only_output_folder_is_named_at_once() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
        if std::fs::create_dir(folder.path().join("probe")).is_err() {
            let error = Store::at(folder.path()).expect_writable().unwrap_err();
            assert!(error.to_string().ends_with("store: the folder may not be written to"), "{error}");
        }
    }
}
