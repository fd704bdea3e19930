//! The one topological order: every node after its inputs, the lowest id first among those that could come next.
//!
//! So the order depends on nothing but the graph, and a graph whose ids are already in such an order keeps them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Graph, Id};

/// Nodes that wait for one another; one of them is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("node {} waits for its own result", .0.0)]
pub struct Cycle(pub Id);

/// Every node of the graph, inputs first. Near linear, no recursion.
///
/// # Errors
/// The graph has a cycle.
pub fn order(graph: &Graph) -> Result<Vec<Id>, Cycle> {
    let mut waits_for = vec![0usize; graph.bound()];
    let mut ready = BinaryHeap::new();
    for id in graph.ids() {
        let inputs = graph.edges(id).count();
        waits_for[id.0 as usize] = inputs;
        if inputs == 0 {
            ready.push(Reverse(id));
        }
    }
    let mut order = Vec::with_capacity(graph.len());
    while let Some(Reverse(id)) = ready.pop() {
        order.push(id);
        for reader in graph.readers(id) {
            let left = &mut waits_for[reader.0 as usize];
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse(reader));
            }
        }
    }
    match graph.ids().find(|id| waits_for[id.0 as usize] > 0) {
        Some(id) => Err(Cycle(id)),
        None => Ok(order),
    }
}
