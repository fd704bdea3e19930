//! Moves the weights of a stage: each by its own rule, at its own learning rate and weight decay.

use std::collections::HashSet;

use candle_core::{Storage, Tensor};

use super::RunError;
use super::interpreter::Results;
use super::weights::Table;
use crate::graph::{Graph, Role};
use crate::kernels::optimizer::{self as kernels, Adam, RmsProp, Sgd};
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
    /// Steps so far.
    pub steps: u64,
}

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
    /// The output that is its gradient.
    gradient: usize,
    /// The running mean that the stage leaves behind in its place, where it does.
    average: Option<Tensor>,
}

impl Optimizer {
    /// Moments begin with zeros, or as `saved` has them by `velocity/<path>`, `first/<path>`, `second/<path>`.
    pub fn new(
        stage: &Stage,
        train: &Train,
        graph: &Graph,
        table: &Table,
        saved: &Table,
    ) -> Result<Optimizer, RunError> {
        let schedule =
            |name: &str| graph.outputs.iter().position(|output| output.role == Role::Rate && output.name == name);
        let others = train.optimizers.iter().map(|(path, optimizer)| (path.as_str(), optimizer));
        let rules = std::iter::once((lower::RATE, &train.optimizer)).chain(others);
        let rules = rules.map(|(name, optimizer)| Rated { lr: optimizer.lr, schedule: schedule(name) }).collect();
        let mut moved = Vec::new();
        for (gradient, output) in graph.outputs.iter().enumerate().filter(|(_, output)| output.role == Role::Gradient) {
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
            moved.push(Moved { path, parameter, kernel, moments, rule, factor, gradient, average });
        }
        let storages = moved.iter().map(|moved| address(&moved.parameter)).collect();
        Ok(Optimizer { rules, moved, storages, clip: train.clip, ema: train.ema.unwrap_or(0.0), steps: 0 })
    }

    /// The learning rates of a step, the default one first, before the factors of single weights.
    pub fn rates(&self, results: &Results) -> Result<Vec<f64>, RunError> {
        let rate = |rule: &Rated| match rule.schedule {
            Some(output) => Ok(rule.lr * number(&results[output][0])?),
            None => Ok(rule.lr),
        };
        self.rules.iter().map(rate).collect()
    }

    /// The gradients of a step, weight by weight.
    pub fn gradients(&self, results: &Results) -> Result<Vec<Tensor>, RunError> {
        self.moved.iter().map(|moved| self.own(&results[moved.gradient][0])).collect()
    }

    /// One step, written into the weights where they lie.
    pub fn step(&mut self, gradients: Vec<Tensor>, rates: &[f64]) -> Result<(), RunError> {
        self.steps += 1;
        let gradients = match self.clip {
            Some(most) => clipped(gradients, most)?,
            None => gradients,
        };
        for (Moved { parameter, kernel, moments, rule, factor, average, .. }, gradient) in
            self.moved.iter().zip(&gradients)
        {
            let rate = rates[*rule] * factor;
            match (kernel, moments.as_slice()) {
                (Kernel::Sgd(sgd), moments) => sgd.step(parameter, gradient, moments.first(), rate)?,
                (Kernel::Adam(adam), [first, second]) => {
                    adam.step(parameter, gradient, [first, second], self.steps, rate)?;
                }
                (Kernel::RmsProp(rule), [square, rest @ ..]) => {
                    rule.step(parameter, gradient, square, rest.first(), rate)?;
                }
                (Kernel::Adam(_) | Kernel::RmsProp(_), _) => unreachable!("each rule was given its moments"),
            }
            if let Some(average) = average {
                kernels::average(average, parameter, self.ema)?;
            }
        }
        Ok(())
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

/// Gradients of at most this norm, all of them together: larger ones are scaled down alike.
fn clipped(gradients: Vec<Tensor>, most: f64) -> Result<Vec<Tensor>, RunError> {
    let mut squares = 0.0;
    for gradient in &gradients {
        squares += kernels::sum_of_squares(gradient)?;
    }
    // As PyTorch has it: the small number keeps a norm of zero from dividing.
    let factor = most / (squares.sqrt() + 1e-6);
    if factor >= 1.0 {
        return Ok(gradients);
    }
    Ok(gradients.iter().map(|gradient| gradient.affine(factor, 0.0)).collect::<Result<_, _>>()?)
}

/// The means of as many gradients as were added.
#[derive(Default)]
pub(super) struct Accumulated {
    sums: Vec<Tensor>,
    count: usize,
}

impl Accumulated {
    pub fn add(&mut self, gradients: Vec<Tensor>) -> Result<(), RunError> {
        self.count += 1;
        if self.sums.is_empty() {
            self.sums = gradients;
            return Ok(());
        }
        for (sum, gradient) in self.sums.iter_mut().zip(&gradients) {
            *sum = sum.add(gradient)?;
        }
        Ok(())
    }

    pub fn means(self) -> Result<Vec<Tensor>, RunError> {
        if self.count < 2 {
            return Ok(self.sums);
        }
        let part = 1.0 / self.count as f64;
        Ok(self.sums.iter().map(|sum| sum.affine(part, 0.0)).collect::<Result<_, _>>()?)
    }
}

/// A scalar.
pub(super) fn number(tensor: &Tensor) -> Result<f64, RunError> {
    Ok(tensor.to_dtype(candle_core::DType::F64)?.to_scalar()?)
}

/// Where the numbers of a tensor lie: one address for as long as any view of them lives.
fn address(tensor: &Tensor) -> usize {
    let (storage, _) = tensor.storage_and_layout();
    std::ptr::from_ref::<Storage>(&storage) as usize
}
