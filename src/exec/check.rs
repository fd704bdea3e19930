//! Every gradient of a graph against finite differences, in f64.
//!
//! The objective is the sum of the losses; where there are none, the sum of all saved numbers, each times a fixed factor of
//! its own (a plain sum would not see a gradient that is lost where the sum is constant, as in a softmax). The difference is
//! central, `(f(x + h) - f(x - h)) / 2h`, with an error of the order of h²: about 1e-9 of the size of the numbers. At a kink
//! (a `relu` at 0, a tie in a maximum) it says nothing.

use candle_core::{DType, Device, Tensor};

use super::interpreter::{Finite, Interpreter, Leaves, Options, RunError};
use super::values::Values;
use crate::grad;
use crate::graph::{Broken, Clock, Graph, Id, Kind, Origin, Output, Role, verify};
use crate::ops::{self, Attrs, Context, Draw, OpError};
use crate::types::{DimEnv, Domain, Fact};

/// Half the distance of a central difference, for numbers around 1.
const STEP: f64 = 1e-5;

/// The element of a weight where gradient and difference are furthest apart.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    pub weight: String,
    /// Counted row-major.
    pub element: usize,
    pub gradient: f64,
    pub difference: f64,
}

impl Difference {
    /// How far they are apart, relative to the larger where that is above 1.
    pub fn error(&self) -> f64 {
        let size = self.gradient.abs().max(self.difference.abs()).max(1.0);
        let error = (self.gradient - self.difference).abs() / size;
        if error.is_nan() { f64::INFINITY } else { error }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Op(#[from] OpError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// The context of a check: f64 on the CPU.
pub fn context(dims: DimEnv) -> Context {
    let samples = (0..dims.get("B").copied().unwrap_or(1) as u64).collect();
    Context { dims, dtype: DType::F64, device: Device::Cpu, draw: Draw { seed: 1, epoch: 0, samples } }
}

/// Checks every trained weight of a graph without gradients, at the given numbers; the worst element of each, by path. A
/// weight that the objective does not reach has the gradient 0.
///
/// # Errors
/// A graph that cannot be differentiated or run.
pub fn gradients(graph: &Graph, values: &Values, context: &Context) -> Result<Vec<Difference>, CheckError> {
    let mut graph = graph.clone();
    let mut values = values.clone();
    if !graph.outputs.iter().any(|output| output.role == Role::Loss) {
        weigh_the_saved(&mut graph, &mut values, context)?;
    }
    graph.outputs.retain(|output| output.role == Role::Loss);
    let losses = Interpreter::new(verify(graph.clone())?, context.dtype, &context.device)?;
    grad::differentiate(&mut graph)?;
    let whole = Interpreter::new(verify(graph)?, context.dtype, &context.device)?;
    let results = run(&whole, &values, context)?;

    let mut worst = Vec::new();
    let mut paths: Vec<&str> = whole.graph().ids().filter_map(|id| trained(whole.graph(), id)).collect();
    paths.sort_unstable();
    for path in paths {
        let weight = values.weight(path).ok_or_else(|| OpError::internal(format!("there is no weight `{path}`")))?;
        let at: Vec<f64> = numbers(&weight)?;
        let output =
            whole.graph().outputs.iter().position(|output| output.role == Role::Gradient && output.name == path);
        let gradient = match output {
            Some(output) => numbers(&results[output][0])?,
            None => vec![0.0; at.len()],
        };
        let mut furthest: Option<Difference> = None;
        for (element, gradient) in gradient.into_iter().enumerate() {
            let step = STEP * at[element].abs().max(1.0);
            let objective = |sign: f64| -> Result<f64, CheckError> {
                let mut moved = at.clone();
                moved[element] += sign * step;
                let weight = Tensor::from_vec(moved, weight.shape(), &context.device)?;
                let results = run(&losses, &Nudged { values: &values, path, weight }, context)?;
                Ok(results.iter().flatten().map(numbers).collect::<Result<Vec<_>, _>>()?.concat().iter().sum())
            };
            let difference = (objective(1.0)? - objective(-1.0)?) / (2.0 * step);
            let here = Difference { weight: path.into(), element, gradient, difference };
            if furthest.as_ref().is_none_or(|furthest| furthest.error() < here.error()) {
                furthest = Some(here);
            }
        }
        worst.extend(furthest);
    }
    Ok(worst)
}

fn trained(graph: &Graph, id: Id) -> Option<&str> {
    match &graph.node(id).kind {
        Kind::Weight { path, trained: true } => Some(path),
        _ => None,
    }
}

fn run(interpreter: &Interpreter, leaves: &dyn Leaves, context: &Context) -> Result<Vec<Vec<Tensor>>, RunError> {
    interpreter.run(leaves, context, Options { finite: Finite::Unchecked, shapes: true, observer: None })
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>, candle_core::Error> {
    tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
}

/// Makes a loss of every saved tensor of real numbers: the sum of its numbers, each times a factor from a field of its own.
fn weigh_the_saved(graph: &mut Graph, values: &mut Values, context: &Context) -> Result<(), CheckError> {
    let saved: Vec<Id> = graph
        .outputs
        .iter()
        .filter(|output| output.role == Role::Save)
        .flat_map(|output| output.nodes.clone())
        .collect();
    let op = |name: &str| ops::find(name).ok_or_else(|| OpError::internal(format!("there is no op `{name}`")));
    for (number, id) in saved.into_iter().enumerate() {
        let fact = graph.node(id).fact.clone();
        if fact.domain.is_index() {
            continue;
        }
        let name = format!("check.factor{number}");
        let factor = graph.leaf(Kind::Field(name.clone()), Fact::new(Domain::Real, fact.dims), Origin::default());
        let product = graph.apply(op("mul")?, &[Some(id), Some(factor)], Attrs::new(), Origin::default())?;
        let sum = graph.apply(op("sum")?, &[Some(product)], Attrs::new(), Origin::default())?;
        graph.outputs.push(Output { role: Role::Loss, name: name.clone(), nodes: vec![sum], span: None });
    }
    let drawn = Values::plausible(graph, context, 0x5eed)?;
    values.fields.extend(drawn.fields.into_iter().filter(|(name, _)| name.starts_with("check.factor")));
    Ok(())
}

/// The same values with one weight moved.
struct Nudged<'a> {
    values: &'a Values,
    path: &'a str,
    weight: Tensor,
}

impl Leaves for Nudged<'_> {
    fn field(&self, name: &str) -> Option<Tensor> {
        self.values.field(name)
    }

    fn weight(&self, path: &str) -> Option<Tensor> {
        if path == self.path { Some(self.weight.clone()) } else { self.values.weight(path) }
    }

    fn state(&self, path: &str) -> Option<Tensor> {
        self.values.state(path)
    }

    fn clock(&self, clock: Clock) -> Option<f64> {
        self.values.clock(clock)
    }
}
