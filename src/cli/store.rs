//! `wsss store gc`: frees what no run needs.

use std::path::PathBuf;

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use crate::diag::amount::{bytes, counted};
use crate::diag::{Code, Diagnostic};
use crate::files::FileError;
use crate::source::Sources;
use crate::store::{Freed, RunFolder, Store, Sweep, What};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Frees the results that no run folder names, and what stopped runs have left
    Gc {
        /// Where runs and the store are
        #[arg(long, value_name = "DIR", default_value = "runs")]
        out: PathBuf,
        /// Says what would be freed, and changes nothing
        #[arg(long)]
        dry_run: bool,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Command) -> Exit {
    let Command::Gc { out, dry_run, json } = command;
    let output = Output::new(json);
    if !out.join("store").is_dir() {
        let problem = Diagnostic::error(Code::CannotRead, format!("there is no store in `{}`", out.display()));
        return output
            .problem(problem.help("name the folder that `run` was given as `--out`; without one it is `runs`"));
    }
    let swept = Store::at(&out).sweep(dry_run, || RunFolder::needed(&out));
    let sweep = match swept {
        Ok(sweep) => sweep,
        Err(error) => {
            let help = "nothing was freed: what a run needs is known from its `wsss.lock`; mend or remove that one";
            return output.problem(unhelped(&error, help));
        }
    };
    tell(&sweep, dry_run, &output);
    let problems: Vec<Diagnostic> = sweep.errors.iter().map(FileError::diagnostic).collect();
    output.problems(&problems, &Sources::new())
}

/// A lock that cannot be read says nothing of what to do; a disk does.
fn unhelped(error: &FileError, help: &str) -> Diagnostic {
    let problem = error.diagnostic();
    if problem.help.is_some() || error.code != Code::CannotRead { problem } else { problem.help(help) }
}

fn tell(sweep: &Sweep, dry_run: bool, output: &Output) {
    let total = sweep.freed.iter().map(|freed| freed.bytes).sum();
    if output.json {
        for freed in &sweep.freed {
            let Freed { key, bytes, .. } = freed;
            let (recipe, stage) = freed.of.clone().unzip();
            let what = word(freed.what);
            output
                .object("freed", json!({ "key": key, "what": what, "recipe": recipe, "stage": stage, "bytes": bytes }));
        }
        let (count, kept) = (sweep.freed.len(), sweep.kept);
        output.object("store", json!({ "freed": count, "bytes": total, "kept": kept, "dry_run": dry_run }));
        return;
    }
    for freed in &sweep.freed {
        let what = match &freed.of {
            Some((recipe, stage)) => format!("`{stage}` of {recipe}"),
            None => format!("the {} of a stage", word(freed.what)),
        };
        output.text(&format!("{}  {what}, {}", freed.key.get(..12).unwrap_or(&freed.key), bytes(freed.bytes)));
    }
    let verb = if dry_run { "would free" } else { "freed" };
    output.text(&match sweep.freed.len() {
        0 => format!("nothing to free, {} kept", counted(sweep.kept, "folder")),
        many => format!("{verb} {} in {}, {} kept", bytes(total), counted(many, "folder"), sweep.kept),
    });
}

fn word(what: What) -> &'static str {
    match what {
        What::Result => "result",
        What::Draft => "draft",
        What::Rest => "rest",
    }
}
