//! `wsss run RECIPE`: checks, plans, runs what is not in the store yet, prints the figures.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::audit;
use super::device::{Wanted, at_least_one, workers};
use super::exit::Exit;
use super::expected;
use super::guard;
use super::output::Output;
use super::progress::{Progress, figures};
use super::recipe::{self, Choice, Opened};
use crate::compile;
use crate::cost::{self, Budget, StageCost};
use crate::diag::{Code, Diagnostic, amount};
use crate::exec::{self, Options, Outcome, RunError};
use crate::expand::expand;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe, a `.wsss` file
    recipe: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// Where tensors live: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: Wanted,
    /// Decides every random number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where results go
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// The last stage to run, with what it needs
    #[arg(long, value_name = "STAGE", conflicts_with = "only")]
    until: Option<String>,
    /// The one stage to run; what it needs must be there
    #[arg(long, value_name = "STAGE")]
    only: Option<String>,
    /// Runs a stage again though its result is there
    #[arg(long, value_name = "STAGE")]
    force: Vec<String>,
    /// Says what would run and why, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// The first N images of every split
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,
    /// Threads; the results do not depend on it (default: one a core)
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    workers: Option<usize>,
    /// Refuses to start where a stage takes more than this, for example 11GiB
    #[arg(long, value_name = "AMOUNT", value_parser = amount::parse_bytes)]
    mem: Option<u64>,
    /// No progress
    #[arg(long)]
    quiet: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let device = match args.device.open() {
        Ok(device) => device,
        Err(problem) => return output.problem(problem),
    };
    let mut opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    let wrong = opened.problems.has_errors();
    let compiled = if wrong { None } else { compile::compile(&opened.recipe, &mut opened.problems) };
    if let (Some(compiled), Some(bytes)) = (&compiled, args.mem) {
        let budget = Budget { bytes, workers: workers(args.workers) };
        let costs = asked_for(cost::costs(compiled), args.until.as_deref(), args.only.as_deref());
        opened.problems.extend(cost::refuse(compiled, &costs, budget));
    }
    let exit = output.problems(&std::mem::take(&mut opened.problems).sorted(), &opened.sources);
    let (Some(compiled), Exit::Done) = (compiled, exit) else { return exit };
    let options = Options {
        pins: Some(args.recipe.with_file_name("wsss.lock")),
        text: expand(&opened.program, &opened.recipe),
        out: args.out,
        seed: args.seed,
        device,
        workers: args.workers.unwrap_or(0),
        limit: args.limit,
        until: args.until,
        only: args.only,
        force: args.force,
        dry_run: args.dry_run,
        stop: guard::interrupted(),
    };
    audit::tell_declassified(&opened.recipe, &opened.sources, &output);
    let mut progress = Progress::new(&output, args.quiet);
    let result = exec::run(&compiled, &options, &mut |event| progress.on(&event));
    progress.clear();
    match result {
        Ok(outcome) => {
            conclude(&outcome, &output);
            Exit::Done
        }
        Err(error) => {
            let diagnostics: Vec<Diagnostic> = error
                .diagnostics()
                .iter()
                .map(|problem| without_files(problem.clone(), &opened, &args.choice))
                .collect();
            output.problems(&diagnostics, &opened.sources);
            match error {
                RunError::Input(_) => Exit::Wrong,
                RunError::Failed(_) => Exit::Failed,
                RunError::Interrupted(_) => Exit::Interrupted,
            }
        }
    }
}

/// The stages that `--until` and `--only` leave.
fn asked_for<'c>(costs: Vec<StageCost<'c>>, until: Option<&str>, only: Option<&str>) -> Vec<StageCost<'c>> {
    let name = |cost: &StageCost| cost.stage.stage.name.clone();
    let last = costs.iter().position(|cost| Some(name(cost).as_str()) == until);
    let wanted =
        |at: usize, cost: &StageCost| last.is_none_or(|last| at <= last) && only.is_none_or(|only| name(cost) == only);
    costs.into_iter().enumerate().filter(|(at, cost)| wanted(*at, cost)).map(|(_, cost)| cost).collect()
}

/// The figures of every stage, and where they are.
fn conclude(outcome: &Outcome, output: &Output) {
    let with_figures = || outcome.stages.iter().filter(|stage| !stage.metrics.is_empty());
    let Some(folder) = &outcome.folder else { return };
    let folder = relative(folder).display().to_string();
    if output.json {
        let metrics: serde_json::Map<_, _> =
            with_figures().map(|stage| (stage.name.clone(), json!(stage.metrics))).collect();
        output.object("finished", json!({ "folder": folder, "metrics": metrics, "expected": outcome.expected }));
        return;
    }
    with_figures().for_each(|stage| output.text(&figures(&stage.name, &stage.metrics)));
    let expected = expected::table(&outcome.expected);
    if !expected.is_empty() {
        output.text(&expected);
    }
    output.text(&format!("results: {folder}"));
}

/// From the current folder where it lies below it: shorter, and the same on every machine.
fn relative(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path)
}

/// Who lacks the data is told of the variant that needs none.
fn without_files(problem: Diagnostic, opened: &Opened, choice: &Choice) -> Diagnostic {
    let quick = "quick".to_string();
    if problem.code != Code::DataNotFound || !opened.variants.contains(&quick) || choice.variants.contains(&quick) {
        return problem;
    }
    let hint = "`--variant quick` runs without files: its pictures are drawn by the program";
    if problem.help.as_ref().is_some_and(|help| help.contains("--variant quick")) {
        return problem;
    }
    let help = problem.help.as_ref().map_or(hint.to_string(), |help| format!("{help}\n{hint}"));
    problem.help(help)
}
