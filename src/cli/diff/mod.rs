//! `wsss diff A B`: what differs in meaning between two recipes, which stages would run again, and the figures of both where both
//! have run.

mod report;
mod results;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use super::recipe::{self, Choice, Opened};
use crate::compile::{self, Compiled};
use crate::diff::{self, Side, StageDifference};
use results::Figure;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe as it was
    a: PathBuf,
    /// The recipe as it is; the same file is allowed, with another variant
    b: PathBuf,
    /// Of both recipes
    #[command(flatten)]
    choice: Choice,
    /// A variant of the first recipe alone
    #[arg(long, value_name = "NAME")]
    variant_a: Vec<String>,
    /// A variant of the second recipe alone
    #[arg(long, value_name = "NAME")]
    variant_b: Vec<String>,
    /// A param of the first recipe alone
    #[arg(long, value_name = "NAME=VALUE", value_parser = recipe::parse_set)]
    set_a: Vec<(String, String)>,
    /// A param of the second recipe alone
    #[arg(long, value_name = "NAME=VALUE", value_parser = recipe::parse_set)]
    set_b: Vec<(String, String)>,
    /// Where the results of runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// One JSON object
    #[arg(long, conflicts_with = "md")]
    json: bool,
    /// Markdown
    #[arg(long)]
    md: bool,
}

/// The version of what `--json` gives.
const SCHEMA: u32 = 1;

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(false);
    let with = |variants: &[String], sets: &[(String, String)]| Choice {
        variants: args.choice.variants.iter().chain(variants).cloned().collect(),
        sets: args.choice.sets.iter().chain(sets).cloned().collect(),
    };
    let sides = [(&args.a, with(&args.variant_a, &args.set_a)), (&args.b, with(&args.variant_b, &args.set_b))];
    let [a, b] = match sides.map(|(path, choice)| open(path, &choice, &output)) {
        [Ok(a), Ok(b)] => [a, b],
        [a, b] => return a.err().max(b.err()).unwrap_or(Exit::Failed),
    };
    let (Some(old), Some(new)) = (compiled(&a, &output), compiled(&b, &output)) else { return Exit::Wrong };
    let difference = diff::between(&Side::new(&old, &a.sources), &Side::new(&new, &b.sources));
    let figures = results::beside(&old, &new, &difference.renamed, &args.out);
    let [a, b] = [&args.a, &args.b].map(|path| path.display().to_string());
    if args.json {
        let mut object = json!({ "schema": SCHEMA, "a": a, "b": b, "same": difference.is_empty() });
        object["difference"] = json!(difference);
        object["figures"] = figures.iter().map(Figure::object).collect();
        output.text(&object.to_string());
    } else if args.md {
        output.text(&report::markdown(&a, &b, &difference, &figures));
    } else {
        output.text(&report::text(&a, &b, &difference, &figures, &output));
    }
    // As `diff` has it, and `fmt --check`.
    if difference.is_empty() { Exit::Done } else { Exit::Wrong }
}

fn open(path: &Path, choice: &Choice, output: &Output) -> Result<Opened, Exit> {
    recipe::open(path, choice).map_err(|unreadable| output.problems(&[unreadable.0], &unreadable.1))
}

/// `None` where the recipe is wrong, which is said then. Warnings are for `check`.
fn compiled<'o>(opened: &'o Opened, output: &Output) -> Option<Compiled<'o>> {
    let mut problems = opened.problems.clone();
    let compiled = if problems.has_errors() { None } else { compile::compile(&opened.recipe, &mut problems) };
    let errors: Vec<_> = problems.sorted().into_iter().filter(|problem| problem.is_error()).collect();
    output.problems(&errors, &opened.sources);
    compiled.filter(|_| errors.is_empty())
}

/// What differs in one stage, a line each.
pub(super) fn stage_lines(stage: &StageDifference) -> String {
    report::stage_lines(stage)
}
