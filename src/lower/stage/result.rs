//! What later stages may read of a stage: nets, saved maps, and the numbers it measured.

use indexmap::IndexMap;

use super::Artifact;
use crate::graph::{Graph, Id, Kind, Role};
use crate::lower::seen::Measured;
use crate::lower::value::{Samples, Value};
use crate::lower::{Lower, errors, identity};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind, Name, StatementKind};
use crate::types::{Domain, Fact, Labels};

impl<'p> Lower<'p, '_> {
    /// `cams.cam`, `classifier.cls`, `seeds.cam_iou`.
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
        if let Some(figure) = stage.result.seen.figures.iter().find(|figure| figure.name == name.text) {
            let scope = self.step.as_ref().map_or("", |step| step.scope.as_str());
            let path = format!("{}/{}", identity::seen_from(scope, &stage.result.name), figure.name);
            let labels = if figure.chosen { self.chosen(&figure.labels) } else { figure.labels.clone() };
            return self.figure_leaf(path, labels, name.span);
        }
        let of = format!("the stage `{}`", stage.result.name);
        if stage.written.contains(&name.text) {
            return Value::Poison;
        }
        let known: Vec<String> = stage.nets.keys().chain(stage.saves.keys()).cloned().collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.report(errors::unknown_field(&of, &name.text, name.span, known))
    }
}

/// Numbers that earlier stages measured. Their leaf is a state called `stage/figure` or `stage/figure.part`, which no net has.
impl<'p> Lower<'p, '_> {
    fn figure_leaf(&mut self, path: String, labels: Labels, span: Span) -> Value<'p> {
        let origin = self.origin(span);
        let Some(step) = self.step_at(span) else { return Value::Poison };
        let fact = Fact { labels, ..Fact::scalar(Domain::Real) };
        Value::Tensor(step.graph.leaf(Kind::State(path), fact, origin))
    }

    /// `seeds.cam_iou.threshold`: what a metric gives beside its value; `None` where `base` is no figure.
    pub(in crate::lower) fn figure_field(&mut self, base: &Value<'p>, name: &Name) -> Option<Value<'p>> {
        let (Value::Tensor(id), Some(step)) = (base, &self.step) else { return None };
        let node = step.graph.node(*id);
        let Kind::State(path) = &node.kind else { return None };
        let (stage, figure) = path.split_once('/')?;
        let labels = node.fact.labels.clone();
        let shown = identity::shown(&step.scope, stage);
        let lowered = self.stages.iter().find(|known| known.result.name == shown)?;
        let known = lowered.result.seen.figures.iter().find(|known| known.name == figure)?.numbers;
        if known.contains(&name.text.as_str()) {
            let path = format!("{path}.{}", name.text);
            return Some(self.figure_leaf(path, labels, name.span));
        }
        let of = format!("the figure `{shown}.{figure}`");
        Some(self.report(errors::unknown_field(&of, &name.text, name.span, known.iter().copied())))
    }
}

/// Every measured number that a graph reads.
pub(super) fn measured(graph: &Graph) -> Vec<Measured> {
    let read =
        |id: &Id| graph.readers(*id).next().is_some() || graph.outputs.iter().any(|output| output.nodes.contains(id));
    let numbers = graph.ids().filter(read).filter_map(|id| match &graph.node(id).kind {
        Kind::State(path) => {
            let (stage, figure) = path.split_once('/')?;
            let (figure, part) = match figure.split_once('.') {
                Some((figure, part)) => (figure, Some(part.to_string())),
                None => (figure, None),
            };
            Some(Measured { stage: stage.to_string(), figure: figure.to_string(), part, leaf: path.clone() })
        }
        _ => None,
    });
    numbers.collect()
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
