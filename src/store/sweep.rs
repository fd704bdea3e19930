//! Frees what no run needs: finished stages that no run folder names, and what stopped runs have left.
//!
//! Safe beside a run. A run says in its folder which results it needs before it reads or makes one; between choosing what to reuse and
//! saying so it holds [`Store::choosing`], and whoever frees holds the same lock alone. What is freed steps aside under that lock, in one
//! step each, and is deleted afterwards: a run never waits for a large folder to go.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Finished, Key, Store};
use crate::files::{self, FileError};

/// A stage that was stopped is gone on with for so long, whether or not a run folder is there.
const LIVE: Duration = Duration::from_secs(24 * 60 * 60);

/// What was freed, or would be, and what stays.
#[derive(Debug, Default)]
pub struct Sweep {
    pub freed: Vec<Freed>,
    /// Finished stages and drafts that stay.
    pub kept: usize,
    /// What could not be freed.
    pub errors: Vec<FileError>,
}

/// One folder of the store that no run needs.
#[derive(Clone, PartialEq, Debug)]
pub struct Freed {
    /// The first part of its name: the key.
    pub key: String,
    pub what: What,
    /// The recipe and the stage, where a record says so.
    pub of: Option<(String, String)>,
    pub bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A finished stage.
    Result,
    /// What a stopped run has left of a stage.
    Draft,
    /// What was to be deleted already.
    Rest,
}

impl Store {
    /// Held from before a run chooses what to reuse until its run folder names it. Waits while results are being freed.
    ///
    /// # Errors
    /// A folder or lock file that cannot be made.
    pub fn choosing(&self) -> Result<File, FileError> {
        let (lock, path) = self.lock_file("sweep")?;
        lock.lock_shared().map_err(|error| FileError::write(&path, &error))?;
        Ok(lock)
    }

    /// Frees all whose key is not among those that `needed` gives; it is asked while no run can begin. A stage that a run fills just now
    /// stays, and so does a draft that was written to within a day. With `dry`, says what would go and changes nothing.
    ///
    /// # Errors
    /// The folder of the store or its lock cannot be used, or `needed` cannot say what runs need; nothing is freed then. What cannot be
    /// freed itself is in [`Sweep::errors`].
    pub fn sweep<E: From<FileError>>(
        &self,
        dry: bool,
        needed: impl FnOnce() -> Result<HashSet<Key>, E>,
    ) -> Result<Sweep, E> {
        let lock = if dry { None } else { Some(self.lock_file("sweep")?) };
        if let Some((lock, path)) = &lock {
            lock.lock().map_err(|error| FileError::write(path, &error))?;
        }
        let needed: HashSet<String> = needed()?.iter().map(|key| key.as_str().to_owned()).collect();
        let (mut sweep, mut aside) = (Sweep::default(), Vec::new());
        for path in self.folders()? {
            let Some((key, what)) = entry(&path) else { continue };
            if self.stays(&path, &key, what, &needed) {
                sweep.kept += usize::from(what != What::Rest);
                continue;
            }
            let Some(_filling) = Filling::keep_out(&self.root.join(format!("{key}.lock"))) else {
                sweep.kept += 1;
                continue;
            };
            let of = Finished::open(path.clone()).map(|finished| (finished.record.recipe, finished.record.stage));
            let freed = Freed { key: key.clone(), what, of, bytes: 0 };
            match if dry { Ok(path) } else { step_aside(&path, aside.len()) } {
                Ok(path) => aside.push((path, freed)),
                Err(error) => sweep.errors.push(error),
            }
        }
        drop(lock);
        for (path, freed) in aside {
            let freed = Freed { bytes: bytes(&path), ..freed };
            match if dry { Ok(()) } else { files::remove_folder(&path) } {
                Ok(()) => sweep.freed.push(freed),
                Err(error) => sweep.errors.push(error),
            }
        }
        Ok(sweep)
    }

    /// All folders of the store, in order of name.
    fn folders(&self) -> Result<Vec<PathBuf>, FileError> {
        let failed = |error: std::io::Error| FileError::read(&self.root, &error);
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&self.root).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        folders.sort();
        Ok(folders)
    }

    fn stays(&self, path: &Path, key: &str, what: What, needed: &HashSet<String>) -> bool {
        match what {
            What::Result => needed.contains(key),
            What::Draft => needed.contains(key) || is_live(path),
            // A result that stepped aside for a new one, and the program ended just then: it is the only one.
            What::Rest => needed.contains(key) && is_old(path) && !self.root.join(key).exists(),
        }
    }
}

/// Keeps runs from filling a stage while it is freed; where none ever did there is no lock. The lock file itself stays: it is empty, and
/// were it removed while a run opens it, two could hold the place.
struct Filling {
    _lock: Option<File>,
}

impl Filling {
    /// `None` where a run fills the stage, or nobody can say.
    fn keep_out(path: &Path) -> Option<Filling> {
        let lock = match File::options().write(true).open(path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(Filling { _lock: None }),
            Err(_) => return None,
        };
        match lock.try_lock() {
            Ok(()) => Some(Filling { _lock: Some(lock) }),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
        }
    }
}

/// Key and kind of a folder of the store; `None` for what others have put there.
fn entry(path: &Path) -> Option<(String, What)> {
    let name = path.file_name()?.to_str()?;
    let (key, ending) = name.split_once('.').unwrap_or((name, ""));
    let what = match ending {
        "" => What::Result,
        "part" => What::Draft,
        "old" => What::Rest,
        gone if gone.starts_with("gone") => What::Rest,
        _ => return None,
    };
    let is_key = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then(|| (key.to_owned(), what))
}

fn is_old(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "old")
}

/// Takes a folder out of the way under a name that nobody looks for and that is not taken.
fn step_aside(path: &Path, number: usize) -> Result<PathBuf, FileError> {
    if entry(path).is_some_and(|(_, what)| what == What::Rest) && !is_old(path) {
        return Ok(path.to_owned());
    }
    let aside = path.with_extension(format!("gone-{}-{number}", std::process::id()));
    files::remove_folder(&aside)?;
    std::fs::rename(path, &aside).map_err(|error| FileError::write(path, &error))?;
    Ok(aside)
}

/// Whether anything in a folder was written to within a day. Where the clock or the disk cannot say, it was.
fn is_live(folder: &Path) -> bool {
    let now = SystemTime::now();
    let old = |entry: walkdir::Result<walkdir::DirEntry>| {
        let written = entry.ok().and_then(|entry| entry.metadata().ok()).and_then(|data| data.modified().ok());
        written.and_then(|written| now.duration_since(written).ok()).is_some_and(|age| age > LIVE)
    };
    !walkdir::WalkDir::new(folder).into_iter().all(old)
}

/// The bytes of all files below a folder.
fn bytes(folder: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(|data| data.is_file()).map(|data| data.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::stage::testing::{key, record};
    use super::super::{Claim, Draft};
    use super::*;

    fn draft(store: &Store, key: &Key) -> Draft {
        match store.claim(key, false, || false) {
            Ok(Some(Claim::Draft(draft))) => draft,
            other => panic!("expected a draft, found {other:?}"),
        }
    }

    fn finish(store: &Store, key: &Key) {
        let draft = draft(store, key);
        files::write_bytes(&draft.path("net/a"), &[0; 1000]).unwrap();
        draft.finish(&record(key)).unwrap();
    }

    fn sweep(store: &Store, dry: bool, needed: &[&Key]) -> Vec<(String, What)> {
        let needed = needed.iter().map(|key| (*key).clone()).collect();
        let sweep = store.sweep(dry, || Ok::<_, FileError>(needed)).unwrap();
        assert!(sweep.errors.is_empty(), "{:?}", sweep.errors);
        sweep.freed.into_iter().map(|freed| (freed.key, freed.what)).collect()
    }

    /// Makes all of a folder two days old.
    fn age(folder: &Path) {
        let long_ago = SystemTime::now() - 2 * LIVE;
        for entry in walkdir::WalkDir::new(folder).contents_first(true) {
            File::open(entry.unwrap().path()).unwrap().set_modified(long_ago).unwrap();
        }
    }

    #[test]
    fn what_a_run_needs_stays_and_the_rest_goes() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let (needed, other) = (key("needed"), key("other"));
        finish(&store, &needed);
        finish(&store, &other);
        std::fs::create_dir(store.root.join("mine")).unwrap();
        let freed = [(other.to_string(), What::Result)];
        assert_eq!(sweep(&store, true, &[&needed]), freed);
        assert!(store.find(&other).is_some(), "a dry run frees");
        assert_eq!(sweep(&store, false, &[&needed]), freed);
        assert!(store.find(&other).is_none() && store.find(&needed).is_some() && store.root.join("mine").exists());
        let left: Vec<_> = store.folders().unwrap();
        assert_eq!(left.len(), 2, "something is left: {left:?}");
        // The place can be filled again.
        finish(&store, &other);
        assert!(store.find(&other).is_some());
    }

    #[test]
    fn a_draft_stays_while_it_is_filled_while_it_is_young_and_while_a_run_names_it() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        let filling = draft(&store, &key);
        files::write_bytes(&filling.path("checkpoint/state.safetensors"), b"state").unwrap();
        let folder = filling.folder().to_owned();
        age(&folder);
        assert_eq!(sweep(&store, false, &[]), [], "a run fills it");
        drop(filling);
        assert_eq!(sweep(&store, false, &[&key]), [], "a run folder names it");
        std::fs::write(folder.join("checkpoint/state.safetensors"), b"later").unwrap();
        assert_eq!(sweep(&store, false, &[]), [], "it is young");
        age(&folder);
        assert_eq!(sweep(&store, false, &[]), [(key.to_string(), What::Draft)]);
        assert!(!folder.exists());
    }

    #[test]
    fn a_result_that_is_made_again_stays() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        finish(&store, &key);
        let again = store.claim(&key, true, || false).unwrap();
        assert_eq!(sweep(&store, false, &[]), []);
        drop(again);
        age(&store.root.join(format!("{key}.part")));
        assert_eq!(sweep(&store, false, &[]).len(), 2);
    }

    #[test]
    fn what_a_program_that_ended_on_the_way_has_left() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        finish(&store, &key);
        let old = store.root.join(format!("{key}.old"));
        std::fs::rename(store.place(&key), &old).unwrap();
        std::fs::create_dir(store.root.join(format!("{key}.gone-1-0"))).unwrap();
        assert_eq!(sweep(&store, false, &[&key]), [(key.to_string(), What::Rest)], "the only result goes");
        assert!(old.exists());
        finish(&store, &key);
        std::fs::create_dir_all(&old).unwrap();
        assert_eq!(sweep(&store, false, &[&key]), [(key.to_string(), What::Rest)]);
        assert!(!old.exists() && store.find(&key).is_some());
    }

    #[test]
    fn nothing_goes_while_a_run_chooses() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        let key = key("a");
        finish(&store, &key);
        let choosing = store.choosing().unwrap();
        let second = store.choosing().unwrap();
        drop(second);
        let (asks, asked) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let sweeping = scope.spawn(|| {
                store.sweep(false, || {
                    asks.send(()).unwrap();
                    Ok::<_, FileError>(HashSet::from([key.clone()]))
                })
            });
            assert!(asked.recv_timeout(Duration::from_millis(300)).is_err(), "it does not wait");
            drop(choosing);
            asked.recv().unwrap();
            assert!(sweeping.join().unwrap().unwrap().freed.is_empty());
        });
    }

    #[test]
    fn nothing_goes_where_nobody_can_say_what_is_needed() {
        let out = tempfile::tempdir().unwrap();
        let store = Store::at(out.path());
        finish(&store, &key("a"));
        let unsure = || Err(FileError::broken("wsss.lock", "no lock"));
        assert!(store.sweep(false, unsure).is_err() && store.find(&key("a")).is_some());
    }
}
