//! A step graph as blocks and edges. Weights, states, clocks and constants stand in the blocks that read them.
//!
//! A large graph is shortened: what only gradients and running averages need is left out, and ops that follow one another without a
//! branch are one block.

use super::layout::Sketch;
use super::{Block, Edge, Shape};
use crate::graph::export::label;
use crate::graph::text::Names;
use crate::graph::{Graph, Id, Kind, Role};

/// More blocks than this are shortened.
const LARGE: usize = 200;

pub(super) fn sketch(graph: &Graph) -> Sketch {
    let whole = blocks(graph, |_| true);
    if whole.blocks.len() <= LARGE {
        return whole;
    }
    let shown = |role: &Role| !matches!(role, Role::Gradient | Role::Assign);
    let mut short = contracted(blocks(graph, shown));
    let [left_out, all] = [whole.blocks.len() - short.blocks.len(), whole.blocks.len()];
    short.note = format!(
        "{left_out} of {all} blocks are left out: ops without a branch between them stand in one, gradients and running averages in none"
    );
    short
}

/// What the outputs of some roles need.
fn blocks(graph: &Graph, shown: impl Fn(&Role) -> bool) -> Sketch {
    let names = Names::new(graph);
    let mut needed = vec![graph.outputs.is_empty(); graph.bound()];
    let outputs = || graph.outputs.iter().filter(|output| shown(&output.role));
    outputs().flat_map(|output| &output.nodes).for_each(|id| needed[id.0 as usize] = true);
    for id in names.order().iter().rev().filter(|id| needed[id.0 as usize]).copied().collect::<Vec<_>>() {
        mark(graph, id, &mut needed);
    }
    let mut sketch = Sketch::default();
    let mut place: Vec<Option<usize>> = vec![None; graph.bound()];
    for id in names.order().iter().copied().filter(|id| needed[id.0 as usize] && is_block(graph, *id)) {
        let node = graph.node(id);
        let mut lines = vec![heading(graph, id)];
        let inputs: Vec<Id> = graph.inputs(id).into_iter().flatten().collect();
        lines.extend(inputs.iter().filter(|input| !is_block(graph, **input)).map(|input| heading(graph, *input)));
        lines.push(node.fact.to_string());
        let shape = if matches!(node.kind, Kind::Op(_)) { Shape::Box } else { Shape::Slanted };
        let tooltip = node.attrs.iter().map(|(name, attr)| format!("{name} = {attr}\n")).collect();
        place[id.0 as usize] = Some(sketch.blocks.len());
        let mut from: Vec<usize> = inputs.iter().filter_map(|input| place[input.0 as usize]).collect();
        from.dedup();
        sketch.join(&from);
        sketch.blocks.push(Block { lines, shape, level: node.fact.labels.level(), tooltip });
    }
    for output in outputs() {
        let head = format!("{} {}", output.role.word(), output.name).trim_end().to_string();
        let level = output.nodes.iter().map(|id| graph.node(*id).fact.labels.level()).max().unwrap_or_default();
        let from: Vec<usize> = output.nodes.iter().filter_map(|id| place[id.0 as usize]).collect();
        sketch.join(&from);
        sketch.blocks.push(Block { lines: vec![head], shape: Shape::Round, level, tooltip: String::new() });
    }
    sketch
}

/// Everything that a node is computed from.
fn mark(graph: &Graph, id: Id, needed: &mut [bool]) {
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        let inputs = graph.edges(id).map(|(_, input)| input);
        open.extend(inputs.filter(|input| !std::mem::replace(&mut needed[input.0 as usize], true)));
    }
}

/// Whether a node has a block of its own.
fn is_block(graph: &Graph, id: Id) -> bool {
    match graph.node(id).kind {
        Kind::Op(_) | Kind::Field(_) => true,
        // One that nothing but an output reads would not be seen otherwise.
        _ => graph.readers(id).next().is_none(),
    }
}

fn heading(graph: &Graph, id: Id) -> String {
    label(graph, id)[0].clone()
}

impl Sketch {
    /// Edges to the block that comes next.
    fn join(&mut self, from: &[usize]) {
        let to = self.blocks.len();
        self.edges.extend(from.iter().map(|from| Edge { from: *from, to, label: String::new() }));
    }
}

/// Joins a block to the one before it where there is no other way into it nor out of that one; no circle can come of that.
fn contracted(sketch: Sketch) -> Sketch {
    let count = sketch.blocks.len();
    let (mut out, mut into) = (vec![0; count], vec![Vec::new(); count]);
    for edge in &sketch.edges {
        out[edge.from] += 1;
        into[edge.to].push(edge.from);
    }
    let mut short = Sketch::default();
    let mut place = vec![0; count];
    for (at, block) in sketch.blocks.into_iter().enumerate() {
        let joins = match into[at].as_slice() {
            [from] if out[*from] == 1 => Some(place[*from]),
            _ => None,
        };
        match joins.map(|to: usize| (to, &mut short.blocks[to])) {
            Some((to, before))
                if before.shape == Shape::Box && block.shape == Shape::Box && before.level == block.level =>
            {
                // The type is that of the last.
                before.lines.pop();
                before.lines.extend(block.lines);
                before.tooltip.clear();
                place[at] = to;
            }
            _ => {
                place[at] = short.blocks.len();
                short.blocks.push(block);
            }
        }
    }
    for edge in sketch.edges {
        let (from, to) = (place[edge.from], place[edge.to]);
        if from != to {
            short.edges.push(Edge { from, to, ..edge });
        }
    }
    short
}
