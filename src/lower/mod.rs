//! hir → stages with step graphs: everything that is not a tensor is evaluated, functions are inlined, tensors become nodes.
//!
//! Comes in: a [`Program`] and what the command line overrides. Goes out: a [`Recipe`], whose graphs carry the chain of calls each
//! node was inlined through, and every problem found on the way. A mistake gives a [`Value::Poison`], which is passed on in
//! silence, so that one mistake is said once.
//!
//! Elaboration always ends: a budget of steps, a limit on nested calls, loops over finite lists only.

mod allowed;
mod begin;
mod builtins;
mod call;
mod constants;
mod data;
mod describe;
mod errors;
mod eval;
mod expectations;
mod function;
mod hygiene;
pub mod identity;
mod leaks;
mod memory;
mod modes;
mod nets;
mod operators;
mod overrides;
mod params;
pub mod paths;
mod pattern;
mod proofs;
mod prove;
mod recipe;
mod seen;
mod stage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod times;
mod trace;
mod training;
mod types;
mod units;
mod validation;
mod value;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use function::{Lowered, lower_expression, lower_function};
pub use memory::{Memory, Plateau, Refresh, When};
pub use recipe::*;
pub use seen::*;
pub use validation::Validation;

use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::grad::Moves;
use crate::graph::pipeline::Pipeline;
use crate::graph::{Frame, Graph, Origin};
use crate::hir::{ItemRef, ModuleId, Program};
use crate::source::Span;
use crate::syntax::ast::ItemKind;
use crate::types::{Labels, Level};
use allowed::Allowed;
use stage::LoweredStage;
use value::{Scope, Value};

/// Steps of elaboration before it is given up. The largest shipped recipe needs under a tenth of it.
const BUDGET: usize = 2_000_000;

/// Calls within calls before it is given up.
const DEPTH: usize = 120;

/// What the command line decides about a recipe.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// In the order given; later ones win.
    pub variants: Vec<String>,
    /// Reads what lies beside files of weights; without it there is nothing.
    pub read: Option<Read>,
}

/// The text of a file.
pub type Read = fn(&Path) -> io::Result<String>;

/// Elaborates a recipe. With errors among the problems it is as far as it could be understood, and does not run.
pub fn lower(name: &str, program: &Program, choices: &Choices, problems: &mut Problems) -> Recipe {
    let mut lower = Lower::new(program, problems);
    lower.read = choices.read;
    lower.expect_something();
    let supervision = lower.supervision();
    lower.override_params(choices);
    lower.values(false);
    let recipe = program.recipe();
    for (index, item) in program.module(recipe).tree.items.iter().enumerate() {
        if let ItemKind::Stage(stage) = &item.kind {
            lower.stage((recipe, index), stage);
        }
    }
    lower.values(true);
    // The line is for the recipe and all of its variants; one of them may do with less.
    if choices.variants.is_empty() {
        lower.needless_supervision();
    }
    lower.expect_effects();
    let expectations = lower.expectations(choices);
    let pipeline = lower.pipeline();
    let params = lower.param_values();
    let stages = std::mem::take(&mut lower.stages);
    let declassified = std::mem::take(&mut lower.declassified);
    let (supervision, extras) = supervision;
    Recipe {
        name: name.to_string(),
        doc: program.module(program.recipe()).tree.doc.clone(),
        supervision,
        extras,
        params,
        variants: choices.variants.clone(),
        expectations,
        constants: constants::constants(&program.module(recipe).tree, &program.module(recipe).text),
        stages: stages.into_iter().map(|stage| stage.result).collect(),
        declassified,
        pipeline,
    }
}

/// The state of one elaboration.
pub(crate) struct Lower<'p, 'a> {
    program: &'p Program,
    problems: &'a mut Problems,
    read: Option<Read>,
    /// Whether what is worked out is only compared with something: no stage of a used recipe takes part because of it.
    compares: bool,
    /// Values of `let` and `param`, once they are known; `None` while they are being found.
    globals: HashMap<(ModuleId, usize), Option<Value<'p>>>,
    overrides: overrides::Overrides<'p>,
    stages: Vec<LoweredStage<'p>>,
    /// Stages by their item.
    stage_of_item: HashMap<ItemRef, Stages>,
    /// Stages being lowered: the last one reads the stage before it of another recipe, and so on.
    open_stages: Vec<ItemRef>,
    /// The graph being built; tensors exist only while there is one.
    step: Option<Step>,
    calls: Option<Arc<Frame>>,
    depth: usize,
    budget: usize,
    /// Whether the end of the budget has been reported.
    exhausted: bool,
    allowed: Allowed,
    declassified: Vec<Declassified>,
    /// What the nets of the stages so far have seen, by stage and net.
    nets_seen: HashMap<String, HashMap<String, Labels>>,
    /// Data sets by their source, so that equal sources share a class axis.
    datasets: Vec<std::rc::Rc<value::Dataset>>,
}

/// What an item of the recipe has become.
enum Stages {
    One(usize),
    /// The members so far, by their places.
    Family(Vec<usize>),
    /// A family whose list could not be made, which is reported.
    Unknown,
}

/// The step graph of the stage at hand.
#[derive(Default)]
struct Step {
    /// The name of the stage in its own recipe.
    stage: String,
    /// How that recipe is reached from the one that runs: see [`identity`].
    scope: String,
    training: bool,
    /// Whether there is a time of the training: in a `step`, and in a `refresh` or a `validate`, which train nothing.
    timed: bool,
    graph: Graph,
    /// Random ops so far: the occurrence is their identity.
    random: i64,
    /// What the weights of the stage's own nets bring along from files, by net.
    carried: HashMap<String, Labels>,
    /// States that a second call of their net moves once more: their paths, and the two calls.
    moved_again: Vec<(String, [Span; 2])>,
    /// Where values with forbidden labels have been.
    marks: trace::Marks,
    /// When losses count, with the place that says so.
    guards: Vec<(Guard, Span)>,
    moves: Vec<Moves>,
    /// Saves that are packed for a test server.
    submissions: Vec<recipe::Submission>,
    /// What the metric has seen that chooses what the stage leaves behind.
    chosen: Labels,
}

impl Step {
    /// The name of the stage in the pipeline.
    fn shown(&self) -> String {
        identity::shown(&self.scope, &self.stage)
    }
}

impl<'p, 'a> Lower<'p, 'a> {
    fn new(program: &'p Program, problems: &'a mut Problems) -> Lower<'p, 'a> {
        Lower {
            program,
            problems,
            read: None,
            compares: false,
            globals: HashMap::new(),
            overrides: overrides::Overrides::default(),
            stages: Vec::new(),
            stage_of_item: HashMap::new(),
            open_stages: Vec::new(),
            step: None,
            calls: None,
            depth: 0,
            budget: BUDGET,
            exhausted: false,
            allowed: Allowed::default(),
            declassified: Vec::new(),
            nets_seen: HashMap::new(),
            datasets: Vec::new(),
        }
    }

    /// Reports a problem. One inside the standard library is shown at the call in the recipe that led there.
    fn report(&mut self, mut diagnostic: Diagnostic) -> Value<'p> {
        let at_home = |span: Span| self.program.of_source(span.source).is_some_and(|module| self.is_users(module));
        if let Some(first) = diagnostic.labels.first()
            && !at_home(first.span)
        {
            let mut frame = self.calls.as_deref();
            while let Some(call) = frame {
                if at_home(call.span) {
                    let label = crate::diag::Label { span: call.span, text: "in this call".into() };
                    diagnostic.labels.insert(0, label);
                    break;
                }
                frame = call.outer.as_deref();
            }
        }
        // A function of the library that stumbles twice over one argument says so once.
        let same = |known: &Diagnostic| {
            (known.code, &known.message) == (diagnostic.code, &diagnostic.message)
                && known.labels.first().map(|label| label.span) == diagnostic.labels.first().map(|label| label.span)
        };
        if !self.problems.iter().any(same) {
            self.problems.add(diagnostic);
        }
        Value::Poison
    }

    /// Whether a module is the user's own text rather than the standard library's.
    fn is_users(&self, module: ModuleId) -> bool {
        self.program.module(module).own_text
    }

    fn origin(&self, span: Span) -> Origin {
        Origin { span: Some(span), calls: self.calls.clone() }
    }

    /// One step of elaboration; false once the budget is spent, which is reported once.
    fn spend(&mut self, steps: usize, span: Span) -> bool {
        if self.budget >= steps {
            self.budget -= steps;
            return true;
        }
        self.budget = 0;
        if !std::mem::replace(&mut self.exhausted, true) {
            self.report(
                Diagnostic::error(
                    Code::BudgetExhausted,
                    format!("this recipe takes more than {BUDGET} steps to work out"),
                )
                .label(span, "the budget ended here")
                .help("make the list shorter: loops are unrolled into the graph"),
            );
        }
        false
    }

    /// A file without a single item is a slip (a wrong path, an unsaved file), not a recipe.
    fn expect_something(&mut self) {
        let recipe = self.program.module(self.program.recipe());
        if recipe.tree.items.is_empty() && self.problems.is_empty() {
            let start = Span::new(recipe.source, 0..0);
            self.report(
                Diagnostic::error(Code::EmptyRecipe, "there is nothing in this recipe")
                    .label(start, "no item begins here")
                    .help("`wsss new NAME` writes a recipe to start from, `wsss list` shows those there are"),
            );
        }
    }

    fn supervision(&mut self) -> (Level, Vec<String>) {
        let recipe = self.program.module(self.program.recipe());
        let mut found: Option<(Level, Vec<String>)> = None;
        let mut stated = None;
        for item in &recipe.tree.items {
            let ItemKind::Supervision { level, extras } = &item.kind else { continue };
            match Level::from_word(&level.text) {
                Some(known) if found.is_none() => {
                    found = Some((known, extras.iter().map(|name| name.text.clone()).collect()));
                    stated = Some(item.span);
                }
                Some(_) => {
                    self.report(
                        Diagnostic::error(Code::DuplicateName, "a recipe states its supervision once")
                            .label(item.span, "stated again here")
                            .help("remove one of them"),
                    );
                }
                None => {
                    self.report(
                        Diagnostic::error(Code::UnknownName, format!("`{}` is no level of supervision", level.text))
                            .label(level.span, "not a level")
                            .help(suggest::help(&level.text, "levels", Level::ALL.map(Level::word))),
                    );
                    found = Some((Level::Pixel, Vec::new()));
                }
            }
        }
        // A recipe that says nothing promises nothing but image-level labels.
        let found = found.unwrap_or((Level::Image, Vec::new()));
        self.allowed = Allowed { level: found.0, extras: found.1.clone(), stated };
        found
    }

    /// The value of a top-level item, found on first use.
    fn global(&mut self, module: ModuleId, index: usize, used_at: Span) -> Value<'p> {
        match self.globals.get(&(module, index)) {
            Some(Some(value)) => return value.clone(),
            Some(None) => {
                let name = self.program.item(module, index).name().map_or("", |name| &name.text);
                return self.report(
                    Diagnostic::error(Code::RecursionLimit, format!("`{name}` needs its own value"))
                        .label(used_at, "asked for while it is being worked out")
                        .help("break the circle"),
                );
            }
            None => {}
        }
        self.globals.insert((module, index), None);
        let program = self.program;
        let scope = Scope::of_module(module);
        let value = match &program.item(module, index).kind {
            ItemKind::Param { name, value, range } => self.param((module, index), name, value, range.as_ref()),
            ItemKind::Let(binding) => self.expr(&binding.value, &scope),
            ItemKind::Fn(function) => {
                Value::Function(std::rc::Rc::new(value::Closure { code: value::Code::Function(function), scope }))
            }
            ItemKind::Net(net) => Value::NetDef { module, net },
            ItemKind::Stage(stage) => self.stage_value((module, index), stage, used_at),
            _ => Value::Poison,
        };
        // Stages become known as they are lowered, so what was found before that is not kept; nor is what was worked out without them.
        if self.compares || matches!(program.item(module, index).kind, ItemKind::Stage(_)) {
            self.globals.remove(&(module, index));
        } else {
            self.globals.insert((module, index), Some(value.clone()));
        }
        value
    }

    fn pipeline(&self) -> Pipeline {
        let mut pipeline = Pipeline::new();
        for stage in &self.stages {
            pipeline.add_stage(&stage.result.name, stage.result.kind);
        }
        let mut edge = |from: &str, to: &str, artifact: &str| {
            if let (Some(from), Some(to)) = (pipeline.find(from), pipeline.find(to)) {
                pipeline.add_artifact(from, to, artifact);
            }
        };
        for stage in &self.stages {
            let result = &stage.result;
            for join in &result.data.joins {
                edge(&result.shown(&join.stage), &result.name, &join.save);
            }
            for number in &result.measured {
                edge(&result.shown(&number.stage), &result.name, &number.figure);
            }
            let mut nets: Vec<(&str, &str)> =
                result.borrowed.iter().map(|weight| (weight.stage.as_str(), weight.net.as_str())).collect();
            nets.sort();
            nets.dedup();
            for (from, net) in nets {
                edge(&result.shown(from), &result.name, net);
            }
        }
        pipeline
    }
}
