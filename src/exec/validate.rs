//! What a training is measured on at the ends of its epochs: the graph of its `validate` block, once for every picture.
//!
//! The nets are those that the stage would leave behind, were it to end there.

use std::sync::Arc;

use candle_core::Tensor;

use super::error::data_error;
use super::event::{EpochLine, Metrics};
use super::interpreter::{Finite, Interpreter};
use super::job::{Figures, Job};
use super::weights::Table;
use super::{RunError, parallel};
use crate::compile::CompiledValidation;
use crate::data::Pipeline;
use crate::graph::Role;

/// A validation whose pictures are open.
pub(super) struct PreparedValidation<'c> {
    pub compiled: &'c CompiledValidation<'c>,
    pub pipeline: Arc<Pipeline>,
    /// How many pictures it runs over.
    pub images: usize,
    /// Foreground classes of its data.
    pub classes: usize,
}

/// An epoch with the figures of the validation, where the stage has one; an epoch that is not measured has none of them.
pub(super) fn after(
    job: &Job,
    [epoch, epochs]: [usize; 2],
    clocks: [f64; 4],
    table: &Table,
    (mut line, mut metrics): (EpochLine, Metrics),
) -> Result<(EpochLine, Metrics), RunError> {
    let Some(validation) = &job.prepared.validation else { return Ok((line, metrics)) };
    if validation.compiled.validation.is_due(epoch, epochs) {
        let measured = measure(job, validation, epoch, clocks, table)?;
        line.metrics.extend(measured.iter().map(|(name, value)| (name.clone(), value.value)));
        metrics.extend(measured);
    } else {
        let outputs = validation.compiled.graph.outputs.iter();
        let names = outputs.filter(|output| matches!(output.role, Role::Metric { .. })).map(|output| &output.name);
        line.metrics.extend(names.map(|name| (name.clone(), None)));
    }
    Ok((line, metrics))
}

fn measure(
    job: &Job,
    validation: &PreparedValidation,
    epoch: usize,
    clocks: [f64; 4],
    table: &Table,
) -> Result<Metrics, RunError> {
    let (stage, pipeline) = (job.stage(), &validation.pipeline);
    let graph = validation.compiled.graph.clone();
    let interpreter = Interpreter::new(graph, job.machine.dtype, &job.machine.device);
    let interpreter =
        interpreter.map_err(|error| RunError::internal(format!("the validation of `{}`: {error}", stage.name)))?;
    let job = job.with(interpreter);
    let mut figures = Figures::start(job.graph(), validation.classes)?;
    let wanted: Vec<usize> = figures.outputs().collect();
    let work = |index: usize| {
        if job.machine.stopped() {
            let kept = match epoch {
                0 => "the same run begins this stage anew".to_owned(),
                epochs => format!("the same run goes on after epoch {epochs}"),
            };
            return Err(RunError::interrupted(&stage.name, &kept));
        }
        let batch = pipeline.batch_of_one(index, epoch as u64, job.seed);
        let batch = batch.map_err(|error| RunError::input(data_error(&error, stage)))?;
        let during = || format!("the picture `{}`, after epoch {}", pipeline.id(index), epoch + 1);
        let mut results = job.run(&batch, table, clocks, epoch as u64, Finite::Saves, &during)?;
        Ok(wanted.iter().map(|&at| (at, std::mem::take(&mut results[at]))).collect())
    };
    let take = |_: usize, counted: Vec<(usize, Vec<Tensor>)>| {
        figures.add(|output| counted.iter().find(|(at, _)| *at == output).map_or(&[], |(_, tensors)| tensors))
    };
    parallel::in_order(validation.images, job.machine.workers, work, take)?;
    Ok(figures.finish(stage))
}
