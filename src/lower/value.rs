//! What an expression of a recipe can be while it is elaborated. Only [`Value::Tensor`] becomes a node of a graph.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;

use super::data::Sample;
use super::recipe::{Init, Optimizer, WeightsFile};
use super::trace::Place;
use crate::data::{Method, Source as DataSource, Transform};
use crate::graph::Id;
use crate::hir::ModuleId;
use crate::hir::builtins::Builtin;
use crate::metrics::MetricDef;
use crate::ops::{Attrs, OpDef};
use crate::source::Span;
use crate::syntax::ast::{self, Unit};
use crate::types::{Dim, Fact, Label};

#[derive(Clone)]
pub(crate) enum Value<'p> {
    Nothing,
    Bool(bool),
    Number(f64),
    /// A number that says what it counts.
    Quantity(f64, Unit),
    /// A whole number that holds symbols; one without symbols is a `Number`.
    Dim(Dim),
    Text(Rc<str>),
    List(Rc<Vec<Value<'p>>>),
    Record(Rc<IndexMap<String, Value<'p>>>),
    Range(Range),
    Function(Rc<Closure<'p>>),
    Op(&'static OpDef),
    Builtin(&'static Builtin),
    Metric(&'static MetricDef),
    NetDef {
        module: ModuleId,
        net: &'p ast::Net,
    },
    Net(NetValue<'p>),
    Tensor(Id),
    Init(Init),
    Dataset(Rc<Dataset>),
    /// A folder of maps, to be joined.
    Maps(Rc<OutsideMaps>),
    Samples(Rc<Samples<'p>>),
    /// A batch of samples inside a step.
    Sample(Rc<Sample<'p>>),
    /// A stage that stands above, by its place.
    Stage(usize),
    /// What a stage above saves, by its place and the name of the save.
    Artifact(usize, Rc<str>),
    /// A module taken in whole.
    Module(Rc<Vec<ModuleId>>),
    Optimizer(Rc<OptimizerValue<'p>>),
    MetricCall(Rc<MetricCall>),
    /// Class numbers that a `save` is to pack for a test server.
    Submission(Rc<SubmissionValue>),
    /// The result of a mistake that has been reported; whatever is done with it is not reported again.
    Poison,
}

/// Both ends belong to a range.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Range {
    pub start: f64,
    pub end: Option<f64>,
    pub step: Option<f64>,
    pub unit: Option<Unit>,
}

/// A function with what it closes over.
pub(crate) struct Closure<'p> {
    pub code: Code<'p>,
    pub scope: Scope<'p>,
}

#[derive(Clone, Copy)]
pub(crate) enum Code<'p> {
    Function(&'p ast::Function),
    Lambda { parameters: &'p [ast::Name], body: &'p ast::Expr },
}

/// A net with its arguments; a weight belongs to the place where the net was declared or made a layer.
#[derive(Clone)]
pub(crate) struct NetValue<'p> {
    pub tree: Rc<NetTree<'p>>,
    /// Apart, so that a value stays small: elaboration nests deeply.
    pub path: Option<Rc<NetPath>>,
    pub frozen: bool,
    /// Whether it runs in training mode, where that was said: `eval_mode(net)`, `train_mode(net)`.
    pub mode: Option<bool>,
    /// What was said of parts of it, or of parts of what holds it, with the path that leads here from there.
    pub marks: Vec<(Rc<Mark>, String)>,
    /// Where its weights begin, if not with draws of their own.
    pub begin: Option<Rc<Begin>>,
    /// What it adds to the paths of its weights as a layer, where that is not the layer's name; may be empty.
    pub name: Option<Rc<str>>,
}

/// Where a net lives: `trunk.layer1` within the net `cls` of the stage `classifier`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NetPath {
    /// As it is shown in the pipeline.
    pub stage: String,
    pub net: String,
    /// Empty for the net itself.
    pub name: String,
}

impl NetPath {
    pub fn join(&self, member: &str) -> NetPath {
        NetPath { name: joined(&self.name, member), ..self.clone() }
    }
}

/// A path and what lies below it; either may be empty.
pub(crate) fn joined(path: &str, below: &str) -> String {
    let dot = if path.is_empty() || below.is_empty() { "" } else { "." };
    format!("{path}{dot}{below}")
}

/// Where the weights of a net begin.
pub(crate) enum Begin {
    File(Arc<WeightsFile>),
    /// With the weights of another net, but for those that a pattern of `except` reaches.
    Net {
        place: NetPath,
        except: Vec<String>,
    },
}

/// What is said of the parts of a net that patterns reach.
pub(crate) struct Mark {
    pub says: Says,
    pub patterns: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Says {
    /// In evaluation mode, and not trained.
    Frozen,
    Evaluates,
    Trains,
}

pub(crate) struct NetTree<'p> {
    pub module: ModuleId,
    pub net: &'p ast::Net,
    pub arguments: Vec<(String, Value<'p>)>,
    /// Layers, tensors and lets, as they were evaluated; grows while the net is made.
    pub members: RefCell<IndexMap<String, Member<'p>>>,
}

#[derive(Clone)]
pub(crate) enum Member<'p> {
    /// A net or a (nested) list of nets.
    Layer(Value<'p>),
    Tensor(Rc<TensorMember>),
    Let(Value<'p>),
}

pub(crate) struct TensorMember {
    pub kind: ast::TensorKind,
    pub dims: Vec<Dim>,
    pub init: Init,
    pub span: Span,
}

#[derive(Debug)]
pub(crate) struct Dataset {
    pub source: DataSource,
    /// The symbol of its class count.
    pub classes: String,
}

#[derive(Clone)]
pub(crate) struct Samples<'p> {
    pub dataset: Rc<Dataset>,
    pub split: String,
    pub changes: Vec<Change>,
    pub joins: Vec<Joined>,
    /// Maps of folders by field.
    pub folders: Vec<(String, Rc<OutsideMaps>)>,
    /// What the stage keeps of each picture; known once a stage has the samples.
    pub memories: Vec<Remembered>,
    /// Memories with a mistake that has been reported.
    pub unknown: Vec<String>,
    /// Functions from the fields of a sample to new ones, run in the step after all changes.
    pub maps: Vec<(Value<'p>, Span)>,
}

/// One step of augmentation as the recipe writes it.
#[derive(Clone)]
pub(crate) struct Change {
    pub transform: Transform,
    /// What it does differently to some streams; whether there are such streams is known once the stage is.
    pub choices: Vec<Choice>,
}

/// `fill = { seeds = 255 }` or `method = { sal = "area" }`
#[derive(Clone)]
pub(crate) struct Choice {
    pub stream: String,
    pub way: Way,
    pub span: Span,
}

#[derive(Clone)]
pub(crate) enum Way {
    Fill(Vec<f64>),
    Method(Method),
}

/// A folder of maps that no stage made, and what knowledge they are.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct OutsideMaps {
    pub folder: std::path::PathBuf,
    pub carries: String,
}

/// A memory of the stage at hand as a field.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub field: String,
    /// Of pictures that nothing moves.
    pub fact: Fact,
    /// How labels that training may not see came into it.
    pub ways: Vec<(Label, Vec<Place>)>,
}

/// What earlier stages saved, joined by image under one name.
#[derive(Clone)]
pub(crate) struct Joined {
    pub field: String,
    /// Each a stage by its place and the name of the save; one unless `many`.
    pub artifacts: Vec<(usize, Rc<str>)>,
    /// Written as a list: the field is a list of tensors.
    pub many: bool,
}

pub(crate) struct OptimizerValue<'p> {
    pub rule: Optimizer,
    pub schedule: Option<(Value<'p>, Span)>,
}

pub(crate) struct MetricCall {
    pub metric: &'static MetricDef,
    pub inputs: Vec<Id>,
    pub attrs: Attrs,
}

pub(crate) struct SubmissionValue {
    pub mask: Id,
    /// `comp6`, `comp5`.
    pub competition: &'static str,
}

/// The names an expression sees: locals, then the net it stands in, then its module.
#[derive(Clone)]
pub(crate) struct Scope<'p> {
    pub module: ModuleId,
    pub locals: Option<Rc<Local<'p>>>,
    pub this: Option<NetValue<'p>>,
}

pub(crate) struct Local<'p> {
    pub name: &'p str,
    pub value: Value<'p>,
    pub outer: Option<Rc<Local<'p>>>,
}

impl<'p> Scope<'p> {
    pub fn of_module(module: ModuleId) -> Scope<'p> {
        Scope { module, locals: None, this: None }
    }

    pub fn bind(&mut self, name: &'p str, value: Value<'p>) {
        self.locals = Some(Rc::new(Local { name, value, outer: self.locals.take() }));
    }

    pub fn local(&self, name: &str) -> Option<&Value<'p>> {
        let mut next = self.locals.as_deref();
        while let Some(local) = next {
            if local.name == name {
                return Some(&local.value);
            }
            next = local.outer.as_deref();
        }
        None
    }
}

impl<'p> Value<'p> {
    pub fn dim(dim: Dim) -> Value<'p> {
        match dim.as_const() {
            Some(number) => Value::Number(number as f64),
            None => Value::Dim(dim),
        }
    }

    pub fn text(text: impl Into<Rc<str>>) -> Value<'p> {
        Value::Text(text.into())
    }

    pub fn list(items: Vec<Value<'p>>) -> Value<'p> {
        Value::List(Rc::new(items))
    }

    /// The value as a length, where it is a whole number.
    pub fn as_dim(&self) -> Option<Dim> {
        match self {
            Value::Dim(dim) => Some(dim.clone()),
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Some(Dim::constant(*number as i64))
            }
            _ => None,
        }
    }

    /// What it is, with its article, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Nothing => "`none`",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Quantity(_, Unit::Steps) => "a number of steps",
            Value::Quantity(_, Unit::Epochs) => "a number of epochs",
            Value::Quantity(_, Unit::Pixels) => "a number of pixels",
            Value::Quantity(_, Unit::Images) => "a number of images",
            Value::Dim(_) => "a whole number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Record(_) => "a record",
            Value::Range(_) => "a range",
            Value::Function(_) | Value::Op(_) | Value::Builtin(_) => "a function",
            Value::Metric(_) => "a metric",
            Value::NetDef { .. } => "a network constructor",
            Value::Net(_) => "a net",
            Value::Tensor(_) => "a tensor",
            Value::Init(_) => "an initialiser",
            Value::Dataset(_) => "a data set",
            Value::Maps(_) => "a folder of maps",
            Value::Samples(_) => "the pictures of a data set",
            Value::Sample(_) => "a sample",
            Value::Stage(_) => "a stage",
            Value::Artifact(..) => "an artifact of a stage",
            Value::Module(_) => "a module",
            Value::Optimizer(_) => "an optimizer",
            Value::MetricCall(_) => "the value of a metric",
            Value::Submission(_) => "a submission",
            Value::Poison => "an unknown value",
        }
    }

    /// Whether it is, or as a list holds, the result of a reported mistake.
    pub fn is_poison(&self) -> bool {
        match self {
            Value::Poison => true,
            Value::List(items) => items.iter().any(Value::is_poison),
            _ => false,
        }
    }
}
