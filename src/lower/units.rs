//! Numbers with a unit: `256 steps`, `8 epochs`, `448 px`, `600 images`.
//!
//! Sums and comparisons want one unit on both sides; a factor has none, and the quotient of two of a kind is a bare number. Where a
//! unit is asked for (a setting, a parameter), a number of that unit or a bare number will do and arrives bare; where none is asked
//! for, a unit is a mistake: 256 steps are no exponent.

use super::Lower;
use super::operators::Operation;
use super::value::{Range, Value};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{BinaryOperator as Op, Unit};

/// What a setting of a stage counts.
pub(super) fn of_setting(name: &str) -> Option<Unit> {
    match name {
        "batch" => Some(Unit::Images),
        "epochs" => Some(Unit::Epochs),
        "steps" => Some(Unit::Steps),
        _ => None,
    }
}

/// What a parameter of a builtin counts: those of data sets and augmentations are called the same everywhere.
pub(super) fn of_builtin(module: &str, parameter: &str) -> Option<Unit> {
    match (module, parameter) {
        ("data", "size" | "long_side") => Some(Unit::Pixels),
        ("data", "images") => Some(Unit::Images),
        ("seeds", "steps") => Some(Unit::Steps),
        _ => None,
    }
}

/// The value without the unit that is asked for; a list or range is looked into. What has another unit stays as it is.
pub(super) fn bare<'p>(value: Value<'p>, unit: Unit) -> Value<'p> {
    match value {
        Value::Quantity(number, found) if found == unit => Value::Number(number),
        Value::Range(range) if range.unit == Some(unit) => Value::Range(Range { unit: None, ..range }),
        Value::List(items) if items.iter().any(|item| matches!(item, Value::Quantity(..) | Value::List(_))) => {
            Value::list(items.iter().map(|item| bare(item.clone(), unit)).collect())
        }
        other => other,
    }
}

/// A number with a unit where another, or none, is asked for.
pub(super) fn mismatch(expected: &str, number: f64, unit: Unit, span: Span) -> Diagnostic {
    let found = shown(number, unit);
    let help = match unit {
        Unit::Steps if matches!(expected, "a number" | "a whole number") => {
            format!("write the bare number if it is meant; `doublings({found})` gives the exponent of two")
        }
        _ => "write the bare number if it is meant".to_string(),
    };
    Diagnostic::error(Code::UnitMismatch, format!("this is {found}, expected {expected}"))
        .label(span, format!("counts {}", unit.word()))
        .help(help)
}

/// `256 steps`
pub(super) fn shown(number: f64, unit: Unit) -> String {
    format!("{number} {}", unit.word())
}

impl<'p> Lower<'p, '_> {
    /// The value without the unit that is asked for; a number of another unit is refused.
    pub(super) fn counting(&mut self, value: Value<'p>, unit: Unit, span: Span) -> Value<'p> {
        match bare(value, unit) {
            Value::Quantity(number, other) => {
                let expected = Value::Quantity(0.0, unit).kind();
                self.report(mismatch(expected, number, other, span))
            }
            value => value,
        }
    }

    /// An operator with a number that has a unit on one side at least.
    pub(super) fn quantities(&mut self, operation: &Operation<'p>) -> Value<'p> {
        let Operation { operator, left, right, at: [_, divisor], .. } = operation;
        let (operator, divisor) = (*operator, *divisor);
        let (number, unit) = match (left, right) {
            (Value::Quantity(a, u), Value::Quantity(b, v)) if u == v => match operator {
                Op::Multiply | Op::Power | Op::And | Op::Or => return self.units_differ(operation),
                // How many times one goes into the other.
                Op::Divide | Op::FloorDivide => (self.numbers(operator, *a, *b, divisor), None),
                _ => (self.numbers(operator, *a, *b, divisor), Some(*u)),
            },
            (Value::Quantity(a, u), Value::Number(b))
                if matches!(operator, Op::Multiply | Op::Divide | Op::FloorDivide | Op::Remainder) =>
            {
                (self.numbers(operator, *a, *b, divisor), Some(*u))
            }
            (Value::Number(a), Value::Quantity(b, u)) if operator == Op::Multiply => {
                (self.numbers(operator, *a, *b, divisor), Some(*u))
            }
            _ => return self.units_differ(operation),
        };
        match (number, unit) {
            (Value::Number(number), Some(unit)) => Value::Quantity(number, unit),
            (other, _) => other,
        }
    }

    fn units_differ(&mut self, operation: &Operation<'p>) -> Value<'p> {
        let Operation { operator, left, right, .. } = operation;
        let words = |value: &Value| match value {
            Value::Quantity(number, unit) => shown(*number, *unit),
            other => other.kind().to_string(),
        };
        let help = match (left, right) {
            (Value::Quantity(_, unit), Value::Number(n)) | (Value::Number(n), Value::Quantity(_, unit))
                if !matches!(operator, Op::Power | Op::Divide | Op::And | Op::Or) =>
            {
                format!("give both the unit: `{n} {}`", unit.word())
            }
            (Value::Quantity(_, unit), Value::Tensor(_)) | (Value::Tensor(_), Value::Quantity(_, unit)) => {
                format!("a tensor has no unit: divide by `1 {}` first", unit.word())
            }
            _ => "units are added to and compared with their like, and multiplied with bare numbers".to_string(),
        };
        self.does_not_go(operation, Code::UnitMismatch, [words(left), words(right)], help)
    }

    /// The one unit of some numbers, bare ones left aside.
    pub(super) fn one_unit(&mut self, units: &[(Option<Unit>, Span)]) -> Result<Option<Unit>, ()> {
        let mut first: Option<(Unit, Span)> = None;
        for (unit, span) in units {
            let Some(unit) = unit else { continue };
            match first {
                Some((known, place)) if known != *unit => {
                    self.report(
                        Diagnostic::error(
                            Code::UnitMismatch,
                            format!("one counts {}, the other {}", known.word(), unit.word()),
                        )
                        .label(*span, format!("{} here", unit.word()))
                        .label(place, format!("{} here", known.word()))
                        .help("give both the same unit"),
                    );
                    return Err(());
                }
                Some(_) => {}
                None => first = Some((*unit, *span)),
            }
        }
        Ok(first.map(|(unit, _)| unit))
    }
}
