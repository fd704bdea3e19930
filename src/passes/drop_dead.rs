//! Drops what no output needs.
//!
//! Needs: nothing. Leaves: no node that no output depends on.

use super::{Pass, Patch};
use crate::graph::{Graph, Id};

pub(super) const PASS: Pass = Pass { name: "drop-dead", summary: "Drops what no output needs.", run };

fn run(graph: &Graph) -> Option<Patch> {
    let mut needed = vec![false; graph.bound()];
    let mut open: Vec<Id> = graph.outputs.iter().flat_map(|output| output.nodes.iter().copied()).collect();
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut needed[id.0 as usize], true) {
            open.extend(graph.edges(id).map(|(_, input)| input));
        }
    }
    let mut patch = Patch::new();
    graph.ids().filter(|id| !needed[id.0 as usize]).for_each(|id| patch.drop_node(id));
    patch.proposed()
}
