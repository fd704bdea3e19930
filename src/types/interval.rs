//! An [`Interval`] holds every number a tensor may have: what of its values is known before there are any.
//!
//! Bounds are those of real arithmetic: rounding may carry a number past one by its last digit. A value that is not a number is
//! in no interval, and none is promised about it. A bound of zero times infinity is zero: an infinite bound is never reached.

use std::fmt;
use std::hash::{Hash, Hasher};

/// `low..=high`, both possibly infinite. See the module text.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    /// Nothing is known.
    pub const ALL: Interval = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
    pub const NON_NEGATIVE: Interval = Interval { low: 0.0, high: f64::INFINITY };
    pub const NON_POSITIVE: Interval = Interval { low: f64::NEG_INFINITY, high: 0.0 };
    pub const UNIT: Interval = Interval { low: 0.0, high: 1.0 };

    /// Between two bounds, in any order; a bound that is not a number says nothing.
    pub fn new(a: f64, b: f64) -> Interval {
        if a.is_nan() || b.is_nan() {
            return Interval::ALL;
        }
        // Adding zero makes 0 of -0, so that equal intervals have equal bits.
        Interval { low: a.min(b) + 0.0, high: a.max(b) + 0.0 }
    }

    pub fn point(value: f64) -> Interval {
        Interval::new(value, value)
    }

    /// The narrowest that holds all of `values`; of none, or where one is not a number, nothing is known.
    pub fn of(values: &[f64]) -> Interval {
        let narrow = |so_far: Option<Interval>, value: &f64| {
            let point = Interval::point(*value);
            Some(so_far.map_or(point, |so_far| so_far.union(point)))
        };
        match values.iter().any(|value| value.is_nan()) {
            true => Interval::ALL,
            false => values.iter().fold(None, narrow).unwrap_or(Interval::ALL),
        }
    }

    pub fn low(self) -> f64 {
        self.low
    }

    pub fn high(self) -> f64 {
        self.high
    }

    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Whether all of `self` lies in `other`.
    pub fn within(self, other: Interval) -> bool {
        other.low <= self.low && self.high <= other.high
    }

    /// The single number it holds.
    pub fn as_point(self) -> Option<f64> {
        (self.low == self.high).then_some(self.low)
    }

    pub fn union(self, other: Interval) -> Interval {
        Interval { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// What both hold; `None` where that is nothing.
    pub fn meet(self, other: Interval) -> Option<Interval> {
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        (low <= high).then_some(Interval { low, high })
    }

    /// Of a function that never falls.
    pub fn rising(self, f: impl Fn(f64) -> f64) -> Interval {
        Interval::new(f(self.low), f(self.high))
    }

    /// Of `scale · x + shift`.
    pub fn affine(self, scale: f64, shift: f64) -> Interval {
        Interval::new(product(self.low, scale) + shift, product(self.high, scale) + shift)
    }

    pub fn plus(self, other: Interval) -> Interval {
        Interval::new(self.low + other.low, self.high + other.high)
    }

    pub fn minus(self, other: Interval) -> Interval {
        self.plus(other.affine(-1.0, 0.0))
    }

    pub fn times(self, other: Interval) -> Interval {
        let corners = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
        Interval::of(&corners.map(|(a, b)| product(a, b)))
    }

    /// Nothing is known of a quotient by what may be zero with either sign.
    pub fn over(self, other: Interval) -> Interval {
        let inverse = match (other.low, other.high) {
            (0.0, 0.0) => return Interval::ALL,
            (low, high) if low >= 0.0 => Interval { low: 1.0 / high, high: 1.0 / low },
            (low, high) if high <= 0.0 => {
                Interval { low: if high == 0.0 { f64::NEG_INFINITY } else { 1.0 / high }, high: 1.0 / low }
            }
            _ => return Interval::ALL,
        };
        // By zero all but zero is infinite.
        let quotient = self.times(inverse);
        match (other.contains(0.0), self.low < 0.0, self.high > 0.0) {
            (false, ..) | (true, false, false) => quotient,
            (true, true, true) => Interval::ALL,
            (true, below, _) if below == (other.low >= 0.0) => Interval { low: f64::NEG_INFINITY, ..quotient },
            _ => Interval { high: f64::INFINITY, ..quotient },
        }
    }

    pub fn square(self) -> Interval {
        let distance = self.abs();
        Interval::new(distance.low * distance.low, distance.high * distance.high)
    }

    pub fn abs(self) -> Interval {
        let (a, b) = (self.low.abs(), self.high.abs());
        Interval { low: if self.contains(0.0) { 0.0 } else { a.min(b) }, high: a.max(b) }
    }

    /// Of `x ^ y`: known where no base is below zero, or where the exponent is a whole number.
    pub fn pow(self, exponent: Interval) -> Interval {
        match exponent.as_point() {
            Some(power) if self.low >= 0.0 => {
                // Falls where the power is below zero; `new` sorts the bounds.
                Interval::new(self.low.powf(power), self.high.powf(power))
            }
            Some(power) if power >= 0.0 && power % 2.0 == 0.0 => self.abs().rising(|x| x.powf(power)),
            Some(power) if power >= 0.0 && power.fract() == 0.0 => self.rising(|x| x.powf(power)),
            _ if self.low >= 0.0 => Interval::NON_NEGATIVE,
            _ => Interval::ALL,
        }
    }

    /// Of the sum of `count` numbers, where that is known.
    pub fn sum(self, count: Option<i64>) -> Interval {
        match count {
            Some(count) => self.affine(count as f64, 0.0),
            None if self.low >= 0.0 => Interval { low: 0.0, high: product(f64::INFINITY, self.high) },
            None if self.high <= 0.0 => Interval { low: product(f64::INFINITY, self.low), high: 0.0 },
            None => Interval::ALL,
        }
    }
}

fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.low == other.low && self.high == other.high
    }
}

impl Eq for Interval {}

impl Hash for Interval {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.low.to_bits(), self.high.to_bits()).hash(hasher);
    }
}

/// `0..0.5`, `0 and up`, `at most 1`, `2`, `any number`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |x: f64| (x * 1e4).round() / 1e4;
        match (self.low, self.high) {
            (f64::NEG_INFINITY, f64::INFINITY) => f.write_str("any number"),
            (f64::NEG_INFINITY, high) => write!(f, "at most {}", short(high)),
            (low, f64::INFINITY) => write!(f, "{} and up", short(low)),
            (low, high) if low == high => write!(f, "{}", short(low)),
            (low, high) => write!(f, "{}..{}", short(low), short(high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shown_as_people_write_it() {
        let shown = [Interval::ALL, Interval::NON_NEGATIVE, Interval::UNIT.affine(-1.0, 1.0), Interval::point(2.0)];
        assert_eq!(shown.map(|range| range.to_string()).join("; "), "any number; 0 and up; 0..1; 2");
        assert_eq!(Interval::UNIT.affine(0.5, 0.0).to_string(), "0..0.5");
        assert_eq!(Interval::NON_POSITIVE.affine(1.0, 1.0).to_string(), "at most 1");
    }

    fn bound() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), Just(1.0), Just(-1.0), -3.0..3.0, Just(f64::NEG_INFINITY), Just(f64::INFINITY),]
    }

    fn interval() -> impl Strategy<Value = Interval> {
        (bound(), bound()).prop_map(|(a, b)| Interval::new(a, b))
    }

    /// A finite number of the interval, `at` of the way between its (cut) bounds.
    fn member(range: Interval, at: f64) -> f64 {
        let (low, high) = (range.low().clamp(-50.0, 50.0), range.high().clamp(-50.0, 50.0));
        (low + at * (high - low)).clamp(low, high)
    }

    proptest! {
        #[test]
        fn what_is_computed_from_members_is_a_member(
            a in interval(), b in interval(), at in 0.0..=1.0f64, also in 0.0..=1.0f64, scale in -3.0..3.0f64,
            count in 0i64..5,
        ) {
            prop_assume!(a.low() < f64::INFINITY && a.high() > f64::NEG_INFINITY);
            prop_assume!(b.low() < f64::INFINITY && b.high() > f64::NEG_INFINITY);
            let (x, y) = (member(a, at), member(b, also));
            let holds = |range: Interval, value: f64| {
                let slack = if value.is_finite() { 1e-9 * (1.0 + value.abs()) } else { 0.0 };
                value.is_nan() || (range.low() - slack <= value && value <= range.high() + slack)
            };
            prop_assert!(holds(a.plus(b), x + y), "{a} + {b}: {x} {y}");
            prop_assert!(holds(a.minus(b), x - y), "{a} - {b}: {x} {y}");
            prop_assert!(holds(a.times(b), x * y), "{a} * {b}: {x} {y}");
            // The sign of a zero divisor is not told apart: +0 where nothing is below zero, -0 else.
            let divisor = if y == 0.0 && b.low() < 0.0 { -0.0 } else { y };
            prop_assert!(holds(a.over(b), x / divisor), "{a} / {b} = {}: {x} {y}", a.over(b));
            prop_assert!(holds(a.pow(b), x.powf(y)), "{a} ^ {b}: {x} {y}");
            prop_assert!(holds(a.affine(scale, 1.0), scale * x + 1.0));
            prop_assert!(holds(a.square(), x * x) && holds(a.abs(), x.abs()));
            prop_assert!(holds(a.sum(Some(count)), x * count as f64));
            prop_assert!(holds(a.sum(None), x * count as f64));
            prop_assert!(holds(a.union(b), x) && holds(a.union(b), y));
            if let Some(both) = a.meet(b) {
                prop_assert!(both.within(a) && both.within(b));
            }
            prop_assert_eq!(b.contains(x), b.meet(Interval::point(x)).is_some());
        }
    }
}
