//! Moves the weights of a stage: one rule, a learning rate a weight.

use std::collections::HashSet;

use candle_core::{Storage, Tensor};

use super::RunError;
use super::interpreter::Results;
use super::weights::Table;
use crate::graph::{Graph, Role};
use crate::kernels::optimizer::{Adam, Sgd};
use crate::lower::{Rule, Stage, Train};

/// The state of training beside the weights themselves.
pub(super) struct Optimizer {
    rule: Kernel,
    lr: f64,
    moved: Vec<Moved>,
    /// Where the parameters lie: what shares their storage must be copied before they move.
    storages: HashSet<usize>,
    /// The output that is the factor on the learning rate, where there is a schedule.
    rate: Option<usize>,
    /// Steps so far.
    pub steps: u64,
}

enum Kernel {
    Sgd(Sgd),
    Adam(Adam),
}

/// A weight that a loss reaches.
struct Moved {
    path: String,
    /// Shares its storage with the table: the step is seen there.
    parameter: Tensor,
    /// Velocity, or first and second moment.
    moments: Vec<Tensor>,
    factor: f64,
    /// The output that is its gradient.
    gradient: usize,
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
        let weight_decay = train.optimizer.weight_decay;
        let (rule, names): (Kernel, &[&str]) = match train.optimizer.rule {
            Rule::Sgd { momentum, nesterov } => {
                let sgd = Sgd { momentum, nesterov, weight_decay };
                (Kernel::Sgd(sgd), if sgd.has_velocity() { &["velocity"] } else { &[] })
            }
            Rule::AdamW { betas: (first, second), eps } => {
                let adam = Adam { betas: [first, second], eps, weight_decay, decoupled: true };
                (Kernel::Adam(adam), &["first", "second"])
            }
        };
        let mut moved = Vec::new();
        for (gradient, output) in graph.outputs.iter().enumerate().filter(|(_, output)| output.role == Role::Gradient) {
            let path = output.name.clone();
            let lost = || RunError::internal(format!("there is no weight `{path}` to move"));
            let parameter = table.get(&path).ok_or_else(lost)?.clone();
            let moment = |name: &&str| match saved.get(&format!("{name}/{path}")) {
                Some(moment) => Ok(moment.clone()),
                None => parameter.zeros_like(),
            };
            let moments = names.iter().map(moment).collect::<Result<_, _>>()?;
            let within = path.strip_prefix(&format!("{}.", stage.name)).unwrap_or(&path);
            moved.push(Moved { factor: factor(&train.rates, within), path, parameter, moments, gradient });
        }
        let storages = moved.iter().map(|moved| address(&moved.parameter)).collect();
        let rate = graph.outputs.iter().position(|output| output.role == Role::Rate);
        Ok(Optimizer { rule, lr: train.optimizer.lr, moved, storages, rate, steps: 0 })
    }

    /// The learning rate of a step, before the factors of single weights.
    pub fn rate(&self, results: &Results) -> Result<f64, RunError> {
        Ok(match self.rate {
            Some(output) => self.lr * number(&results[output][0])?,
            None => self.lr,
        })
    }

    /// One step, written into the weights where they lie.
    pub fn step(&mut self, results: &Results, rate: f64) -> Result<(), RunError> {
        self.steps += 1;
        for Moved { parameter, moments, factor, gradient, .. } in &self.moved {
            let gradient = self.own(&results[*gradient][0])?;
            let rate = rate * factor;
            match (&self.rule, moments.as_slice()) {
                (Kernel::Sgd(sgd), moments) => sgd.step(parameter, &gradient, moments.first(), rate)?,
                (Kernel::Adam(adam), [first, second]) => {
                    adam.step(parameter, &gradient, [first, second], self.steps, rate)?;
                }
                (Kernel::Adam(_), _) => unreachable!("Adam was given two moments"),
            }
        }
        Ok(())
    }

    /// The tensor, or a copy where it shares its numbers with a parameter that is about to move.
    pub fn own(&self, tensor: &Tensor) -> Result<Tensor, RunError> {
        if self.storages.contains(&address(tensor)) { Ok(tensor.copy()?) } else { Ok(tensor.clone()) }
    }

    /// The moments by the names that [`Optimizer::new`] looks for.
    pub fn saved(&self) -> Vec<(String, &Tensor)> {
        let names: &[&str] = match self.rule {
            Kernel::Sgd(_) => &["velocity"],
            Kernel::Adam(_) => &["first", "second"],
        };
        let named =
            |moved: &'_ Moved| -> Vec<String> { names.iter().map(|name| format!("{name}/{}", moved.path)).collect() };
        self.moved.iter().flat_map(|moved| named(moved).into_iter().zip(&moved.moments)).collect()
    }
}

/// The factor of the longest path that holds the weight: `oc.head` holds `oc.head.weight` and not `oc.header.weight`.
fn factor(rates: &[(String, f64)], weight: &str) -> f64 {
    let holds = |path: &str| weight.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let longest = rates.iter().filter(|(path, _)| holds(path)).max_by_key(|(path, _)| path.len());
    longest.map_or(1.0, |(_, factor)| *factor)
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

#[cfg(test)]
mod tests {
    use super::factor;

    #[test]
    fn the_longest_path_counts_and_parts_of_names_do_not() {
        let rates = [("oc".to_owned(), 2.0), ("oc.head".to_owned(), 10.0), ("oc.trunk.bn".to_owned(), 0.0)];
        let of = |weight| factor(&rates, weight);
        assert_eq!(of("oc.head.weight"), 10.0);
        assert_eq!(of("oc.head"), 10.0);
        assert_eq!(of("oc.header.weight"), 2.0);
        assert_eq!(of("oc.trunk.bn.weight"), 0.0);
        assert_eq!(of("seg.head.weight"), 1.0);
    }
}
