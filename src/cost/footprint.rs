//! The memory that a running stage holds: its step, what the optimizer keeps beside, the batches that wait.

use std::collections::HashMap;

use crate::compile::CompiledStage;
use crate::exec::AHEAD;
use crate::graph::Role;
use crate::plan::{Kept, Memory};
use crate::types::{DimEnv, Unbound};

/// Bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Footprint {
    /// One step of one worker.
    pub step: Memory,
    /// What the update rule keeps of every weight it moves.
    pub optimizer: u64,
    /// Batches made before their step; none outside of training, where every worker reads its own picture.
    pub ahead: u64,
    /// Whether pictures run side by side, one a worker.
    pub side_by_side: bool,
}

impl Footprint {
    pub(super) fn new(stage: &CompiledStage, env: &DimEnv, kept: Kept) -> Result<Footprint, Unbound> {
        let step = stage.plan.memory(&stage.graph, env, kept)?;
        let Some(train) = &stage.stage.train else {
            return Ok(Footprint { step, optimizer: 0, ahead: 0, side_by_side: true });
        };
        // Beside the rule's own: a running mean, and gradients that wait for those of other batches.
        let beside = usize::from(train.ema.is_some()) + usize::from(train.accumulate > 1);
        let within: HashMap<String, String> =
            stage.stage.weights.iter().map(|weight| (weight.path(), weight.within())).collect();
        let mut moments = 0;
        for output in stage.graph.outputs.iter().filter(|output| output.role == Role::Gradient) {
            let (_, optimizer) = train.optimizer_of(within.get(&output.name).map_or("", String::as_str));
            let numbers = (optimizer.rule.moments() + beside) as u64;
            for id in &output.nodes {
                moments += numbers * 4 * stage.graph.node(*id).fact.elements().eval(env)?.max(0) as u64;
            }
        }
        Ok(Footprint { step, optimizer: moments, ahead: AHEAD as u64 * step.fields, side_by_side: false })
    }

    /// All of it at its most, with `workers` threads.
    pub fn peak(&self, workers: usize) -> u64 {
        let shared = self.step.weights + self.step.states + self.step.constants;
        let each = self.step.peak.saturating_sub(shared);
        let at_once = if self.side_by_side { workers.max(1) as u64 } else { 1 };
        shared.saturating_add(each.saturating_mul(at_once)).saturating_add(self.optimizer + self.ahead)
    }
}
