//! Which stages run, which are reused, and why. What `--dry-run` tells is what a run then does.

use super::prepare::{Preparation, Prepared};
use super::{Options, RunError};
use crate::diag::{Code, Diagnostic, suggest};
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
    let names: Vec<&str> = preparation.stages.iter().map(|stage| stage.stage().name.as_str()).collect();
    let place = |option: &str, name: &str| match names.iter().position(|known| *known == name) {
        Some(place) => Ok(place),
        None => {
            let message = format!("`--{option} {name}`: the recipe has no such stage");
            let help = suggest::help(name, "stages", names.iter().copied());
            Err(RunError::input(Diagnostic::error(Code::UnknownStage, message).help(help)))
        }
    };
    let last = options.until.as_deref().map(|name| place("until", name)).transpose()?;
    let only = options.only.as_deref().map(|name| place("only", name)).transpose()?;
    for name in &options.force {
        place("force", name)?;
    }
    let mut choices = Vec::new();
    let earlier = store.all();
    for (at, stage) in preparation.stages.iter().enumerate() {
        if last.is_some_and(|last| at > last) || only.is_some_and(|only| at != only) {
            continue;
        }
        if only.is_some() {
            expect_inputs(stage, store)?;
        }
        let forced = options.force.contains(&stage.stage().name);
        let choice = match store.find(&stage.key) {
            Some(_) if forced => Choice::Run { why: "`--force` asks for it".into(), again: true },
            Some(finished) => Choice::Reuse(Box::new(finished)),
            None => Choice::Run { why: why(stage, recipe, &earlier), again: forced },
        };
        choices.push((at, choice));
    }
    Ok(choices)
}

/// With `--only`, what a stage reads must be there.
fn expect_inputs(stage: &Prepared, store: &Store) -> Result<(), RunError> {
    let Some((missing, _)) = stage.inputs.iter().find(|(_, key)| store.find(key).is_none()) else { return Ok(()) };
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
    let last = earlier.iter().filter(same).max_by(|a, b| a.record.finished.cmp(&b.record.finished));
    match last.and_then(|last| stage.parts.difference(&last.record.parts)) {
        Some((name, old, new)) => format!("{name} changed: {} → {}", shortened(&old), shortened(&new)),
        None => "it has not run yet".into(),
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
