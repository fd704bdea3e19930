//! Which ops see packed maps where a run packs them, and whose results are packed.

use crate::graph::{Graph, Id, Kind, Node};
use crate::ops::{Packing, fused};

/// What the op of a node does with packed maps.
pub fn packing(node: &Node) -> Packing {
    let Kind::Op(op) = node.kind else { return Packing::No };
    // Steps in one pass keep packed what all of them would.
    match fused::steps(op, &node.attrs) {
        Some(steps) if steps.iter().all(|step| step.op.packing == Packing::Keeps) => Packing::Keeps,
        Some(_) => Packing::No,
        None => op.packing,
    }
}

/// Whose results are packed, by node. `ops` come inputs first.
pub(super) fn packed(graph: &Graph, ops: &[Id]) -> Vec<bool> {
    let mut packed = vec![false; graph.bound()];
    for id in ops {
        let node = graph.node(*id);
        let is = match packing(node) {
            Packing::No | Packing::Reads | Packing::Ends(_) => false,
            Packing::Keeps => graph.edges(*id).any(|(_, input)| packed[input.0 as usize]),
            Packing::Begins(_) => true,
        };
        packed[id.0 as usize] = is && node.fact.rank() == 4;
    }
    packed
}
