//! The nodes of two steps, in the words of the language, with the place in the recipe that each comes from.

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use super::{Change, Side};
use crate::compile::CompiledStage;
use crate::graph::compare::compare;
use crate::graph::{Graph, Id, Kind, text};
use crate::lower::{Stage, Weight};
use crate::source::Sources;

/// One node or output.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeLine {
    /// `conv2d stride=[2, 2]`, `field image`, `loss cls`.
    pub what: String,
    /// Its type; empty for an output.
    #[serde(rename = "type")]
    pub fact: String,
    /// `cam.wsss:33:12`, the outermost call it was inlined through.
    pub place: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeChange {
    pub old: NodeLine,
    pub new: NodeLine,
    /// Whether it is the same but for what it reads.
    pub rewired: bool,
}

/// A net, a part of one or a single weight that is read in place of another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReadChange {
    pub old: String,
    pub new: String,
}

/// What differs between two steps, gradients aside: they follow from the rest.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Nodes {
    pub removed: Vec<NodeLine>,
    pub added: Vec<NodeLine>,
    pub changed: Vec<NodeChange>,
    /// Weights and states that differ in nothing but their names, net by net.
    pub reads: Vec<ReadChange>,
}

impl Nodes {
    pub fn is_empty(&self) -> bool {
        *self == Nodes::default()
    }

    pub(super) fn between(before: &CompiledStage, after: &CompiledStage, old: &Side, new: &Side) -> Nodes {
        let (a, b): (&Graph, &Graph) = (&before.graph, &after.graph);
        let compared = compare(a, b);
        let ours = |id: Id| line(a, id, old.sources);
        let theirs = |id: Id| line(b, id, new.sources);
        let output = |graph: &Graph, at: usize, sources: &Sources| {
            let output = &graph.outputs[at];
            NodeLine {
                what: format!("{} {}", output.role.word(), output.name).trim_end().to_string(),
                fact: String::new(),
                place: output.span.map(|span| sources.place(span)),
            }
        };
        let mut nodes = Nodes {
            removed: compared.removed.into_iter().map(ours).collect(),
            added: compared.added.into_iter().map(theirs).collect(),
            ..Nodes::default()
        };
        let renamed = |(x, y): &(Id, Id)| renamed(a, *x, b, *y);
        nodes.reads = reads(compared.changed.iter().filter_map(renamed));
        nodes.removed.extend(compared.outputs_removed.into_iter().map(|at| output(a, at, old.sources)));
        nodes.added.extend(compared.outputs_added.into_iter().map(|at| output(b, at, new.sources)));
        let change = |old: NodeLine, new: NodeLine, rewired: bool| NodeChange { old, new, rewired };
        let changed = compared.changed.iter().copied().filter(|pair| renamed(pair).is_none());
        nodes.changed.extend(changed.map(|(x, y)| change(ours(x), theirs(y), false)));
        nodes.changed.extend(compared.rewired.into_iter().map(|(x, y)| change(ours(x), theirs(y), true)));
        let outputs = compared.outputs_changed.into_iter();
        nodes.changed.extend(outputs.map(|(x, y)| change(output(a, x, old.sources), output(b, y, new.sources), true)));
        nodes
    }
}

/// The paths of two leaves that are alike but for these.
fn renamed<'g>(old: &'g Graph, x: Id, new: &'g Graph, y: Id) -> Option<(&'g str, &'g str)> {
    let (before, after) = (old.node(x), new.node(y));
    let paths = match (&before.kind, &after.kind) {
        (Kind::Weight { path, trained }, Kind::Weight { path: other, trained: too }) if trained == too => (path, other),
        (Kind::State(path), Kind::State(other)) => (path, other),
        _ => return None,
    };
    let alike = before.fact.domain == after.fact.domain && before.fact.dims == after.fact.dims;
    alike.then_some((paths.0.as_str(), paths.1.as_str()))
}

/// Leaves whose paths begin otherwise and go on alike are of one net: `a.cls.conv.weight` and `b.cls.conv.weight`, `a.cls.head.weight` and
/// `b.cls.head.weight` are `a.cls` and `b.cls`.
fn reads<'g>(renamed: impl Iterator<Item = (&'g str, &'g str)>) -> Vec<ReadChange> {
    // By how the paths begin: the parts that all of their ends have in front.
    let mut nets: IndexMap<[Vec<&str>; 2], Vec<&str>> = IndexMap::new();
    for (old, new) in renamed {
        let [old, new] = [old, new].map(|path| path.split('.').collect::<Vec<_>>());
        let alike = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let (head, tail) = old.split_at(old.len() - alike);
        let key = [head.to_vec(), new[..new.len() - alike].to_vec()];
        match nets.get_mut(&key) {
            Some(common) => common.truncate(common.iter().zip(tail).take_while(|(a, b)| a == b).count()),
            None => _ = nets.insert(key, tail.to_vec()),
        }
    }
    let named = |(heads, common): ([Vec<&str>; 2], Vec<&str>)| {
        let [old, new] = heads.map(|head| [head, common.clone()].concat().join("."));
        ReadChange { old, new }
    };
    nets.into_iter().map(named).collect()
}

fn line(graph: &Graph, id: Id, sources: &Sources) -> NodeLine {
    let node = graph.node(id);
    NodeLine {
        what: text::node(graph, id),
        fact: node.fact.to_string(),
        place: node.origin.outermost().map(|span| sources.place(span)),
    }
}

/// Weights that are there in one stage alone, or begin otherwise.
pub(super) fn weights(before: &Stage, after: &Stage) -> Vec<Change> {
    let by_name = |stage: &Stage| -> IndexMap<String, String> {
        stage.weights.iter().map(|weight| (format!("{}.{}", weight.net, weight.name), begins(weight))).collect()
    };
    let (ours, theirs) = (by_name(before), by_name(after));
    let names: IndexSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let changes = names.into_iter().map(|name| Change::of(name, ours.get(name).cloned(), theirs.get(name).cloned()));
    changes.flatten().collect()
}

/// The shape of a weight, and what it begins with.
fn begins(weight: &Weight) -> String {
    let dims: Vec<String> = weight.dims.iter().map(ToString::to_string).collect();
    format!("[{}] {}", dims.join(", "), weight.init)
}
