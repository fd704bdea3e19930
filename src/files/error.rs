//! What can go wrong with a file of the store, said with its path.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic};

/// A file or folder that could not be written or read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// `CannotWrite` or `CannotRead`.
    pub code: Code,
    pub path: PathBuf,
    pub what: String,
    pub help: Option<&'static str>,
}

impl FileError {
    /// Why the operating system did not let `path` be written.
    pub fn write(path: impl AsRef<Path>, error: &std::io::Error) -> FileError {
        let (what, help) = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (
                "the disk is full".to_owned(),
                Some("free some space or choose another folder with `--out`; finished stages are kept and reused"),
            ),
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                ("the folder may not be written to".to_owned(), Some("choose another folder with `--out`"))
            }
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                ("a file is where a folder should be".to_owned(), Some("choose another folder with `--out`"))
            }
            _ => (error.to_string(), None),
        };
        FileError { code: Code::CannotWrite, path: path.as_ref().to_owned(), what, help }
    }

    /// Why the operating system did not let `path` be read.
    pub fn read(path: impl AsRef<Path>, error: &std::io::Error) -> FileError {
        let what = match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
            _ => error.to_string(),
        };
        FileError { code: Code::CannotRead, path: path.as_ref().to_owned(), what, help: None }
    }

    /// A file that is there and does not hold what it should.
    pub fn broken(path: impl AsRef<Path>, what: impl Into<String>) -> FileError {
        FileError { code: Code::CannotRead, path: path.as_ref().to_owned(), what: what.into(), help: None }
    }

    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.code, self.to_string());
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// `cannot write runs/store: the disk is full`.
impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.code == Code::CannotWrite { "write" } else { "read" };
        write!(f, "cannot {verb} {}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for FileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_folder_are_told_apart() {
        let full = FileError::write("runs/store", &ErrorKind::StorageFull.into());
        assert_eq!(full.to_string(), "cannot write runs/store: the disk is full");
        assert!(full.help.is_some_and(|help| help.contains("finished stages are kept")));
        let locked = FileError::write("runs", &ErrorKind::ReadOnlyFilesystem.into());
        assert_eq!(locked.diagnostic().message, "cannot write runs: the folder may not be written to");
        assert_eq!(locked.diagnostic().code, Code::CannotWrite);
    }
}
