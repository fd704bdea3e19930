//! The way a label took: marks on values with a label worth telling of, and the places from its source to where it is used.
//!
//! A mark is a node that hands its input on and remembers a place in words ("as `x`", "through `relu`"). Marks are made only of
//! values with a label that is forbidden or of a split that figures are computed on; they are gone before a stage leaves this room.

use std::collections::HashMap;

use super::stage::LoweredStage;
use super::value::{Samples, Scope, Value};
use super::{Lower, identity};
use crate::data::touches_evaluation;
use crate::graph::{Graph, Id, Kind, Origin};
use crate::ops::{self, Attrs};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, UnaryOperator};
use crate::types::Label;

/// One place on the way of a label.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub span: Span,
    pub words: String,
}

impl Place {
    pub fn new(span: Span, words: impl Into<String>) -> Place {
        Place { span, words: words.into() }
    }
}

/// The marks of one step graph.
#[derive(Default)]
pub(super) struct Marks(HashMap<Id, Place>);

/// What a stage hands on, by which labels leave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Door {
    Save,
    /// The weights and states of its nets.
    Learnt,
    Metric,
}

/// How each forbidden label reached each door of a finished stage.
#[derive(Default)]
pub(super) struct Ways(Vec<(Door, String, Label, Vec<Place>)>);

impl Ways {
    pub fn add(&mut self, door: Door, name: &str, label: &Label, places: Vec<Place>) {
        self.0.push((door, name.to_string(), label.clone(), places));
    }

    pub fn extend(&mut self, other: Ways) {
        self.0.extend(other.0);
    }

    fn find(&self, door: Door, name: &str, label: &Label) -> &[Place] {
        let way = self.0.iter().find(|(at, of, what, _)| *at == door && of == name && what == label);
        way.map_or(&[], |(.., places)| places)
    }
}

impl<'p> Lower<'p, '_> {
    /// The value of an expression of the user's own text, with a mark of what the expression did to it.
    pub(super) fn traced(&mut self, value: Value<'p>, expr: &'p Expr, scope: &Scope<'p>) -> Value<'p> {
        if !self.is_traced(&value, scope) {
            return value;
        }
        match &expr.kind {
            ExprKind::Call { callee, .. } => self.through(value, callee),
            ExprKind::Pipe { into, .. } => match &into.kind {
                ExprKind::Call { callee, .. } => self.through(value, callee),
                _ => self.through(value, into),
            },
            ExprKind::Binary { operator, .. } => {
                let sign = super::operators::sign(*operator);
                self.mark(value, expr.span, &|| format!("through `{sign}`"))
            }
            ExprKind::Unary { operator, .. } => {
                let sign = if *operator == UnaryOperator::Not { "not" } else { "-" };
                self.mark(value, expr.span, &|| format!("through `{sign}`"))
            }
            ExprKind::Field { name, .. } => self.mark(value, name.span, &|| format!("read as `.{}`", name.text)),
            ExprKind::Index { index, .. } => self.mark(value, index.span, &|| "taken out of a list".to_string()),
            ExprKind::List(items) => match value {
                Value::List(values) if values.len() == items.len() => {
                    let marked = values.iter().zip(items).enumerate().map(|(i, (value, item))| {
                        self.mark(value.clone(), item.span, &|| format!("as element {i} of a list"))
                    });
                    Value::list(marked.collect())
                }
                other => other,
            },
            ExprKind::Record(settings) => match value {
                Value::Record(fields) if fields.len() == settings.len() => {
                    let mut marked = (*fields).clone();
                    for (value, setting) in marked.values_mut().zip(settings) {
                        let name = &setting.name;
                        *value = self
                            .mark(value.clone(), name.span, &|| format!("in the field `{}` of a record", name.text));
                    }
                    Value::Record(marked.into())
                }
                other => other,
            },
            ExprKind::Comprehension { body, .. } => {
                self.mark(value, body.span, &|| "in a list made by a loop".to_string())
            }
            _ => value,
        }
    }

    /// A value that gets a name: a `let`, a parameter, the variable of a loop.
    pub(super) fn named(
        &mut self,
        value: Value<'p>,
        span: Span,
        scope: &Scope<'p>,
        words: &dyn Fn() -> String,
    ) -> Value<'p> {
        if self.is_traced(&value, scope) { self.mark(value, span, words) } else { value }
    }

    /// Whether a label may have to be told of: forbidden, or of pictures that figures are computed on.
    pub(super) fn is_tracked(&self, label: &Label) -> bool {
        let evaluated = matches!(label, Label::Seen { split, .. } if touches_evaluation(split));
        evaluated || self.allowed.forbids(label)
    }

    fn is_traced(&self, value: &Value<'p>, scope: &Scope<'p>) -> bool {
        self.holds_tracked(value) && self.is_users(scope.module)
    }

    /// What is called, in the words of the text.
    fn through(&mut self, value: Value<'p>, callee: &'p Expr) -> Value<'p> {
        let words = match &callee.kind {
            ExprKind::Name(name) => format!("through `{name}`"),
            ExprKind::Field { name, .. } => format!("through `{}`", name.text),
            _ => "through a function without a name".to_string(),
        };
        self.mark(value, callee.span, &|| words.clone())
    }

    /// Whether a value is, or as a list or record holds, a tensor with a label that is tracked. A list is told by its first element.
    fn holds_tracked(&self, value: &Value<'p>) -> bool {
        match value {
            Value::Tensor(id) => self.step.as_ref().is_some_and(|step| {
                step.graph.contains(*id) && step.graph.node(*id).fact.labels.iter().any(|label| self.is_tracked(label))
            }),
            Value::List(items) => {
                let may = matches!(items.first(), Some(Value::Tensor(_) | Value::List(_) | Value::Record(_)));
                may && items.iter().any(|item| self.holds_tracked(item))
            }
            Value::Record(fields) => fields.values().any(|field| self.holds_tracked(field)),
            _ => false,
        }
    }

    fn mark(&mut self, value: Value<'p>, span: Span, words: &dyn Fn() -> String) -> Value<'p> {
        if !self.holds_tracked(&value) {
            return value;
        }
        match value {
            Value::Tensor(id) => Value::Tensor(self.mark_node(id, span, words).unwrap_or(id)),
            Value::List(items) => Value::list(items.iter().map(|item| self.mark(item.clone(), span, words)).collect()),
            Value::Record(fields) => {
                let mut marked = (*fields).clone();
                marked.values_mut().for_each(|field| *field = self.mark(field.clone(), span, words));
                Value::Record(marked.into())
            }
            other => other,
        }
    }

    fn mark_node(&mut self, id: Id, span: Span, words: &dyn Fn() -> String) -> Option<Id> {
        let step = self.step.as_mut()?;
        // `updating` must know a state when it sees one.
        if matches!(step.graph.node(id).kind, Kind::State(_)) {
            return None;
        }
        let same = ops::find("declassify")?;
        let mark = step.graph.apply(same, &[Some(id)], Attrs::new(), Origin::default()).ok()?;
        step.marks.0.insert(mark, Place::new(span, words()));
        Some(mark)
    }

    /// The places from the source of `label` to the node `to` of the graph at hand.
    pub(super) fn way(&self, to: Id, label: &Label, samples: Option<&Samples>) -> Vec<Place> {
        let Some(step) = &self.step else { return Vec::new() };
        let graph = &step.graph;
        let mut places: Vec<Place> = Vec::new();
        let mut at = to;
        loop {
            places.extend(step.marks.0.get(&at).cloned());
            let next =
                graph.inputs(at).into_iter().flatten().find(|input| graph.node(*input).fact.labels.contains(label));
            match next {
                Some(input) => at = input,
                None => break,
            }
        }
        places.reverse();
        let mut way = self.source(graph, at, label, samples);
        way.extend(places);
        way
    }

    /// How a label came to a leaf, through earlier stages if it did.
    fn source(&self, graph: &Graph, leaf: Id, label: &Label, samples: Option<&Samples>) -> Vec<Place> {
        let node = graph.node(leaf);
        let Some(span) = node.origin.outermost() else { return Vec::new() };
        let (from, words) = match &node.kind {
            Kind::Field(name) if let Some(way) = remembered(samples, name, label) => {
                (way, format!("`{name}`: the memory of this stage"))
            }
            Kind::Field(name) => match samples.and_then(|samples| joined(samples, name)) {
                Some((stage, save)) if stage < self.stages.len() => {
                    let stage = &self.stages[stage];
                    let artifact = format!("{}.{save}", stage.result.name);
                    let way = stage.ways.find(Door::Save, save, label);
                    (way, format!("joined as `{name}`: the artifact `{artifact}`"))
                }
                _ => (&[][..], format!("`{name}`: {}", label.words())),
            },
            Kind::State(path) if path.contains('/') => {
                let path = self.shown_path(path);
                let figure = path.replacen('/', ".", 1);
                let way = path.split_once('/').and_then(|(stage, figure)| {
                    let metric = figure.split('.').next().unwrap_or(figure);
                    Some(self.stage_called(stage)?.ways.find(Door::Metric, metric, label))
                });
                (way.unwrap_or(&[]), format!("the number `{figure}`"))
            }
            Kind::Weight { path, .. } | Kind::State(path) => match self.stage_of_path(path) {
                Some((stage, net)) => {
                    let way = stage.ways.find(Door::Learnt, "", label);
                    let words = match (way, label) {
                        ([], Label::Seen { .. }) => format!("the net `{net}`, trained on {}", label.words()),
                        ([], _) => format!("the net `{net}`: {}", label.words()),
                        _ => format!("the net `{net}`, trained on them"),
                    };
                    (way, words)
                }
                None => {
                    let net = self.step.as_ref().and_then(|step| path.strip_prefix(&step.stage)?.strip_prefix('.'));
                    let net = net.and_then(|rest| rest.split('.').next()).unwrap_or(path);
                    let ways = self.stages.iter().rev().map(|stage| stage.ways.find(Door::Learnt, "", label));
                    match ways.into_iter().find(|way| !way.is_empty()) {
                        // A net that begins as another one (`clone`, `init_from`).
                        Some(way) => (way, format!("the net `{net}`, which begins with weights trained on them")),
                        None => (&[][..], format!("the net `{net}`: {}", label.words())),
                    }
                }
            },
            _ => (&[][..], label.words()),
        };
        let mut way = from.to_vec();
        way.push(Place::new(span, words));
        way
    }

    /// The path of a weight or a number with its stage as the pipeline shows it.
    fn shown_path(&self, path: &str) -> String {
        self.step.as_ref().map_or_else(|| path.to_owned(), |step| identity::shown(&step.scope, path))
    }

    fn stage_called(&self, name: &str) -> Option<&LoweredStage<'p>> {
        self.stages.iter().find(|stage| stage.result.name == name)
    }

    /// The stage that a weight belongs to, and its net as later stages write it.
    fn stage_of_path(&self, path: &str) -> Option<(&LoweredStage<'p>, String)> {
        let path = self.shown_path(path);
        let owner =
            |stage: &&LoweredStage| path.strip_prefix(&stage.result.name).is_some_and(|rest| rest.starts_with('.'));
        let stage = self.stages.iter().filter(owner).max_by_key(|stage| stage.result.name.len())?;
        let net = path[stage.result.name.len() + 1..].split('.').next().unwrap_or_default();
        Some((stage, format!("{}.{net}", stage.result.name)))
    }

    /// The node itself behind its marks.
    pub(super) fn unmarked(&self, id: Id) -> Id {
        let Some(step) = &self.step else { return id };
        let marked =
            |id: Id| step.graph.inputs(id).into_iter().flatten().next().filter(|_| step.marks.0.contains_key(&id));
        std::iter::successors(Some(id), |id| marked(*id)).last().unwrap_or(id)
    }

    /// Takes the marks out of the graph at hand: what read one reads what it marked.
    pub(super) fn unmark(&mut self) {
        let Some(step) = &mut self.step else { return };
        let mut marks: Vec<Id> = std::mem::take(&mut step.marks.0).into_keys().collect();
        marks.sort();
        for mark in marks {
            if let Some(marked) = step.graph.inputs(mark).into_iter().flatten().next() {
                step.graph.rewire(mark, marked);
            }
            step.graph.remove(mark);
        }
    }
}

/// How a label came into a memory.
fn remembered<'s>(samples: Option<&'s Samples>, field: &str, label: &Label) -> Option<&'s [Place]> {
    let memory = samples?.memories.iter().find(|memory| memory.field == field)?;
    let way = memory.ways.iter().find(|(known, _)| known == label);
    Some(way.map_or(&[], |(_, places)| places))
}

/// The artifact behind a joined field, or behind one place of a joined list.
fn joined<'s>(samples: &'s Samples, field: &str) -> Option<(usize, &'s str)> {
    samples.joins.iter().find_map(|join| {
        let place = (0..join.artifacts.len()).find(|place| join.leaf(*place) == field)?;
        let (stage, save) = &join.artifacts[place];
        Some((*stage, &**save))
    })
}
