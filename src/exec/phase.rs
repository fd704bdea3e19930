//! The graphs of a training: one for each set of losses that are off together, made when such a time comes first. What it computes
//! follows from the set alone, so a stopped run goes on with the same numbers.

use super::RunError;
use super::interpreter::Interpreter;
use super::job::Job;
use super::optimizer::{Optimizer, Places};
use crate::compile;
use crate::lower::Train;

pub(super) struct Phases<'a> {
    job: &'a Job<'a>,
    train: &'a Train,
    /// Where the gradients of the whole step stand.
    whole: Places,
    made: Vec<Phase<'a>>,
}

/// A time at which some losses are off.
struct Phase<'a> {
    off: Vec<&'a str>,
    job: Job<'a>,
    places: Places,
}

impl<'a> Phases<'a> {
    pub fn new(job: &'a Job<'a>, train: &'a Train, optimizer: &Optimizer) -> Phases<'a> {
        Phases { job, train, whole: optimizer.places(job.graph()), made: Vec::new() }
    }

    /// The graph of a step, and where its gradients stand. All graphs have their other outputs in the same places.
    pub fn at(&mut self, epoch: usize, step: usize, optimizer: &Optimizer) -> Result<(&Job<'a>, &Places), RunError> {
        let off = self.train.guards.iter().filter(|guard| !guard.is_on(epoch, step));
        let off: Vec<&str> = off.map(|guard| guard.loss.as_str()).collect();
        if off.is_empty() {
            return Ok((self.job, &self.whole));
        }
        let at = match self.made.iter().position(|phase| phase.off == off) {
            Some(at) => at,
            None => {
                let stage = self.job.prepared.compiled.stage;
                let lost = |error: String| RunError::internal(format!("`{}` without {off:?}: {error}", stage.name));
                let graph = compile::without(stage, &off).map_err(lost)?;
                let machine = self.job.machine;
                let interpreter = Interpreter::new(graph, machine.dtype, &machine.device);
                let job = self.job.with(interpreter.map_err(|error| lost(error.to_string()))?);
                let places = optimizer.places(job.graph());
                self.made.push(Phase { off, job, places });
                self.made.len() - 1
            }
        };
        Ok((&self.made[at].job, &self.made[at].places))
    }
}
