//! Losses that move the same weights: those without a word about it together, and each set that is named.

use std::collections::BTreeSet;

use crate::graph::{Graph, Id, Kind, Role};
use crate::ops::Gradient;

/// A loss whose gradient is made for some weights only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moves {
    pub loss: String,
    /// Full paths, as the leaves of the graph are called.
    pub weights: BTreeSet<String>,
}

/// Losses that are differentiated as one sum.
pub(super) struct Group<'m> {
    /// By name, in the order of the recipe.
    pub losses: Vec<(String, Id)>,
    /// The weights they move; all that are trained where there is nothing.
    pub weights: Option<&'m BTreeSet<String>>,
}

pub(super) fn groups<'m>(graph: &Graph, moves: &'m [Moves]) -> Vec<Group<'m>> {
    let mut groups: Vec<Group> = Vec::new();
    for (name, node) in losses(graph) {
        let weights = moves.iter().find(|moves| moves.loss == name).map(|moves| &moves.weights);
        match groups.iter_mut().find(|group| group.weights == weights) {
            Some(group) => group.losses.push((name, node)),
            None => groups.push(Group { losses: vec![(name, node)], weights }),
        }
    }
    groups
}

/// Every loss, in the order of the recipe.
pub(super) fn losses(graph: &Graph) -> Vec<(String, Id)> {
    let losses = graph.outputs.iter().filter(|output| output.role == Role::Loss);
    losses.flat_map(|output| output.nodes.iter().map(|node| (output.name.clone(), *node))).collect()
}

impl Group<'_> {
    /// By id: whether a weight that the group moves has a part in a node, with gradients on the way. `order` is that of the graph.
    pub fn trained(&self, graph: &Graph, order: &[Id]) -> Vec<bool> {
        let mut trained = vec![false; graph.bound()];
        for id in order {
            trained[id.0 as usize] = match &graph.node(*id).kind {
                Kind::Weight { path, trained: true } => self.weights.is_none_or(|weights| weights.contains(path)),
                Kind::Op(op) => {
                    matches!(op.grad, Gradient::Of(_)) && graph.edges(*id).any(|(_, input)| trained[input.0 as usize])
                }
                _ => false,
            };
        }
        trained
    }
}
