//! Floating-point operations of one step, by op: what the forward pass takes, and what gradients add.

use std::collections::HashSet;

use crate::compile::CompiledStage;
use crate::graph::{Graph, Id, Role};
use crate::types::{DimEnv, Unbound};

/// One op, every node of it in a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpWork {
    /// The word of the language; gradients count to the op they are of.
    pub op: &'static str,
    pub nodes: usize,
    pub forward: u64,
    /// Forward and backward.
    pub step: u64,
}

/// The costliest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Work {
    pub ops: Vec<OpWork>,
}

impl Work {
    pub(super) fn new(stage: &CompiledStage, env: &DimEnv) -> Result<Work, Unbound> {
        let forward = forward(&stage.graph);
        let mut ops: Vec<OpWork> = Vec::new();
        for cost in stage.plan.costs(&stage.graph, env, 4)? {
            let op = cost.op.name.split('.').next().unwrap_or(cost.op.name);
            let at = ops.iter().position(|known| known.op == op).unwrap_or_else(|| {
                ops.push(OpWork { op, nodes: 0, forward: 0, step: 0 });
                ops.len() - 1
            });
            let work = &mut ops[at];
            work.nodes += 1;
            work.step = work.step.saturating_add(cost.flops);
            if forward.contains(&cost.node) {
                work.forward = work.forward.saturating_add(cost.flops);
            }
        }
        ops.sort_by(|a, b| b.step.cmp(&a.step).then(a.op.cmp(b.op)));
        Ok(Work { ops })
    }

    pub fn forward(&self) -> u64 {
        self.ops.iter().fold(0, |sum, op| sum.saturating_add(op.forward))
    }

    /// Forward and backward.
    pub fn step(&self) -> u64 {
        self.ops.iter().fold(0, |sum, op| sum.saturating_add(op.step))
    }
}

/// The nodes that something beside a gradient needs.
fn forward(graph: &Graph) -> HashSet<Id> {
    let outputs = graph.outputs.iter().filter(|output| output.role != Role::Gradient);
    let mut open: Vec<Id> = outputs.flat_map(|output| output.nodes.clone()).collect();
    let mut seen: HashSet<Id> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        open.extend(graph.edges(id).map(|(_, input)| input).filter(|input| seen.insert(*input)));
    }
    seen
}
