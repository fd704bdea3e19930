//! `wsss why STAGE --run RUN`: why a stage ran or was reused: the first input that differs from when it last ran, old and new.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use super::past;
use super::recipe::Disk;
use crate::compile;
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::diff::{self, Side, StageDifference};
use crate::exec::StageNote;
use crate::hir;
use crate::lower::{self, Choices};
use crate::source::Sources;
use crate::store::{Finished, Key, RunFolder, Store};

#[derive(clap::Args)]
pub(super) struct Args {
    /// A stage of the run
    stage: String,
    /// The folder of the run, or its name below `--out`; without it, the run that began last
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Where runs and the store are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let (folder, lock) = match past::find(args.run.as_deref(), &args.out, "--out") {
        Ok(found) => found,
        Err(problem) => return output.problem(problem),
    };
    // A run folder given by its path has the store beside it.
    let out = folder.path().parent().filter(|_| args.run.is_some()).unwrap_or(&args.out);
    let Some(locked) = lock.stages.iter().find(|stage| stage.name == args.stage) else {
        let known = lock.stages.iter().map(|stage| stage.name.as_str());
        let problem = Diagnostic::error(Code::UnknownStage, format!("the run has no stage `{}`", args.stage));
        return output.problem(problem.help(suggest::help(&args.stage, "stages", known)));
    };
    let store = Store::at(out);
    let answer = Answer::new(&args.stage, &locked.key, &folder, &store, out);
    match args.json {
        true => output.object("why", answer.object()),
        false => output.text(&answer.text()),
    }
    Exit::Done
}

/// One input of a stage that is another than before.
struct Input {
    name: String,
    old: String,
    new: String,
}

/// What is known of one stage of a run.
struct Answer {
    stage: String,
    key: Key,
    /// What the run said of it; `None` where it was not among the stages that were asked for.
    note: Option<StageNote>,
    finished: Option<Finished>,
    /// The result before this one, of the same stage of the same recipe.
    before: Option<Finished>,
    /// Every input that differs between the two, in the order they are looked at.
    inputs: Vec<Input>,
    /// Where the first of them is a stage, the answer for that one.
    because: Option<Box<Answer>>,
    /// Where the graph is another, what is another in it, as far as the texts of both runs are there.
    nodes: Option<StageDifference>,
}

impl Answer {
    fn new(stage: &str, key: &Key, folder: &RunFolder, store: &Store, out: &Path) -> Answer {
        let note = StageNote::of_run(folder).into_iter().find(|note| note.stage == stage);
        let finished = store.find(key);
        let before = finished.as_ref().and_then(|finished| before(finished, store));
        let inputs = match (&finished, &before) {
            (Some(finished), Some(before)) => differing(finished, before),
            _ => Vec::new(),
        };
        let because = inputs.first().and_then(|first| {
            let name = first.name.strip_prefix("stage ")?;
            let lock = RunFolder::open(folder.path())?.1;
            let locked = lock.stages.iter().find(|stage| stage.name == name)?;
            Some(Box::new(Answer::new(name, &locked.key, folder, store, out)))
        });
        let nodes = match (&before, inputs.iter().any(|input| input.name == "graph")) {
            (Some(before), true) => graph_difference(stage, key, &before.record.key, out),
            _ => None,
        };
        Answer { stage: stage.into(), key: key.clone(), note, finished, before, inputs, because, nodes }
    }

    fn text(&self) -> String {
        let mut text = self.headline() + "\n";
        if let Some(Input { name, old, new }) = self.inputs.first() {
            text += &format!("  {name}\n    old  {}\n    new  {}\n", shown(old), shown(new));
            let rest: Vec<&str> = self.inputs[1..].iter().map(|input| input.name.as_str()).collect();
            if !rest.is_empty() {
                text += &format!("  also  {}\n", rest.join(", "));
            }
        }
        if let Some(nodes) = &self.nodes {
            text += &super::diff::stage_lines(nodes);
        }
        if let (Some(finished), Some(before)) = (&self.finished, &self.before) {
            let (old, new) = (&before.record, &finished.record);
            text += &format!(
                "  compared with {} of {}; this is {} of {}\n",
                old.key.short(),
                old.finished,
                new.key.short(),
                new.finished
            );
        }
        if let Some(because) = &self.because {
            text += &because.text();
        }
        text
    }

    fn headline(&self) -> String {
        let stage = &self.stage;
        match (&self.note, &self.finished) {
            (Some(note), Some(finished)) if note.reused => {
                let record = &finished.record;
                format!(
                    "`{stage}` was reused: {}; it ran on {}, because {}",
                    note.why,
                    record.finished,
                    reason(&record.why)
                )
            }
            (Some(note), _) => format!("`{stage}` ran: {}", note.why),
            (None, Some(finished)) => {
                let record = &finished.record;
                format!(
                    "`{stage}` was not asked for in this run; it ran on {}, because {}",
                    record.finished,
                    reason(&record.why)
                )
            }
            (None, None) => format!("`{stage}` has no result yet"),
        }
    }

    fn object(&self) -> serde_json::Value {
        let inputs = self.inputs.iter().map(|input| json!({ "name": input.name, "old": input.old, "new": input.new }));
        json!({
            "stage": self.stage,
            "key": self.key,
            "reused": self.note.as_ref().map(|note| note.reused),
            "why": self.note.as_ref().map(|note| &note.why),
            "finished": self.finished.as_ref().map(|finished| &finished.record.finished),
            "before": self.before.as_ref().map(|before| &before.record.key),
            "inputs": inputs.collect::<Vec<_>>(),
            "because": self.because.as_ref().map(|because| because.object()),
            "nodes": self.nodes.as_ref().map(|stage| &stage.nodes),
        })
    }
}

/// A reason inside of a sentence.
fn reason(why: &str) -> &str {
    if why.is_empty() { "nobody knows" } else { why }
}

/// Hashes by their first digits.
fn shown(value: &str) -> &str {
    let is_hash = value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    match value {
        "" => "none",
        hash if is_hash => &hash[..8],
        value => value,
    }
}

/// What the same stage came to before.
fn before(finished: &Finished, store: &Store) -> Option<Finished> {
    let record = &finished.record;
    let same = |other: &Finished| {
        let before = &other.record;
        before.recipe == record.recipe && before.stage == record.stage && before.key != record.key
    };
    let all = store.all().into_iter().filter(|other| same(other) && other.when() <= finished.when());
    all.max_by(|a, b| a.when().cmp(&b.when()))
}

fn differing(new: &Finished, old: &Finished) -> Vec<Input> {
    let (after, before) = (&new.record.parts, &old.record.parts);
    let names = after.iter().chain(before.iter()).map(|part| part.name.as_str());
    let names: indexmap::IndexSet<&str> = names.collect();
    let value = |parts: &crate::store::Parts, name: &str| parts.get(name).unwrap_or("none").to_string();
    let differing = names.into_iter().filter(|name| after.get(name) != before.get(name));
    differing.map(|name| Input { name: name.into(), old: value(before, name), new: value(after, name) }).collect()
}

/// The recipes of the two runs beside one another, as far as this stage goes.
fn graph_difference(stage: &str, new: &Key, old: &Key, out: &Path) -> Option<StageDifference> {
    let runs = RunFolder::all(out);
    let text = |key: &Key| {
        let (run, _) = runs.iter().find(|(_, lock)| lock.stages.iter().any(|stage| stage.key == *key))?;
        std::fs::read_to_string(run.path().join("recipe.wsss")).ok()
    };
    let (old, new) = (text(old)?, text(new)?);
    let lowered = [("old", old), ("new", new)].map(|(name, text)| {
        let (mut sources, mut problems) = (Sources::new(), Problems::default());
        let program = hir::load(name, &text, &[], &Disk, &mut sources, &mut problems);
        let recipe = lower::lower(name, &program, &Choices::default(), &mut problems);
        (!problems.has_errors()).then_some((recipe, sources))
    });
    let [Some((before, old_sources)), Some((after, new_sources))] = &lowered else { return None };
    let mut problems = Problems::default();
    let (before, after) = (compile::compile(before, &mut problems)?, compile::compile(after, &mut problems)?);
    let difference = diff::between(&Side::new(&before, old_sources), &Side::new(&after, new_sources));
    // The text of a run has the stages of used recipes under their own names.
    let is_it = |name: &str| name == stage || stage.ends_with(&format!(".{name}"));
    difference.stages.into_iter().find(|difference| is_it(&difference.name))
}
