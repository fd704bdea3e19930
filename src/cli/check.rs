//! `wsss check RECIPE…`: every diagnostic of a recipe; nothing is run and no data is opened.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::explained;
use super::output::Output;
use super::recipe::{self, Choice};
use crate::compile;

#[derive(clap::Args)]
pub(super) struct Args {
    #[arg(required = true, value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Adds a table a stage: nodes before and after each pass, parameters, work, memory
    #[arg(long)]
    explain: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let checks = args.recipes.iter().map(|path| check(path, &args.choice, args.explain, &output));
    checks.max().unwrap_or(Exit::Done)
}

fn check(path: &Path, choice: &Choice, explain: bool, output: &Output) -> Exit {
    let mut opened = match recipe::open(path, choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    // Gradients are made only of graphs that are right so far.
    let compiled =
        if opened.problems.has_errors() { None } else { compile::compile(&opened.recipe, &mut opened.problems) };
    let problems = opened.problems.sorted();
    let exit = output.problems(&problems, &opened.sources);
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.len() - errors;
    if let (true, Some(compiled)) = (explain && exit == Exit::Done, &compiled) {
        explained::print(compiled, output);
    }
    if output.json {
        let fields = json!({ "recipe": path.display().to_string(), "errors": errors, "warnings": warnings });
        output.object("checked", fields);
    } else {
        let stages = counted(opened.recipe.stages.len(), "stage");
        let found = match (errors, warnings) {
            (0, 0) => format!("no problems, {stages}"),
            (0, warnings) => format!("{}, {stages}", counted(warnings, "warning")),
            (errors, 0) => counted(errors, "error"),
            (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
        };
        output.text(&format!("{}: {found}", path.display()));
    }
    exit
}

/// `1 stage`, `2 stages`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
