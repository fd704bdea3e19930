//! Stages that look at masks, over a split that has none: told before the first stage runs, of those that would run.

use super::RunError;
use super::choose::Choice;
use super::prepare::{Preparation, Prepared};
use crate::data::Source;
use crate::diag::{Code, Diagnostic};

/// # Errors
/// Every chosen stage that asks for masks where no picture has one.
pub(super) fn refuse(preparation: &Preparation, choices: &[(usize, Choice)]) -> Result<(), RunError> {
    let running = choices.iter().filter(|(_, choice)| matches!(choice, Choice::Run { .. }));
    let problems: Vec<Diagnostic> = running.filter_map(|(at, _)| problem(&preparation.stages, *at)).collect();
    if problems.is_empty() { Ok(()) } else { Err(RunError::Input(problems)) }
}

fn problem(stages: &[Prepared], at: usize) -> Option<Diagnostic> {
    let prepared = &stages[at];
    let refreshes = prepared.memories.iter().flat_map(|memory| &memory.refreshes);
    let mut pipelines = std::iter::once(&prepared.pipeline).chain(refreshes.map(|refresh| &refresh.pipeline));
    let blind = pipelines.find(|pipeline| pipeline.fields().mask && !pipeline.dataset().has_masks(pipeline.split()))?;
    let (stage, split) = (prepared.stage(), blind.split());
    let message = format!("`{}` looks at masks, and no picture of `{split}` has one", stage.name);
    let server = matches!(stage.data.source, Source::Voc2012 { .. }) && split == "test";
    let mut help = match at.checked_sub(1) {
        Some(before) => format!("`--until {}` leaves it out", stages[before].stage().name),
        None => "take a split that has masks".to_string(),
    };
    if server {
        help += "; VOC's server measures `test`: it takes what `save mask = voc_submission(mask)` packs";
    }
    Some(Diagnostic::error(Code::DataNotFound, message).label(stage.span, "this stage").help(help))
}
