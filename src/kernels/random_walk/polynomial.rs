//! A high power as a short sum of Chebyshev polynomials.

/// The coefficients by which `x^n` is the sum of `c_k C_k(x)`, cut where what is left out sums to at most `tolerance`.
///
/// `c_k` is twice the chance (once for `k = 0`) that `n` steps of one to either side end `k` away, which is next to nothing beyond a few `√n`:
/// 91 of 256 terms for `f32`. On the eigenvalues of a walk's matrix, which lie from -1 to 1, no polynomial exceeds 1; so the tolerance bounds
/// what is left out (Sachdeva and Vishnoi, Faster Algorithms via Approximation Theory, Foundations and Trends in Theoretical Computer Science 9(2), 2013, chapter 3).
pub fn polynomial(n: usize, tolerance: f64) -> Vec<f64> {
    let mut terms = vec![0.0; n + 1];
    // Relative to the first, each from the one before: C(n, (n - k) / 2); then over their sum, which is that of 1^n.
    let mut chance = 1.0;
    for k in (n % 2..=n).step_by(2) {
        terms[k] = if k == 0 { chance } else { 2.0 * chance };
        chance *= ((n - k) / 2) as f64 / ((n + k) / 2 + 1) as f64;
    }
    let all: f64 = terms.iter().sum();
    terms.iter_mut().for_each(|term| *term /= all);
    let mut left_out = 0.0;
    while terms.len() > 1 {
        left_out += terms[terms.len() - 1];
        if left_out > tolerance {
            break;
        }
        terms.pop();
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At `cos t` the polynomials are `cos k t`.
    fn value(terms: &[f64], at: f64) -> f64 {
        terms.iter().enumerate().map(|(k, term)| term * (k as f64 * at.acos()).cos()).sum()
    }

    #[test]
    fn short_powers_are_exact() {
        assert_eq!(polynomial(0, 0.0), [1.0]);
        assert_eq!(polynomial(1, 0.0), [0.0, 1.0]);
        assert_eq!(polynomial(2, 0.0), [0.5, 0.0, 0.5]);
        assert_eq!(polynomial(3, 0.0), [0.0, 0.75, 0.0, 0.25]);
    }

    #[test]
    fn long_ones_are_within_the_tolerance() {
        for (n, tolerance, terms) in [(256, 1.5e-8, 91), (255, 1.5e-8, 92), (64, 1e-6, 39), (4096, 1e-16, 539)] {
            let found = polynomial(n, tolerance);
            assert!(found.len().abs_diff(terms) <= 40, "{n}: {} terms", found.len());
            for at in [-1.0, -0.999, -0.3, 0.0, 0.7, 0.99, 0.9999, 1.0f64] {
                let apart = (value(&found, at) - at.powi(n as i32)).abs();
                assert!(apart <= tolerance + 1e-13, "{n} at {at}: off by {apart:.1e}");
            }
        }
    }
}
