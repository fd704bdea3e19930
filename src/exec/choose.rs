//! Which stages run, which are reused, and why. What `--dry-run` tells is what a run then does.

use indexmap::IndexSet;

use super::prepare::{Preparation, Prepared};
use super::{Options, RunError};
use crate::diag::{Code, Diagnostic, suggest};
use crate::lower::{Stage, needed};
use crate::store::{Finished, Store};

/// What becomes of a stage.
pub(super) enum Choice {
    Run {
        why: String,
        /// Although its result is there.
        again: bool,
    },
    Reuse(Box<Finished>),
}

/// A choice for each stage that was asked for, by its place in the recipe.
pub(super) fn choose(
    preparation: &Preparation,
    store: &Store,
    recipe: &str,
    options: &Options,
) -> Result<Vec<(usize, Choice)>, RunError> {
    let stages: Vec<&Stage> = preparation.stages.iter().map(Prepared::stage).collect();
    let last = options.until.as_deref().map(|name| places(&stages, "until", name)).transpose()?;
    let last = last.and_then(|places| places.last().copied());
    let only = options.only.as_deref().map(|name| places(&stages, "only", name)).transpose()?;
    for name in &options.force {
        places(&stages, "force", name)?;
    }
    let needed = needed(&stages, |stage| options.wants(stage));
    let mut choices = Vec::new();
    let earlier = store.all();
    for (at, stage) in preparation.stages.iter().enumerate() {
        if last.is_some_and(|last| at > last) || only.as_ref().is_some_and(|only| !only.contains(&at)) {
            continue;
        }
        if let Some(only) = &only {
            expect_inputs(stage, &only[..], &stages, store)?;
        }
        let forced = options.force.iter().any(|name| stage.stage().answers_to(name));
        let choice = match store.find(&stage.key) {
            Some(_) if forced => Choice::Run { why: "`--force` asks for it".into(), again: true },
            Some(finished) => Choice::Reuse(Box::new(finished)),
            // What is there is told all the same: the figures of a run folder never become fewer by being asked for again.
            None if !needed.contains(&stage.stage().name) => continue,
            None if store.is_begun(&stage.key) && !forced => {
                Choice::Run { why: "it was begun and not finished".into(), again: false }
            }
            None => Choice::Run { why: why(stage, recipe, &earlier), again: forced },
        };
        choices.push((at, choice));
    }
    Ok(choices)
}

/// The stages that an option names: one, or all of a family.
fn places(stages: &[&Stage], option: &str, name: &str) -> Result<Vec<usize>, RunError> {
    let places: Vec<usize> = (0..stages.len()).filter(|at| stages[*at].answers_to(name)).collect();
    if !places.is_empty() {
        return Ok(places);
    }
    let message = format!("`--{option} {name}`: the recipe has no such stage");
    let known: IndexSet<&str> = stages.iter().flat_map(|stage| [stage.called(), &stage.name]).collect();
    let help = suggest::help(name, "stages", known);
    Err(RunError::input(Diagnostic::error(Code::UnknownStage, message).help(help)))
}

/// With `--only`, what a stage reads must be there, or be made in this run: an earlier stage of the same family.
fn expect_inputs(stage: &Prepared, only: &[usize], stages: &[&Stage], store: &Store) -> Result<(), RunError> {
    let is_made = |name: &str| only.iter().any(|at| stages[*at].name == name);
    let missing = stage.inputs.iter().find(|(name, key)| !is_made(name) && store.find(key).is_none());
    let Some((missing, _)) = missing else { return Ok(()) };
    let name = &stage.stage().name;
    let message = format!("`--only {name}`: the stage reads `{missing}`, which has no result yet");
    let help = format!("run without `--only`, or `--until {name}`");
    Err(RunError::input(
        Diagnostic::error(Code::UnknownStage, message).label(stage.stage().span, "this stage").help(help),
    ))
}

/// Why a stage is not in the store: the first thing that is another than when it last ran.
fn why(stage: &Prepared, recipe: &str, earlier: &[Finished]) -> String {
    let same = |finished: &&Finished| finished.record.recipe == recipe && finished.record.stage == stage.stage().name;
    let last = earlier.iter().filter(same).max_by(|a, b| a.when().cmp(&b.when()));
    match last.and_then(|last| stage.parts.difference(&last.record.parts)) {
        Some((name, old, new)) => format!("{name} changed: {} → {}", shortened(&old), shortened(&new)),
        None => "it is new".into(),
    }
}

/// Hashes and long lists by their beginning.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let hash = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (hash, text.chars().count() > MOST) {
        (true, _) => text[..8].to_owned(),
        (_, true) => text.chars().take(MOST).chain(['…']).collect(),
        _ if text.is_empty() => "none".to_owned(),
        _ => text.to_owned(),
    }
}
