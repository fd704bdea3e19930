//! A run that is meant on the command line: `--run RUN`.

use std::path::Path;

use crate::diag::{Code, Diagnostic, suggest};
use crate::store::{Lock, RunFolder};

/// The run whose folder `run` is, or whose name below `out`; where none is named, the one that began last. `option` is how the command
/// calls `out`.
///
/// # Errors
/// There is no such run.
pub(super) fn find(run: Option<&Path>, out: &Path, option: &str) -> Result<(RunFolder, Lock), Diagnostic> {
    let found = match run {
        Some(run) => RunFolder::open(run).or_else(|| RunFolder::open(&out.join(run))),
        None => RunFolder::all(out).pop(),
    };
    found.ok_or_else(|| no_run(run, out, option))
}

fn no_run(run: Option<&Path>, out: &Path, option: &str) -> Diagnostic {
    let shown = run.unwrap_or(out).display();
    // Its folder is there, and what makes it a run is not readable.
    let locks = run.map(|run| [run.join("wsss.lock"), out.join(run).join("wsss.lock")]);
    if let Some(lock) = locks.iter().flatten().find(|lock| lock.is_file()) {
        let message = format!("`{shown}` is no run: `{}` is not the lock of one", lock.display());
        return Diagnostic::error(Code::CannotRead, message).help("the same `wsss run` writes it anew");
    }
    let known: Vec<String> = RunFolder::all(out).iter().map(|(run, _)| run.name()).collect();
    let help = match known.is_empty() {
        true => format!("`wsss run RECIPE` makes one; `{option} DIR` says where they are"),
        false => suggest::help(&shown.to_string(), "runs", known.iter().map(String::as_str)),
    };
    Diagnostic::error(Code::CannotRead, format!("`{shown}` is no run")).help(help)
}
