//! `wsss report RUN`: one page of HTML on a run. `run` writes it as well, when it is done.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use super::past;
use super::recipe::{self, Choice};
use super::run::relative;
use crate::diag::{Code, Diagnostic};
use crate::files::{self, FileError};
use crate::report::{self, Page, Run};
use crate::store::{Lock, RunFolder, Store};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder of the run, or its name below `--runs`; without it, the run that began last
    run: Option<PathBuf>,
    /// Where the page goes (default: `report.html` in the folder of the run)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where runs and the store are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What the page is called in the folder of a run.
const NAME: &str = "report.html";

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let (folder, lock) = match past::find(args.run.as_deref(), &args.runs, "--runs") {
        Ok(found) => found,
        Err(problem) => return output.problem(problem),
    };
    let to = args.out.unwrap_or_else(|| folder.path().join(NAME));
    let page = match write(&folder, &lock, &to) {
        Ok(page) => page,
        Err(error) => {
            output.problem(error.diagnostic());
            return Exit::Failed;
        }
    };
    // What is not there is said, and is no failure: the page has the rest.
    page.missing.iter().for_each(|line| _ = output.problem(Diagnostic::warning(Code::CannotRead, line.clone())));
    let shown = relative(&to).display().to_string();
    match args.json {
        true => output.object(
            "report",
            json!({ "run": folder.name(), "file": shown, "bytes": page.html.len(), "missing": page.missing }),
        ),
        false => output.text(&format!("report: {shown}")),
    }
    Exit::Done
}

/// Writes the page of a run that is done. Who ran it has the results: a page that cannot be written is worth a note, no error.
pub(super) fn after(folder: &Path, output: &Output) {
    let written = match RunFolder::open(folder) {
        Some((run, lock)) => write(&run, &lock, &folder.join(NAME)).map(drop).map_err(|error| error.to_string()),
        None => Err(format!("cannot read the lock of {}", folder.display())),
    };
    if let Err(why) = written {
        output.note(&format!("there is no report of this run: {why}"));
    }
}

/// The recipe is read from the folder, so that the page is the same whenever it is made.
fn write(folder: &RunFolder, lock: &Lock, to: &Path) -> Result<Page, FileError> {
    // The store lies beside the folder.
    let store = Store::at(folder.path().parent().unwrap_or(Path::new("")));
    let opened = recipe::open(&folder.path().join("recipe.wsss"), &Choice::default()).ok();
    let recipe = opened.as_ref().map(|opened| &opened.recipe);
    let page = report::page(Run { folder, lock, store: &store, recipe });
    files::write_bytes(to, page.html.as_bytes())?;
    Ok(page)
}
