//! Steps of gradient descent, written into the parameters where they lie.
//!
//! Whoever shares the storage of a parameter or of its state sees the step: keep a copy of what must stay. Formulas are
//! PyTorch's, so that learning rates and decays of published methods mean the same here.

use candle_core::{CpuStorage, Result, Storage, Tensor, bail};

use super::par::{PIECE, collect};
use super::real::Real;

mod rule;
mod updates;

use rule::{AdamDescend, Average, Decayed, Descend, FirstMoment, RootDescend, RootVelocity, SecondMoment, Velocity};
pub use updates::Updates;
use updates::Wave;

/// Stochastic gradient descent: `d = g + weight_decay * p`, `v = momentum * v + d`, `p -= rate * v`; with Nesterov
/// `p -= rate * (d + momentum * v)`. Without dampening.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sgd {
    /// 0 for none.
    pub momentum: f64,
    pub nesterov: bool,
    pub weight_decay: f64,
}

impl Sgd {
    /// Whether a step keeps a velocity.
    pub fn has_velocity(&self) -> bool {
        self.momentum != 0.0
    }

    /// One step on `parameter`. `velocity` has its shape, begins with zeros, and is needed with momentum only.
    pub fn step(
        &self,
        updates: &mut Updates,
        parameter: &Tensor,
        gradient: &Tensor,
        velocity: Option<&Tensor>,
        rate: f64,
    ) -> Result<()> {
        let Sgd { momentum, nesterov, weight_decay } = *self;
        if !self.has_velocity() {
            let rule = Descend { rate, momentum: 0.0, weight_decay };
            return updates.update(Wave::Parameter, parameter, gradient, gradient, rule);
        }
        let Some(velocity) = velocity else { bail!("sgd: momentum without a velocity") };
        updates.update(Wave::Velocity, velocity, gradient, parameter, Velocity { momentum, weight_decay })?;
        if nesterov {
            let rule = Descend { rate, momentum, weight_decay };
            updates.update(Wave::Parameter, parameter, gradient, velocity, rule)
        } else {
            let rule = Descend { rate, momentum: 0.0, weight_decay: 0.0 };
            updates.update(Wave::Parameter, parameter, velocity, velocity, rule)
        }
    }
}

/// Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adam {
    pub betas: [f64; 2],
    pub eps: f64,
    pub weight_decay: f64,
    /// AdamW: the decay shrinks the parameter by `rate * weight_decay`. Else it is added to the gradient.
    pub decoupled: bool,
}

impl Adam {
    /// Step number `count`, the first being 1. `moments` are of the shape of `parameter` and begin with zeros.
    pub fn step(
        &self,
        updates: &mut Updates,
        parameter: &Tensor,
        gradient: &Tensor,
        moments: [&Tensor; 2],
        count: u64,
        rate: f64,
    ) -> Result<()> {
        let weight_decay = if self.decoupled { 0.0 } else { self.weight_decay };
        let shrink = if self.decoupled { 1.0 - rate * self.weight_decay } else { 1.0 };
        let [first, second] = self.betas.map(|beta| 1.0 - beta.powf(count as f64));
        let [beta, square_beta] = self.betas;
        updates.update(Wave::Moment, moments[0], gradient, parameter, FirstMoment { beta, weight_decay })?;
        updates.update(
            Wave::Moment,
            moments[1],
            gradient,
            parameter,
            SecondMoment { beta: square_beta, weight_decay },
        )?;
        let rule = AdamDescend { shrink, rate: rate / first, root: second.sqrt(), eps: self.eps };
        updates.update(Wave::Parameter, parameter, moments[0], moments[1], rule)
    }
}

/// RMSprop (Tieleman and Hinton, 2012): `v = alpha * v + (1 - alpha) * g²`, `p -= rate * g / (√v + eps)`; with momentum
/// `b = momentum * b + g / (√v + eps)`, `p -= rate * b`. The decay is a part of `g`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RmsProp {
    pub alpha: f64,
    pub eps: f64,
    /// 0 for none.
    pub momentum: f64,
    pub weight_decay: f64,
}

impl RmsProp {
    /// Whether a step keeps a velocity.
    pub fn has_velocity(&self) -> bool {
        self.momentum != 0.0
    }

    /// One step on `parameter`. The mean square and the velocity have its shape and begin with zeros; the velocity is needed with
    /// momentum only.
    pub fn step(
        &self,
        updates: &mut Updates,
        parameter: &Tensor,
        gradient: &Tensor,
        square: &Tensor,
        velocity: Option<&Tensor>,
        rate: f64,
    ) -> Result<()> {
        let RmsProp { alpha, eps, momentum, weight_decay } = *self;
        // What the decay adds depends on the parameter, so the gradient is whole before anything moves.
        let whole = if weight_decay == 0.0 { None } else { Some(gradient.copy()?) };
        if let Some(whole) = &whole {
            updates.update(Wave::Gradient, whole, parameter, parameter, Decayed { weight_decay })?;
        }
        let gradient = whole.as_ref().unwrap_or(gradient);
        updates.update(Wave::Moment, square, gradient, parameter, SecondMoment { beta: alpha, weight_decay: 0.0 })?;
        if !self.has_velocity() {
            return updates.update(Wave::Parameter, parameter, gradient, square, RootDescend { rate, eps });
        }
        let Some(velocity) = velocity else { bail!("rmsprop: momentum without a velocity") };
        updates.update(Wave::Velocity, velocity, gradient, square, RootVelocity { momentum, eps })?;
        let rule = Descend { rate, momentum: 0.0, weight_decay: 0.0 };
        updates.update(Wave::Parameter, parameter, velocity, velocity, rule)
    }
}

/// Moves a running mean of a parameter: `mean = keep * mean + (1 - keep) * parameter`.
pub fn average(updates: &mut Updates, mean: &Tensor, parameter: &Tensor, keep: f64) -> Result<()> {
    updates.update(Wave::Mean, mean, parameter, parameter, Average { keep })
}

/// The sum of the squares of all numbers of some tensors, the same for any number of workers. On a CUDA device it waits for what was begun, once.
pub fn sum_of_squares(tensors: &[&Tensor]) -> Result<f64> {
    #[cfg(feature = "cuda")]
    if tensors.first().is_some_and(|tensor| tensor.device().is_cuda()) {
        return super::cuda::optimizer::sum_of_squares(tensors);
    }
    tensors.iter().map(|tensor| squares_of(tensor)).sum()
}

fn squares_of(tensor: &Tensor) -> Result<f64> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("sum_of_squares: not contiguous") };
    let Storage::Cpu(storage) = &*storage else { bail!("sum_of_squares: the tensor is not on the CPU") };
    match storage {
        CpuStorage::F32(numbers) => Ok(squares(&numbers[start..end])),
        CpuStorage::F64(numbers) => Ok(squares(&numbers[start..end])),
        _ => bail!("sum_of_squares: numbers are f32 or f64"),
    }
}

fn squares<R: Real + Into<f64>>(numbers: &[R]) -> f64 {
    let piece = |number: usize| {
        let part = &numbers[number * PIECE..numbers.len().min((number + 1) * PIECE)];
        part.iter().map(|&x| x.into() * x.into()).sum::<f64>()
    };
    collect(numbers.len().div_ceil(PIECE), PIECE, piece).into_iter().sum()
}

#[cfg(test)]
mod tests;
