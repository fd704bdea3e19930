//! What a pass proposes: new nodes, and which wires they take over.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::graph::{Graph, Id, Kind, Literal, Origin};
use crate::ops::{Attrs, OpDef};
use crate::types::{Fact, Interval};

/// A node that is there, or one the patch adds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Wire {
    Old(Id),
    New(usize),
}

#[derive(Clone, PartialEq, Debug)]
enum New {
    Constant { literal: Arc<Literal>, fact: Fact, origin: Origin },
    Op { op: &'static OpDef, inputs: Vec<Option<Wire>>, attrs: Attrs, origin: Origin },
}

/// Changes that belong together. Nothing happens until the runner applies it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Patch {
    new: Vec<New>,
    rewires: Vec<(Id, Wire)>,
    drops: Vec<Id>,
}

impl Patch {
    pub fn new() -> Patch {
        Patch::default()
    }

    /// Adds a constant of this domain and these dims.
    pub fn constant(&mut self, literal: Literal, fact: Fact, origin: Origin) -> Wire {
        // What it stands for may have been computed from a weight or from a picture; a constant is neither.
        let plain = Fact::new(fact.domain, fact.dims).in_range(Interval::of(&literal.data));
        let fact = Fact { labels: fact.labels, ..plain };
        self.new.push(New::Constant { literal: Arc::new(literal), fact, origin });
        Wire::New(self.new.len() - 1)
    }

    pub fn apply(&mut self, op: &'static OpDef, inputs: Vec<Option<Wire>>, attrs: Attrs, origin: Origin) -> Wire {
        self.new.push(New::Op { op, inputs, attrs, origin });
        Wire::New(self.new.len() - 1)
    }

    /// Every reader of `old`, outputs included, reads `wire` instead; `old` goes, with all that only it needed. `wire` must not
    /// depend on `old`.
    pub fn rewire(&mut self, old: Id, wire: Wire) {
        self.rewires.push((old, wire));
    }

    /// Removes a node that no output needs. Its readers must be dropped by the same patch.
    pub fn drop_node(&mut self, id: Id) {
        self.drops.push(id);
    }

    /// How many places it changes.
    pub fn changes(&self) -> usize {
        self.rewires.len() + self.drops.len()
    }

    /// `None` where it changes nothing: what a pass gives back.
    pub fn proposed(self) -> Option<Patch> {
        (self.changes() > 0).then_some(self)
    }

    /// Changes the graph.
    ///
    /// # Errors
    /// A wire that would be replaced by one of another domain or other dims, a new op that refuses its inputs, a dropped node
    /// that is still read. The graph is not to be used then.
    pub(super) fn apply_to(self, graph: &mut Graph) -> Result<(), String> {
        let mut added: Vec<Id> = Vec::with_capacity(self.new.len());
        let resolve = |added: &[Id], wire: Wire| match wire {
            Wire::Old(id) => id,
            Wire::New(number) => added[number],
        };
        for new in self.new {
            let id = match new {
                New::Constant { literal, fact, origin } => graph.leaf(Kind::Constant(literal), fact, origin),
                New::Op { op, inputs, attrs, origin } => {
                    let inputs: Vec<_> = inputs.iter().map(|wire| wire.map(|wire| resolve(&added, wire))).collect();
                    graph.apply(op, &inputs, attrs, origin).map_err(|error| error.to_string())?
                }
            };
            added.push(id);
        }
        // A wire may lead to a node that is itself replaced.
        let replaced: HashMap<Id, Id> = self.rewires.iter().map(|(old, wire)| (*old, resolve(&added, *wire))).collect();
        for (old, wire) in &self.rewires {
            let mut new = resolve(&added, *wire);
            let mut steps = 0;
            while let Some(next) = replaced.get(&new) {
                new = *next;
                steps += 1;
                if steps > replaced.len() {
                    return Err(format!("node {} is replaced in a circle", old.0));
                }
            }
            let (before, after) = (&graph.node(*old).fact, &graph.node(new).fact);
            if (&before.domain, &before.dims) != (&after.domain, &after.dims) {
                return Err(format!("{before} is replaced by {after}"));
            }
            graph.rewire(*old, new);
        }
        sweep(graph, self.rewires.iter().map(|(old, _)| *old).chain(added).collect());
        remove(graph, &self.drops)
    }
}

/// Removes those of `open` that nobody reads, and then what only they needed.
fn sweep(graph: &mut Graph, mut open: Vec<Id>) {
    let kept: HashSet<Id> = graph.outputs.iter().flat_map(|output| output.nodes.iter().copied()).collect();
    while let Some(id) = open.pop() {
        if graph.contains(id) && !kept.contains(&id) && graph.readers(id).next().is_none() {
            open.extend(graph.edges(id).map(|(_, input)| input).collect::<Vec<_>>());
            graph.remove(id);
        }
    }
}

fn remove(graph: &mut Graph, drops: &[Id]) -> Result<(), String> {
    let dropped: HashSet<Id> = drops.iter().copied().collect();
    let outputs = graph.outputs.iter().flat_map(|output| output.nodes.iter().copied());
    let readers = drops.iter().flat_map(|id| graph.readers(*id)).filter(|reader| !dropped.contains(reader));
    if let Some(id) = outputs.filter(|id| dropped.contains(id)).chain(readers).next() {
        return Err(format!("node {} is dropped but needed", id.0));
    }
    drops.iter().for_each(|id| graph.remove(*id));
    Ok(())
}
