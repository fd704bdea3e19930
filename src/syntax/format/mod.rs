//! A tree to its one canonical text.
//!
//! Two spaces a step, a hundred columns; the `=` of neighbouring lines of one kind stand below each other; single empty lines
//! stay where they were, and stand around every net, stage and variant. What does not fit is broken at its outermost list,
//! argument list or pipe, one part a line. Every comment stays: on its own line before what it stood before, or at the end of
//! the line it stood on. A comment in the middle of an expression that has no line of its own there goes to the end of a line.

mod comments;
mod expressions;
mod items;
#[cfg(test)]
mod laws;
mod layout;
mod memory;
mod sequences;
#[cfg(test)]
mod tests;

use super::ast::File;
use super::parse;
use crate::diag::Problems;
use crate::source::SourceId;
use comments::Comments;

/// The canonical text of a recipe, comments kept. Formatting it again changes nothing. A text with mistakes is refused with
/// what is wrong in it.
pub fn format(source: SourceId, text: &str) -> Result<String, Problems> {
    let mut problems = Problems::default();
    let file = parse(source, text, &mut problems);
    match problems.has_errors() {
        true => Err(problems),
        false => Ok(Printer::new(Comments::of(text)).file(&file).render()),
    }
}

/// The canonical text of a tree alone: spans are not looked at, docs are printed, there are no other comments. Parsing it gives
/// the tree back, if the tree has no `Error` node.
pub fn print(file: &File) -> String {
    Printer::new(Comments::none()).file(file).render()
}

struct Printer<'t> {
    comments: Comments<'t>,
    /// Bodies around what is printed; a step of indentation each.
    depth: usize,
    /// Inside the dims of a type, where `H/8` is written without spaces.
    in_dims: bool,
}

impl<'t> Printer<'t> {
    fn new(comments: Comments<'t>) -> Printer<'t> {
        Printer { comments, depth: 0, in_dims: false }
    }
}
