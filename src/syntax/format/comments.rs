//! The comments of a text in order, given out one after the other as the printer comes past their places.

use crate::syntax::scan::{Comment, scan};

/// The comments not printed yet. A tree printed without its text has none.
pub(super) struct Comments<'t> {
    text: &'t str,
    all: Vec<Comment>,
    next: usize,
}

/// Comments between two parts of a text.
#[derive(Default)]
pub(super) struct Between {
    /// On the line of what stands before.
    pub trailing: Vec<String>,
    /// On lines of their own; whether an empty line stands above.
    pub own_lines: Vec<(bool, String)>,
}

impl Between {
    pub fn is_empty(&self) -> bool {
        self.trailing.is_empty() && self.own_lines.is_empty()
    }

    /// All of them, in order.
    pub fn into_texts(self) -> impl Iterator<Item = String> {
        self.trailing.into_iter().chain(self.own_lines.into_iter().map(|(_, comment)| comment))
    }

    /// The lines of a doc, as if they had been read from a text.
    pub fn doc(marker: &str, lines: &[String]) -> Between {
        let comment = |line: &String| (false, format!("{marker} {line}").trim_end().to_owned());
        Between { trailing: Vec::new(), own_lines: lines.iter().map(comment).collect() }
    }
}

impl<'t> Comments<'t> {
    pub fn of(text: &'t str) -> Comments<'t> {
        Comments { text, all: scan(text).comments, next: 0 }
    }

    /// A tree alone: no comments, and no empty lines but those that the format asks for.
    pub fn none() -> Comments<'static> {
        Comments { text: "", all: Vec::new(), next: 0 }
    }

    /// Whether docs are among the comments; else they are printed from the tree.
    pub fn hold_docs(&self) -> bool {
        !self.text.is_empty()
    }

    /// Takes the comments that begin before a byte of the text.
    pub fn before(&mut self, byte: u32) -> Between {
        let mut between = Between::default();
        while let Some(comment) = self.all.get(self.next).filter(|comment| comment.start < byte) {
            let text = self.text[comment.start as usize..comment.end as usize].trim_end().to_owned();
            // What follows a comment of its own line stays below it.
            match comment.own_line || !between.own_lines.is_empty() {
                true => between.own_lines.push((self.blank_above(comment.start), text)),
                false => between.trailing.push(text),
            }
            self.next += 1;
        }
        between
    }

    /// Whether an empty line stands above what begins at a byte.
    pub fn blank_above(&self, byte: u32) -> bool {
        let before = self.text.get(..byte as usize).unwrap_or("");
        let space = &before[before.trim_end().len()..];
        space.matches('\n').count() > 1
    }
}
