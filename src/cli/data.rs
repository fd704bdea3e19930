//! `wsss data check PATH`: opens every file of a data set and says what is wrong with it, file by file.

use std::path::PathBuf;

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use crate::data::{self, DataError};
use crate::diag::Diagnostic;
use crate::diag::amount::counted;
use crate::source::Sources;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Opens every file of a data set and says what is wrong with it
    Check {
        /// The folder: PASCAL VOC's layout (`JPEGImages`, …) or a plain one (`images`, `masks`, `labels.csv`, `classes.txt`)
        path: PathBuf,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Command) -> Exit {
    let Command::Check { path, json } = command;
    let output = Output::new(json);
    let source = match data::detect(&path) {
        Ok(source) => source,
        Err(error) => return output.problem(error.diagnostic()),
    };
    let problems: Vec<Diagnostic> = data::check_source(&source).iter().map(DataError::diagnostic).collect();
    let exit = output.problems(&problems, &Sources::new());
    let summary = match data::open(&source) {
        Ok(dataset) => {
            let splits = dataset.splits();
            let sizes = splits.iter().map(|split| (*split, dataset.len(split).unwrap_or(0)));
            if json {
                let sizes: serde_json::Map<_, _> = sizes.map(|(split, len)| (split.to_string(), json!(len))).collect();
                output.object(
                    "data",
                    json!({ "kind": dataset.name(), "classes": dataset.classes(), "splits": sizes, "problems": problems.len() }),
                );
                return exit;
            }
            let sizes: Vec<String> = sizes.map(|(split, len)| format!("{split} {len}")).collect();
            let classes = dataset.classes();
            format!(
                "{}: {} classes ({}); pictures: {}",
                dataset.name(),
                classes.len(),
                classes.join(", "),
                sizes.join(", ")
            )
        }
        Err(_) => String::new(),
    };
    if !json {
        let found = match problems.len() {
            0 => "every file can be used".to_string(),
            many => counted(many, "problem"),
        };
        output.text(format!("{summary}\n{found}").trim_start());
    }
    exit
}
