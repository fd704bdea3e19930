//! What every op of the registry promises, asked of its own examples; and the graph of a line of the language, run, for other tests.

mod promises;
mod types;
mod used;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use wsss::diag::Problems;
use wsss::exec::interpreter::{Interpreter, Leaves, Options};
use wsss::graph::{Clock, Graph, Id, Kind, Output, Role, verify};
use wsss::hir::{Files, load};
use wsss::lower::lower_expression;
use wsss::ops::{Context, Draw, Example, OpDef, all};
use wsss::source::Sources;

pub fn examples() -> impl Iterator<Item = (&'static OpDef, &'static Example)> {
    all().flat_map(|op| op.examples.iter().map(move |example| (op, example)))
}

pub fn nodes_of(graph: &Graph, op: &'static OpDef) -> Vec<Id> {
    graph.ids().filter(|id| graph.node(*id).kind == Kind::Op(op)).collect()
}

pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all());
    flat.and_then(|flat| flat.to_vec1()).expect("numbers of a tensor")
}

pub fn saved(id: Id, number: usize) -> Output {
    Output { role: Role::Save, name: number.to_string(), nodes: vec![id], span: None }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        Err(std::io::Error::other(format!("an example reads {}", path.display())))
    }
}

/// The graph of an expression of the language, or what is wrong with it, each problem with its help.
pub fn graph_of(code: &str) -> Result<Graph, String> {
    graph_with("", code)
}

/// The same, of an expression that needs what stands before it: `use` lines.
pub fn graph_with(head: &str, code: &str) -> Result<Graph, String> {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let text = format!("{head}\nlet example = {code}");
    let program = load("example", &text, &[], &NoFiles, &mut sources, &mut problems);
    let lowered = lower_expression(&program, &mut problems);
    let words = |problem: &wsss::diag::Diagnostic| {
        let help = problem.help.iter().map(|help| format!("\n  help: {help}")).collect::<String>();
        format!("{}: {}{help}", problem.code.slug(), problem.message)
    };
    match lowered {
        Some(lowered) if !problems.has_errors() => Ok(lowered.graph),
        _ => Err(problems.iter().map(words).collect::<Vec<_>>().join("\n")),
    }
}

/// Where tests of ops and of golden arrays compute: on the CPU, with `WSSS_DEVICE=cuda` on the first card.
pub fn device() -> Device {
    match std::env::var("WSSS_DEVICE").as_deref() {
        Ok("cuda") => Device::new_cuda_with_stream(0).expect("a card"),
        _ => Device::Cpu,
    }
}

/// Runs a graph; every result must have the shape and the kind of number that was inferred.
pub fn run(graph: Graph, dtype: DType, weights: &HashMap<String, Tensor>) -> Vec<Tensor> {
    struct Weights<'a>(&'a HashMap<String, Tensor>);
    impl Leaves for Weights<'_> {
        fn field(&self, _: &str) -> Option<Tensor> {
            None
        }
        fn weight(&self, path: &str) -> Option<Tensor> {
            self.0.get(path).cloned()
        }
        fn state(&self, _: &str) -> Option<Tensor> {
            None
        }
        fn clock(&self, _: Clock) -> Option<f64> {
            None
        }
    }
    let graph = verify::verify(graph).unwrap_or_else(|broken| panic!("{broken}"));
    let device = device();
    let interpreter = Interpreter::new(graph, dtype, &device).expect("constants fit");
    let draw = Draw { seed: 1, epoch: 0, samples: (0..64).collect() };
    let context = Context { dims: Default::default(), dtype, device, draw };
    let options = Options { shapes: true, ..Options::default() };
    let results = interpreter.run(&Weights(weights), &context, options).unwrap_or_else(|error| panic!("{error}"));
    results.into_iter().map(|mut tensors| tensors.remove(0)).collect()
}

/// Numbers in nested brackets, rounded to four digits.
pub fn printed(tensor: &Tensor) -> String {
    fn nested(dims: &[usize], numbers: &[f64]) -> String {
        let Some((&length, inner)) = dims.split_first() else {
            let rounded = format!("{:.4}", numbers[0]);
            let short = rounded.trim_end_matches('0').trim_end_matches('.');
            return if short == "-0" { "0".to_string() } else { short.to_string() };
        };
        let size = inner.iter().product();
        let rows: Vec<String> = (0..length).map(|row| nested(inner, &numbers[row * size..][..size])).collect();
        format!("[{}]", rows.join(" "))
    }
    nested(tensor.dims(), &numbers(tensor))
}
