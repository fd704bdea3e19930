//! What can be said to a person: a [`Diagnostic`] is plain data with a [`Code`], labelled spans and a help line.
//!
//! Comes in: what a stage of the compiler knows about a mistake. Goes out: a value that `render` draws for a terminal and
//! `brief` writes as one line or as JSON. miette is known to `render` alone.

pub mod amount;
pub mod brief;
mod codes;
pub mod render;
pub mod suggest;

pub use codes::Code;

use crate::source::Span;

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Severity {
    Error,
    Warning,
}

/// A span with a word about it. The first label of a diagnostic is where the mistake is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One thing wrong with a recipe or its input, in the recipe's own words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    pub message: String,
    pub labels: Vec<Label>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, code, message: message.into(), labels: Vec::new(), help: None }
    }

    pub fn warning(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The mistakes found so far. Checking goes on after one is added.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    all: Vec<Diagnostic>,
}

impl Problems {
    /// Adds a problem; the very same one at the same place is kept once (an inlined function is elaborated many times).
    pub fn add(&mut self, diagnostic: Diagnostic) {
        if !self.all.contains(&diagnostic) {
            self.all.push(diagnostic);
        }
    }

    pub fn extend(&mut self, others: impl IntoIterator<Item = Diagnostic>) {
        others.into_iter().for_each(|diagnostic| self.add(diagnostic));
    }

    pub fn has_errors(&self) -> bool {
        self.all.iter().any(Diagnostic::is_error)
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter()
    }

    /// In reading order: by source, then by place.
    pub fn sorted(mut self) -> Vec<Diagnostic> {
        self.all.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span));
        self.all
    }
}
