//! Why a file of weights is not read.

use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic};
use crate::files::FileError;

/// Why a file of weights is not read, with its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// `WeightsNotFound` or `WeightsRefused`.
    pub code: Code,
    pub path: PathBuf,
    pub what: String,
    pub help: Option<&'static str>,
}

impl Unreadable {
    /// Why the operating system did not let `path` be read.
    pub fn missing(path: &Path, error: &std::io::Error) -> Unreadable {
        let FileError { what, .. } = FileError::read(path, error);
        Unreadable { code: Code::WeightsNotFound, path: path.to_owned(), what, help: None }
    }

    pub fn diagnostic(&self) -> Diagnostic {
        let message = format!("the weights in {} cannot be read: {}", self.path.display(), self.what);
        let diagnostic = Diagnostic::error(self.code, message);
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// What is wrong with a file whose path is not known here.
#[derive(Debug)]
pub(super) struct Fault {
    code: Code,
    what: String,
    help: Option<&'static str>,
}

impl Fault {
    /// The file is in no format that is read.
    pub(super) fn unknown(what: impl Into<String>) -> Fault {
        Fault { code: Code::WeightsNotFound, what: what.into(), help: None }
    }

    /// The file is damaged, or asks for what it may not have.
    pub(super) fn refused(what: impl Into<String>) -> Fault {
        Fault { code: Code::WeightsRefused, what: what.into(), help: None }
    }

    pub(super) fn help(self, help: &'static str) -> Fault {
        Fault { help: Some(help), ..self }
    }

    /// Said of one array.
    pub(super) fn of(self, name: &str) -> Fault {
        Fault { what: format!("`{name}`: {}", self.what), ..self }
    }

    pub(super) fn at(self, path: &Path) -> Unreadable {
        Unreadable { code: self.code, path: path.to_owned(), what: self.what, help: self.help }
    }
}

/// The end of the file where there should be more, or what the operating system says.
impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::refused("it is cut short"),
            _ => Fault::refused(error.to_string()),
        }
    }
}

/// What another reader says of a part, which it names.
impl From<String> for Fault {
    fn from(what: String) -> Fault {
        Fault::refused(what)
    }
}
