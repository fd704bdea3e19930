//! The order of the steps. Any topological order is right; this one tries to hold little at a time.
//!
//! Among the nodes that could run next, one that frees at least what it makes goes first (the gradient of a weight, a sum of
//! two gradients); otherwise the order of the graph stands, which is that of the recipe followed by the backward pass. Both
//! this order and the plain one are weighed with nominal sizes, and the lighter one is taken.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::storage::{Live, Storage};
use crate::graph::{Graph, Id, Kind, order};
use crate::types::{Dim, DimEnv, Unbound};

/// What every symbol is taken for while nothing runs: only comparisons are made with it.
const NOMINAL: i64 = 32;

pub(super) struct Needed {
    /// In order of id.
    pub leaves: Vec<Id>,
    /// Inputs first.
    pub ops: Vec<Id>,
}

/// The nodes that outputs depend on.
pub(super) fn needed(graph: &Graph) -> Needed {
    let order = order::order(graph).expect("a verified graph has no cycle");
    let mut needed = vec![false; graph.bound()];
    graph.outputs.iter().flat_map(|output| &output.nodes).for_each(|id| needed[id.0 as usize] = true);
    for id in order.iter().rev() {
        if needed[id.0 as usize] {
            graph.edges(*id).for_each(|(_, input)| needed[input.0 as usize] = true);
        }
    }
    let (ops, mut leaves): (Vec<Id>, Vec<Id>) = order
        .into_iter()
        .filter(|id| needed[id.0 as usize])
        .partition(|id| matches!(graph.node(*id).kind, Kind::Op(_)));
    leaves.sort();
    Needed { leaves, ops }
}

/// The given ops, which come inputs first, in the order to run them.
pub(super) fn schedule(graph: &Graph, ops: Vec<Id>) -> Vec<Id> {
    let mut env = DimEnv::new();
    let bytes =
        |id: Id| Ok::<u64, Infallible>(graph.node(id).fact.dims.iter().map(|dim| nominal(dim, &mut env)).product());
    let Ok(storage) = Storage::new(graph, &ops, bytes);
    let eager = eager(graph, &ops, &storage);
    if peak(graph, &eager, &storage) < peak(graph, &ops, &storage) { eager } else { ops }
}

/// A length with every symbol [`NOMINAL`].
fn nominal(dim: &Dim, env: &mut DimEnv) -> u64 {
    loop {
        match dim.eval(env) {
            Ok(length) => return length.max(0) as u64,
            Err(Unbound(symbol)) => _ = env.insert(symbol, NOMINAL),
        }
    }
}

fn peak(graph: &Graph, ops: &[Id], storage: &Storage) -> u64 {
    let mut live = storage.live();
    ops.iter().map(|id| live.run(graph, *id)).max().unwrap_or(0)
}

/// Runs in the mind: what shrinks memory first, then what is first in the graph.
fn eager(graph: &Graph, ops: &[Id], storage: &Storage) -> Vec<Id> {
    let mut position = vec![usize::MAX; graph.bound()];
    ops.iter().zip(0..).for_each(|(id, place)| position[id.0 as usize] = place);
    let mut waits_for: Vec<usize> = ops
        .iter()
        .map(|id| graph.edges(*id).filter(|(_, input)| position[input.0 as usize] != usize::MAX).count())
        .collect();

    let mut live = storage.live();
    // Whether it grows, then its place in `ops`.
    let mut ready: BTreeSet<(bool, usize)> = BTreeSet::new();
    let rank = |live: &Live, place: usize| (live.growth(graph, ops[place]) > 0, place);
    for place in (0..ops.len()).filter(|place| waits_for[*place] == 0) {
        ready.insert(rank(&live, place));
    }
    let mut order = Vec::with_capacity(ops.len());
    while let Some((_, place)) = ready.pop_first() {
        let id = ops[place];
        order.push(id);
        live.run(graph, id);
        for reader in graph.readers(id) {
            let place = position[reader.0 as usize];
            if place != usize::MAX {
                waits_for[place] -= 1;
                if waits_for[place] == 0 {
                    ready.insert(rank(&live, place));
                }
            }
        }
        // Who has become the last reader of something may shrink memory now.
        for root in storage.reads(graph, id).into_iter().filter(|root| live.readers_left(*root) == 1) {
            for place in storage.readers_of(root).iter().map(|reader| position[reader.0 as usize]) {
                if ready.remove(&(true, place)) {
                    ready.insert(rank(&live, place));
                }
            }
        }
    }
    order
}
