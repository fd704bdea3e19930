//! `wsss new NAME`: a commented starter recipe in a file of its own.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use super::exit::Exit;
use super::output::Output;
use crate::diag::{Code, Diagnostic};

/// What a new recipe begins with. A test keeps it formatted and free of problems.
pub(super) const STARTER: &str = include_str!("starter.wsss");

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe's name; `.wsss` is added where it is left out
    name: PathBuf,
}

pub(super) fn run(args: Args, output: &Output) -> Exit {
    let mut path = args.name;
    if path.file_name().is_none() {
        return output.usage(&format!("`{}` is no name for a file", path.display()), "for example `wsss new mine`");
    }
    if path.extension().is_none_or(|extension| extension != "wsss") {
        path.as_mut_os_string().push(".wsss");
    }
    let shown = path.display();
    // `create_new` refuses an existing file in the same breath as it makes a new one.
    let written = OpenOptions::new().write(true).create_new(true).open(&path);
    match written.and_then(|mut file| file.write_all(STARTER.as_bytes())) {
        Ok(()) => {
            output.text(&format!("{shown} is written; next: `wsss run {shown} --variant quick`"));
            Exit::Done
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let problem = Diagnostic::error(Code::CannotWrite, format!("`{shown}` exists already"));
            output.problem(problem.help("choose another name: nothing was changed"));
            Exit::Wrong
        }
        Err(error) => output.problem(
            Diagnostic::error(Code::CannotWrite, format!("cannot write `{shown}`: {error}"))
                .help("the folder must exist and be writable"),
        ),
    }
}
