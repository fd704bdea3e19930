//! Graph → the steps that compute it: in which order, in which slots, and until when each result is kept.
//!
//! Comes in: a verified graph. Goes out: a [`Plan`], from which memory and work are known before anything runs. A plan knows
//! symbolic sizes; numbers come with a `DimEnv`.

mod cost;
mod memory;
mod packing;
mod schedule;
mod storage;

#[cfg(test)]
mod tests;

pub use cost::NodeCost;
pub use memory::{Kept, Memory};
pub use packing::packing;

use crate::graph::{Graph, Id, Verified};

/// A place for one tensor while a plan runs.
pub type Slot = u32;

/// See the module text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// What has to be there before the first step, in order of id. The caller holds these; a slot is a handle on them.
    pub leaves: Vec<(Id, Slot)>,
    pub steps: Vec<Step>,
    /// The slots of each output of the graph; these are kept to the end.
    pub outputs: Vec<Vec<Slot>>,
    /// How many slots there are.
    pub slots: u32,
}

/// One op.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub node: Id,
    pub inputs: Vec<Option<Slot>>,
    pub output: Slot,
    /// What nothing needs after this step. A view keeps the storage of what it looks at alive; its handle does not.
    pub frees: Vec<Slot>,
}

/// Orders the nodes that outputs need. Near linear; the same graph gives the same plan.
pub fn plan(graph: &Verified<Graph>) -> Plan {
    let needed = schedule::needed(graph);
    lay_out(graph, needed.leaves, schedule::schedule(graph, needed.ops))
}

/// Gives every node its slot and finds the last use of each.
fn lay_out(graph: &Graph, leaves: Vec<Id>, ops: Vec<Id>) -> Plan {
    let mut slot_of: Vec<Slot> = vec![Slot::MAX; graph.bound()];
    leaves.iter().chain(&ops).zip(0..).for_each(|(id, slot)| slot_of[id.0 as usize] = slot);
    let slot = |id: Id| slot_of[id.0 as usize];

    let outputs: Vec<Vec<Slot>> =
        graph.outputs.iter().map(|output| output.nodes.iter().map(|id| slot(*id)).collect()).collect();
    let slots = leaves.len() + ops.len();
    let mut steps: Vec<Step> = ops
        .into_iter()
        .map(|node| {
            let inputs = graph.inputs(node).into_iter().map(|input| input.map(slot)).collect();
            Step { node, inputs, output: slot(node), frees: Vec::new() }
        })
        .collect();
    let mut needed = vec![false; slots];
    outputs.iter().flatten().for_each(|slot| needed[*slot as usize] = true);
    for step in steps.iter_mut().rev() {
        for slot in step.inputs.iter().flatten().chain([&step.output]) {
            if !std::mem::replace(&mut needed[*slot as usize], true) {
                step.frees.push(*slot);
            }
        }
    }
    Plan { leaves: leaves.into_iter().map(|id| (id, slot(id))).collect(), steps, outputs, slots: slots as u32 }
}
