//! How a stage is trained, as the runtime wants it: length, optimizers, what counts when, what is kept.

use super::paths;
use super::times::{Guard, Length, Schedule};
use crate::grad::Moves;

#[derive(Clone, PartialEq, Debug)]
pub struct Train {
    /// Images a small batch.
    pub batch: usize,
    pub length: Length,
    /// Moves every weight that `optimizers` does not name.
    pub optimizer: Optimizer,
    /// By path within the stage: `oc.head`. See [`paths::pick`] for which one counts.
    pub optimizers: Vec<(String, Optimizer)>,
    /// Factors on the learning rate by path.
    pub rates: Vec<(String, f64)>,
    /// Factors on the weight decay by path.
    pub decay: Vec<(String, f64)>,
    /// Small batches whose gradients are averaged before the weights move.
    pub accumulate: usize,
    /// The largest norm of all gradients together.
    pub clip: Option<f64>,
    /// The nets of the stage are running means of the weights: how much of the mean stays at each step.
    pub ema: Option<f64>,
    pub keep: Keep,
    /// Losses that do not count all the time.
    pub guards: Vec<Guard>,
    /// Losses that move some of the weights only.
    pub moves: Vec<Moves>,
}

impl Train {
    /// Its steps and epochs over so many pictures.
    pub fn schedule(&self, images: usize) -> Schedule {
        Schedule::new(self.length, self.batch * self.accumulate, images)
    }

    /// Its steps, where they do not follow from a number of pictures that is not known.
    pub fn steps(&self, images: Option<usize>) -> Option<usize> {
        match self.length {
            Length::Steps(steps) => Some(steps),
            Length::Epochs(_) => images.map(|images| self.schedule(images).steps),
        }
    }

    /// Its epochs, where they do not follow from a number of pictures that is not known.
    pub fn epochs(&self, images: Option<usize>) -> Option<usize> {
        match self.length {
            Length::Epochs(epochs) => Some(epochs),
            Length::Steps(_) => images.map(|images| self.schedule(images).epochs),
        }
    }

    /// The optimizer of a weight: its place among `optimizers`, `None` for the default one. `weight` is its path within the stage.
    pub fn optimizer_of(&self, weight: &str) -> (Option<usize>, &Optimizer) {
        match paths::pick(&self.optimizers, weight) {
            Some(place) => (Some(place), &self.optimizers[place].1),
            None => (None, &self.optimizer),
        }
    }

    pub fn rate_of(&self, weight: &str) -> f64 {
        paths::pick(&self.rates, weight).map_or(1.0, |place| self.rates[place].1)
    }

    pub fn decay_of(&self, weight: &str) -> f64 {
        paths::pick(&self.decay, weight).map_or(1.0, |place| self.decay[place].1)
    }
}

/// What the graph's output is called that is the schedule of the default optimizer; of another it is called by the path.
pub const RATE: &str = "rate";

/// The update rule. Its schedule is the graph's `rate` output: `rate` for the default optimizer, else its path.
#[derive(Clone, PartialEq, Debug)]
pub struct Optimizer {
    pub lr: f64,
    pub weight_decay: f64,
    pub rule: Rule,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Rule {
    Sgd {
        momentum: f64,
        nesterov: bool,
    },
    /// The decay shrinks the weight.
    AdamW {
        betas: (f64, f64),
        eps: f64,
    },
    /// The decay is a part of the gradient.
    Adam {
        betas: (f64, f64),
        eps: f64,
    },
    RmsProp {
        alpha: f64,
        eps: f64,
        momentum: f64,
    },
}

impl Rule {
    /// Numbers it keeps beside each weight.
    pub fn moments(&self) -> usize {
        match self {
            Rule::Sgd { momentum, .. } => usize::from(*momentum != 0.0),
            Rule::AdamW { .. } | Rule::Adam { .. } => 2,
            Rule::RmsProp { momentum, .. } => 1 + usize::from(*momentum != 0.0),
        }
    }
}

/// The state of training that the stage leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keep {
    Last,
    /// The last, and beside it one every so many epochs.
    Every(usize),
    /// The epoch at which a figure is best; of equals the first.
    Best(Figured),
}

/// A figure of an epoch. Losses are best where they are lowest, metrics where they are highest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Figured {
    Total,
    Loss(String),
    Metric(String),
}
