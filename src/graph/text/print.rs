//! Graph → text.

use std::fmt::Write;

use crate::graph::{Graph, Id, Kind, Literal, Node, Output, Role, order};
use crate::ops::{Attr, Attrs, Default as Preset, OpDef};
use crate::types::Labels;

/// The number each node is shown under: its place in the topological order.
pub struct Names {
    order: Vec<Id>,
    number: Vec<u32>,
}

impl Names {
    /// A graph with a cycle is numbered by id, so that it can be looked at.
    pub fn new(graph: &Graph) -> Names {
        let order = order::order(graph).unwrap_or_else(|_| graph.ids().collect());
        let mut number = vec![u32::MAX; graph.bound()];
        order.iter().zip(0..).for_each(|(id, position)| number[id.0 as usize] = position);
        Names { order, number }
    }

    pub fn order(&self) -> &[Id] {
        &self.order
    }

    /// `%7`; `%?` for what is not in the graph.
    pub fn name(&self, id: Id) -> String {
        match self.number(id) {
            Some(number) => format!("%{number}"),
            None => "%?".into(),
        }
    }

    pub fn number(&self, id: Id) -> Option<u32> {
        self.number.get(id.0 as usize).copied().filter(|number| *number != u32::MAX)
    }
}

/// The whole graph as text, each line ended.
pub fn print(graph: &Graph) -> String {
    let names = Names::new(graph);
    let mut text = String::new();
    for id in names.order() {
        let node = graph.node(*id);
        let _ = write!(text, "{} = ", names.name(*id));
        write_node(&mut text, graph, &names, *id, node);
        let _ = write!(text, " : {}", node.fact);
        if node.fact.labels != expected_labels(graph, *id) {
            write_labels(&mut text, &node.fact.labels);
        }
        text.push('\n');
    }
    graph.outputs.iter().for_each(|output| write_output(&mut text, &names, output));
    text
}

/// What the labels are where nothing is said: none on a leaf, the join of the inputs on an op.
pub(super) fn expected_labels(graph: &Graph, id: Id) -> Labels {
    Labels::join_all(graph.edges(id).map(|(_, input)| &graph.node(input).fact.labels))
}

fn write_labels(text: &mut String, labels: &Labels) {
    if labels.is_empty() {
        text.push_str(" @nothing");
    }
    labels.iter().for_each(|label| _ = write!(text, " @{label}"));
}

/// A node in one line, without its inputs and its type: `conv2d stride=[2, 2]`. The identity of a random op says nothing to a reader.
pub fn node(graph: &Graph, id: Id) -> String {
    let node = graph.node(id);
    let mut text = String::new();
    match &node.kind {
        Kind::Op(op) => {
            text.push_str(op.name);
            write_attrs(&mut text, &node.attrs, |name, attr| name == "place" || is_default(op, name, attr));
        }
        _ => write_node(&mut text, graph, &Names { order: Vec::new(), number: Vec::new() }, id, node),
    }
    text
}

fn write_node(text: &mut String, graph: &Graph, names: &Names, id: Id, node: &Node) {
    match &node.kind {
        Kind::Field(name) => text.push_str(&format!("field {}", quoted(name))),
        Kind::Weight { path, trained: true } => text.push_str(&format!("weight {}", quoted(path))),
        Kind::Weight { path, trained: false } => text.push_str(&format!("frozen {}", quoted(path))),
        Kind::State(path) => text.push_str(&format!("state {}", quoted(path))),
        Kind::Clock(clock) => text.push_str(&format!("clock {}", clock.word())),
        Kind::Constant(literal) => write_literal(text, literal),
        Kind::Op(op) => {
            text.push_str(op.name);
            write_inputs(text, names, &graph.inputs(id));
            let usual = |name: &str, attr: &Attr| is_default(op, name, attr);
            write_attrs(text, &node.attrs, usual);
        }
    }
}

fn write_literal(text: &mut String, literal: &Literal) {
    text.push_str("constant ");
    match literal.data.as_slice() {
        [value] if literal.shape.is_empty() => text.push_str(&value.to_string()),
        [first, rest @ ..] if rest.len() >= 4 && rest.iter().all(|value| value.to_bits() == first.to_bits()) => {
            let _ = write!(text, "[{first}; {}]", rest.len() + 1);
        }
        values => {
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            let _ = write!(text, "[{}]", values.join(", "));
        }
    }
}

fn write_inputs(text: &mut String, names: &Names, inputs: &[Option<Id>]) {
    text.push('(');
    for (slot, input) in inputs.iter().enumerate() {
        if slot > 0 {
            text.push_str(", ");
        }
        match input {
            Some(input) => text.push_str(&names.name(*input)),
            None => text.push('_'),
        }
    }
    text.push(')');
}

fn write_attrs(text: &mut String, attrs: &Attrs, usual: impl Fn(&str, &Attr) -> bool) {
    for (name, attr) in attrs.iter().filter(|(name, attr)| !usual(name, attr)) {
        let _ = write!(text, " {name}={attr}");
    }
}

fn is_default(op: &OpDef, name: &str, attr: &Attr) -> bool {
    match (op.param(name).map(|param| param.default), attr) {
        (Some(Preset::Int(usual)), Attr::Int(value)) => usual == *value,
        (Some(Preset::Float(usual)), Attr::Float(value)) => usual.to_bits() == value.to_bits(),
        (Some(Preset::Bool(usual)), Attr::Bool(value)) => usual == *value,
        (Some(Preset::Word(usual)), Attr::Word(value)) => usual == value,
        (Some(Preset::Pair(usual)), Attr::Ints(values)) => usual[..] == values[..],
        (Some(Preset::Axes(usual)), Attr::Ints(values)) => usual == values,
        _ => false,
    }
}

fn write_output(text: &mut String, names: &Names, output: &Output) {
    text.push_str(output.role.word());
    if !output.name.is_empty() {
        let _ = write!(text, " {}", quoted(&output.name));
    }
    text.push_str(" = ");
    let nodes: Vec<Option<Id>> = output.nodes.iter().copied().map(Some).collect();
    match &output.role {
        Role::Metric { metric, attrs } => {
            text.push_str(metric);
            write_inputs(text, names, &nodes);
            write_attrs(text, attrs, |_, _| false);
        }
        _ => {
            let nodes: Vec<String> = output.nodes.iter().map(|id| names.name(*id)).collect();
            text.push_str(&nodes.join(", "));
        }
    }
    text.push('\n');
}

/// The name as it is where it is plain, else quoted.
fn quoted(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(is_plain);
    if plain { name.into() } else { format!("{name:?}") }
}

/// What a name may be made of without quotes: enough for any weight path, nothing that means something in the text.
pub(super) fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_.-/'".contains(c)
}
