//! Arithmetic, comparison and logic: on numbers at once, on lengths symbolically, on tensors as nodes.

use super::Lower;
use super::errors;
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::graph::Id;
use crate::ops::{self, Attrs};
use crate::source::Span;
use crate::syntax::ast::{BinaryOperator, UnaryOperator};

use BinaryOperator as Op;

/// An operator with its two sides, and where all of it stands.
pub(super) struct Operation<'p> {
    pub operator: Op,
    pub left: Value<'p>,
    pub right: Value<'p>,
    /// Of the two sides.
    pub at: [Span; 2],
    pub span: Span,
}

/// `false and …` and `true or …` are decided by their left side.
pub(super) fn short_cut(operator: Op, left: &Value) -> Option<bool> {
    match (operator, left) {
        (Op::And, Value::Bool(false)) => Some(false),
        (Op::Or, Value::Bool(true)) => Some(true),
        _ => None,
    }
}

/// The op of the registry that an operator on tensors stands for.
fn op_name(operator: Op) -> &'static str {
    match operator {
        Op::Or => "or",
        Op::And => "and",
        Op::Equal => "equal",
        Op::NotEqual => "not_equal",
        Op::Less => "less",
        Op::LessEqual => "less_equal",
        Op::Greater => "greater",
        Op::GreaterEqual => "greater_equal",
        Op::Add => "add",
        Op::Subtract => "sub",
        Op::Multiply => "mul",
        Op::Divide => "div",
        Op::Power => "pow",
        Op::FloorDivide => "div",
        Op::Remainder => "div",
    }
}

/// As it is written.
pub(super) fn sign(operator: Op) -> &'static str {
    match operator {
        Op::Or => "or",
        Op::And => "and",
        Op::Equal => "==",
        Op::NotEqual => "!=",
        Op::Less => "<",
        Op::LessEqual => "<=",
        Op::Greater => ">",
        Op::GreaterEqual => ">=",
        Op::Add => "+",
        Op::Subtract => "-",
        Op::Multiply => "*",
        Op::Divide => "/",
        Op::FloorDivide => "div",
        Op::Remainder => "%",
        Op::Power => "^",
    }
}

/// A tensor beside a number: the tensor with the line `scale · x + shift` it becomes. A number known here tells more than a node
/// can: `1 - x` of a unit map is a unit map.
fn affine(operation: &Operation) -> Option<(Id, Span, f64, f64)> {
    let [left, right] = operation.at;
    match (operation.operator, &operation.left, &operation.right) {
        (Op::Add, Value::Tensor(x), Value::Number(n)) => Some((*x, left, 1.0, *n)),
        (Op::Add, Value::Number(n), Value::Tensor(x)) => Some((*x, right, 1.0, *n)),
        (Op::Subtract, Value::Tensor(x), Value::Number(n)) => Some((*x, left, 1.0, -n)),
        (Op::Subtract, Value::Number(n), Value::Tensor(x)) => Some((*x, right, -1.0, *n)),
        (Op::Multiply, Value::Tensor(x), Value::Number(n)) => Some((*x, left, *n, 0.0)),
        (Op::Multiply, Value::Number(n), Value::Tensor(x)) => Some((*x, right, *n, 0.0)),
        (Op::Divide, Value::Tensor(x), Value::Number(n)) if *n != 0.0 => Some((*x, left, 1.0 / n, 0.0)),
        _ => None,
    }
}

impl<'p> Lower<'p, '_> {
    pub(super) fn unary(&mut self, operator: UnaryOperator, value: Value<'p>, operand: Span, span: Span) -> Value<'p> {
        match (operator, value) {
            (_, Value::Poison) => Value::Poison,
            (UnaryOperator::Negate, Value::Number(number)) => Value::Number(-number),
            (UnaryOperator::Negate, Value::Quantity(number, unit)) => Value::Quantity(-number, unit),
            (UnaryOperator::Negate, Value::Dim(dim)) => Value::dim(&crate::types::Dim::default() - &dim),
            (UnaryOperator::Not, Value::Bool(value)) => Value::Bool(!value),
            (operator, Value::Tensor(id)) => {
                let name = if operator == UnaryOperator::Negate { "neg" } else { "not" };
                self.apply_named(name, &[(id, operand)], Attrs::new(), span)
            }
            (UnaryOperator::Negate, other) => self.report(errors::wrong_kind("a number", &other, operand)),
            (UnaryOperator::Not, other) => self.report(errors::wrong_kind("true or false", &other, operand)),
        }
    }

    pub(super) fn binary(&mut self, operation: &Operation<'p>) -> Value<'p> {
        let Operation { operator, left, right, at, span } = operation;
        let operator = *operator;
        match (left, right) {
            (Value::Poison, _) | (_, Value::Poison) => Value::Poison,
            // Anything may be compared with `none`: that is how an argument left out is noticed.
            (Value::Nothing, other) | (other, Value::Nothing) if matches!(operator, Op::Equal | Op::NotEqual) => {
                let both = matches!(other, Value::Nothing);
                Value::Bool(both == (operator == Op::Equal))
            }
            (Value::Number(a), Value::Number(b)) => self.numbers(operator, *a, *b, at[1]),
            (Value::Quantity(..), _) | (_, Value::Quantity(..)) => self.quantities(operation),
            (Value::Tensor(_), _) | (_, Value::Tensor(_)) => {
                if matches!(operator, Op::FloorDivide | Op::Remainder) {
                    let sign = sign(operator);
                    return self.report(
                        Diagnostic::error(Code::WrongKind, format!("`{sign}` works on whole numbers, not on tensors"))
                            .label(*span, "a tensor takes part")
                            .help("use `/` and `floor`"),
                    );
                }
                if let Some((tensor, at, scale, shift)) = affine(operation) {
                    let attrs = Attrs::new().float("scale", scale).float("shift", shift);
                    return self.apply_named("affine", &[(tensor, at)], attrs, *span);
                }
                self.in_graph(operation)
            }
            (Value::Dim(_), _) | (_, Value::Dim(_)) => self.dims(operation),
            (Value::Bool(a), Value::Bool(b)) => match operator {
                Op::And => Value::Bool(*a && *b),
                Op::Or => Value::Bool(*a || *b),
                Op::Equal => Value::Bool(a == b),
                Op::NotEqual => Value::Bool(a != b),
                _ => self.cannot(operation),
            },
            (Value::Text(a), Value::Text(b)) => match operator {
                Op::Add => Value::text(format!("{a}{b}")),
                Op::Equal => Value::Bool(a == b),
                Op::NotEqual => Value::Bool(a != b),
                _ => self.cannot(operation),
            },
            (Value::List(a), Value::List(b)) if operator == Op::Add => {
                Value::list(a.iter().chain(b.iter()).cloned().collect())
            }
            // A choice between a number and a word (`padding = "same"`) is asked for by comparing.
            (Value::Text(_), Value::Number(_) | Value::List(_))
            | (Value::Number(_) | Value::List(_), Value::Text(_))
                if matches!(operator, Op::Equal | Op::NotEqual) =>
            {
                Value::Bool(operator == Op::NotEqual)
            }
            _ => self.cannot(operation),
        }
    }

    fn cannot(&mut self, operation: &Operation<'p>) -> Value<'p> {
        let help = match operation.operator {
            Op::And | Op::Or => "both sides of `and` and `or` are true or false",
            Op::Add => "`+` adds numbers and tensors and joins lists and texts",
            _ => "both sides are numbers or tensors",
        };
        let words = [&operation.left, &operation.right].map(|side| side.kind().to_string());
        self.does_not_go(operation, Code::WrongKind, words, help)
    }

    /// What the two sides are, in words, and that the operator is not for them.
    pub(super) fn does_not_go(
        &mut self,
        operation: &Operation<'p>,
        code: Code,
        [left, right]: [String; 2],
        help: impl Into<String>,
    ) -> Value<'p> {
        let message = format!("`{}` does not go with {left} and {right}", sign(operation.operator));
        let [at_left, at_right] = operation.at;
        self.report(
            Diagnostic::error(code, message)
                .label(at_left, format!("this is {left}"))
                .label(at_right, format!("this is {right}"))
                .help(help),
        )
    }

    pub(super) fn numbers(&mut self, operator: Op, a: f64, b: f64, right_span: Span) -> Value<'p> {
        if matches!(operator, Op::Divide | Op::FloorDivide | Op::Remainder) && b == 0.0 {
            return self.report(
                Diagnostic::error(Code::DivisionByZero, "division by zero")
                    .label(right_span, "this is 0")
                    .help("guard it with `if`, or divide by something that is never 0"),
            );
        }
        match operator {
            Op::Add => Value::Number(a + b),
            Op::Subtract => Value::Number(a - b),
            Op::Multiply => Value::Number(a * b),
            Op::Divide => Value::Number(a / b),
            Op::FloorDivide => Value::Number((a / b).floor()),
            Op::Remainder => Value::Number(a.rem_euclid(b)),
            Op::Power => Value::Number(a.powf(b)),
            Op::Equal => Value::Bool(a == b),
            Op::NotEqual => Value::Bool(a != b),
            Op::Less => Value::Bool(a < b),
            Op::LessEqual => Value::Bool(a <= b),
            Op::Greater => Value::Bool(a > b),
            Op::GreaterEqual => Value::Bool(a >= b),
            Op::And | Op::Or => {
                let number = Value::Number(a);
                self.report(errors::wrong_kind("true or false", &number, right_span))
            }
        }
    }

    /// Lengths with symbols: sums, products, quotients by a known number, and equality where the normal forms decide it.
    fn dims(&mut self, operation: &Operation<'p>) -> Value<'p> {
        let Operation { operator, left, right, span, .. } = operation;
        let (Some(a), Some(b)) = (left.as_dim(), right.as_dim()) else {
            // A fraction takes part: the result is a number that the picture decides, so it is made in the graph.
            if matches!((left, right), (Value::Number(_) | Value::Dim(_), Value::Number(_) | Value::Dim(_))) {
                return self.in_graph(operation);
            }
            return self.cannot(operation);
        };
        match operator {
            Op::Add => Value::dim(a + b),
            Op::Subtract => Value::dim(&a - &b),
            Op::Multiply => Value::dim(a * b),
            Op::FloorDivide if b.as_const().is_some_and(|n| n >= 1) => {
                Value::dim(a.floor_div(b.as_const().unwrap_or(1)))
            }
            Op::Equal if a == b => Value::Bool(true),
            Op::NotEqual if a == b => Value::Bool(false),
            Op::Divide => self.in_graph(operation),
            _ => self.report(
                Diagnostic::error(
                    Code::UnknownSize,
                    format!("`{} {} {}` depends on the picture", a, sign(*operator), b),
                )
                .label(*span, "not known before the picture is")
                .help("crop to a fixed size, or decide inside a tensor with `where`"),
            ),
        }
    }

    fn in_graph(&mut self, operation: &Operation<'p>) -> Value<'p> {
        let Operation { operator, left, right, at, span } = operation;
        let (Some(a), Some(b)) = (self.tensor(left.clone(), at[0]), self.tensor(right.clone(), at[1])) else {
            return Value::Poison;
        };
        self.apply_named(op_name(*operator), &[(a, at[0]), (b, at[1])], Attrs::new(), *span)
    }

    /// An op of the registry on tensors that are there.
    pub(super) fn apply_named(&mut self, name: &str, inputs: &[(Id, Span)], attrs: Attrs, span: Span) -> Value<'p> {
        let Some(op) = ops::find(name) else {
            return self.report(
                Diagnostic::error(Code::Internal, format!("the op `{name}` is not in the registry"))
                    .label(span, "asked for here")
                    .help("please report this"),
            );
        };
        let slots: Vec<Option<Id>> = inputs.iter().map(|(id, _)| Some(*id)).collect();
        let spans: Vec<Span> = inputs.iter().map(|(_, span)| *span).collect();
        self.apply(op, &slots, &spans, attrs, &[], span)
    }
}
