//! `wsss call FUNCTION --in FILE --out FILE`: one function on arrays, as a graph of its own.
//!
//! The function is put into a recipe of one or two lines, which is lowered, proved and run like any other. Arrays go in by the
//! names of its parameters; the result goes out as `result`, a record's by its fields, a list's as `result.0`, `result.1`, ….

mod inputs;

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use indexmap::IndexMap;

use super::exit::Exit;
use super::output::Output;
use super::recipe::{Disk, parse_set, read};
use super::{arrays, guard};
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::exec::interpreter::{Interpreter, Options};
use crate::exec::values::Values;
use crate::graph::{Graph, Kind, Origin, Output as Named, Role, verify};
use crate::hir::{self, Definition, Program};
use crate::lower::{self, Lowered};
use crate::ops::{self, Attrs, Context, Draw};
use crate::source::Sources;
use crate::stdlib;
use crate::syntax::ast::{self, ItemKind};
use crate::types::DimEnv;
use crate::{grad, passes};
use inputs::{Input, class_counts, convert, facts};

#[derive(clap::Args)]
pub(super) struct Args {
    /// `losses.cross_entropy` of the standard library, `my.wsss::my_loss` of a recipe, or a primitive such as `softmax`
    function: String,
    /// Arrays by the names of the function's parameters (.npz or .safetensors)
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// Where the results go (.npz or .safetensors)
    #[arg(long = "out", value_name = "FILE")]
    output: PathBuf,
    /// An argument that is no array
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// Adds `grad.<input>` for every float input: of the result, or of the sum of its entries
    #[arg(long)]
    grad: bool,
    /// Decides what random functions draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(false);
    let mut sources = Sources::new();
    match call(&args, &mut sources) {
        Ok(results) => {
            let write = match args.output.extension().is_some_and(|extension| extension == "safetensors") {
                true => arrays::write_safetensors,
                false => arrays::write_npz,
            };
            match write(&args.output, &results) {
                Ok(()) => Exit::Done,
                Err(problem) => output.problem(problem),
            }
        }
        Err(mut problems) => {
            // Warnings would be about the recipe made here.
            problems.retain(Diagnostic::is_error);
            output.problems(&problems, &sources)
        }
    }
}

fn call(args: &Args, sources: &mut Sources) -> Result<IndexMap<String, Tensor>, Vec<Diagnostic>> {
    let inputs = arrays::read(&args.input).map_err(|problem| vec![problem])?;
    let Recipe { name, text, function } =
        recipe_of(&args.function, &inputs, &args.sets, sources).map_err(|one| vec![*one])?;
    let mut problems = Problems::default();
    let program = hir::load(&name, &text, &args.sets, &Disk, sources, &mut problems);
    if problems.has_errors() {
        return Err(problems.sorted());
    }
    let parameters = parameters_of(&program, &function);
    if let Some(parameters) = &parameters {
        expect_parameters(&function, parameters, &inputs).map_err(|problem| vec![problem])?;
    }
    let inputs = convert(inputs, parameters.as_deref().unwrap_or(&[])).map_err(|problem| vec![problem])?;
    let lowered = lower_for_classes(&program, &function, &inputs)?;
    let ours = |what: String| vec![Diagnostic::error(Code::Internal, format!("`{function}` cannot be run: {what}"))];
    let graph = lowered.graph;
    let graph = if args.grad { with_gradients(graph, &inputs).map_err(ours)? } else { graph };
    execute(graph, &inputs, args.grad, args.seed).map_err(|problem| vec![problem])
}

/// The function's graph. Where the inputs do not decide how many classes there are, the first count that fits is taken.
fn lower_for_classes(
    program: &Program,
    function: &str,
    inputs: &IndexMap<String, Input>,
) -> Result<Lowered, Vec<Diagnostic>> {
    let mut first = None;
    for classes in class_counts(inputs) {
        let mut problems = Problems::default();
        match lower::lower_function(program, function, &facts(inputs, classes), &mut problems) {
            Some(lowered) if !problems.has_errors() => return Ok(lowered),
            _ => first = first.or(Some(problems.sorted())),
        }
    }
    Err(first.unwrap_or_default())
}

/// A recipe in which the function is known by a bare name.
struct Recipe {
    name: String,
    text: String,
    function: String,
}

fn recipe_of(
    asked: &str,
    inputs: &IndexMap<String, Tensor>,
    sets: &[(String, String)],
    sources: &mut Sources,
) -> Result<Recipe, Box<Diagnostic>> {
    if let Some((file, function)) = asked.rsplit_once("::") {
        let text = read(Path::new(file), sources)?;
        return Ok(Recipe { name: file.into(), text, function: function.into() });
    }
    let (module, function) = match asked.rsplit_once('.') {
        Some((module, function)) => (Some(module), function),
        None => (None, asked),
    };
    let file =
        stdlib::FILES.iter().find(|file| module.is_none_or(|module| file.module == module) && file.defines(function));
    if let Some(file) = file {
        let text = format!("use {} {{ {function} }}\n", file.module);
        return Ok(Recipe { name: "call".into(), text, function: function.into() });
    }
    match (module, ops::find(function)) {
        (None, Some(op)) if !op.nature.internal => {
            // A primitive takes its arrays by name, in a function made for it.
            let names: Vec<&str> = inputs.keys().map(String::as_str).collect();
            let given = names.iter().map(|name| format!("{name} = {name}"));
            let given: Vec<String> =
                given.chain(sets.iter().map(|(name, value)| format!("{name} = {value}"))).collect();
            let text = format!("fn call_{function}({}) = {function}({})\n", names.join(", "), given.join(", "));
            Ok(Recipe { name: "call".into(), text, function: format!("call_{function}") })
        }
        _ => {
            let known = stdlib::FILES.iter().flat_map(|file| file.names()).chain(ops::all().map(|op| op.name));
            let modules = stdlib::modules();
            let help = match module.filter(|module| !modules.contains(module)) {
                Some(module) => suggest::help(module, "modules", modules),
                None => suggest::help(function, "functions", known),
            };
            Err(Box::new(Diagnostic::error(Code::UnknownName, format!("there is no function `{asked}`")).help(help)))
        }
    }
}

fn parameters_of<'p>(program: &'p Program, function: &str) -> Option<Vec<&'p ast::Parameter>> {
    match program.module(program.recipe()).names.get(function)? {
        Definition::Item { module, index } => match &program.item(*module, *index).kind {
            ItemKind::Fn(function) => Some(function.parameters.iter().collect()),
            _ => None,
        },
        Definition::Module { .. } => None,
    }
}

/// Every array must have a parameter of its name: one that is left unread is a misspelling.
fn expect_parameters(
    function: &str,
    parameters: &[&ast::Parameter],
    inputs: &IndexMap<String, Tensor>,
) -> Result<(), Diagnostic> {
    let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.text.as_str()).collect();
    match inputs.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("`{function}` has no argument `{unknown}`, which the file holds");
            Err(Diagnostic::error(Code::UnknownArgument, message).help(suggest::help(unknown, "arguments", known)))
        }
    }
}

/// The same graph with the sum of its results as a loss, and the inputs as what is trained.
fn with_gradients(mut graph: Graph, inputs: &IndexMap<String, Input>) -> Result<Graph, String> {
    for id in graph.ids().collect::<Vec<_>>() {
        let node = graph.node_mut(id);
        if let Kind::Field(name) = &node.kind
            && inputs.get(name).is_some_and(|input| !input.fact.domain.is_index())
        {
            node.kind = Kind::Weight { path: name.clone(), trained: true };
            node.fact.trainable = true;
        }
    }
    graph.refresh_trainable().map_err(|cycle| cycle.to_string())?;
    let sum = ops::find("sum").ok_or("the op `sum` is not in the registry")?;
    let results: Vec<Named> = graph.outputs.clone();
    for result in results {
        let Some(node) = result.nodes.first().copied() else { continue };
        if graph.node(node).fact.domain.is_index() {
            continue;
        }
        let scalar = match graph.node(node).fact.rank() {
            0 => node,
            _ => graph.apply(sum, &[Some(node)], Attrs::new(), Origin::default()).map_err(|error| error.to_string())?,
        };
        graph.outputs.push(Named { role: Role::Loss, name: result.name, nodes: vec![scalar], span: None });
    }
    grad::differentiate(&mut graph).map_err(|error| error.to_string())?;
    Ok(graph)
}

fn execute(
    graph: Graph,
    inputs: &IndexMap<String, Input>,
    gradients: bool,
    seed: u64,
) -> Result<IndexMap<String, Tensor>, Diagnostic> {
    let ours = |what: String| Diagnostic::error(Code::Internal, format!("the function cannot be run: {what}"));
    let graph = verify(graph).map_err(|broken| ours(broken.to_string()))?;
    let (graph, _) = passes::improve(graph).map_err(|error| ours(error.to_string()))?;
    let double = inputs.values().any(|input| input.tensor.dtype() == DType::F64);
    let dtype = if double { DType::F64 } else { DType::F32 };
    let batch = inputs.values().find_map(|input| input.tensor.dims().first().copied()).unwrap_or(1);
    let draw = Draw { seed, epoch: 0, samples: (0..batch as u64).collect() };
    let context = Context { dims: DimEnv::new(), dtype, device: Device::Cpu, draw };
    let mut values = Values::default();
    for (name, input) in inputs {
        values.fields.insert(name.clone(), input.tensor.clone());
        values.weights.insert(name.clone(), input.tensor.clone());
    }
    let interpreter = Interpreter::new(graph, dtype, &Device::Cpu).map_err(|error| ours(error.to_string()))?;
    // Kernels state what they ask of their inputs; arrays of a file may not have it.
    let ran = guard::foreign(|| {
        interpreter.run(&values, &context, Options { finite: Default::default(), ..Options::default() })
    });
    let results = match ran {
        Some(Ok(results)) => results,
        Some(Err(error)) => return Err(Diagnostic::error(code_of(&error), error.to_string())),
        None => return Err(ours("a kernel refused the arrays".into())),
    };
    let mut named = IndexMap::new();
    for (output, tensors) in interpreter.graph().outputs.iter().zip(results) {
        let name = match output.role {
            Role::Save => output.name.clone(),
            Role::Gradient => format!("grad.{}", output.name),
            _ => continue,
        };
        if let Some(tensor) = tensors.into_iter().next() {
            named.insert(name, tensor);
        }
    }
    if gradients {
        // What the result does not depend on has a gradient of zero.
        for (name, input) in inputs.iter().filter(|(_, input)| !input.fact.domain.is_index()) {
            if !named.contains_key(&format!("grad.{name}")) {
                let zeros = input.tensor.zeros_like().map_err(|error| ours(error.to_string()))?;
                named.insert(format!("grad.{name}"), zeros);
            }
        }
    }
    Ok(named)
}

fn code_of(error: &crate::exec::interpreter::RunError) -> Code {
    use crate::exec::interpreter::RunError;
    match error {
        RunError::Op { error, .. } => error.code,
        RunError::NotFinite { .. } => Code::NotANumber,
        RunError::Size(_) => Code::UnknownSize,
        _ => Code::Internal,
    }
}
