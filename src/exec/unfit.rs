//! What the stages that would run cannot do with the pictures they have: told before the first of them runs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::RunError;
use super::choose::Choice;
use super::parts;
use super::prepare::{Preparation, Prepared};
use crate::data::{FolderMaps, Pipeline, Source, Tally};
use crate::diag::{Code, Diagnostic};
use crate::lower::StageKind;

/// Notes on tags, for the stages that learn from them.
///
/// # Errors
/// Every chosen stage that asks for masks or for maps of a folder where a picture has none, or learns from tags where no picture has a class.
pub(super) fn refuse(preparation: &Preparation, choices: &[(usize, Choice)]) -> Result<Vec<String>, RunError> {
    let running = || choices.iter().filter(|(_, choice)| matches!(choice, Choice::Run { .. })).map(|(at, _)| *at);
    let stages = &preparation.stages;
    let blind: Vec<(usize, Blind)> = running().filter_map(|at| Some((at, without_masks(&stages[at])?))).collect();
    let last = last_without(stages, &blind);
    let mut problems: Vec<Diagnostic> = blind.iter().map(|(at, blind)| unmasked(&stages[*at], blind, last)).collect();
    problems.extend(running().filter_map(|at| unmapped(&stages[at])));
    let mut notes: Vec<String> = Vec::new();
    let mut counted = Counted::new();
    for prepared in running().map(|at| &stages[at]) {
        match untagged(prepared, &mut counted) {
            Ok(told) => notes.extend(told),
            Err(problem) => problems.push(*problem),
        }
    }
    notes.dedup();
    if problems.is_empty() { Ok(notes) } else { Err(RunError::Input(problems)) }
}

/// The pictures of a split whose masks a stage asks for and which have none.
type Blind<'p> = (&'p Pipeline, Vec<usize>);

/// Tags by data set, split and how many pictures: stages that run over the same ones count them once.
type Counted = HashMap<(*const (), String, usize), Tally>;

fn without_masks<'p>(prepared: &'p Prepared) -> Option<Blind<'p>> {
    let asking = prepared.pipelines().filter(|(pipeline, _)| pipeline.fields().mask);
    let mut blind = asking.filter_map(|(pipeline, images)| {
        let missing = pipeline.dataset().unmasked(pipeline.split());
        let missing: Vec<usize> = missing.into_iter().filter(|index| *index < images).collect();
        (!missing.is_empty()).then_some((&**pipeline, missing))
    });
    blind.next()
}

/// The last stage that is none of these and needs none of them.
fn last_without<'p>(stages: &'p [Prepared], blind: &[(usize, Blind)]) -> Option<&'p str> {
    let mut lost: BTreeSet<String> = blind.iter().map(|(at, _)| stages[*at].stage().name.clone()).collect();
    for stage in stages.iter().map(Prepared::stage) {
        if stage.reads().into_iter().any(|read| lost.contains(&stage.shown(read))) {
            lost.insert(stage.name.clone());
        }
    }
    stages.iter().map(|prepared| prepared.stage().name.as_str()).rfind(|name| !lost.contains(*name))
}

fn unmasked(prepared: &Prepared, (pipeline, missing): &Blind, last: Option<&str>) -> Diagnostic {
    let (stage, split, dataset) = (prepared.stage(), pipeline.split(), pipeline.dataset());
    let name = &stage.name;
    let images =
        prepared.pipelines().find(|(known, _)| std::ptr::eq(&***known, *pipeline)).map_or(0, |(_, images)| images);
    if missing.len() < images {
        let first = missing[0];
        let message = format!(
            "`{name}` looks at masks, and {} of the {} pictures of `{split}` have none, the first is `{}`",
            missing.len(),
            pipeline.len(),
            dataset.id(split, first)
        );
        let help = match dataset.mask_file(split, first) {
            Some(file) => {
                format!("{}: there is no such file; take the picture off the list, or add its mask", file.display())
            }
            None => "take these pictures off the list, or add their masks".to_string(),
        };
        return Diagnostic::error(Code::DataNotFound, message).label(stage.span, "this stage").help(help);
    }
    let message = format!("`{name}` looks at masks, and no picture of `{split}` has one");
    let server = matches!(stage.data.source, Source::Voc2012 { .. }) && split == "test";
    let mut help = match last {
        Some(last) => format!("`--until {last}` leaves it out"),
        None => "take a split that has masks".to_string(),
    };
    if server {
        help += "; VOC's server measures `test`: it takes what `save mask = voc_submission(mask)` packs";
    }
    Diagnostic::error(Code::DataNotFound, message).label(stage.span, "this stage").help(help)
}

/// A folder of maps that lacks some of the pictures.
fn unmapped(prepared: &Prepared) -> Option<Diagnostic> {
    let (stage, pipeline) = (prepared.stage(), &prepared.pipeline);
    let (dataset, split) = (pipeline.dataset(), pipeline.split());
    parts::folders(&stage.data).find_map(|(_, folder)| {
        let maps = FolderMaps::new(folder);
        let missing: Vec<String> =
            (0..prepared.images).map(|index| dataset.id(split, index).to_string()).filter(|id| !maps.has(id)).collect();
        let first = missing.first()?;
        let message = format!(
            "{}: {} of the {} pictures of `{split}` that `{}` runs over have no map there, the first is `{first}`",
            folder.display(),
            missing.len(),
            prepared.images,
            stage.name
        );
        let help = format!("add its map as `{first}.png`, or take the picture off the list");
        Some(Diagnostic::error(Code::DataNotFound, message).label(stage.span, "this stage").help(help))
    })
}

/// Classes that a network is to learn from tags and that no picture holds, and pictures that hold none.
fn untagged(prepared: &Prepared, counted: &mut Counted) -> Result<Option<String>, Box<Diagnostic>> {
    let (stage, pipeline) = (prepared.stage(), &prepared.pipeline);
    if stage.kind != StageKind::Train || !pipeline.fields().tags {
        return Ok(None);
    }
    let (dataset, split) = (pipeline.dataset(), pipeline.split());
    let key = (Arc::as_ptr(dataset).cast(), split.to_string(), prepared.images);
    let tally = counted.entry(key).or_insert_with(|| Tally::of(dataset.as_ref(), split, prepared.images));
    if tally.pictures > 0 && tally.without == tally.pictures {
        let message = format!("`{}` learns from tags, and no picture of `{split}` has a class", stage.name);
        let problem = Diagnostic::error(Code::DataNotFound, message).label(stage.span, "this stage");
        return Err(Box::new(problem.help("`wsss data check` says where the tags of a data set come from")));
    }
    let absent = tally.absent(dataset.classes());
    let mut told = Vec::new();
    if !absent.is_empty() {
        told.push(format!("no picture of `{split}` has {}: nothing can be learnt of it", listed(&absent)));
    }
    if tally.without > 0 {
        told.push(format!("{} of {} pictures of `{split}` have no class", tally.without, tally.pictures));
    }
    Ok((!told.is_empty()).then(|| told.join("; ")))
}

/// `the class `cow``, `the classes `cow`, `sheep` and 3 more`.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the class{} {}{more}", if names.len() == 1 { "" } else { "es" }, shown.join(", "))
}
