//! Graphs as pictures: SVG without an outside program.
//!
//! Comes in: a step graph, or a pipeline with what each stage has seen. Goes out: one SVG document, the same for the same graph.
//! `layout` places blocks in ranks by longest path and orders them by the middle of their neighbours; `draw` writes the document. A block
//! is coloured by the strongest label its value has seen.

mod draw;
mod layout;
mod step;

use super::Graph;
use super::pipeline::Pipeline;
use crate::types::{Label, Labels, Level};
use layout::{Direction, Sketch};

/// What stands for a value or a stage.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Block {
    /// The first is the heading.
    lines: Vec<String>,
    shape: Shape,
    level: Level,
    /// Shown where the pointer rests.
    tooltip: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Shape {
    #[default]
    Box,
    /// What comes from outside of the graph.
    Slanted,
    /// What leaves it.
    Round,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Edge {
    from: usize,
    to: usize,
    label: String,
}

/// The pipeline, from left to right.
pub fn pipeline(pipeline: &Pipeline, seen: impl Fn(&str) -> Labels) -> String {
    let mut sketch = Sketch { direction: Direction::Right, ..Sketch::default() };
    for id in pipeline.stages() {
        let stage = pipeline.stage(id);
        let labels = seen(&stage.name);
        let mut lines = vec![format!("{} {}", stage.kind.word(), stage.name)];
        // The pictures alone are no supervision.
        let words = labels.iter().filter(|label| !matches!(label, Label::Seen { level: Level::None, .. }));
        lines.extend(words.map(Label::to_string));
        sketch.blocks.push(Block { lines, level: labels.level(), ..Block::default() });
        for (from, artifact) in pipeline.reads(id) {
            let (from, to) = (from.0 as usize, id.0 as usize);
            match sketch.edges.iter_mut().find(|edge| edge.from == from && edge.to == to) {
                Some(edge) => edge.label += &format!(", {artifact}"),
                None => sketch.edges.push(Edge { from, to, label: artifact.into() }),
            }
        }
    }
    draw::draw(&sketch)
}

/// A step graph, from top to bottom.
pub fn step(graph: &Graph) -> String {
    draw::draw(&step::sketch(graph))
}

#[cfg(test)]
mod tests;
