//! What a plan will hold, in bytes, before it runs.

use super::Plan;
use super::cost::{self, bytes_of};
use super::packing;
use super::storage::Storage;
use crate::graph::{Graph, Id, Kind, Role};
use crate::ops::Packing;
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

/// Bytes of a number of a packed map.
const PACKED: usize = 2;

/// How a run keeps numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Bytes of a real number: 4 for f32. An index is always 4 bytes.
    pub real: usize,
    /// Whether maps are packed, to 2 bytes a number.
    pub packed: bool,
}

impl Kept {
    pub const F32: Kept = Kept { real: 4, packed: false };
}

impl Plan {
    ///
    /// # Errors
    /// A symbol that `env` has no number for.
    pub fn memory(&self, graph: &Graph, env: &DimEnv, kept: Kept) -> Result<Memory, Unbound> {
        let real = kept.real;
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
        let packed = if kept.packed { packing::packed(graph, &ops) } else { vec![false; graph.bound()] };
        let size = |id: Id| if packed[id.0 as usize] { PACKED } else { real };
        let storage = Storage::new(graph, &ops, |id| bytes_of(&graph.node(id).fact, env, size(id)))?;
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
            let copies = if kept.packed { copies(graph, id, env, &packed)? } else { 0 };
            let scratch = cost::scratch(graph, id, env, real)? + copies;
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

/// What an op is given packed or unpacked while it runs.
fn copies(graph: &Graph, id: Id, env: &DimEnv, packed: &[bool]) -> Result<u64, Unbound> {
    let packing = packing::packing(graph.node(id));
    let one = |(slot, input): (usize, Id)| {
        let is = packed[input.0 as usize];
        let size = match packing {
            Packing::Begins(slots) | Packing::Ends(slots) if slots.contains(&slot) => (!is).then_some(PACKED),
            Packing::Reads | Packing::Keeps => None,
            Packing::No | Packing::Begins(_) | Packing::Ends(_) => is.then_some(4),
        };
        size.map_or(Ok(0), |size| bytes_of(&graph.node(input).fact, env, size))
    };
    graph.edges(id).map(one).sum()
}
