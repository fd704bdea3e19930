//! One number in, one number out, and the gradients of that.
//!
//! [`unary`] computes `y = f(x)`; [`unary_grad`] computes `gx = gy · f'(x)` in one pass, from `x` or from `y` as
//! [`Unary::saves`] says. Shapes are kept. Where a function has a corner the derivative is the one of PyTorch: 0 for `relu`
//! and `abs` at 0, 1 for `clamp` on its limits. One exception: `sqrt` has derivative 0 at 0, not infinity, so that the
//! length of a zero vector does not poison a training step.

use candle_core::{Result, Tensor};

use super::chain::{self, Link};
use super::real::Real;

/// A function of one number.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Unary {
    Neg,
    Abs,
    Exp,
    /// Natural logarithm.
    Log,
    Sqrt,
    Square,
    Recip,
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `log(1 + exp(x))`, exact for large |x|.
    Softplus,
    /// `log(sigmoid(x)) = -softplus(-x)`, exact for large |x|.
    LogSigmoid,
    Tanh,
    /// `x · Φ(x)`, Φ the normal distribution function: exact, not the approximation by tanh.
    Gelu,
    /// `x` above 0, `alpha · (exp(x) - 1)` below.
    Elu {
        alpha: f64,
    },
    /// `min(max(x, lo), hi)`.
    Clamp {
        lo: f64,
        hi: f64,
    },
    /// The largest whole number not above `x`; derivative 0.
    Floor,
    /// Of half precision, the nearest; beyond 65,504 infinite.
    Half,
    /// `scale · x + shift`.
    Affine {
        scale: f64,
        shift: f64,
    },
}

/// Which side of `y = f(x)` the gradient is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Saves {
    Input,
    Output,
}

impl Unary {
    /// What [`unary_grad`] asks for as `saved`. The output where it suffices: the input can then be dropped at once.
    pub fn saves(self) -> Saves {
        use Unary::*;
        match self {
            Exp | Sqrt | Recip | Relu | Relu6 | Sigmoid | Tanh | Elu { .. } => Saves::Output,
            Neg | Abs | Log | Square | Softplus | LogSigmoid | Gelu | Clamp { .. } | Floor | Half | Affine { .. } => {
                Saves::Input
            }
        }
    }
}

/// `f` of every number of `x`.
pub fn unary(f: Unary, x: &Tensor) -> Result<Tensor> {
    chain::run(x, &[Link::Unary(f)])
}

/// `gy · f'`, where `saved` is the input or the output of `f` as [`Unary::saves`] says. Both have one shape.
pub fn unary_grad(f: Unary, gy: &Tensor, saved: &Tensor) -> Result<Tensor> {
    chain::run(gy, &[Link::Derivative(f, saved)])
}

/// `f` of each number, in its place. To be called from within [`super::wide::wide`].
#[inline(always)]
pub(super) fn apply<T: Real>(f: Unary, numbers: &mut [T]) {
    use Unary::*;
    match f {
        Neg => each(numbers, |x: T| -x),
        Abs => each(numbers, |x: T| x.abs()),
        Exp => each(numbers, |x: T| x.exp()),
        Log => each(numbers, |x: T| x.ln()),
        Sqrt => each(numbers, |x: T| x.sqrt()),
        Square => each(numbers, |x: T| x * x),
        Recip => each(numbers, |x: T| T::ONE / x),
        Relu => each(numbers, |x: T| if x <= T::ZERO { T::ZERO } else { x }),
        Relu6 => {
            let six = T::from_f64(6.0);
            each(numbers, |x: T| clamp(x, T::ZERO, six))
        }
        Sigmoid => each(numbers, sigmoid::<T>),
        Softplus => each(numbers, softplus::<T>),
        LogSigmoid => each(numbers, |x: T| -softplus(-x)),
        Tanh => each(numbers, |x: T| x.tanh()),
        Gelu => each(numbers, |x: T| x * T::of(normal_below(x.double()))),
        Elu { alpha } => {
            let alpha = T::from_f64(alpha);
            each(numbers, |x: T| if x > T::ZERO { x } else { alpha * x.exp_m1() })
        }
        Clamp { lo, hi } => {
            let (lo, hi) = (T::from_f64(lo), T::from_f64(hi));
            each(numbers, |x: T| clamp(x, lo, hi))
        }
        Floor => each(numbers, |x: T| x.floor()),
        Half => each(numbers, |x: T| T::of(half::f16::from_f64(x.double()).to_f64())),
        Affine { scale, shift } => {
            let (scale, shift) = (T::from_f64(scale), T::from_f64(shift));
            each(numbers, |x: T| scale * x + shift)
        }
    }
}

/// Multiplies each gradient by the derivative of `f`, in its place. As [`apply`].
#[inline(always)]
pub(super) fn apply_grad<T: Real>(f: Unary, gradients: &mut [T], saved: &[T]) {
    use Unary::*;
    let two = T::from_f64(2.0);
    let when = |condition: bool, g: T| if condition { g } else { T::ZERO };
    match f {
        Neg => each(gradients, |g: T| -g),
        Abs => each2(gradients, saved, |g: T, x| match x {
            x if x > T::ZERO => g,
            x if x < T::ZERO => -g,
            _ => T::ZERO,
        }),
        Exp => each2(gradients, saved, |g: T, y| g * y),
        Log => each2(gradients, saved, |g: T, x| g / x),
        Sqrt => each2(gradients, saved, |g: T, y| when(y != T::ZERO, g / (two * y))),
        Square => each2(gradients, saved, |g: T, x| g * two * x),
        Recip => each2(gradients, saved, |g: T, y| -g * y * y),
        Relu => each2(gradients, saved, |g: T, y| when(y > T::ZERO, g)),
        Relu6 => {
            let six = T::from_f64(6.0);
            each2(gradients, saved, |g: T, y| when((y > T::ZERO) & (y < six), g))
        }
        Sigmoid => each2(gradients, saved, |g: T, y| g * y * (T::ONE - y)),
        Softplus => each2(gradients, saved, |g: T, x| g * sigmoid::<T>(x)),
        LogSigmoid => each2(gradients, saved, |g: T, x| g * sigmoid::<T>(-x)),
        Tanh => each2(gradients, saved, |g: T, y| g * (T::ONE - y * y)),
        Gelu => each2(gradients, saved, |g: T, x| {
            let x = x.double();
            g * T::of(normal_below(x) + x * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt())
        }),
        Elu { alpha } => {
            let alpha = T::from_f64(alpha);
            each2(gradients, saved, |g: T, y| if y > T::ZERO { g } else { g * (y + alpha) })
        }
        Clamp { lo, hi } => {
            let (lo, hi) = (T::from_f64(lo), T::from_f64(hi));
            each2(gradients, saved, |g: T, x| when((x >= lo) & (x <= hi), g))
        }
        Floor | Half => gradients.fill(T::ZERO),
        Affine { scale, .. } => {
            let scale = T::from_f64(scale);
            each(gradients, |g: T| g * scale)
        }
    }
}

/// `f` of each number.
#[inline(always)]
pub(super) fn each<T: Real>(numbers: &mut [T], f: impl Fn(T) -> T) {
    numbers.iter_mut().for_each(|number| *number = f(*number));
}

/// `f` of each number and the one beside it.
#[inline(always)]
pub(super) fn each2<T: Real>(numbers: &mut [T], others: &[T], f: impl Fn(T, T) -> T) {
    numbers.iter_mut().zip(others).for_each(|(number, &other)| *number = f(*number, other));
}

/// Not-a-number stays: a comparison with it is false, so it falls through both.
fn clamp<T: Real>(x: T, lo: T, hi: T) -> T {
    if x < lo {
        lo
    } else if x > hi {
        hi
    } else {
        x
    }
}

/// The exponent is never positive, so nothing overflows.
fn sigmoid<T: Real>(x: T) -> T {
    let small = (-x.abs()).exp();
    let tail = small / (T::ONE + small);
    if x >= T::ZERO { T::ONE / (T::ONE + small) } else { tail }
}

/// The share of a normal distribution that lies below `x`, exact far out on both sides.
fn normal_below(x: f64) -> f64 {
    0.5 * candle_core::cpu::erf::erfc_f64(-x / std::f64::consts::SQRT_2)
}

/// `max(x, 0) + log(1 + exp(-|x|))`: exact on both sides, and nothing overflows.
fn softplus<T: Real>(x: T) -> T {
    let rest = (-x.abs()).exp().ln_1p();
    if x > T::ZERO { x + rest } else { rest }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::kernels::testing::*;

    const ALL: [Unary; 19] = [
        Unary::Gelu,
        Unary::Neg,
        Unary::Abs,
        Unary::Exp,
        Unary::Log,
        Unary::Sqrt,
        Unary::Square,
        Unary::Recip,
        Unary::Relu,
        Unary::Relu6,
        Unary::Sigmoid,
        Unary::Softplus,
        Unary::LogSigmoid,
        Unary::Tanh,
        Unary::Elu { alpha: 0.7 },
        Unary::Clamp { lo: 0.3, hi: 5.0 },
        Unary::Floor,
        Unary::Half,
        Unary::Affine { scale: -3.0, shift: 0.5 },
    ];

    fn grad(f: Unary, x: &Tensor, gy: &Tensor) -> Result<Tensor> {
        match f.saves() {
            Saves::Input => unary_grad(f, gy, x),
            Saves::Output => unary_grad(f, gy, &unary(f, x)?),
        }
    }

    fn values(f: Unary, x: &[f64]) -> Vec<f64> {
        numbers(&unary(f, &Tensor::new(x, &Device::Cpu).expect("a row")).expect("a row is real"))
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        // On both sides of every corner, never on one; logarithm and root only above 0.
        let both = (sample(&[60], 5) * 8.0)?;
        let above = ((sample(&[60], 6) + 1.1)? * 4.0)?;
        for f in ALL {
            let positive = matches!(f, Unary::Log | Unary::Sqrt | Unary::Recip);
            let x = if positive { &above } else { &both };
            // The exponential reaches 3000 here: as accurate, but not to 1e-8 of 1.
            let x = if matches!(f, Unary::Exp) { (x / 8.0)? } else { x.clone() };
            assert_gradient(&format!("{f:?}"), &x, |x| unary(f, x), |x, gy| grad(f, x, gy));
        }
        Ok(())
    }

    #[test]
    fn as_pytorch() -> Result<()> {
        for (case, f) in [("relu", Unary::Relu), ("sigmoid", Unary::Sigmoid), ("elu", Unary::Elu { alpha: 1.0 })] {
            for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 3e-7)] {
                let (x, gy) = (cast(&golden(case, "x"), dtype), cast(&golden(case, "gy"), dtype));
                assert_close(case, &unary(f, &x)?, &golden(case, "y"), tolerance);
                assert_close(case, &grad(f, &x, &gy)?, &golden(case, "gx"), tolerance);
            }
        }
        Ok(())
    }

    #[test]
    fn corners() -> Result<()> {
        let (zero, one) = (Tensor::new(&[0f64], &Device::Cpu)?, Tensor::new(&[1f64], &Device::Cpu)?);
        for f in [Unary::Relu, Unary::Relu6, Unary::Abs, Unary::Sqrt] {
            assert_eq!(numbers(&grad(f, &zero, &one)?), [0.0], "{f:?}");
        }
        assert_eq!(numbers(&grad(Unary::Clamp { lo: 0.0, hi: 1.0 }, &zero, &one)?), [1.0]);
        Ok(())
    }

    #[test]
    fn large_numbers_stay_finite() {
        assert_eq!(values(Unary::Sigmoid, &[-1000.0, 1000.0]), [0.0, 1.0]);
        assert_eq!(values(Unary::Softplus, &[-1000.0, 1000.0]), [0.0, 1000.0]);
        assert_eq!(values(Unary::LogSigmoid, &[-1000.0, 1000.0]), [-1000.0, 0.0]);
        // Where 1 + exp(-40) is 1 in double precision.
        assert_eq!(values(Unary::Softplus, &[-40.0]), [(-40f64).exp()]);
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let keep = |f: &Unary| values(*f, &[f64::NAN])[0].is_nan();
        assert!(ALL.iter().all(keep));
    }

    #[test]
    fn same_bits_for_any_workers() {
        let x = cast(&sample(&[50_000], 7), DType::F32);
        for f in ALL {
            assert_same_for_any_workers("unary", || unary(f, &x));
            assert_same_for_any_workers("unary_grad", || unary_grad(f, &x, &x));
        }
    }
}
