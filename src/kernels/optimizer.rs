//! Steps of gradient descent, written into the parameters where they lie.
//!
//! Whoever shares the storage of a parameter or of its state sees the step: keep a copy of what must stay. Formulas are
//! PyTorch's, so that learning rates and decays of published methods mean the same here.

use candle_core::{CpuStorage, InplaceOp3, Layout, Result, Storage, Tensor, bail};

use super::par::{PIECE, collect, for_pieces};
use super::real::{Real, on_cuda};
use super::wide::wide;

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
    pub fn step(&self, parameter: &Tensor, gradient: &Tensor, velocity: Option<&Tensor>, rate: f64) -> Result<()> {
        let Sgd { momentum, nesterov, weight_decay } = *self;
        if !self.has_velocity() {
            return update(parameter, gradient, gradient, Descend { rate, momentum: 0.0, weight_decay });
        }
        let Some(velocity) = velocity else { bail!("sgd: momentum without a velocity") };
        update(velocity, gradient, parameter, Velocity { momentum, weight_decay })?;
        if nesterov {
            update(parameter, gradient, velocity, Descend { rate, momentum, weight_decay })
        } else {
            update(parameter, velocity, velocity, Descend { rate, momentum: 0.0, weight_decay: 0.0 })
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
        parameter: &Tensor,
        gradient: &Tensor,
        moments: [&Tensor; 2],
        count: u64,
        rate: f64,
    ) -> Result<()> {
        let weight_decay = if self.decoupled { 0.0 } else { self.weight_decay };
        let shrink = if self.decoupled { 1.0 - rate * self.weight_decay } else { 1.0 };
        let [first, second] = self.betas.map(|beta| 1.0 - beta.powf(count as f64));
        update(moments[0], gradient, parameter, FirstMoment { beta: self.betas[0], weight_decay })?;
        update(moments[1], gradient, parameter, SecondMoment { beta: self.betas[1], weight_decay })?;
        let rule = AdamDescend { shrink, rate: rate / first, root: second.sqrt(), eps: self.eps };
        update(parameter, moments[0], moments[1], rule)
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
            update(whole, parameter, parameter, Decayed { weight_decay })?;
        }
        let gradient = whole.as_ref().unwrap_or(gradient);
        update(square, gradient, parameter, SecondMoment { beta: alpha, weight_decay: 0.0 })?;
        if !self.has_velocity() {
            return update(parameter, gradient, square, RootDescend { rate, eps });
        }
        let Some(velocity) = velocity else { bail!("rmsprop: momentum without a velocity") };
        update(velocity, gradient, square, RootVelocity { momentum, eps })?;
        update(parameter, velocity, velocity, Descend { rate, momentum: 0.0, weight_decay: 0.0 })
    }
}

/// Moves a running mean of a parameter: `mean = keep * mean + (1 - keep) * parameter`.
pub fn average(mean: &Tensor, parameter: &Tensor, keep: f64) -> Result<()> {
    update(mean, parameter, parameter, Average { keep })
}

/// The sum of the squares of a tensor's numbers, the same for any number of workers.
pub fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    on_cuda!(tensor, cuda::optimizer::sum_of_squares(tensor));
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

/// The new value of a number from itself and one number each of two other tensors.
trait Rule: Sync {
    fn apply<R: Real>(&self, target: R, a: R, b: R) -> R;

    /// The same for CUDA: of `t`, `a`, `b` and the numbers `n[0]`, `n[1]`, ….
    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str;
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64>;
}

/// `(p, g, v)`.
struct Descend {
    rate: f64,
    momentum: f64,
    weight_decay: f64,
}

impl Rule for Descend {
    #[inline(always)]
    fn apply<R: Real>(&self, p: R, g: R, v: R) -> R {
        p - R::of(self.rate) * (g + R::of(self.weight_decay) * p + R::of(self.momentum) * v)
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "t - n[0] * (a + n[2] * t + n[1] * b)";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.rate, self.momentum, self.weight_decay]
    }
}

/// `(v, g, p)`.
struct Velocity {
    momentum: f64,
    weight_decay: f64,
}

impl Rule for Velocity {
    #[inline(always)]
    fn apply<R: Real>(&self, v: R, g: R, p: R) -> R {
        R::of(self.momentum) * v + (g + R::of(self.weight_decay) * p)
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "n[0] * t + (a + n[1] * b)";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.momentum, self.weight_decay]
    }
}

/// `(m, g, p)`.
struct FirstMoment {
    beta: f64,
    weight_decay: f64,
}

impl Rule for FirstMoment {
    #[inline(always)]
    fn apply<R: Real>(&self, m: R, g: R, p: R) -> R {
        m + (g + R::of(self.weight_decay) * p - m) * R::of(1.0 - self.beta)
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "t + (a + n[1] * b - t) * n[0]";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![1.0 - self.beta, self.weight_decay]
    }
}

/// `(v, g, p)`.
struct SecondMoment {
    beta: f64,
    weight_decay: f64,
}

impl Rule for SecondMoment {
    #[inline(always)]
    fn apply<R: Real>(&self, v: R, g: R, p: R) -> R {
        let g = g + R::of(self.weight_decay) * p;
        R::of(self.beta) * v + R::of(1.0 - self.beta) * g * g
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "n[0] * t + n[1] * (a + n[2] * b) * (a + n[2] * b)";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.beta, 1.0 - self.beta, self.weight_decay]
    }
}

/// `(p, m, v)`.
struct AdamDescend {
    shrink: f64,
    rate: f64,
    root: f64,
    eps: f64,
}

impl Rule for AdamDescend {
    #[inline(always)]
    fn apply<R: Real>(&self, p: R, m: R, v: R) -> R {
        p * R::of(self.shrink) - R::of(self.rate) * m / (v.sqrt() / R::of(self.root) + R::of(self.eps))
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "t * n[0] - n[1] * a / (sqrt(b) / n[2] + n[3])";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.shrink, self.rate, self.root, self.eps]
    }
}

/// `(g, p, _)`.
struct Decayed {
    weight_decay: f64,
}

impl Rule for Decayed {
    #[inline(always)]
    fn apply<R: Real>(&self, g: R, p: R, _: R) -> R {
        g + R::of(self.weight_decay) * p
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "t + n[0] * a";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.weight_decay]
    }
}

/// `(p, g, v)`.
struct RootDescend {
    rate: f64,
    eps: f64,
}

impl Rule for RootDescend {
    #[inline(always)]
    fn apply<R: Real>(&self, p: R, g: R, v: R) -> R {
        p - R::of(self.rate) * g / (v.sqrt() + R::of(self.eps))
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "t - n[0] * a / (sqrt(b) + n[1])";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.rate, self.eps]
    }
}

/// `(b, g, v)`.
struct RootVelocity {
    momentum: f64,
    eps: f64,
}

impl Rule for RootVelocity {
    #[inline(always)]
    fn apply<R: Real>(&self, b: R, g: R, v: R) -> R {
        R::of(self.momentum) * b + g / (v.sqrt() + R::of(self.eps))
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "n[0] * t + a / (sqrt(b) + n[1])";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.momentum, self.eps]
    }
}

/// `(mean, p, _)`.
struct Average {
    keep: f64,
}

impl Rule for Average {
    #[inline(always)]
    fn apply<R: Real>(&self, mean: R, p: R, _: R) -> R {
        R::of(self.keep) * mean + R::of(1.0 - self.keep) * p
    }

    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str = "n[0] * t + n[1] * a";
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64> {
        vec![self.keep, 1.0 - self.keep]
    }
}

/// Writes `rule` over every number of `target`.
fn update<T: Rule>(target: &Tensor, a: &Tensor, b: &Tensor, rule: T) -> Result<()> {
    if a.dims() != target.dims() || b.dims() != target.dims() {
        bail!("optimizer: shapes {:?}, {:?} and {:?} differ", target.dims(), a.dims(), b.dims());
    }
    on_cuda!(target, cuda::optimizer::update(target, a, b, T::TEXT, &rule.numbers()));
    target.inplace_op3(&a.contiguous()?, &b.contiguous()?, &InPlace(rule))
}

struct InPlace<T>(T);

impl<T: Rule> InplaceOp3 for InPlace<T> {
    fn name(&self) -> &'static str {
        "optimizer"
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        target_layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<()> {
        let offsets = [target_layout, a_layout, b_layout].map(Layout::contiguous_offsets);
        let [Some(target_range), Some(a_range), Some(b_range)] = offsets else {
            bail!("optimizer: a parameter or its state is not contiguous");
        };
        let sources = [(a, a_range), (b, b_range)];
        match target {
            CpuStorage::F32(target) => self.write(&mut target[target_range.0..target_range.1], sources),
            CpuStorage::F64(target) => self.write(&mut target[target_range.0..target_range.1], sources),
            _ => bail!("optimizer: parameters are f32 or f64"),
        }
    }
}

impl<T: Rule> InPlace<T> {
    fn write<R: Real>(&self, target: &mut [R], sources: [(&CpuStorage, (usize, usize)); 2]) -> Result<()> {
        let [(a, a_range), (b, b_range)] = sources;
        let a = &R::cpu_storage_as_slice(a)?[a_range.0..a_range.1];
        let b = &R::cpu_storage_as_slice(b)?[b_range.0..b_range.1];
        for_pieces(target, PIECE, |start, target| {
            wide(
                #[inline(always)]
                || {
                    for ((target, &a), &b) in target.iter_mut().zip(&a[start..]).zip(&b[start..]) {
                        *target = self.0.apply(*target, a, b);
                    }
                },
            )
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
