//! `wsss check RECIPE…`: every diagnostic of a recipe; nothing is run and no data is opened.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::audit;
use super::cited;
use super::device::{Wanted, at_least_one, workers};
use super::exit::Exit;
use super::explained;
use super::output::Output;
use super::recipe::{self, Choice};
use super::said::Said;
use crate::compile;
use crate::cost::{self, Budget};
use crate::diag::amount::{self, counted};
use crate::diag::{Code, Diagnostic, brief};
use crate::plan::Kept;
use crate::source::Sources;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Recipes, `.wsss` files
    #[arg(required = true, value_name = "RECIPE")]
    recipes: Vec<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// Adds a table a stage: nodes before and after each pass, parameters, work, memory
    #[arg(long)]
    explain: bool,
    /// Refuses a recipe of which a stage takes more than this, for example 11GiB
    #[arg(long, value_name = "AMOUNT", value_parser = amount::parse_bytes)]
    mem: Option<u64>,
    /// Lists every constant without a citation; there must be none
    #[arg(long)]
    cite: bool,
    /// With `--mem`: threads of the run that is meant (default: one a core)
    #[arg(long, value_name = "N", requires = "mem", value_parser = at_least_one)]
    workers: Option<usize>,
    /// With `--explain`: where each op runs on such a device; it need not be there
    #[arg(long, value_name = "DEVICE", requires = "explain")]
    device: Option<Wanted>,
    /// `json` gives one object a recipe: its problems, and what its stages cost
    #[arg(long, value_enum, default_value = "text", conflicts_with = "json")]
    format: Format,
    /// One JSON object a line: each problem, then the recipe
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The version of what `--format json` gives. Fields may be added under the same number; one that goes or changes raises it.
const SCHEMA: u32 = 1;

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let checks = args.recipes.iter().map(|path| check(path, &args, &output));
    checks.max().unwrap_or(Exit::Done)
}

fn check(path: &Path, args: &Args, output: &Output) -> Exit {
    let mut opened = match recipe::open(path, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => {
            let (problem, sources) = *unreadable;
            if args.format == Format::Json {
                output.text(&object(path, std::slice::from_ref(&problem), &sources, Vec::new()).to_string());
            }
            return output.problems(&[problem], &sources);
        }
    };
    // Gradients are made only of graphs that are right so far.
    let compiled =
        if opened.problems.has_errors() { None } else { compile::compile(&opened.recipe, &mut opened.problems) };
    let wanted = args.explain || args.mem.is_some() || args.format == Format::Json;
    let costs = compiled.as_ref().filter(|_| wanted).map_or(Vec::new(), |compiled| cost::costs(compiled, Kept::F32));
    if let (Some(compiled), Some(bytes)) = (&compiled, args.mem) {
        let budget = Budget { bytes, workers: workers(args.workers) };
        opened.problems.extend(cost::refuse(compiled, &costs, budget));
    }
    let problems = opened.problems.sorted();
    let exit = output.problems(&problems, &opened.sources);
    // A recipe that cannot be read whole may hold more constants than are seen.
    let cites = args.cite && exit == Exit::Done;
    let uncited = opened.recipe.constants.iter().any(|constant| constant.citation.is_none());
    let exit = if cites && uncited { Exit::Wrong } else { exit };
    if args.format == Format::Json {
        let stages = compiled.as_ref().map_or(Vec::new(), |compiled| explained::objects(compiled, &costs));
        let mut object = object(path, &problems, &opened.sources, stages);
        if cites {
            object["constants"] = cited::objects(&opened.recipe.constants, &opened.sources).into();
        }
        output.text(&object.to_string());
        return exit;
    }
    let (errors, warnings) = count(&problems);
    // Who is refused for what a stage takes wants to see what it is.
    let sound = problems.iter().all(|problem| !problem.is_error() || problem.code == Code::TooMuchMemory);
    if let (true, Some(compiled)) = (args.explain && sound, &compiled) {
        let on_cuda = matches!(args.device, Some(Wanted::Cuda(_)));
        explained::print(compiled, &costs, on_cuda, output);
    }
    if cites {
        cited::print(&opened.recipe.constants, &opened.sources, output);
    }
    audit::tell_declassified(&opened.recipe, &opened.sources, &mut Said::default(), output);
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

/// Errors and warnings.
fn count(problems: &[Diagnostic]) -> (usize, usize) {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    (errors, problems.len() - errors)
}

/// One recipe as `--format json` has it; `docs/cli.md` says what the fields mean.
fn object(path: &Path, problems: &[Diagnostic], sources: &Sources, stages: Vec<Value>) -> Value {
    let (errors, warnings) = count(problems);
    json!({
        "schema": SCHEMA,
        "recipe": path.display().to_string(),
        "errors": errors,
        "warnings": warnings,
        "problems": problems.iter().map(|problem| brief::json(problem, sources)).collect::<Vec<_>>(),
        "stages": stages,
    })
}
