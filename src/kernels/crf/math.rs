//! `exp` and `ln` as plain arithmetic without branches, so that loops over them become vectors.

/// 1.5 · 2^23: adding it to a number of less than 2^22 rounds that to a whole one, halves to the even side, and leaves it in the low bits.
pub const ROUND: f32 = 12_582_912.0;

/// `e^x` for `x` up to 0, within 2e-7 of it; 0 below -60, so that no product of two results leaves the normal numbers.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = if x > -60.0 { x } else { -88.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // ln 2 in two parts, the first of few bits, so that its product is exact.
    let rest = (x - whole * 0.693_359_4) + whole * 2.121_944_4e-4;
    // Taylor's series of degree 7: the next term is below 6e-9 for |rest| up to ln(2) / 2.
    let series = 1.0 / 720.0 + rest * (1.0 / 5040.0);
    let series = 1.0 / 120.0 + rest * series;
    let series = 1.0 / 24.0 + rest * series;
    let series = 1.0 / 6.0 + rest * series;
    let series = 1.0 + rest * (1.0 + rest * (0.5 + rest * series));
    // 2^whole, put together from its exponent; of -127 it is 0.
    series * f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(1.0f32.to_bits()))
}

/// The natural logarithm of a normal number above 0, within 2e-7 of it or of 1, whichever is larger.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    // x = mantissa · 2^exponent, the mantissa from sqrt(1/2) to sqrt(2).
    let offset = x.to_bits().wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (offset as i32) >> 23;
    let mantissa = f32::from_bits(x.to_bits().wrapping_sub((exponent << 23) as u32));
    // ln m = 2 artanh((m - 1) / (m + 1)): odd powers up to the 9th; the next is below 1e-9.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = 2.0 / 7.0 + square * (2.0 / 9.0);
    let series = 2.0 / 3.0 + square * (2.0 / 5.0 + square * series);
    let series = ratio * (2.0 + square * series);
    exponent as f32 * std::f32::consts::LN_2 + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_as_close_as_it_says() {
        let worst =
            (0..600_000).map(|i| -(i as f32) * 1e-4).map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs());
        assert!(worst.fold(0.0, f64::max) < 2e-7);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!([exp(-60.001), exp(-1e30), exp(f32::NEG_INFINITY)], [0.0; 3]);
    }

    #[test]
    fn ln_is_as_close_as_it_says() {
        let numbers = (1..1_000_000).map(|i| i as f32 * 1e-6).chain([1e-30, 3.0, 1e30]);
        let worst = numbers.map(|x| (f64::from(ln(x)) - f64::from(x).ln()).abs() / f64::from(x).ln().abs().max(1.0));
        assert!(worst.fold(0.0, f64::max) < 2e-7);
        assert_eq!(ln(1.0), 0.0);
    }
}
