//! Moves the weights of a stage: each by its own rule, at its own learning rate and weight decay.

use std::collections::{BTreeMap, HashSet};

use candle_core::{Storage, Tensor};

use super::RunError;
use super::interpreter::Results;
use super::weights::Table;
use crate::graph::{Graph, Role};
use crate::kernels::optimizer::{self as kernels, Adam, RmsProp, Sgd, Updates};
use crate::lower::{self, Rule, Stage, Train, Weight};

/// The state of training beside the weights themselves.
pub(super) struct Optimizer {
    /// The default one first, then those of `optimizers`.
    rules: Vec<Rated>,
    moved: Vec<Moved>,
    /// Where the parameters lie: what shares their storage must be copied before they move.
    storages: HashSet<usize>,
    /// The largest norm of all gradients together.
    clip: Option<f64>,
    /// How much of a running mean stays at each step.
    ema: f64,
}

/// Where the gradients of a graph stand among its outputs, weight by weight; none where no loss of the graph reaches one.
pub(super) type Places = Vec<Option<usize>>;

/// The steps that moved each weight, by its path.
pub(super) type Steps = BTreeMap<String, u64>;

/// An update rule with its learning rate.
struct Rated {
    lr: f64,
    /// The output that is the factor on it, where there is a schedule.
    schedule: Option<usize>,
}

#[derive(Clone, Copy)]
enum Kernel {
    Sgd(Sgd),
    Adam(Adam),
    RmsProp(RmsProp),
}

impl Kernel {
    /// `decay` is a factor on the rule's weight decay.
    fn new(optimizer: &lower::Optimizer, decay: f64) -> Kernel {
        let weight_decay = optimizer.weight_decay * decay;
        match optimizer.rule {
            Rule::Sgd { momentum, nesterov } => Kernel::Sgd(Sgd { momentum, nesterov, weight_decay }),
            Rule::AdamW { betas: (first, second), eps } => {
                Kernel::Adam(Adam { betas: [first, second], eps, weight_decay, decoupled: true })
            }
            Rule::Adam { betas: (first, second), eps } => {
                Kernel::Adam(Adam { betas: [first, second], eps, weight_decay, decoupled: false })
            }
            Rule::RmsProp { alpha, eps, momentum } => Kernel::RmsProp(RmsProp { alpha, eps, momentum, weight_decay }),
        }
    }

    /// What it keeps of every weight.
    fn moments(&self) -> &'static [&'static str] {
        match self {
            Kernel::Sgd(sgd) if sgd.has_velocity() => &["velocity"],
            Kernel::Sgd(_) => &[],
            Kernel::Adam(_) => &["first", "second"],
            Kernel::RmsProp(rule) if rule.has_velocity() => &["square", "velocity"],
            Kernel::RmsProp(_) => &["square"],
        }
    }
}

/// A weight that a loss reaches.
struct Moved {
    path: String,
    /// Shares its storage with the table: the step is seen there.
    parameter: Tensor,
    kernel: Kernel,
    /// As the kernel names them.
    moments: Vec<Tensor>,
    /// Its rule's place among [`Optimizer::rules`], and the factor on that one's learning rate.
    rule: usize,
    factor: f64,
    /// Steps so far that moved it.
    steps: u64,
    /// The running mean that the stage leaves behind in its place, where it does.
    average: Option<Tensor>,
}

impl Optimizer {
    /// Of every weight that has a gradient in `graph`. Moments begin with zeros, or as `saved` has them by `velocity/<path>`,
    /// `first/<path>`, `second/<path>`.
    pub fn new(
        stage: &Stage,
        train: &Train,
        graph: &Graph,
        table: &Table,
        saved: &Table,
        taken: &Steps,
    ) -> Result<Optimizer, RunError> {
        let schedule =
            |name: &str| graph.outputs.iter().position(|output| output.role == Role::Rate && output.name == name);
        let others = train.optimizers.iter().map(|(path, optimizer)| (path.as_str(), optimizer));
        let rules = std::iter::once((lower::RATE, &train.optimizer)).chain(others);
        let rules = rules.map(|(name, optimizer)| Rated { lr: optimizer.lr, schedule: schedule(name) }).collect();
        let mut moved = Vec::new();
        for output in graph.outputs.iter().filter(|output| output.role == Role::Gradient) {
            let path = output.name.clone();
            let lost = || RunError::internal(format!("there is no weight `{path}` to move"));
            let parameter = table.get(&path).ok_or_else(lost)?.clone();
            let within = stage.weights.iter().find(|weight| weight.path() == path).map(Weight::within);
            let within = within.ok_or_else(lost)?;
            let (place, optimizer) = train.optimizer_of(&within);
            let kernel = Kernel::new(optimizer, train.decay_of(&within));
            let moment = |name: &&str| match saved.get(&format!("{name}/{path}")) {
                Some(moment) => Ok(moment.clone()),
                None => parameter.zeros_like(),
            };
            let moments = kernel.moments().iter().map(moment).collect::<Result<_, _>>()?;
            let (rule, factor) = (place.map_or(0, |place| place + 1), train.rate_of(&within));
            let average = match (train.ema, saved.get(&format!("{AVERAGE}/{path}"))) {
                (None, _) => None,
                (Some(_), Some(average)) => Some(average.clone()),
                (Some(_), None) => Some(parameter.copy()?),
            };
            let steps = taken.get(&path).copied().unwrap_or(0);
            moved.push(Moved { path, parameter, kernel, moments, rule, factor, steps, average });
        }
        let storages = moved.iter().map(|moved| address(&moved.parameter)).collect();
        Ok(Optimizer { rules, moved, storages, clip: train.clip, ema: train.ema.unwrap_or(0.0) })
    }

    /// The learning rates of a step, the default one first, before the factors of single weights.
    pub fn rates(&self, results: &Results) -> Result<Vec<f64>, RunError> {
        let rate = |rule: &Rated| match rule.schedule {
            Some(output) => Ok(rule.lr * number(&results[output][0])?),
            None => Ok(rule.lr),
        };
        self.rules.iter().map(rate).collect()
    }

    pub fn places(&self, graph: &Graph) -> Places {
        let of = |moved: &Moved| {
            graph.outputs.iter().position(|output| output.role == Role::Gradient && output.name == moved.path)
        };
        self.moved.iter().map(of).collect()
    }

    /// The gradients of a step, weight by weight.
    pub fn gradients(&self, results: &Results, places: &Places) -> Result<Gradients, RunError> {
        places.iter().map(|place| place.map(|place| self.own(&results[place][0])).transpose()).collect()
    }

    /// One step, written into the weights where they lie. A weight without a gradient stays as it is, and so do its moments: PyTorch
    /// does the same where a gradient is `None`.
    pub fn step(&mut self, gradients: Gradients, rates: &[f64]) -> Result<(), RunError> {
        let gradients = match self.clip {
            Some(most) => clipped(gradients, most)?,
            None => gradients,
        };
        let mut updates = Updates::default();
        for (moved, gradient) in self.moved.iter_mut().zip(&gradients) {
            let Moved { parameter, kernel, moments, rule, factor, steps, average, .. } = moved;
            if let Some(gradient) = gradient {
                *steps += 1;
                let rate = rates[*rule] * *factor;
                match (kernel, moments.as_slice()) {
                    (Kernel::Sgd(sgd), moments) => {
                        sgd.step(&mut updates, parameter, gradient, moments.first(), rate)?
                    }
                    (Kernel::Adam(adam), [first, second]) => {
                        adam.step(&mut updates, parameter, gradient, [first, second], *steps, rate)?;
                    }
                    (Kernel::RmsProp(rule), [square, rest @ ..]) => {
                        rule.step(&mut updates, parameter, gradient, square, rest.first(), rate)?;
                    }
                    (Kernel::Adam(_) | Kernel::RmsProp(_), _) => unreachable!("each rule was given its moments"),
                }
            }
            if let Some(average) = average {
                kernels::average(&mut updates, average, parameter, self.ema)?;
            }
        }
        Ok(updates.finish()?)
    }

    pub fn steps(&self) -> Steps {
        self.moved.iter().map(|moved| (moved.path.clone(), moved.steps)).collect()
    }

    /// What the stage leaves behind, were it to end here: running means in place of the weights they are of.
    pub fn left(&self, table: &Table) -> Table {
        let mut left = table.clone();
        for moved in &self.moved {
            if let Some(average) = &moved.average {
                left.insert(moved.path.clone(), average.clone());
            }
        }
        left
    }

    /// The tensor, or a copy where it shares its numbers with a parameter that is about to move.
    pub fn own(&self, tensor: &Tensor) -> Result<Tensor, RunError> {
        if self.storages.contains(&address(tensor)) { Ok(tensor.copy()?) } else { Ok(tensor.clone()) }
    }

    /// The moments by the names that [`Optimizer::new`] looks for.
    pub fn saved(&self) -> Vec<(String, &Tensor)> {
        let mut saved = Vec::new();
        for moved in &self.moved {
            let names = moved.kernel.moments().iter().chain(moved.average.iter().map(|_| &AVERAGE));
            let tensors = moved.moments.iter().chain(&moved.average);
            saved.extend(names.zip(tensors).map(|(name, tensor)| (format!("{name}/{}", moved.path), tensor)));
        }
        saved
    }
}

/// What running means are called in a checkpoint.
const AVERAGE: &str = "average";

/// The gradients of one step, weight by weight; none where no loss reaches one.
pub(super) type Gradients = Vec<Option<Tensor>>;

/// Gradients of at most this norm, all of them together: larger ones are scaled down alike.
fn clipped(gradients: Gradients, most: f64) -> Result<Gradients, RunError> {
    let squares = kernels::sum_of_squares(&gradients.iter().flatten().collect::<Vec<_>>())?;
    // As PyTorch has it: the small number keeps a norm of zero from dividing.
    let factor = most / (squares.sqrt() + 1e-6);
    if factor >= 1.0 { Ok(gradients) } else { scaled(gradients, factor) }
}

fn scaled(gradients: Gradients, factor: f64) -> Result<Gradients, RunError> {
    let scaled = |gradient: Option<Tensor>| gradient.map(|gradient| gradient.affine(factor, 0.0)).transpose();
    Ok(gradients.into_iter().map(scaled).collect::<Result<_, _>>()?)
}

/// The means of as many gradients as were added, all of one graph.
#[derive(Default)]
pub(super) struct Accumulated {
    sums: Gradients,
    count: usize,
}

impl Accumulated {
    pub fn add(&mut self, gradients: Gradients) -> Result<(), RunError> {
        self.count += 1;
        if self.sums.is_empty() {
            self.sums = gradients;
            return Ok(());
        }
        for (sum, gradient) in self.sums.iter_mut().zip(&gradients) {
            if let (Some(sum), Some(gradient)) = (sum, gradient) {
                *sum = sum.add(gradient)?;
            }
        }
        Ok(())
    }

    pub fn means(self) -> Result<Gradients, RunError> {
        if self.count < 2 { Ok(self.sums) } else { scaled(self.sums, 1.0 / self.count as f64) }
    }
}

/// A scalar.
fn number(tensor: &Tensor) -> Result<f64, RunError> {
    Ok(tensor.to_dtype(candle_core::DType::F64)?.to_scalar()?)
}

/// Where the numbers of a tensor lie: one address for as long as any view of them lives.
fn address(tensor: &Tensor) -> usize {
    let (storage, _) = tensor.storage_and_layout();
    std::ptr::from_ref::<Storage>(&storage) as usize
}
