//! `wsss data check PATH`: opens every file of a data set and says what is wrong with it, file by file. `wsss data tags PATH OUT`: its tags as the
//! code of the field keeps them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::exit::Exit;
use super::output::Output;
use crate::data::{self, DataError, Tally};
use crate::diag::Diagnostic;
use crate::diag::amount::counted;
use crate::source::Sources;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Opens every file of a data set and says what is wrong with it
    Check {
        /// The folder: PASCAL VOC's layout (`JPEGImages`, …), COCO's (`annotations`, `train2014`, …) or a plain one (`images`, `masks`, `labels.csv`, `classes.txt`)
        path: PathBuf,
        /// A file of tags in place of those of the folder (`cls_labels.npy`)
        #[arg(long, value_name = "FILE")]
        tags: Option<PathBuf>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Writes the tags of all pictures to a NumPy file, as the code of the field reads them (`cls_labels.npy`)
    Tags {
        /// The folder, as for `check`
        path: PathBuf,
        /// A file ending in .npy
        #[arg(value_name = "OUT")]
        out: PathBuf,
    },
}

pub(super) fn run(command: Command) -> Exit {
    match command {
        Command::Check { path, tags, json } => check(&path, tags, json),
        Command::Tags { path, out } => tags(&path, &out),
    }
}

fn tags(path: &Path, out: &Path) -> Exit {
    let output = Output::new(false);
    if out.extension().is_none_or(|ending| ending != "npy") {
        return output.usage(&format!("`{}` does not end in .npy", out.display()), "tags are written as a NumPy file");
    }
    let written = data::detect(path).and_then(|source| data::write_tags(data::open(&source)?.as_ref(), out));
    match written {
        Ok(written) => {
            let without = if written.without == 0 { String::new() } else { format!("; {} have none", written.without) };
            output.text(&format!(
                "tags of {} written to {}{without}",
                counted(written.pictures, "picture"),
                out.display()
            ));
            Exit::Done
        }
        Err(error) => output.problem(error.diagnostic()),
    }
}

fn check(path: &Path, tags: Option<PathBuf>, json: bool) -> Exit {
    let output = Output::new(json);
    let source = match data::detect(path) {
        Ok(source) => source.with_tags(tags),
        Err(error) => return output.problem(error.diagnostic()),
    };
    let problems: Vec<Diagnostic> = data::check_source(&source).iter().map(DataError::diagnostic).collect();
    let exit = output.problems(&problems, &Sources::new());
    let summary = match data::open(&source) {
        Ok(dataset) => {
            let splits = dataset.splits();
            let tallies: Vec<(&str, Tally)> = match dataset.has_tags() {
                true => splits.iter().map(|split| (*split, Tally::of(dataset.as_ref(), split, usize::MAX))).collect(),
                false => Vec::new(),
            };
            let sizes = splits.iter().map(|split| (*split, dataset.len(split).unwrap_or(0)));
            if json {
                let sizes: serde_json::Map<_, _> = sizes.map(|(split, len)| (split.to_string(), json!(len))).collect();
                output.object(
                    "data",
                    json!({ "kind": dataset.name(), "classes": dataset.classes(), "splits": sizes, "tags": tags_of(&tallies, dataset.classes()), "problems": problems.len() }),
                );
                return exit;
            }
            let sizes: Vec<String> = sizes.map(|(split, len)| format!("{split} {len}")).collect();
            let classes = dataset.classes();
            let notes: String = tallies.iter().filter_map(|(split, tally)| odd(split, tally, classes)).collect();
            format!(
                "{}: {} classes ({}); pictures: {}{notes}",
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

/// How many pictures of each split hold each class, and how many hold none.
fn tags_of(tallies: &[(&str, Tally)], classes: &[String]) -> serde_json::Map<String, Value> {
    let one = |(split, tally): &(&str, Tally)| {
        let counts: serde_json::Map<_, _> =
            classes.iter().zip(&tally.of_class).map(|(class, count)| (class.clone(), json!(count))).collect();
        (split.to_string(), json!({ "classes": counts, "without": tally.without }))
    };
    tallies.iter().map(one).collect()
}

/// A line on what is rarely meant: classes that no picture of a split holds, pictures that hold none.
fn odd(split: &str, tally: &Tally, classes: &[String]) -> Option<String> {
    // The pictures of a test list have no tags.
    if tally.pictures == 0 {
        return None;
    }
    let mut told = Vec::new();
    let absent = tally.absent(classes);
    if !absent.is_empty() {
        told.push(format!("no picture of {}", absent.join(", ")));
    }
    if tally.without > 0 {
        told.push(format!("{} without a class", counted(tally.without, "picture")));
    }
    (!told.is_empty()).then(|| format!("\n{split}: {}", told.join("; ")))
}
