//! What later stages may read of a stage: nets, saved maps; and metrics, which may be looked at and never used.

use indexmap::IndexMap;

use super::Artifact;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Graph, Role};
use crate::lower::value::{Samples, Value};
use crate::lower::{Lower, errors};
use crate::syntax::ast::{self, EntryKind, Name, StatementKind};

impl<'p> Lower<'p, '_> {
    /// `cams.cam`, `classifier.cls`, and the metrics of a stage, which may be looked at and never used.
    pub(in crate::lower) fn stage_field(&mut self, position: usize, name: &Name) -> Value<'p> {
        let stage = &self.stages[position];
        if let Some(net) = stage.nets.get(&name.text) {
            let mut net = net.clone();
            net.frozen = true;
            return Value::Net(net);
        }
        if stage.saves.contains_key(&name.text) {
            return Value::Artifact(position, name.text.as_str().into());
        }
        let of = format!("the stage `{}`", stage.result.name);
        if let Some(figure) = stage.result.seen.figures.iter().find(|figure| figure.name == name.text) {
            let why = if figure.oracle { "was chosen by looking at pixel masks" } else { "is known only after a run" };
            return self.report(
                Diagnostic::error(
                    Code::OracleUsed,
                    format!("`{}` of {of} {why}: it may be reported, not used", name.text),
                )
                .label(name.span, "used here")
                .help("write a constant with its citation (`0.26 @ \"sec. 4\"`), or a rule that needs no masks"),
            );
        }
        if stage.written.contains(&name.text) {
            return Value::Poison;
        }
        let known: Vec<String> = stage.nets.keys().chain(stage.saves.keys()).cloned().collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.report(errors::unknown_field(&of, &name.text, name.span, known))
    }
}

pub(super) fn written(stage: &ast::Stage) -> Vec<String> {
    let mut names = Vec::new();
    for entry in &stage.entries {
        match &entry.kind {
            EntryKind::Net { name, .. } => names.push(name.text.clone()),
            EntryKind::Body { statements, .. } => {
                names.extend(statements.iter().filter_map(|statement| match &statement.kind {
                    StatementKind::Save { name, .. } | StatementKind::Metric { name, .. } => Some(name.text.clone()),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    names
}

pub(super) fn saves(graph: &Graph, samples: Option<&Samples>) -> IndexMap<String, Artifact> {
    let whole = samples.is_none_or(|samples| samples.is_whole());
    let saves = graph.outputs.iter().filter(|output| output.role == Role::Save);
    saves
        .map(|output| (output.name.clone(), Artifact { fact: graph.node(output.nodes[0]).fact.clone(), whole }))
        .collect()
}
