//! `memory` and `refresh`: what a stage keeps of every picture, and the graphs that compute it anew.
//!
//! Refreshes are lowered before the step, so that the step knows which labels a memory holds. A refresh sees the pictures as they are
//! in the data set, but for `standardize`: what else the stage does to them belongs to its steps.

mod kind;
mod when;

use std::rc::Rc;

use super::Entries;
use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::{Id, Kind, Output, Role};
use crate::lower::trace::Place;
use crate::lower::value::{Remembered, Samples, Scope};
use crate::lower::{Lower, Memory, Refresh, Step, When};
use crate::source::Span;
use crate::syntax::ast::{EntryKind, Expr, Name, Type};
use crate::types::{Fact, Label, Labels};

/// Places of random ops that a step may have before those of the first refresh begin.
const RANDOM: i64 = 1_000_000;

impl<'p> Lower<'p, '_> {
    /// The memories of a stage, with their refreshes; `samples` are those of its step and get them as fields.
    pub(super) fn memories(&mut self, entries: &Entries<'p>, samples: &mut Rc<Samples<'p>>) -> Vec<Memory> {
        let mut memories: Vec<Memory> = Vec::new();
        for (entry, scope) in &entries.later {
            let EntryKind::Memory { name, ty, initial } = &entry.kind else { continue };
            match self.declared(name, ty, initial, samples, scope) {
                Some((fact, initial)) => {
                    let (name, ways) = (name.text.clone(), Vec::new());
                    Rc::make_mut(samples).memories.push(Remembered { field: name.clone(), fact: fact.clone(), ways });
                    memories.push(Memory { name, fact, initial, refreshes: Vec::new() });
                }
                None => Rc::make_mut(samples).unknown.push(name.text.clone()),
            }
        }
        let mut count = 0;
        let mut reads: Vec<(usize, String, Place)> = Vec::new();
        for (entry, scope) in &entries.later {
            let EntryKind::Refresh { name, when, fields, value } = &entry.kind else { continue };
            let Some(place) = memories.iter().position(|memory| memory.name == name.text) else {
                self.unknown_memory(name, entries);
                continue;
            };
            let types = entries.later.iter().filter_map(|(entry, _)| match &entry.kind {
                EntryKind::Memory { name: declared, ty, .. } if declared.text == name.text => Some(ty),
                _ => None,
            });
            let Some(ty) = types.into_iter().next() else { continue };
            count += 1;
            let when = self.when(when, scope);
            let Some((refresh, labels)) =
                self.refreshed((name, fields, value), (ty, &memories[place].fact), samples, scope, count, entry.span)
            else {
                continue;
            };
            let kept = kept(name);
            reads.extend(refresh.data.fields.iter().map(|field| (place, field.clone(), kept.clone())));
            let remembered = &mut Rc::make_mut(samples).memories[place];
            remembered.fact.labels = remembered.fact.labels.join(&labels.0);
            remembered.ways.extend(labels.1);
            if let Some(when) = when {
                memories[place].refreshes.push(Refresh { when, ..refresh });
            }
        }
        // What one memory holds may come out of another: as often as there are memories, it may go on to a further one.
        for _ in 0..memories.len() {
            for (place, field, kept) in &reads {
                let all = &mut Rc::make_mut(samples).memories;
                let Some(read) = all.iter().find(|memory| memory.field == *field).cloned() else { continue };
                let memory = &mut all[*place];
                memory.fact.labels = memory.fact.labels.join(&read.fact.labels);
                for (label, mut way) in read.ways {
                    if !memory.ways.iter().any(|(known, _)| *known == label) {
                        way.push(kept.clone());
                        memory.ways.push((label, way));
                    }
                }
            }
        }
        memories
    }

    fn unknown_memory(&mut self, name: &Name, entries: &Entries<'p>) {
        let written = entries.later.iter().filter_map(|(entry, _)| match &entry.kind {
            EntryKind::Memory { name, .. } => Some(name.text.as_str()),
            _ => None,
        });
        let written: Vec<&str> = written.collect();
        // One that has a mistake of its own is known all the same.
        if written.contains(&name.text.as_str()) {
            return;
        }
        self.report(
            Diagnostic::error(Code::UnknownName, format!("the stage has no memory `{}`", name.text))
                .label(name.span, "nothing to refresh")
                .help(match written.is_empty() {
                    true => format!("declare it: `memory {}: index_or_ignore[H, W] = ignore`", name.text),
                    false => suggest::help(&name.text, "memories", written),
                }),
        );
    }

    /// The graph of a refresh, and the labels of what it gives with the way each took.
    #[expect(clippy::type_complexity, reason = "labels with their ways are spoken of only here")]
    fn refreshed(
        &mut self,
        (name, fields, value): (&'p Name, &'p [Name], &'p Expr),
        (ty, declared): (&'p Type, &Fact),
        samples: &Samples<'p>,
        scope: &Scope<'p>,
        count: i64,
        span: Span,
    ) -> Option<(Refresh, (Labels, Vec<(Label, Vec<Place>)>))> {
        let mut plain = samples.clone();
        plain.changes.retain(|change| change.transform.normalizes());
        plain.maps.clear();
        let of_stage = self.step.take()?;
        self.step = Some(Step {
            stage: of_stage.stage.clone(),
            scope: of_stage.scope.clone(),
            timed: true,
            random: count * RANDOM,
            carried: of_stage.carried.clone(),
            ..Step::default()
        });
        let id = self.refresh_value(fields, value, &plain, scope);
        let id = id.filter(|id| self.keeps_type(*id, declared, name, ty, value.span));
        let found = id.and_then(|id| {
            let labels = self.step.as_ref()?.graph.node(id).fact.labels.clone();
            let ways = labels.iter().filter(|label| self.allowed.forbids(label)).map(|label| {
                let mut way = self.way(id, label, Some(&plain));
                way.push(kept(name));
                (label.clone(), way)
            });
            let ways = ways.collect();
            Some((labels, ways))
        });
        if let (Some(step), Some(id)) = (&mut self.step, id) {
            let output = Output { role: Role::Save, name: name.text.clone(), nodes: vec![id], span: Some(name.span) };
            step.graph.outputs.push(output);
        }
        self.unmark();
        let step = self.step.replace(of_stage)?;
        let read = step.graph.ids().filter_map(|id| match &step.graph.node(id).kind {
            Kind::Field(name) => Some(name.clone()),
            _ => None,
        });
        let data = self.data_plan(Some(&plain), &step.stage, &step.scope, read.collect());
        let when = When { from: 0, every: None, until: None, plateau: None };
        Some((Refresh { when, graph: step.graph, data, span }, found?))
    }

    fn refresh_value(
        &mut self,
        fields: &'p [Name],
        value: &'p Expr,
        samples: &Samples<'p>,
        scope: &Scope<'p>,
    ) -> Option<Id> {
        let sample = self.sample(samples);
        let mut scope = scope.clone();
        for field in fields {
            let value = self.sample_field(&sample, field);
            scope.bind(&field.text, value);
        }
        let found = self.expr(value, &scope);
        self.tensor(found, value.span)
    }
}

/// The last place on the way of a label into a memory.
fn kept(name: &Name) -> Place {
    Place::new(name.span, format!("kept in the memory `{}`", name.text))
}
