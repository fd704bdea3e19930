//! A step graph for other programs: Graphviz dot, Mermaid, JSON.

use serde_json::{Value, json};

use super::text::Names;
use super::{Graph, Id, Kind, Role};
use crate::ops::{Attr, Attrs};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Dot,
    Mermaid,
    Json,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Dot, Format::Mermaid, Format::Json];

    pub fn word(self) -> &'static str {
        match self {
            Format::Dot => "dot",
            Format::Mermaid => "mermaid",
            Format::Json => "json",
        }
    }

    pub fn from_word(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// The numbers of the nodes are those of the text form.
pub fn export(graph: &Graph, format: Format) -> String {
    match format {
        Format::Dot => dot(graph),
        Format::Mermaid => mermaid(graph),
        Format::Json => format!("{:#}\n", json_value(graph)),
    }
}

fn dot(graph: &Graph) -> String {
    let names = Names::new(graph);
    let mut text = String::from("digraph step {\n  node [shape=box];\n");
    for (number, id) in names.order().iter().enumerate() {
        let style = if matches!(graph.node(*id).kind, Kind::Op(_)) { "" } else { ", style=filled" };
        let [head, fact] = label(graph, *id).map(|line| dot_text(&line));
        text += &format!("  n{number} [label=\"{head}\\n{fact}\"{style}];\n");
    }
    each_edge(graph, &names, |from, to| text += &format!("  n{from} -> n{to};\n"));
    for (number, output) in graph.outputs.iter().enumerate() {
        let name = dot_text(&format!("{} {}", output.role.word(), output.name));
        text += &format!("  o{number} [label=\"{}\", shape=ellipse];\n", name.trim_end());
        for from in output.nodes.iter().filter_map(|id| names.number(*id)) {
            text += &format!("  n{from} -> o{number};\n");
        }
    }
    text + "}\n"
}

fn mermaid(graph: &Graph) -> String {
    let names = Names::new(graph);
    let mut text = String::from("flowchart TB\n");
    for (number, id) in names.order().iter().enumerate() {
        let [head, fact] = label(graph, *id).map(|line| mermaid_text(&line));
        let (open, close) = if matches!(graph.node(*id).kind, Kind::Op(_)) { ("[", "]") } else { ("[/", "/]") };
        text += &format!("  n{number}{open}\"{head}<br>{fact}\"{close}\n");
    }
    each_edge(graph, &names, |from, to| text += &format!("  n{from} --> n{to}\n"));
    for (number, output) in graph.outputs.iter().enumerate() {
        let name = mermaid_text(&format!("{} {}", output.role.word(), output.name));
        text += &format!("  o{number}([\"{}\"])\n", name.trim_end());
        for from in output.nodes.iter().filter_map(|id| names.number(*id)) {
            text += &format!("  n{from} --> o{number}\n");
        }
    }
    text
}

fn json_value(graph: &Graph) -> Value {
    let names = Names::new(graph);
    let number = |id: &Id| json!(names.number(*id));
    let node = |id: &Id| {
        let node = graph.node(*id);
        let (kind, name) = match &node.kind {
            Kind::Field(name) => ("field", json!(name)),
            Kind::Weight { path, trained: true } => ("weight", json!(path)),
            Kind::Weight { path, trained: false } => ("frozen", json!(path)),
            Kind::State(path) => ("state", json!(path)),
            Kind::Clock(clock) => ("clock", json!(clock.word())),
            Kind::Constant(_) => ("constant", Value::Null),
            Kind::Op(op) => ("op", json!(op.name)),
        };
        let mut value = json!({
            "id": number(id),
            "kind": kind,
            "name": name,
            "inputs": graph.inputs(*id).iter().map(|input| input.as_ref().map(number)).collect::<Vec<_>>(),
            "attrs": attrs_value(&node.attrs),
            "domain": node.fact.domain.word(),
            "dims": node.fact.dims.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "labels": node.fact.labels.iter().map(|label| label.to_string()).collect::<Vec<_>>(),
            "trainable": node.fact.trainable,
        });
        if let Kind::Constant(literal) = &node.kind {
            value["data"] = json!(literal.data);
        }
        value
    };
    let outputs = graph.outputs.iter().map(|output| {
        let mut value = json!({
            "role": output.role.word(),
            "name": output.name,
            "nodes": output.nodes.iter().map(number).collect::<Vec<_>>(),
        });
        if let Role::Metric { metric, attrs } = &output.role {
            value["metric"] = json!(metric);
            value["attrs"] = attrs_value(attrs);
        }
        value
    });
    json!({
        "nodes": names.order().iter().map(node).collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
    })
}

fn attrs_value(attrs: &Attrs) -> Value {
    let value = |attr: &Attr| match attr {
        Attr::Int(value) => json!(value),
        Attr::Float(value) => json!(value),
        Attr::Bool(value) => json!(value),
        Attr::Word(value) => json!(value),
        Attr::Ints(values) => json!(values),
        Attr::Floats(values) => json!(values),
        Attr::Dims(dims) => json!(dims.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    attrs.iter().map(|(name, attr)| (name.to_string(), value(attr))).collect::<serde_json::Map<_, _>>().into()
}

/// What a picture says in a node: what it is, and its type.
pub(super) fn label(graph: &Graph, id: Id) -> [String; 2] {
    let node = graph.node(id);
    let head = match &node.kind {
        Kind::Field(name) => format!("field {name}"),
        Kind::Weight { path, trained: true } => format!("weight {path}"),
        Kind::Weight { path, trained: false } => format!("frozen {path}"),
        Kind::State(path) => format!("state {path}"),
        Kind::Clock(clock) => format!("clock {}", clock.word()),
        Kind::Constant(literal) => match literal.data.as_slice() {
            [value] => format!("constant {value}"),
            _ => "constant".into(),
        },
        Kind::Op(op) => op.name.into(),
    };
    [head, node.fact.to_string()]
}

fn each_edge(graph: &Graph, names: &Names, mut edge: impl FnMut(u32, u32)) {
    for (to, id) in names.order().iter().enumerate() {
        for from in graph.inputs(*id).into_iter().flatten().filter_map(|input| names.number(input)) {
            edge(from, to as u32);
        }
    }
}

/// Text inside a quoted dot string.
pub(super) fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Text inside a quoted Mermaid label, which has entities but no escapes.
pub(super) fn mermaid_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::{Value, json};

    use super::*;
    use crate::graph::text;

    fn small() -> Graph {
        text::parse(
            "%0 = field x : index(K + 1)[B] @image(train)
             %1 = weight \"a<b\" : real[B]
             %2 = affine(%1) scale=2.0
             save y = %2
             metric m = miou(%0, %2) at=0.5",
        )
        .unwrap()
    }

    #[test]
    fn dot() {
        expect![[r#"
            digraph step {
              node [shape=box];
              n0 [label="field x\nindex(K + 1)[B]", style=filled];
              n1 [label="weight a<b\nreal[B]", style=filled];
              n2 [label="affine\nreal[B]"];
              n1 -> n2;
              o0 [label="save y", shape=ellipse];
              n2 -> o0;
              o1 [label="metric m", shape=ellipse];
              n0 -> o1;
              n2 -> o1;
            }
        "#]]
        .assert_eq(&export(&small(), Format::Dot));
    }

    #[test]
    fn mermaid() {
        expect![[r#"
            flowchart TB
              n0[/"field x<br>index(K + 1)[B]"/]
              n1[/"weight a&lt;b<br>real[B]"/]
              n2["affine<br>real[B]"]
              n1 --> n2
              o0(["save y"])
              n2 --> o0
              o1(["metric m"])
              n0 --> o1
              n2 --> o1
        "#]]
        .assert_eq(&export(&small(), Format::Mermaid));
    }

    #[test]
    fn json() {
        let value: Value = serde_json::from_str(&export(&small(), Format::Json)).unwrap();
        let affine = json!({
            "id": 2, "kind": "op", "name": "affine", "inputs": [1], "attrs": { "scale": 2.0, "shift": 0.0 },
            "domain": "real", "dims": ["B"], "labels": [], "trainable": true,
        });
        assert_eq!(value["nodes"][2], affine);
        let metric =
            json!({ "role": "metric", "name": "m", "nodes": [0, 2], "metric": "miou", "attrs": { "at": 0.5 } });
        assert_eq!(value["outputs"][1], metric);
    }
}
