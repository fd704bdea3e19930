//! hir → stages with step graphs: everything that is not a tensor is evaluated, functions are inlined, tensors become nodes.
//!
//! Comes in: a [`Program`] and what the command line overrides. Goes out: a [`Recipe`], whose graphs carry the chain of calls each
//! node was inlined through, and every problem found on the way. A mistake gives a [`Value::Poison`], which is passed on in
//! silence, so that one mistake is said once.
//!
//! Elaboration always ends: a budget of steps, a limit on nested calls, loops over finite lists only.

mod builtins;
mod call;
mod data;
mod errors;
mod eval;
mod function;
mod nets;
mod operators;
pub mod paths;
mod prove;
mod recipe;
mod stage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod training;
mod types;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

pub use function::{Lowered, lower_expression, lower_function};
pub use recipe::*;

use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::graph::pipeline::Pipeline;
use crate::graph::{Frame, Graph, Origin};
use crate::hir::{ModuleId, Program};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, ItemKind};
use crate::types::Level;
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
}

/// Elaborates a recipe. With errors among the problems it is as far as it could be understood, and does not run.
pub fn lower(name: &str, program: &Program, choices: &Choices, problems: &mut Problems) -> Recipe {
    let mut lower = Lower::new(program, problems);
    lower.expect_something();
    let supervision = lower.supervision();
    lower.override_params(choices);
    lower.params();
    lower.lets();
    let stages: Vec<(usize, &ast::Stage)> = program
        .module(program.recipe())
        .tree
        .items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match &item.kind {
            ItemKind::Stage(stage) => Some((index, stage)),
            _ => None,
        })
        .collect();
    for (index, stage) in stages {
        lower.stage(index, stage);
    }
    let pipeline = lower.pipeline();
    let params = lower.param_values();
    let stages = std::mem::take(&mut lower.stages);
    let (supervision, extras) = supervision;
    Recipe {
        name: name.to_string(),
        doc: program.module(program.recipe()).tree.doc.clone(),
        supervision,
        extras,
        params,
        stages: stages.into_iter().map(|stage| stage.result).collect(),
        pipeline,
    }
}

/// The state of one elaboration.
pub(crate) struct Lower<'p, 'a> {
    program: &'p Program,
    problems: &'a mut Problems,
    /// Values of `let` and `param`, once they are known; `None` while they are being found.
    globals: HashMap<(ModuleId, usize), Option<Value<'p>>>,
    /// Params given another value: the expression, the module whose names it sees, who says so.
    overrides: HashMap<String, (&'p Expr, ModuleId, String)>,
    stages: Vec<LoweredStage<'p>>,
    /// Stages by their item in the recipe.
    stage_of_item: HashMap<usize, Stages>,
    /// The graph being built; tensors exist only while there is one.
    step: Option<Step>,
    calls: Option<Arc<Frame>>,
    depth: usize,
    budget: usize,
    /// Whether the end of the budget has been reported.
    exhausted: bool,
    level: Level,
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
struct Step {
    stage: String,
    training: bool,
    graph: Graph,
    /// Random ops so far: the occurrence is their identity.
    random: i64,
    /// What was learnt with labels of which strength, by stage, for the weights of other stages.
    learnt: HashMap<String, Level>,
    /// When losses count, with the place that says so.
    guards: Vec<(Guard, Span)>,
    moves: Vec<Moves>,
}

impl Step {
    fn new(stage: String, training: bool) -> Step {
        let (learnt, guards, moves) = Default::default();
        Step { stage, training, graph: Graph::new(), random: 0, learnt, guards, moves }
    }
}

impl<'p, 'a> Lower<'p, 'a> {
    fn new(program: &'p Program, problems: &'a mut Problems) -> Lower<'p, 'a> {
        Lower {
            program,
            problems,
            globals: HashMap::new(),
            overrides: HashMap::new(),
            stages: Vec::new(),
            stage_of_item: HashMap::new(),
            step: None,
            calls: None,
            depth: 0,
            budget: BUDGET,
            exhausted: false,
            level: Level::None,
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
        for item in &recipe.tree.items {
            let ItemKind::Supervision { level, extras } = &item.kind else { continue };
            match Level::from_word(&level.text) {
                Some(known) if found.is_none() => {
                    found = Some((known, extras.iter().map(|name| name.text.clone()).collect()));
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
        self.level = found.0;
        found
    }

    /// Variants in the order given, then `--set`.
    fn override_params(&mut self, choices: &Choices) {
        let program = self.program;
        let recipe = program.recipe();
        let items = &program.module(recipe).tree.items;
        let variants = items.iter().filter_map(|item| match &item.kind {
            ItemKind::Variant { name, overrides } => Some((name, overrides)),
            _ => None,
        });
        let variants: Vec<(&ast::Name, &Vec<ast::Setting>)> = variants.collect();
        // A variant nobody asked for is checked for its names all the same.
        for (position, (name, settings)) in variants.iter().enumerate() {
            if let Some((first, _)) = variants[..position].iter().find(|(other, _)| other.text == name.text) {
                self.report(
                    Diagnostic::error(Code::DuplicateName, format!("there are two variants `{}`", name.text))
                        .label(name.span, "again here")
                        .label(first.span, "first here")
                        .help("rename one of them"),
                );
            }
            for setting in *settings {
                self.is_param(&setting.name);
            }
        }
        for choice in &choices.variants {
            match variants.iter().find(|(name, _)| name.text == *choice) {
                Some((name, settings)) => {
                    for setting in *settings {
                        let origin = format!("variant {}", name.text);
                        self.overrides.insert(setting.name.text.clone(), (&setting.value, recipe, origin));
                    }
                }
                None => {
                    let known = variants.iter().map(|(name, _)| name.text.as_str());
                    let help = suggest::help(choice, "variants", known);
                    let message = format!("the recipe has no variant `{choice}`");
                    self.problems.add(Diagnostic::error(Code::UnknownVariant, message).help(help));
                }
            }
        }
        for index in 0..program.modules.len() {
            let module = ModuleId(index);
            if !program.module(module).is_override {
                continue;
            }
            for item in &program.module(module).tree.items {
                if let ItemKind::Param { name, value, .. } = &item.kind
                    && self.is_param(name)
                {
                    self.overrides.insert(name.text.clone(), (value, module, "--set".to_string()));
                }
            }
        }
    }

    fn is_param(&mut self, name: &ast::Name) -> bool {
        let recipe = self.program.module(self.program.recipe());
        let params = recipe.tree.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Param { name, .. } => Some(name.text.as_str()),
            _ => None,
        });
        let params: Vec<&str> = params.collect();
        let known = params.contains(&name.text.as_str());
        if !known {
            self.report(
                Diagnostic::error(Code::UnknownParam, format!("the recipe has no param `{}`", name.text))
                    .label(name.span, "nothing to override")
                    .help(suggest::help(&name.text, "params", params)),
            );
        }
        known
    }

    /// Evaluates every param, used or not: a mistake in one is found whether or not the chosen variant reads it.
    fn params(&mut self) {
        let recipe = self.program.recipe();
        for (index, item) in self.program.module(recipe).tree.items.iter().enumerate() {
            if matches!(item.kind, ItemKind::Param { .. }) {
                self.global(recipe, index, item.span);
            }
        }
    }

    fn lets(&mut self) {
        let recipe = self.program.recipe();
        for (index, item) in self.program.module(recipe).tree.items.iter().enumerate() {
            if matches!(item.kind, ItemKind::Let(_)) {
                self.global(recipe, index, item.span);
            }
        }
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
            ItemKind::Param { name, value, range } => self.param(module, name, value, range.as_ref()),
            ItemKind::Let(binding) => self.expr(&binding.value, &scope),
            ItemKind::Fn(function) => {
                Value::Function(std::rc::Rc::new(value::Closure { code: value::Code::Function(function), scope }))
            }
            ItemKind::Net(net) => Value::NetDef { module, net },
            ItemKind::Stage(stage) => match self.stage_of_item.get(&index) {
                Some(Stages::One(position)) if module == program.recipe() => Value::Stage(*position),
                Some(Stages::Family(members)) if module == program.recipe() => {
                    Value::list(members.iter().copied().map(Value::Stage).collect())
                }
                Some(Stages::Unknown) => Value::Poison,
                _ => self.report(
                    Diagnostic::error(
                        Code::UnknownStage,
                        format!("the stage `{}` has not run yet here", stage.name.text),
                    )
                    .label(used_at, "used before it stands in the recipe")
                    .help("a stage reads only stages written above it"),
                ),
            },
            _ => Value::Poison,
        };
        // Stages become known as they are lowered, so what was found before that is not kept.
        if matches!(program.item(module, index).kind, ItemKind::Stage(_)) {
            self.globals.remove(&(module, index));
        } else {
            self.globals.insert((module, index), Some(value.clone()));
        }
        value
    }

    fn param(&mut self, module: ModuleId, name: &ast::Name, default: &'p Expr, range: Option<&'p Expr>) -> Value<'p> {
        let overridden = match self.overrides.get(&name.text) {
            Some((value, from, _)) if module == self.program.recipe() => Some((*value, *from)),
            _ => None,
        };
        let Some((expr, from)) = overridden else {
            let value = self.expr(default, &Scope::of_module(module));
            self.within(name, &value, default.span, range, module);
            return value;
        };
        let value = self.expr(expr, &Scope::of_module(from));
        let usual = self.expr(default, &Scope::of_module(module));
        let same_kind = match (&usual, &value) {
            (Value::Nothing, _) | (_, Value::Nothing) => true,
            (a, b) => a.is_poison() || b.is_poison() || kind_of_param(a) == kind_of_param(b),
        };
        if !same_kind {
            return self.report(
                Diagnostic::error(
                    Code::WrongKind,
                    format!("`{}` is {}, the new value is {}", name.text, usual.kind(), value.kind()),
                )
                .label(expr.span, format!("this is {}", value.kind()))
                .label(default.span, format!("the default is {}", usual.kind()))
                .help(format!("give {}", usual.kind())),
            );
        }
        self.within(name, &value, expr.span, range, module);
        value
    }

    /// A param that states a range holds to it.
    fn within(&mut self, name: &ast::Name, value: &Value<'p>, at: Span, range: Option<&'p Expr>, module: ModuleId) {
        let Some(range_expr) = range else { return };
        let range = self.expr(range_expr, &Scope::of_module(module));
        let (Value::Range(range), Value::Number(number)) = (&range, value) else {
            if !range.is_poison() && !value.is_poison() {
                self.report(
                    Diagnostic::error(
                        Code::WrongKind,
                        format!("the range of `{}` needs a number and a range", name.text),
                    )
                    .label(range_expr.span, format!("this is {}", range.kind()))
                    .help("write `param x = 1.0 in 0..10`"),
                );
            }
            return;
        };
        if *number < range.start || range.end.is_some_and(|end| *number > end) {
            let end = range.end.map_or(String::new(), |end| format!("{end}"));
            let allowed = format!("{}..{end}", range.start);
            self.report(
                errors::out_of_range(
                    format!("`{}` is {number}, it must be in {allowed}", name.text),
                    at,
                    "choose a value of the range",
                )
                .label(range_expr.span, "the range is stated here"),
            );
        }
    }

    /// How each param was decided, with its text, for `recipe.wsss` and the report.
    fn param_values(&self) -> Vec<ParamValue> {
        let recipe = self.program.module(self.program.recipe());
        let params = recipe.tree.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Param { name, value, .. } => Some((name, value)),
            _ => None,
        });
        params
            .map(|(name, default)| {
                let (value, module, origin) = match self.overrides.get(&name.text) {
                    Some((value, module, origin)) => (*value, self.program.module(*module), origin.clone()),
                    None => (default, recipe, "default".to_string()),
                };
                let text = module.text.get(value.span.range()).unwrap_or("none");
                ParamValue { name: name.text.clone(), text: text.to_string(), origin }
            })
            .collect()
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
                edge(&join.stage, &result.name, &join.save);
            }
            let mut nets: Vec<(&str, &str)> =
                result.borrowed.iter().map(|weight| (weight.stage.as_str(), weight.net.as_str())).collect();
            nets.sort();
            nets.dedup();
            for (from, net) in nets {
                edge(from, &result.name, net);
            }
        }
        pipeline
    }
}

/// Params of one kind may stand for one another: any function for any function, any data set for any data set.
fn kind_of_param(value: &Value) -> &'static str {
    match value {
        Value::Function(_) | Value::Op(_) | Value::Builtin(_) | Value::NetDef { .. } => "a function",
        Value::Number(_) | Value::Dim(_) => "a number",
        Value::Dataset(_) | Value::Samples(_) => "data",
        other => other.kind(),
    }
}
