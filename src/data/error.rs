//! What can be wrong with a data set, said so that the file can be found and mended.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic};

/// What sort of wrong it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A file or folder is not there, or may not be read.
    Missing,
    /// A file is there but cannot be decoded.
    Broken,
    /// A file can be read, but what it says cannot be: an unknown class, a mask of another size than its picture.
    Invalid,
}

/// One thing wrong with a data set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataError {
    pub kind: Kind,
    /// The file or folder that is to blame, where there is one.
    pub file: Option<PathBuf>,
    pub what: String,
    pub help: Option<String>,
}

impl DataError {
    pub fn new(kind: Kind, file: impl AsRef<Path>, what: impl Into<String>) -> DataError {
        DataError { kind, file: Some(file.as_ref().to_owned()), what: what.into(), help: None }
    }

    pub fn missing(file: impl AsRef<Path>, what: impl Into<String>) -> DataError {
        DataError::new(Kind::Missing, file, what)
    }

    pub fn broken(file: impl AsRef<Path>, what: impl Into<String>) -> DataError {
        DataError::new(Kind::Broken, file, what)
    }

    pub fn invalid(file: impl AsRef<Path>, what: impl Into<String>) -> DataError {
        DataError::new(Kind::Invalid, file, what)
    }

    /// A mistake that is in no file: an argument, a combination of settings.
    pub fn argument(what: impl Into<String>) -> DataError {
        DataError { kind: Kind::Invalid, file: None, what: what.into(), help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> DataError {
        self.help = Some(help.into());
        self
    }

    /// For people, without a place in a recipe.
    pub fn diagnostic(&self) -> Diagnostic {
        let code = match self.kind {
            Kind::Missing => Code::DataNotFound,
            Kind::Broken | Kind::Invalid => Code::DataBroken,
        };
        let diagnostic = Diagnostic::error(code, self.to_string());
        match &self.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        }
    }

    /// Why the operating system did not let `file` be read.
    pub(crate) fn io(file: impl AsRef<Path>, error: &std::io::Error) -> DataError {
        match error.kind() {
            std::io::ErrorKind::NotFound => DataError::missing(file, "there is no such file"),
            std::io::ErrorKind::PermissionDenied => DataError::missing(file, "may not be read: permission denied"),
            _ => DataError::missing(file, format!("cannot be read: {error}")),
        }
    }
}

/// `file: what`, without the help.
impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}: {}", file.display(), self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for DataError {}
