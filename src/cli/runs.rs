//! `wsss runs [DIR]`: past runs, the newest first, a line each.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exit::Exit;
use super::output::Output;
use crate::diag::{Code, Diagnostic};
use crate::exec::StageNote;
use crate::files::FileError;
use crate::store::{Lock, RunFolder, timestamp};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where the run folders are: what `run` knows as `--out`
    #[arg(value_name = "DIR", default_value = "runs")]
    dir: PathBuf,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    if let Err(error) = std::fs::read_dir(&args.dir) {
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => {
                Diagnostic::error(Code::CannotRead, format!("there is no folder `{}`", args.dir.display()))
            }
            _ => FileError::read(&args.dir, &error).diagnostic(),
        };
        return output
            .problem(problem.help("name the folder that `run` was given as `--out`; without one it is `runs`"));
    }
    let runs: Vec<Past> = RunFolder::all(&args.dir).into_iter().rev().map(Past::new).collect();
    if args.json {
        runs.iter().for_each(|run| output.object("run", run.object()));
    } else if runs.is_empty() {
        output.text(&format!("no runs in `{}`", args.dir.display()));
    } else {
        output.text(&lines(&runs));
    }
    Exit::Done
}

/// Figures by stage and metric; `None` where there was nothing to measure.
type Figures = Map<String, Value>;

/// What the recipe expects, as far as a list needs it.
#[derive(Deserialize)]
struct Expected {
    metric: String,
    got: Option<f64>,
}

/// A run that began some time ago; it may be under way.
struct Past {
    name: String,
    folder: String,
    lock: Lock,
    began: String,
    /// How many of its stages are done.
    done: usize,
    figures: Figures,
    expected: Vec<Expected>,
}

impl Past {
    fn new((run, lock): (RunFolder, Lock)) -> Past {
        Past {
            name: run.name(),
            folder: run.path().display().to_string(),
            began: timestamp(run.began()),
            done: StageNote::of_run(&run).len(),
            figures: run.read_json("metrics.json").unwrap_or_default(),
            expected: run.read_json("expected.json").unwrap_or_default(),
            lock,
        }
    }

    /// The recipe's name; a lock of an older version has none, and the folder begins with it: `<recipe>-2026-08-14-<hash>`.
    fn recipe(&self) -> &str {
        let from_folder =
            self.name.len().checked_sub("-2026-08-14-01234567".len()).and_then(|end| self.name.get(..end));
        if self.lock.recipe.is_empty() { from_folder.unwrap_or(&self.name) } else { &self.lock.recipe }
    }

    /// What is unlike the recipe on its own: `quick, seed 3, the first 8 images`.
    fn setting(&self) -> String {
        let Lock { seed, limit, variants, .. } = &self.lock;
        let seed = (*seed != 0).then(|| format!("seed {seed}"));
        let limit = limit.map(|limit| format!("the first {limit} images"));
        variants.iter().cloned().chain(seed).chain(limit).collect::<Vec<_>>().join(", ")
    }

    /// What the recipe states, where it states something; else the figures of the last stage that has some.
    fn main(&self) -> Vec<(String, f64)> {
        let expected = self.expected.iter().filter_map(|one| Some((one.metric.clone(), one.got?)));
        let expected: Vec<(String, f64)> = expected.collect();
        if !expected.is_empty() {
            return expected;
        }
        let Some((stage, Value::Object(figures))) = self.figures.iter().next_back() else { return Vec::new() };
        figures.iter().filter_map(|(name, value)| Some((format!("{stage}.{name}"), value.as_f64()?))).collect()
    }

    fn object(&self) -> serde_json::Value {
        let Lock { version, seed, device, limit, variants, stages, .. } = &self.lock;
        let main: Map<String, Value> = self.main().into_iter().map(|(name, value)| (name, json!(value))).collect();
        json!({
            "run": self.name,
            "folder": self.folder,
            "recipe": self.recipe(),
            "began": self.began,
            "variants": variants,
            "seed": seed,
            "limit": limit,
            "device": device,
            "version": version,
            "stages": stages.len(),
            "done": self.done,
            "main": main,
            "metrics": self.figures,
        })
    }

    /// What a line ends with.
    fn figures(&self) -> String {
        let mut parts: Vec<String> = self.main().iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        if self.done < self.lock.stages.len() {
            parts.push(format!("{} of {} stages", self.done, self.lock.stages.len()));
        }
        parts.join(", ")
    }
}

fn lines(runs: &[Past]) -> String {
    let width = |of: fn(&Past) -> String| runs.iter().map(|run| of(run).chars().count()).max().unwrap_or(0);
    let (recipes, settings) = (width(|run| run.recipe().to_string()), width(Past::setting));
    let (names, line) = (width(|run| run.name.clone()), |run: &Past| {
        // To the minute, UTC: `2026-08-14 09:30`.
        let began = run.began.get(..16).unwrap_or(&run.began).replace('T', " ");
        [run.recipe().to_string(), began, run.setting(), run.name.clone(), run.figures()]
    });
    let mut text = String::new();
    for run in runs {
        let [recipe, began, setting, name, figures] = line(run);
        let line = format!("{recipe:recipes$}  {began}  {setting:settings$}  {name:names$}  {figures}");
        text += &format!("{}\n", line.trim_end());
    }
    text
}
