//! Stages: settings are read, nets get their place, the body becomes the step graph, and what it may not do is refused.

mod body;
mod family;
mod guards;
mod inputs;
mod keep;
mod memory;
mod result;
mod reused;
mod settings;
mod shared_norm;
mod submission;
mod train;
mod validate;
mod weights;

use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;

use super::recipe::{Stage, StageKind, Weight};
use super::trace::Ways;
use super::value::{NetValue, OptimizerValue, Scope, Value};
use super::{Lower, Stages, Step, data, identity, prove};
use crate::diag::{Code, Diagnostic};
use crate::graph::Kind;
use crate::hir::ItemRef;
use crate::source::Span;
use crate::syntax::ast::{self, BodyOf, EntryKind};
use crate::types::Fact;
use result::{measured, saves, written};
pub(super) use submission::competition;

/// A stage with what later stages may read of it.
pub(super) struct LoweredStage<'p> {
    pub result: Stage,
    pub nets: IndexMap<String, NetValue<'p>>,
    pub saves: IndexMap<String, Artifact>,
    /// Every net, save and metric that is written, also where a mistake kept it from being made.
    pub written: Vec<String>,
    /// How forbidden labels came to what it hands on.
    pub ways: Ways,
}

/// What is known of a saved map.
pub(super) struct Artifact {
    pub fact: Fact,
    /// Made on the pictures as they are in the data set, so that a full-size map is as large as the mask.
    pub whole: bool,
}

/// What the entries of a stage said.
#[derive(Default)]
pub(super) struct Entries<'p> {
    /// The full name of the stage: `x`, or `x[1]` of a family.
    stage: String,
    pub settings: HashMap<String, (Value<'p>, Span)>,
    nets: IndexMap<String, NetValue<'p>>,
    weights: Vec<Weight>,
    rates: Vec<(String, f64)>,
    decay: Vec<(String, f64)>,
    optimizers: Vec<(String, Rc<OptimizerValue<'p>>)>,
    /// Memories, refreshes, the body and the validation, each with the names it sees: they are lowered when all settings are known.
    later: Vec<(&'p ast::Entry, Scope<'p>)>,
    keep: Option<keep::Said>,
    body: bool,
}

impl<'p> Lower<'p, '_> {
    pub(super) fn stage(&mut self, item: ItemRef, stage: &'p ast::Stage) {
        self.open_stages.push(item);
        let scope = Scope::of_module(item.0);
        match &stage.family {
            Some(family) => self.family(item, stage, family, scope),
            None => {
                if let Some(place) = self.one_stage(stage, stage.name.text.clone(), scope) {
                    self.stage_of_item.insert(item, Stages::One(place));
                }
            }
        }
        self.open_stages.pop();
    }

    /// Lowers one stage under its full name in its own recipe; gives its place.
    fn one_stage(&mut self, stage: &'p ast::Stage, name: String, mut scope: Scope<'p>) -> Option<usize> {
        let alias = self.program.module(scope.module).scope.clone();
        let kind = match stage.kind {
            ast::StageKind::Train => StageKind::Train,
            ast::StageKind::Infer => StageKind::Infer,
            ast::StageKind::Score => StageKind::Score,
        };
        let training = kind == StageKind::Train;
        self.step =
            Some(Step { stage: name.clone(), scope: alias.clone(), training, timed: training, ..Step::default() });
        let mut entries = Entries { stage: name.clone(), ..Entries::default() };
        for entry in &stage.entries {
            self.entry(entry, stage, &mut entries, &mut scope);
        }
        let mut samples = self.samples(stage, &entries);
        let memories = samples.as_mut().map_or_else(Vec::new, |samples| self.memories(&entries, samples));
        if let Some(samples) = &samples {
            data::choices(self, samples);
        }
        for (entry, scope) in &entries.later {
            if let EntryKind::Body { of: BodyOf::Step | BodyOf::Each, fields, statements } = &entry.kind {
                self.body(fields, statements, samples.clone(), &entries, scope);
            }
        }
        let validated = self.validated(stage, &entries);
        if !entries.body && !self.is_cut(stage) {
            let (code, word) = match kind {
                StageKind::Train => (Code::NoLoss, "step"),
                _ => (Code::NothingSaved, "each"),
            };
            self.report(
                Diagnostic::error(code, format!("the stage `{}` does nothing", stage.name.text))
                    .label(stage.name.span, format!("has no `{word}` block"))
                    .help(format!("add `{word} {{ image, tags }} {{ … }}`")),
            );
        }
        let train = (kind == StageKind::Train).then(|| self.train(stage, &entries, validated.as_ref())).flatten();
        let epochs =
            train.as_ref().and_then(|train| train.epochs(samples.as_ref().and_then(|samples| samples.images())));
        self.look_at_memories(stage, &memories, epochs);
        if entries.body {
            prove::purpose(self, stage);
        }
        self.shared_statistics(&entries);
        let nets: Vec<String> = entries.nets.keys().cloned().collect();
        let (mut seen, mut ways) = self.prove_labels(kind, samples.as_deref(), &nets, stage.name.span);
        let step = self.step.take()?;
        let saves = saves(&step.graph, samples.as_deref());
        let mut measured = measured(&step.graph);
        let mut borrowed = self.borrowed(&step.graph, &entries.weights, &alias);
        let validation = validated.map(|validated| {
            seen.figures.extend(validated.figures);
            ways.extend(validated.ways);
            validated.validation
        });
        let refreshes = memories.iter().flat_map(|memory| &memory.refreshes).map(|refresh| &refresh.graph);
        for graph in refreshes.chain(validation.as_ref().map(|validation| &validation.graph)) {
            measured.extend(result::measured(graph));
            for weight in self.borrowed(graph, &[], &alias) {
                if !borrowed.iter().any(|known| known.path() == weight.path()) {
                    borrowed.push(weight);
                }
            }
        }
        let fields = step.graph.ids().filter_map(|id| match &step.graph.node(id).kind {
            Kind::Field(name) => Some(name.clone()),
            _ => None,
        });
        let fields = fields.collect();
        let data = self.data_plan(samples.as_deref(), &name, &alias, fields);
        let result = Stage {
            name: identity::shown(&alias, &name),
            family: stage.family.is_some().then(|| identity::shown(&alias, &stage.name.text)),
            scope: alias,
            kind,
            data,
            graph: step.graph,
            weights: entries.weights,
            borrowed,
            train,
            memories,
            validation,
            seen,
            measured,
            submissions: step.submissions,
            span: stage.name.span,
        };
        let written = written(stage);
        self.stages.push(LoweredStage { result, nets: entries.nets, saves, written, ways });
        Some(self.stages.len() - 1)
    }

    fn entry(
        &mut self,
        entry: &'p ast::Entry,
        stage: &'p ast::Stage,
        entries: &mut Entries<'p>,
        scope: &mut Scope<'p>,
    ) {
        match &entry.kind {
            EntryKind::Setting(setting) => self.setting(setting, stage, entries, scope),
            EntryKind::Net { name, value } => self.net_entry(name, value, entries, scope),
            EntryKind::Paths { of, entries: paths } => self.paths(*of, paths, entries, scope),
            EntryKind::Let(binding) => {
                let value = self.expr(&binding.value, scope);
                scope.bind(&binding.name.text, value);
            }
            EntryKind::Body { of: BodyOf::Validate { .. }, .. } => self.validate_entry(entry, stage, entries, scope),
            EntryKind::Body { of, .. } => {
                let step = *of == BodyOf::Step;
                if step != (stage.kind == ast::StageKind::Train) || entries.body {
                    let (is, word) = if step { ("`step`", "each") } else { ("`each`", "step") };
                    let message = if entries.body {
                        "a stage has one body".to_string()
                    } else {
                        format!("{is} does not belong into this stage")
                    };
                    let help = if entries.body { "put both into one".into() } else { format!("write `{word}`") };
                    self.report(Diagnostic::error(Code::UnknownSetting, message).label(entry.span, "here").help(help));
                    entries.body = true;
                    return;
                }
                entries.body = true;
                entries.later.push((entry, scope.clone()));
            }
            EntryKind::Memory { name, .. } | EntryKind::Refresh { name, .. } => {
                if stage.kind == ast::StageKind::Train {
                    entries.later.push((entry, scope.clone()));
                    return;
                }
                self.report(
                    Diagnostic::error(Code::UnknownSetting, "only a `train` stage keeps a memory")
                        .label(name.span, "there are no epochs here")
                        .help("`save` keeps a map of each picture for later stages"),
                );
            }
            EntryKind::Error => {}
        }
    }
}
