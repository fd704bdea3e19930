//! What the losses reach backwards, and where the way is cut. Told from the gradients that were built, not guessed from facts.

use std::collections::{BTreeSet, HashSet};

use crate::graph::{Graph, Id, Kind, Role};
use crate::ops::Gradient;

/// A loss that no trained weight can lower, with the places where its way back ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLoss {
    pub loss: String,
    pub node: Id,
    /// Empty where nothing that the loss is computed from has to do with a weight.
    pub cuts: Vec<Cut>,
}

/// A node that lets no gradient through to weights behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    pub node: Id,
    /// A clause, as the op puts it: `a threshold has no gradient`.
    pub reason: String,
}

/// The slots of each node through which a gradient was built.
#[derive(Default)]
pub(super) struct Flows {
    slots: HashSet<(Id, usize)>,
}

impl Flows {
    pub(super) fn record(&mut self, node: Id, slot: usize) {
        self.slots.insert((node, slot));
    }
}

/// Trained weights without a gradient, by path.
pub(super) fn unreached(graph: &Graph) -> Vec<String> {
    let reached: HashSet<&str> = graph
        .outputs
        .iter()
        .filter(|output| output.role == Role::Gradient)
        .map(|output| output.name.as_str())
        .collect();
    let mut unreached: Vec<String> = graph
        .ids()
        .filter_map(|id| match &graph.node(id).kind {
            Kind::Weight { path, trained: true } if !reached.contains(path.as_str()) => Some(path.clone()),
            _ => None,
        })
        .collect();
    unreached.sort();
    unreached
}

/// The trained weights that recorded flows lead to from a loss.
pub(super) fn reached(graph: &Graph, flows: &Flows, from: Id) -> BTreeSet<String> {
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    let mut weights = BTreeSet::new();
    while let Some(id) = open.pop() {
        if let Kind::Weight { path, trained: true } = &graph.node(id).kind {
            weights.insert(path.clone());
        }
        let next = graph.edges(id).filter(|(slot, _)| flows.slots.contains(&(id, *slot)));
        open.extend(next.map(|(_, input)| input).filter(|input| seen.insert(*input)));
    }
    weights
}

/// Walks back from a dead loss. A node with a trained weight behind it that hands nothing on is a cut, and the walk ends
/// there; where there is none, the frozen weights are what the loss depends on.
pub(super) fn cuts(graph: &Graph, flows: &Flows, trained: &[bool], from: Id) -> Vec<Cut> {
    let is_trained = |id: Id| super::is_in(trained, id);
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    let mut cuts = Vec::new();
    let mut frozen = Vec::new();
    while let Some(id) = open.pop() {
        let node = graph.node(id);
        let op = match &node.kind {
            Kind::Op(op) => op,
            Kind::Weight { trained: false, .. } => {
                frozen.push(Cut { node: id, reason: "the weight is not trained here".into() });
                continue;
            }
            _ => continue,
        };
        let mut open_here = Vec::new();
        for (slot, input) in graph.inputs(id).into_iter().enumerate() {
            let Some(input) = input else { continue };
            let stopped = is_trained(input) && !flows.slots.contains(&(id, slot));
            match op.grad {
                Gradient::None(reason) if stopped => cuts.push(Cut { node: id, reason: reason.into() }),
                Gradient::Of(_) if stopped && is_trained(id) && !op.inputs.is_empty() => {
                    let name = op.inputs[slot.min(op.inputs.len() - 1)].name;
                    cuts.push(Cut { node: id, reason: format!("it has no gradient by `{name}`") });
                }
                _ => open_here.push(input),
            }
        }
        open.extend(open_here.into_iter().rev().filter(|input| seen.insert(*input)));
    }
    cuts.sort_by_key(|cut| cut.node);
    cuts.dedup();
    if cuts.is_empty() { frozen } else { cuts }
}
