//! `wsss run RECIPE`: checks, plans, runs what is not in the store yet, prints the figures.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::audit;
use super::device::{Device, On, at_least_one, workers};
use super::exit::Exit;
use super::expected;
use super::guard;
use super::output::Output;
use super::progress::{Progress, figures};
use super::recipe::{self, Choice, Opened};
use super::report;
use super::said::Said;
use crate::compile;
use crate::cost::{self, Budget, StageCost};
use crate::diag::{Code, Diagnostic, Problems, amount};
use crate::exec::{self, Options, Outcome, RunError};
use crate::expand::expand;
use crate::lower::{Choices, Recipe, Stage, lower, needed};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe, a `.wsss` file
    recipe: PathBuf,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    manner: Manner,
    /// Decides every random number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The stage to run, with what it needs
    #[arg(long, value_name = "STAGE", conflicts_with = "only")]
    until: Option<String>,
    /// The one stage to run; what it needs must be there
    #[arg(long, value_name = "STAGE")]
    only: Option<String>,
    /// Runs a stage again though its result is there
    #[arg(long, value_name = "STAGE")]
    force: Vec<String>,
    /// Refuses to start where a stage takes more than this, for example 11GiB
    #[arg(long, value_name = "AMOUNT", value_parser = amount::parse_bytes)]
    mem: Option<u64>,
}

/// How recipes are run, whichever they are: what `run` and `table` share.
#[derive(clap::Args)]
pub(super) struct Manner {
    #[command(flatten)]
    pub on: On,
    /// Where results go
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
    /// Says what would run and why, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The first N images of every split
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Threads; the results do not depend on it (default: one a core)
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub workers: Option<usize>,
    /// No progress
    #[arg(long)]
    pub quiet: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

impl Manner {
    /// The options of a run of all stages with the seed 0; its text is not known yet.
    pub fn options(&self, recipe: &Path, device: Device) -> Options {
        Options {
            pins: Some(recipe.with_file_name("wsss.lock")),
            out: self.out.clone(),
            device,
            workers: self.workers.unwrap_or(0),
            limit: self.limit,
            dry_run: self.dry_run,
            stop: guard::interrupted(),
            ..Options::default()
        }
    }
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.manner.json);
    let device = match args.manner.on.open() {
        Ok(device) => device,
        Err(problem) => return output.problem(problem),
    };
    let mut opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    let options = Options {
        seed: args.seed,
        until: args.until,
        only: args.only,
        force: args.force,
        ..args.manner.options(&args.recipe, device)
    };
    let mut progress = Progress::new(&output, args.manner.quiet);
    let ran = carry_out(&mut opened, &args.choice, options, args.mem, &mut Said::default(), &mut progress);
    match ran {
        Ok(outcome) => {
            conclude(&outcome, &output);
            Exit::Done
        }
        Err(exit) => exit,
    }
}

/// Checks, plans and runs an opened recipe: what `run` does, and `table` for each of its rows. `said` is what need not be said again.
///
/// # Errors
/// What the run came to where it came to nothing; its diagnostics have been drawn.
pub(super) fn carry_out(
    opened: &mut Opened,
    choice: &Choice,
    options: Options,
    mem: Option<u64>,
    said: &mut Said,
    progress: &mut Progress,
) -> Result<Outcome, Exit> {
    let output = progress.output();
    let wrong = opened.problems.has_errors();
    let compiled = if wrong { None } else { compile::compile(&opened.recipe, &mut opened.problems) };
    let threads = workers(Some(options.workers).filter(|workers| *workers > 0));
    // On the CPU what is measured is the whole program, data and all: there is no prediction of that.
    let on_device = !options.device.is_cpu();
    if let Some(compiled) = compiled.as_ref().filter(|_| on_device || mem.is_some()) {
        let costs = asked_for(cost::costs(compiled, exec::kept(&options.device)), &options);
        if on_device {
            let peak = |cost: &StageCost| (cost.stage.stage.name.clone(), cost.footprint.peak(threads));
            progress.predicted = costs.iter().map(peak).collect();
        }
        if let Some(bytes) = mem {
            opened.problems.extend(cost::refuse(compiled, &costs, Budget { bytes, workers: threads }));
        }
    }
    let problems = said.unsaid(std::mem::take(&mut opened.problems).sorted(), &opened.sources);
    let exit = output.problems(&problems, &opened.sources);
    let (Some(compiled), Exit::Done) = (compiled, exit) else { return Err(exit) };
    let options = Options { text: expand(&opened.program, &opened.recipe), ..options };
    audit::tell_declassified(&opened.recipe, &opened.sources, said, output);
    let result = exec::run(&compiled, &options, &mut |event| progress.on(&event));
    progress.clear();
    if let Ok(Outcome { folder: Some(folder), .. }) = &result {
        report::after(folder, output);
    }
    result.map_err(|error| {
        let diagnostics: Vec<Diagnostic> =
            error.diagnostics().iter().map(|problem| without_files(problem.clone(), opened, choice)).collect();
        output.problems(&diagnostics, &opened.sources);
        match error {
            RunError::Input(_) => Exit::Wrong,
            RunError::Failed(_) => Exit::Failed,
            RunError::Interrupted(_) => Exit::Interrupted,
        }
    })
}

/// The stages that `--until` and `--only` leave.
fn asked_for<'c>(costs: Vec<StageCost<'c>>, options: &Options) -> Vec<StageCost<'c>> {
    let stages: Vec<&Stage> = costs.iter().map(|cost| cost.stage.stage).collect();
    let needed = needed(&stages, |stage| options.wants(stage));
    let only = |stage: &Stage| options.only.as_deref().is_none_or(|only| stage.answers_to(only));
    costs.into_iter().filter(|cost| needed.contains(&cost.stage.stage.name) && only(cost.stage.stage)).collect()
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
pub(super) fn relative(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path)
}

/// Who lacks the data is told of the variant that needs none; who lacks a folder of maps, of the variants that do without.
fn without_files(problem: Diagnostic, opened: &Opened, choice: &Choice) -> Diagnostic {
    if !matches!(problem.code, Code::DataNotFound | Code::DataBroken) {
        return problem;
    }
    let folders = folders(&opened.recipe);
    let lacks_maps = folders.iter().any(|folder| problem.message.starts_with(&format!("{}: ", folder.display())));
    let quick = "quick".to_string();
    let hint = if lacks_maps {
        match without_maps(opened, choice).as_slice() {
            [] => return problem,
            names => format!("{} without these maps", does(names)),
        }
    } else if problem.code == Code::DataNotFound
        && opened.variants.contains(&quick)
        && !choice.variants.contains(&quick)
    {
        "`--variant quick` runs without files: its pictures are drawn by the program".to_string()
    } else {
        return problem;
    };
    if problem.help.as_ref().is_some_and(|help| help.contains("--variant quick")) {
        return problem;
    }
    let help = problem.help.as_ref().map_or(hint.clone(), |help| format!("{help}\n{hint}"));
    problem.help(help)
}

/// The folders of maps that a recipe reads.
fn folders(recipe: &Recipe) -> Vec<&Path> {
    recipe.stages.iter().flat_map(|stage| &stage.data.folders).map(|(_, folder)| folder.as_path()).collect()
}

/// The variants with which the recipe reads no folder of maps, of the same pictures.
fn without_maps(opened: &Opened, choice: &Choice) -> Vec<String> {
    let sources = |recipe: &Recipe| -> Vec<_> { recipe.stages.iter().map(|stage| stage.data.source.clone()).collect() };
    let known = sources(&opened.recipe);
    let does_without = |name: &&String| {
        let variants = choice.variants.iter().chain([*name]).cloned().collect();
        let choices = Choices { variants, read: Some(|path| std::fs::read_to_string(path)) };
        let mut problems = Problems::default();
        let recipe = lower(&opened.recipe.name, &opened.program, &choices, &mut problems);
        !problems.has_errors() && folders(&recipe).is_empty() && sources(&recipe) == known
    };
    opened.variants.iter().filter(does_without).cloned().collect()
}

/// "`--variant a` does", "`--variant a` and `--variant b` do".
fn does(variants: &[String]) -> String {
    let named: Vec<String> = variants.iter().map(|name| format!("`--variant {name}`")).collect();
    format!("{} {}", named.join(" and "), if named.len() == 1 { "does" } else { "do" })
}
