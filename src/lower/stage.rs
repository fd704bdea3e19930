//! Stages: settings are read, nets get their place, the body becomes the step graph, and what it may not do is refused.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use indexmap::IndexMap;

use super::errors;
use super::recipe::{DataPlan, Init, Stage, StageKind, Weight};
use super::value::{MetricCall, NetPath, NetValue, Samples, Scope, Value};
use super::{Lower, Step, data, prove};
use crate::data::Placed;
use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::{Graph, Id, Kind, Output, Role};
use crate::ops::Attrs;
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind, Name, Setting, StatementKind};
use crate::types::{Dim, Fact, Level};

/// A stage with what later stages may read of it.
pub(super) struct LoweredStage<'p> {
    pub result: Stage,
    pub nets: IndexMap<String, NetValue<'p>>,
    pub saves: IndexMap<String, Artifact>,
    pub metrics: Vec<(String, bool)>,
    /// Every net, save and metric that is written, also where a mistake kept it from being made.
    pub written: Vec<String>,
    /// The strongest label its losses saw: what its weights have learnt from.
    pub learnt: Level,
}

/// What is known of a saved map.
pub(super) struct Artifact {
    pub fact: Fact,
    /// Made on the pictures as they are in the data set, so that a full-size map is as large as the mask.
    pub whole: bool,
}

/// The settings a stage may have.
fn known_settings(kind: ast::StageKind) -> &'static [&'static str] {
    match kind {
        ast::StageKind::Train => &["data", "batch", "epochs", "steps", "optimizer"],
        ast::StageKind::Infer | ast::StageKind::Score => &["data"],
    }
}

/// What the entries of a stage said.
#[derive(Default)]
pub(super) struct Entries<'p> {
    pub settings: HashMap<String, (Value<'p>, Span)>,
    nets: IndexMap<String, NetValue<'p>>,
    weights: Vec<Weight>,
    pub rates: Vec<(String, f64)>,
    body: bool,
}

impl<'p> Lower<'p, '_> {
    pub(super) fn stage(&mut self, item: usize, stage: &'p ast::Stage) {
        let kind = match stage.kind {
            ast::StageKind::Train => StageKind::Train,
            ast::StageKind::Infer => StageKind::Infer,
            ast::StageKind::Score => StageKind::Score,
        };
        let learnt = self.stages.iter().map(|stage| (stage.result.name.clone(), stage.learnt)).collect();
        self.step = Some(Step {
            stage: stage.name.text.clone(),
            training: kind == StageKind::Train,
            graph: Graph::new(),
            random: 0,
            learnt,
        });
        let mut scope = Scope::of_module(self.program.recipe());
        let mut entries = Entries::default();
        for entry in &stage.entries {
            self.entry(entry, stage, &mut entries, &mut scope);
        }
        let samples = self.samples(stage, &entries);
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
        let train = (kind == StageKind::Train).then(|| self.train(stage, &entries)).flatten();
        if entries.body {
            prove::purpose(self, stage);
        }
        prove::supervision(self);
        let Some(step) = self.step.take() else { return };
        let learnt = prove::strongest(&step.graph, Role::Loss);
        let saves = saves(&step.graph, samples.as_deref());
        let metrics = metrics(&step.graph);
        let borrowed = self.borrowed(&step.graph, &entries.weights, &stage.name.text);
        let fields = step.graph.ids().filter_map(|id| match &step.graph.node(id).kind {
            Kind::Field(name) => Some(name.clone()),
            _ => None,
        });
        let fields = fields.collect();
        let data = self.data_plan(samples.as_deref(), &stage.name.text, fields);
        let result = Stage {
            name: stage.name.text.clone(),
            kind,
            data,
            graph: step.graph,
            weights: entries.weights,
            borrowed,
            train,
            span: stage.name.span,
        };
        self.stage_of_item.insert(item, self.stages.len());
        let written = written(stage);
        self.stages.push(LoweredStage { result, nets: entries.nets, saves, metrics, written, learnt });
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
            EntryKind::Net { name, value } => self.net_entry(name, value, stage, entries, scope),
            EntryKind::Rates(rates) => self.rates(rates, stage, entries, scope),
            EntryKind::Let(binding) => {
                let value = self.expr(&binding.value, scope);
                scope.bind(&binding.name.text, value);
            }
            EntryKind::Body { step, fields, statements } => {
                let wanted = stage.kind == ast::StageKind::Train;
                if *step != wanted || entries.body {
                    let (is, word) = if *step { ("`step`", "each") } else { ("`each`", "step") };
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
                let samples = self.samples_quietly(entries);
                self.body(fields, statements, samples, scope);
            }
            EntryKind::Error => {}
        }
    }

    fn setting(&mut self, setting: &'p Setting, stage: &ast::Stage, entries: &mut Entries<'p>, scope: &Scope<'p>) {
        let name = &setting.name;
        let known = known_settings(stage.kind);
        let value = self.expr(&setting.value, scope);
        if !known.contains(&name.text.as_str()) {
            let stage = match stage.kind {
                ast::StageKind::Train => "a `train`",
                ast::StageKind::Infer => "an `infer`",
                ast::StageKind::Score => "a `score`",
            };
            self.report(
                Diagnostic::error(Code::UnknownSetting, format!("{stage} stage has no setting `{}`", name.text))
                    .label(name.span, "not a setting")
                    .help(suggest::help(&name.text, "settings", known.iter().copied())),
            );
            return;
        }
        if entries.settings.insert(name.text.clone(), (value, setting.value.span)).is_some() {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("`{}` is set twice", name.text))
                    .label(name.span, "set again here")
                    .help("remove one of them"),
            );
        }
    }

    fn net_entry(
        &mut self,
        name: &'p Name,
        value: &'p ast::Expr,
        stage: &ast::Stage,
        entries: &mut Entries<'p>,
        scope: &mut Scope<'p>,
    ) {
        let made = match self.expr(value, scope) {
            Value::Net(net) => net,
            other => {
                if !other.is_poison() {
                    self.report(errors::wrong_kind("a net", &other, value.span));
                }
                scope.bind(&name.text, Value::Poison);
                return;
            }
        };
        if entries.nets.contains_key(&name.text) {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("the stage has two nets `{}`", name.text))
                    .label(name.span, "again here")
                    .help("rename one of them"),
            );
        }
        let mut net = made;
        if net.path.is_none() {
            let place = NetPath { stage: stage.name.text.clone(), net: name.text.clone(), name: String::new() };
            // What is said of a weight later is said at the net of the recipe that holds it.
            let weights = self.weights(&net, &place).into_iter();
            entries.weights.extend(weights.map(|weight| Weight { span: value.span, ..weight }));
            net.path = Some(place);
        }
        scope.bind(&name.text, Value::Net(net.clone()));
        entries.nets.insert(name.text.clone(), net);
    }

    fn rates(&mut self, rates: &'p [Setting], stage: &ast::Stage, entries: &mut Entries<'p>, scope: &Scope<'p>) {
        for rate in rates {
            let Some(factor) = self.number(&rate.value, scope) else { continue };
            let path = &rate.name.text;
            let known: Vec<String> =
                entries.weights.iter().map(|weight| format!("{}.{}", weight.net, weight.name)).collect();
            let reached = known.iter().any(|weight| weight == path || weight.starts_with(&format!("{path}.")));
            if !reached {
                // Beginnings of weight names are what may be written.
                let mut layers: Vec<&str> =
                    known.iter().filter_map(|weight| weight.rsplit_once('.').map(|(layer, _)| layer)).collect();
                layers.dedup();
                self.report(
                    Diagnostic::error(
                        Code::UnknownLayer,
                        format!("no weight of `{}` is under `{path}`", stage.name.text),
                    )
                    .label(rate.name.span, "no such layer")
                    .help(suggest::help(path, "layers", layers)),
                );
                continue;
            }
            if factor < 0.0 {
                self.report(errors::out_of_range("a rate is 0 and up", rate.value.span, "10 is usual for a new head"));
                continue;
            }
            entries.rates.push((path.clone(), factor));
        }
    }

    pub(super) fn samples_quietly(&self, entries: &Entries<'p>) -> Option<Rc<Samples>> {
        match entries.settings.get("data") {
            Some((Value::Samples(samples), _)) => Some(samples.clone()),
            _ => None,
        }
    }

    fn samples(&mut self, stage: &ast::Stage, entries: &Entries<'p>) -> Option<Rc<Samples>> {
        match entries.settings.get("data") {
            Some((Value::Samples(samples), _)) => Some(samples.clone()),
            Some((Value::Poison, _)) => None,
            Some((other, span)) => {
                let diagnostic = errors::wrong_kind("the pictures of a data set", other, *span);
                self.report(diagnostic);
                None
            }
            None => {
                self.missing_setting(stage, "data", "for example `data = dataset.train |> standardize()`");
                None
            }
        }
    }

    /// Whether a part of the stage could not be read: what seems to be missing may be there.
    fn is_cut(&self, stage: &ast::Stage) -> bool {
        let unread = stage.entries.iter().any(|entry| matches!(entry.kind, EntryKind::Error));
        let items = &self.program.module(self.program.recipe()).tree.items;
        let item =
            items.iter().find(|item| matches!(&item.kind, ast::ItemKind::Stage(known) if std::ptr::eq(known, stage)));
        let within = |span: Span| {
            item.is_some_and(|item| {
                item.span.source == span.source && item.span.range().contains(&(span.start as usize))
            })
        };
        let syntax = self.problems.iter().filter(|problem| problem.code == Code::Syntax);
        let open = syntax.flat_map(|problem| &problem.labels).any(|label| within(label.span));
        unread || open
    }

    pub(super) fn missing_setting(&mut self, stage: &ast::Stage, name: &str, help: &str) {
        if self.is_cut(stage) {
            return;
        }
        self.report(
            Diagnostic::error(
                Code::MissingSetting,
                format!("the stage `{}` does not say its `{name}`", stage.name.text),
            )
            .label(stage.name.span, format!("has no `{name}`"))
            .help(help),
        );
    }

    fn body(
        &mut self,
        fields: &'p [Name],
        statements: &'p [ast::Statement],
        samples: Option<Rc<Samples>>,
        scope: &Scope<'p>,
    ) {
        let mut scope = scope.clone();
        let known = samples.as_ref().map(|samples| data::fields(self, samples));
        for field in fields {
            let value = match &known {
                None => Value::Poison,
                Some(known) => match known.iter().find(|(name, _)| *name == field.text) {
                    Some((name, fact)) => {
                        let origin = self.origin(field.span);
                        let (kind, fact) = (Kind::Field(name.clone()), fact.clone());
                        match &mut self.step {
                            Some(step) => Value::Tensor(step.graph.leaf(kind, fact, origin)),
                            None => Value::Poison,
                        }
                    }
                    None => {
                        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
                        self.report(errors::unknown_field("a sample", &field.text, field.span, names))
                    }
                },
            };
            scope.bind(&field.text, value);
        }
        for statement in statements {
            self.statement(statement, &mut scope);
        }
    }

    fn statement(&mut self, statement: &'p ast::Statement, scope: &mut Scope<'p>) {
        match &statement.kind {
            StatementKind::Let(binding) => {
                let value = self.expr(&binding.value, scope);
                scope.bind(&binding.name.text, value);
            }
            StatementKind::Loss { name, value } => self.loss(name, value, scope),
            StatementKind::Metric { name, value } => self.metric(name, value, scope),
            StatementKind::Show { name, value } => {
                let shown = match value {
                    Some(value) => (self.expr(value, scope), value.span),
                    None => (scope.local(&name.text).cloned().unwrap_or(Value::Poison), name.span),
                };
                if let Some(id) = self.tensor(shown.0, shown.1) {
                    self.output(Role::Show, name, vec![id]);
                }
            }
            StatementKind::Save { name, value } => {
                let saved = self.expr(value, scope);
                if let Some(id) = self.tensor(saved, value.span) {
                    self.save(name, id, value.span);
                }
            }
            StatementKind::Error => {}
        }
    }

    fn output(&mut self, role: Role, name: &Name, nodes: Vec<Id>) {
        let Some(step) = &mut self.step else { return };
        let word = role.word();
        let twice = step.graph.outputs.iter().find(|output| output.role.word() == word && output.name == name.text);
        if let Some(first) = twice.map(|output| output.span) {
            let mut diagnostic =
                Diagnostic::error(Code::DuplicateName, format!("there are two `{word} {}`", name.text))
                    .label(name.span, "again here")
                    .help("rename one of them");
            if let Some(first) = first {
                diagnostic = diagnostic.label(first, "first here");
            }
            self.report(diagnostic);
            return;
        }
        step.graph.outputs.push(Output { role, name: name.text.clone(), nodes, span: Some(name.span) });
    }

    fn save(&mut self, name: &Name, id: Id, span: Span) {
        let Some(step) = &mut self.step else { return };
        let fact = &step.graph.node(id).fact;
        if fact.dims.first() != Some(&Dim::symbol("B")) {
            let message = format!("a save holds one map an image, this is {fact}");
            self.report(
                Diagnostic::error(Code::RankMismatch, message)
                    .label(span, "its first axis is not the images")
                    .help("keep the batch axis: `[B, …]`"),
            );
            return;
        }
        self.output(Role::Save, name, vec![id]);
    }

    fn loss(&mut self, name: &Name, value: &'p ast::Expr, scope: &Scope<'p>) {
        if !self.step.as_ref().is_some_and(|step| step.training) {
            self.report(
                Diagnostic::error(Code::UnknownSetting, "only a `train` stage has losses")
                    .label(name.span, "a loss here lowers nothing")
                    .help("write `metric` to report the number"),
            );
        }
        let loss = self.expr(value, scope);
        let Some(id) = self.tensor(loss, value.span) else { return };
        let Some(step) = &self.step else { return };
        let fact = step.graph.node(id).fact.clone();
        if fact.rank() != 0 {
            self.report(
                Diagnostic::error(Code::RankMismatch, format!("a loss is one number, this is {fact}"))
                    .label(value.span, format!("this is {fact}"))
                    .help("take its `mean(…)` or `sum(…)`"),
            );
            return;
        }
        self.output(Role::Loss, name, vec![id]);
    }

    fn metric(&mut self, name: &Name, value: &'p ast::Expr, scope: &Scope<'p>) {
        let metric = self.expr(value, scope);
        let (role, nodes) = match metric {
            Value::MetricCall(call) => {
                let MetricCall { metric, inputs, attrs } = &*call;
                (Role::Metric { metric: metric.name.to_string(), attrs: attrs.clone() }, inputs.clone())
            }
            other => {
                let Some(id) = self.tensor(other, value.span) else { return };
                let Some(step) = &self.step else { return };
                let fact = step.graph.node(id).fact.clone();
                if fact.rank() != 0 || fact.domain.is_index() {
                    self.report(
                        Diagnostic::error(Code::RankMismatch, format!("a metric is one number, this is {fact}"))
                            .label(value.span, format!("this is {fact}"))
                            .help("take its `mean(…)`, or use a metric such as `miou(prediction, mask)`"),
                    );
                    return;
                }
                (Role::Metric { metric: "mean".to_string(), attrs: Attrs::new() }, vec![id])
            }
        };
        self.output(role, name, nodes);
    }

    /// Weights and states of earlier stages' nets that the graph reads or that weights of this one begin with.
    fn borrowed(&self, graph: &Graph, weights: &[Weight], own: &str) -> Vec<Weight> {
        let read = graph.ids().filter_map(|id| match &graph.node(id).kind {
            Kind::Weight { path, .. } | Kind::State(path) => Some(path.as_str()),
            _ => None,
        });
        let begun = weights.iter().filter_map(|weight| match &weight.init {
            Init::Weight(path) => Some(path.as_str()),
            _ => None,
        });
        let mut wanted: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut seen = HashSet::new();
        for path in read.chain(begun).filter(|path| seen.insert(*path)) {
            if let Some((stage, _)) = path.split_once('.')
                && stage != own
            {
                wanted.entry(stage).or_default().push(path);
            }
        }
        let mut borrowed = Vec::new();
        for lowered in &self.stages {
            let Some(paths) = wanted.get(lowered.result.name.as_str()) else { continue };
            let by_path: HashMap<String, &Weight> =
                lowered.result.weights.iter().map(|weight| (weight.path(), weight)).collect();
            borrowed.extend(paths.iter().filter_map(|path| by_path.get(*path).copied().cloned()));
        }
        borrowed
    }

    fn data_plan(&self, samples: Option<&Samples>, stage: &str, mut fields: Vec<String>) -> DataPlan {
        fields.sort();
        match samples {
            Some(samples) => DataPlan {
                source: samples.dataset.source.clone(),
                split: samples.split.clone(),
                transforms: samples
                    .transforms
                    .iter()
                    .enumerate()
                    .map(|(position, transform)| Placed {
                        transform: transform.clone(),
                        place: crate::random::place(&format!("{stage}/data/{position}")),
                    })
                    .collect(),
                joins: data::joins(self, samples),
                fields,
                classes: samples.dataset.classes.clone(),
            },
            // Only where a problem has been reported; such a recipe does not run.
            None => DataPlan {
                source: crate::data::Source::Scenes { images: 2, size: [16, 16], classes: 1, seed: 0 },
                split: "train".into(),
                transforms: Vec::new(),
                joins: Vec::new(),
                fields,
                classes: "K".into(),
            },
        }
    }

    /// `cams.cam`, `classifier.cls`, and the metrics of a stage, which may be looked at and never used.
    pub(super) fn stage_field(&mut self, position: usize, name: &Name) -> Value<'p> {
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
        if let Some((_, oracle)) = stage.metrics.iter().find(|(metric, _)| *metric == name.text) {
            let why = if *oracle { "was chosen by looking at pixel masks" } else { "is known only after a run" };
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

fn written(stage: &ast::Stage) -> Vec<String> {
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

fn saves(graph: &Graph, samples: Option<&Samples>) -> IndexMap<String, Artifact> {
    let whole = samples.is_none_or(Samples::is_whole);
    let saves = graph.outputs.iter().filter(|output| output.role == Role::Save);
    saves
        .map(|output| (output.name.clone(), Artifact { fact: graph.node(output.nodes[0]).fact.clone(), whole }))
        .collect()
}

fn metrics(graph: &Graph) -> Vec<(String, bool)> {
    let metrics = graph.outputs.iter().filter_map(|output| match &output.role {
        Role::Metric { metric, .. } => {
            Some((output.name.clone(), crate::metrics::find(metric).is_some_and(|metric| metric.oracle)))
        }
        _ => None,
    });
    metrics.collect()
}
