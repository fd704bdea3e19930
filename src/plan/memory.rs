//! What a plan will hold, in bytes, before it runs.

use super::Plan;
use super::cost::{self, bytes_of};
use super::storage::Storage;
use crate::graph::{Graph, Id, Kind, Role};
use crate::types::{DimEnv, Unbound};

/// Bytes. `peak` is the sum of the others, save that only the gradients there are by then count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// The most that is held at once: the leaves, live results, and the scratch of the op that runs. What an optimizer or a
    /// loader keeps beside is not known here.
    pub peak: u64,
    /// The step at which that is.
    pub at: Option<Id>,
    pub weights: u64,
    pub states: u64,
    pub fields: u64,
    pub constants: u64,
    /// All gradients that are outputs: what is held of them when the last is made.
    pub gradients: u64,
    /// Results of ops that are live at the peak, gradients that are outputs aside.
    pub activations: u64,
    /// What the kernel at the peak needs for itself.
    pub scratch: u64,
}

impl Plan {
    /// `real` is the size of one real number, 4 for f32; an index is always 4 bytes.
    ///
    /// # Errors
    /// A symbol that `env` has no number for.
    pub fn memory(&self, graph: &Graph, env: &DimEnv, real: usize) -> Result<Memory, Unbound> {
        let mut memory = Memory::default();
        for (id, _) in &self.leaves {
            let node = graph.node(*id);
            let bytes = bytes_of(&node.fact, env, real)?;
            match node.kind {
                Kind::Field(_) => memory.fields += bytes,
                Kind::Weight { .. } => memory.weights += bytes,
                Kind::State(_) => memory.states += bytes,
                Kind::Clock(_) | Kind::Constant(_) => memory.constants += bytes,
                Kind::Op(_) => unreachable!("an op is a step, not a leaf"),
            }
        }
        let held = memory.weights + memory.states + memory.fields + memory.constants;

        let ops: Vec<Id> = self.steps.iter().map(|step| step.node).collect();
        let storage = Storage::new(graph, &ops, |fact| bytes_of(fact, env, real))?;
        let mut is_gradient = vec![false; graph.bound()];
        for output in graph.outputs.iter().filter(|output| output.role == Role::Gradient) {
            output.nodes.iter().for_each(|id| is_gradient[storage.root(*id).0 as usize] = true);
        }
        memory.peak = held;
        let mut live = storage.live();
        for id in ops {
            if is_gradient[id.0 as usize] {
                memory.gradients += storage.bytes(id);
            }
            let during = live.run(graph, id);
            let scratch = cost::scratch(graph, id, env, real)?;
            if held + during + scratch > memory.peak {
                memory.peak = held + during + scratch;
                memory.at = Some(id);
                memory.activations = during - memory.gradients;
                memory.scratch = scratch;
            }
        }
        Ok(memory)
    }
}
