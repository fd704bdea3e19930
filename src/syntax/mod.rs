//! Text ⇄ tree. Comes in: the text of a file. Goes out: a [`ast::File`] and a list of problems, however broken the text was;
//! and back, the one canonical text of a tree with its comments kept (`format`).
//!
//! pest and its rules are known to this room alone. An error costs one statement: what could not be read is an `Error` node.

pub mod ast;

mod brackets;
mod depth;
mod errors;
mod format;
#[cfg(test)]
mod generate;
mod grammar;
mod parse;
mod scan;
mod spans;
mod split;

pub use format::{format, print};
pub use parse::{parse, parse_override};
pub use spans::strip_spans;
