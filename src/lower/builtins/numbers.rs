//! What the builtins on numbers mean: rounding, the smallest and the largest, powers of two.

use super::Arguments;
use crate::diag::{Code, Diagnostic};
use crate::lower::value::Value;
use crate::lower::{Lower, errors};

/// A number or a number with a unit, which stays.
pub(super) fn rounded<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, round: fn(f64) -> f64) -> Option<Value<'p>> {
    Some(match a.get(0)?.value {
        Value::Quantity(number, unit) => Value::Quantity(round(number), unit),
        _ => Value::Number(round(a.number(lower, 0, 0.0)?)),
    })
}

/// Of numbers that all have the same unit, or none.
pub(super) fn extreme<'p>(
    lower: &mut Lower<'p, '_>,
    a: &Arguments<'p>,
    better: fn(f64, f64) -> f64,
) -> Option<Value<'p>> {
    let mut best: Option<f64> = None;
    let mut units = Vec::new();
    for given in &a.slots[0] {
        let (number, unit) = match given.value {
            Value::Number(number) => (number, None),
            Value::Quantity(number, unit) => (number, Some(unit)),
            ref other => {
                lower.report(errors::wrong_kind("a number", other, given.span));
                return None;
            }
        };
        units.push((unit, given.span));
        best = Some(best.map_or(number, |best| better(best, number)));
    }
    let unit = lower.one_unit(&units).ok()?;
    if let (Some(unit), Some((_, span))) = (unit, units.iter().find(|(unit, _)| unit.is_none())) {
        lower.report(
            Diagnostic::error(Code::UnitMismatch, format!("this has no unit, the others count {}", unit.word()))
                .label(*span, "a bare number")
                .help("give all the same unit"),
        );
        return None;
    }
    Some(unit.map_or(Value::Number(best?), |unit| best.map_or(Value::Poison, |best| Value::Quantity(best, unit))))
}

/// The exponent of a number of steps that is a power of two.
pub(super) fn doublings<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<f64> {
    let steps = a.whole(lower, 0, 1.0, 1.0)?;
    if steps.is_power_of_two() {
        return Some(f64::from(steps.trailing_zeros()));
    }
    let (below, above) = (steps.next_power_of_two() / 2, steps.next_power_of_two());
    lower.report(errors::out_of_range(
        format!("a walk that is squared has a power of two of steps, this is {steps}"),
        a.get(0)?.span,
        format!("`{below} steps` or `{above} steps`"),
    ));
    None
}
