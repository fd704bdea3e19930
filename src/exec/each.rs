//! Inference and scoring: the graph once for every picture, maps written as they come, figures counted in the order of the set.
//!
//! Pictures run side by side, one a worker, and no more are in flight than that and the few whose results wait their turn.

use candle_core::Tensor;

use super::error::data_error;
use super::event::Metrics;
use super::interpreter::Finite;
use super::job::{Figures, Job, Tell, Ticker};
use super::notes;
use super::parallel;
use super::weights::{self, Table};
use super::{Event, RunError};
use crate::graph::Role;
use crate::store::{is_written, submission, write_artifact};

/// What one picture leaves behind when its maps are written: the inputs of its metrics, by output.
type Counted = Vec<(usize, Vec<Tensor>)>;

/// Runs the stage of `job` over its pictures. `borrowed` are the weights of other stages.
pub(super) fn each(job: &Job, borrowed: Table, tell: Tell) -> Result<Metrics, RunError> {
    let stage = job.stage();
    let images = job.prepared.images;
    let mut table = weights::initial(&stage.weights, &borrowed, job.dims, job.seed, job.machine.dtype)?;
    weights::save(job.draft.folder(), &stage.weights, &table, &notes::of(job))?;
    table.extend(borrowed);

    let mut figures = Figures::start(job.graph(), job.prepared.classes)?;
    let wanted: Vec<usize> = figures.outputs().collect();
    let mut ticker = Ticker::new();
    let work = |index: usize| {
        if job.machine.stopped() {
            return Err(interrupted(job, wanted.is_empty()));
        }
        picture(job, &table, index, &wanted)
    };
    let take = |index: usize, counted: Counted| {
        figures.add(|output| {
            let found = counted.iter().find(|(at, _)| *at == output);
            found.map_or(&[], |(_, tensors)| tensors)
        })?;
        let done = index + 1;
        if ticker.is_due(done == images) {
            tell(Event::Progress {
                stage: stage.name.clone(),
                done,
                total: images,
                images_per_second: done as f64 / ticker.seconds().max(1e-9),
                loss: None,
                epoch: None,
                epochs: None,
            });
        }
        Ok(())
    };
    parallel::in_order(images, job.machine.workers, work, take)?;
    for submission in &stage.submissions {
        let ids = (0..images).map(|index| job.prepared.pipeline.id(index));
        submission::pack(job.draft.folder(), &submission.save, &submission.folder, ids)?;
    }
    Ok(figures.finish(stage))
}

/// One picture: its maps are written, the inputs of its metrics come back.
fn picture(job: &Job, table: &Table, index: usize, wanted: &[usize]) -> Result<Counted, RunError> {
    let (stage, folder) = (job.stage(), job.draft.folder());
    let pipeline = &job.prepared.pipeline;
    let outputs = &job.graph().outputs;
    let saves = || outputs.iter().enumerate().filter(|(_, output)| output.role == Role::Save);
    let id = pipeline.id(index);
    // What a stopped run has written is not made again.
    if wanted.is_empty() && saves().next().is_some() && saves().all(|(_, save)| is_written(folder, &save.name, id)) {
        return Ok(Vec::new());
    }
    let batch = pipeline.batch_of_one(index, 0, job.seed);
    let batch = batch.map_err(|error| RunError::input(data_error(&error, stage)))?;
    let during = || format!("the picture `{id}`");
    let mut results = job.run(&batch, table, [0.0; 4], 0, Finite::Saves, &during)?;
    for (at, save) in saves() {
        write_artifact(folder, &save.name, id, &results[at][0].squeeze(0)?)?;
    }
    Ok(wanted.iter().map(|&at| (at, std::mem::take(&mut results[at]))).collect())
}

fn interrupted(job: &Job, resumes: bool) -> RunError {
    let kept = if resumes {
        "the same run goes on with the pictures that are not done yet"
    } else {
        "the same run begins this stage anew"
    };
    RunError::interrupted(&job.stage().name, kept)
}
