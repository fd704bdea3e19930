//! What becomes of a number: the rules of which steps are made, for the CPU and as texts for CUDA.

use crate::kernels::real::Real;

/// The new value of a number from itself and one number each of two other tensors.
pub(super) trait Rule: Sync {
    fn apply<R: Real>(&self, target: R, a: R, b: R) -> R;

    /// The same for CUDA: of `t`, `a`, `b` and the numbers `n[0]`, `n[1]`, ….
    #[cfg(any(test, feature = "cuda"))]
    const TEXT: &'static str;
    #[cfg(any(test, feature = "cuda"))]
    fn numbers(&self) -> Vec<f64>;
}

/// `(p, g, v)`.
pub(super) struct Descend {
    pub rate: f64,
    pub momentum: f64,
    pub weight_decay: f64,
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
pub(super) struct Velocity {
    pub momentum: f64,
    pub weight_decay: f64,
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
pub(super) struct FirstMoment {
    pub beta: f64,
    pub weight_decay: f64,
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
pub(super) struct SecondMoment {
    pub beta: f64,
    pub weight_decay: f64,
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
pub(super) struct AdamDescend {
    pub shrink: f64,
    pub rate: f64,
    pub root: f64,
    pub eps: f64,
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
pub(super) struct Decayed {
    pub weight_decay: f64,
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
pub(super) struct RootDescend {
    pub rate: f64,
    pub eps: f64,
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
pub(super) struct RootVelocity {
    pub momentum: f64,
    pub eps: f64,
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
pub(super) struct Average {
    pub keep: f64,
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
