//! One function on given tensors, as a graph of its own: for `wsss call`, and for the examples of the documentation.

use super::call::Given;
use super::value::{Scope, Value};
use super::{Lower, Step};
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::graph::{Graph, Kind, Output, Role};
use crate::hir::{Definition, ModuleId, Program};
use crate::source::Span;
use crate::syntax::ast::{self, Name};
use crate::types::{Dim, Domain, Fact};

/// A function's graph: its inputs are `Field` leaves, its results `Save` outputs.
pub struct Lowered {
    pub graph: Graph,
}

/// Inlines `let result = …` of the recipe's module, or calls its function `name` with the inputs it has names for.
///
/// `inputs` are real or index tensors by parameter name with their shapes; an input takes the domain that the parameter's written
/// type asks for. Other arguments come from `--set` params of the same name, which `hir::load` has read.
pub fn lower_function(
    program: &Program,
    name: &str,
    inputs: &[(String, Fact)],
    problems: &mut Problems,
) -> Option<Lowered> {
    let mut lower = Lower::new(program, problems);
    lower.step = Some(alone());
    let module = program.recipe();
    let value = match find(program, module, name) {
        Some((function, at)) => {
            let given = arguments(&mut lower, program, function, inputs);
            let span = function.name.span;
            let scope = Scope::of_module(at);
            let closure = super::value::Closure { code: super::value::Code::Function(function), scope };
            lower.call_closure(&closure, given, span)
        }
        None => {
            let names: Vec<&str> = program.module(module).names.keys().map(String::as_str).collect();
            lower.problems.add(
                Diagnostic::error(Code::UnknownName, format!("there is no function `{name}`"))
                    .help(suggest::help(name, "names", names)),
            );
            return None;
        }
    };
    results(&mut lower, value);
    let step = lower.step.take()?;
    (!lower.problems.has_errors()).then_some(Lowered { graph: step.graph })
}

/// Inlines an expression of the documentation, given as `let example = …`.
pub fn lower_expression(program: &Program, problems: &mut Problems) -> Option<Lowered> {
    let mut lower = Lower::new(program, problems);
    lower.step = Some(alone());
    let mut items = program.module(program.recipe()).tree.items.iter().enumerate();
    let last = items.rfind(|(_, item)| matches!(item.kind, ast::ItemKind::Let(_)))?;
    let value = lower.global(program.recipe(), last.0, last.1.span);
    results(&mut lower, value);
    let step = lower.step.take()?;
    (!lower.problems.has_errors()).then_some(Lowered { graph: step.graph })
}

/// A step of no stage.
fn alone() -> Step {
    Step::default()
}

fn find<'p>(program: &'p Program, module: ModuleId, name: &str) -> Option<(&'p ast::Function, ModuleId)> {
    match program.module(module).names.get(name)? {
        Definition::Item { module, index } => match &program.item(*module, *index).kind {
            ast::ItemKind::Fn(function) => Some((function, *module)),
            _ => None,
        },
        Definition::Module { .. } => None,
    }
}

/// Inputs become leaves; a parameter that has no input takes the `--set` value of its name, or its default.
fn arguments<'p>(
    lower: &mut Lower<'p, '_>,
    program: &'p Program,
    function: &'p ast::Function,
    inputs: &[(String, Fact)],
) -> Vec<Given<'p>> {
    let mut given = Vec::new();
    for parameter in &function.parameters {
        let name: &'p Name = &parameter.name;
        let span = name.span;
        if let Some((_, fact)) = inputs.iter().find(|(input, _)| *input == name.text) {
            let fact = with_written_domain(fact, parameter.ty.as_ref());
            let origin = lower.origin(span);
            let Some(step) = &mut lower.step else { continue };
            let id = step.graph.leaf(Kind::Field(name.text.clone()), fact, origin);
            given.push(Given { name: Some(name), value: Value::Tensor(id), span });
            continue;
        }
        let set =
            program.modules.iter().enumerate().filter(|(_, module)| module.is_override).find_map(|(id, module)| {
                let mut settings = module.tree.items.iter().flat_map(ast::Item::settings);
                let set = settings.find(|setting| setting.name.text == name.text);
                set.map(|setting| (ModuleId(id), &setting.value))
            });
        if let Some((module, value)) = set {
            let value = lower.expr(value, &Scope::of_module(module));
            given.push(Given { name: Some(name), value, span });
        }
    }
    given
}

fn with_written_domain(fact: &Fact, ty: Option<&ast::Type>) -> Fact {
    // A type says nothing of the number of classes: it stays what the caller knows.
    let classes = match &fact.domain {
        Domain::Index { classes, .. } => classes.clone(),
        _ => Dim::symbol("K"),
    };
    let written = ty.and_then(|ty| Domain::from_word(&ty.domain.text, &classes));
    match written {
        Some(domain) if domain.is_index() == fact.domain.is_index() => fact.with_domain(domain),
        _ => fact.clone(),
    }
}

/// Tensors of the result by name: `result`, a record's fields, or `result.0`, `result.1` of a list.
fn results<'p>(lower: &mut Lower<'p, '_>, value: Value<'p>) {
    let named: Vec<(String, Value<'p>)> = match value {
        Value::Record(fields) => fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        Value::List(items) => {
            items.iter().enumerate().map(|(i, value)| (format!("result.{i}"), value.clone())).collect()
        }
        value => vec![("result".to_string(), value)],
    };
    for (name, value) in named {
        let span = Span::default();
        let Some(id) = lower.tensor(value, span) else { continue };
        if let Some(step) = &mut lower.step {
            step.graph.outputs.push(Output { role: Role::Save, name, nodes: vec![id], span: None });
        }
    }
}
