//! `wsss lsp`: the server of editors, on standard input and output.

use super::exit::Exit;
use super::output::Output;
use crate::diag::{Code, Diagnostic};
use crate::lsp;

pub(super) fn run(output: &Output) -> Exit {
    match lsp::serve() {
        Ok(()) => Exit::Done,
        Err(error) => {
            let message = format!("the editor's messages cannot be followed: {error}");
            output.problem(Diagnostic::error(Code::CannotRead, message).help("`wsss lsp` is called by an editor"));
            Exit::Failed
        }
    }
}
