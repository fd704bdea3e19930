//! The pipeline graph: the stages of a recipe, and the artifacts that go from one to the next.

use std::fmt;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde_json::{Value, json};

use super::export::{Format, dot_text, mermaid_text};

/// A stage of a [`Pipeline`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StageId(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum StageKind {
    Train,
    Infer,
    Score,
}

impl StageKind {
    pub fn word(self) -> &'static str {
        match self {
            StageKind::Train => "train",
            StageKind::Infer => "infer",
            StageKind::Score => "score",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    pub name: String,
    pub kind: StageKind,
}

/// Stages that wait for one another, by name, in the order they wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cycle(pub Vec<String>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stages {} wait for one another", self.0.join(", "))
    }
}

impl std::error::Error for Cycle {}

#[derive(Clone, Default, Debug)]
pub struct Pipeline {
    inner: DiGraph<Stage, String>,
}

impl Pipeline {
    pub fn new() -> Pipeline {
        Pipeline::default()
    }

    pub fn add_stage(&mut self, name: impl Into<String>, kind: StageKind) -> StageId {
        StageId(self.inner.add_node(Stage { name: name.into(), kind }).index() as u32)
    }

    /// `to` reads what `from` made: a net, saved maps, a tuned number. Said twice it is there once.
    pub fn add_artifact(&mut self, from: StageId, to: StageId, artifact: impl Into<String>) {
        let artifact = artifact.into();
        let there = self.inner.edges_connecting(index(from), index(to)).any(|edge| *edge.weight() == artifact);
        if !there {
            self.inner.add_edge(index(from), index(to), artifact);
        }
    }

    pub fn stage(&self, id: StageId) -> &Stage {
        &self.inner[index(id)]
    }

    pub fn find(&self, name: &str) -> Option<StageId> {
        self.stages().find(|id| self.stage(*id).name == name)
    }

    /// In the order they were added.
    pub fn stages(&self) -> impl Iterator<Item = StageId> + '_ {
        self.inner.node_indices().map(|index| StageId(index.index() as u32))
    }

    /// What a stage reads: from where, and the artifact's name; in the order added.
    pub fn reads(&self, id: StageId) -> Vec<(StageId, &str)> {
        let mut edges: Vec<_> = self.inner.edges_directed(index(id), Direction::Incoming).collect();
        edges.sort_by_key(|edge| edge.id());
        edges.into_iter().map(|edge| (StageId(edge.source().index() as u32), edge.weight().as_str())).collect()
    }

    /// Every stage after those it reads from; otherwise as written.
    ///
    /// # Errors
    /// Stages that wait for one another.
    pub fn order(&self) -> Result<Vec<StageId>, Cycle> {
        let mut order: Vec<StageId> = Vec::new();
        let mut done = vec![false; self.inner.node_count()];
        while order.len() < done.len() {
            let waits = |id: &StageId| self.reads(*id).iter().any(|(from, _)| !done[from.0 as usize]);
            match self.stages().find(|id| !done[id.0 as usize] && !waits(id)) {
                Some(id) => {
                    done[id.0 as usize] = true;
                    order.push(id);
                }
                None => return Err(self.cycle(&done)),
            }
        }
        Ok(order)
    }

    /// Among stages of which each waits for one not done: back from any of them until one is met again.
    fn cycle(&self, done: &[bool]) -> Cycle {
        let waiting = |id: &StageId| !done[id.0 as usize];
        let mut path: Vec<StageId> = self.stages().find(waiting).into_iter().collect();
        while let Some(last) = path.last() {
            let Some(next) = self.reads(*last).into_iter().map(|(from, _)| from).find(waiting) else { break };
            if let Some(start) = path.iter().position(|id| *id == next) {
                path.drain(..start);
                break;
            }
            path.push(next);
        }
        // Walked from reader to source; told from source to reader.
        Cycle(path.iter().rev().map(|id| self.stage(*id).name.clone()).collect())
    }

    pub fn export(&self, format: Format) -> String {
        match format {
            Format::Dot => self.dot(),
            Format::Mermaid => self.mermaid(),
            Format::Json => format!("{:#}\n", self.json()),
        }
    }

    fn edges(&self) -> impl Iterator<Item = (usize, usize, &str)> {
        self.inner.edge_references().map(|edge| (edge.source().index(), edge.target().index(), edge.weight().as_str()))
    }

    fn dot(&self) -> String {
        let mut text = String::from("digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n");
        for id in self.stages() {
            let Stage { name, kind } = self.stage(id);
            text += &format!("  s{} [label=\"{}\\n{}\"];\n", id.0, kind.word(), dot_text(name));
        }
        for (from, to, artifact) in self.edges() {
            text += &format!("  s{from} -> s{to} [label=\"{}\"];\n", dot_text(artifact));
        }
        text + "}\n"
    }

    fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for id in self.stages() {
            let Stage { name, kind } = self.stage(id);
            text += &format!("  s{}[\"{} {}\"]\n", id.0, kind.word(), mermaid_text(name));
        }
        for (from, to, artifact) in self.edges() {
            text += &format!("  s{from} -- \"{}\" --> s{to}\n", mermaid_text(artifact));
        }
        text
    }

    fn json(&self) -> Value {
        let name = |index: usize| &self.inner[NodeIndex::new(index)].name;
        json!({
            "stages": self.inner.node_weights().map(|stage| json!({ "name": stage.name, "kind": stage.kind.word() })).collect::<Vec<_>>(),
            "artifacts": self
                .edges()
                .map(|(from, to, artifact)| json!({ "from": name(from), "to": name(to), "name": artifact }))
                .collect::<Vec<_>>(),
        })
    }
}

fn index(id: StageId) -> NodeIndex {
    NodeIndex::new(id.0 as usize)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn two_stages() -> Pipeline {
        let mut pipeline = Pipeline::new();
        let seeds = pipeline.add_stage("seeds", StageKind::Score);
        let cams = pipeline.add_stage("cams", StageKind::Infer);
        let cgnet = pipeline.add_stage("cgnet", StageKind::Train);
        pipeline.add_artifact(cgnet, cams, "cg");
        pipeline.add_artifact(cams, seeds, "cam");
        pipeline.add_artifact(cams, seeds, "cam");
        pipeline
    }

    #[test]
    fn a_stage_comes_after_what_it_reads() {
        let pipeline = two_stages();
        let order = pipeline.order().unwrap();
        let names: Vec<&str> = order.iter().map(|id| pipeline.stage(*id).name.as_str()).collect();
        assert_eq!(names, ["cgnet", "cams", "seeds"]);
    }

    #[test]
    fn stages_that_wait_for_one_another_are_named() {
        let mut pipeline = two_stages();
        let [seeds, cgnet] = ["seeds", "cgnet"].map(|name| pipeline.find(name).unwrap());
        pipeline.add_artifact(seeds, cgnet, "threshold");
        expect!["the stages cgnet, cams, seeds wait for one another"]
            .assert_eq(&pipeline.order().unwrap_err().to_string());
    }

    #[test]
    fn exported() {
        let pipeline = two_stages();
        expect![[r#"
            digraph pipeline {
              rankdir=LR;
              node [shape=box];
              s0 [label="score\nseeds"];
              s1 [label="infer\ncams"];
              s2 [label="train\ncgnet"];
              s2 -> s1 [label="cg"];
              s1 -> s0 [label="cam"];
            }
        "#]]
        .assert_eq(&pipeline.export(Format::Dot));
        expect![[r#"
            flowchart LR
              s0["score seeds"]
              s1["infer cams"]
              s2["train cgnet"]
              s2 -- "cg" --> s1
              s1 -- "cam" --> s0
        "#]]
        .assert_eq(&pipeline.export(Format::Mermaid));
        let json: Value = serde_json::from_str(&pipeline.export(Format::Json)).unwrap();
        assert_eq!(json["artifacts"][1], json!({ "from": "cams", "to": "seeds", "name": "cam" }));
    }
}
