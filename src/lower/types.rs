//! Written types: what a parameter says of itself is held against what it is given.
//!
//! A bare name among the dims that nothing else defines (`B`, `K`, `H`) stands for whatever length is met first; met again, it must
//! be the same length.

use std::collections::BTreeMap;

use super::Lower;
use super::errors;
use super::units;
use super::value::{Scope, Value};
use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::{Id, Literal};
use crate::source::Span;
use crate::syntax::ast::{BinaryOperator, Expr, ExprKind, Name, Type, Unit};
use crate::types::{ClassGap, Dim, Domain, Fact, Norm, Over, Scale};

/// Lengths by symbol, with the argument that fixed each.
pub(super) type Symbols = BTreeMap<String, (Dim, Span)>;

/// Types of what is not a tensor.
const PLAIN: &[&str] =
    &["int", "number", "text", "bool", "list", "record", "function", "net", "samples", "tensor", "any"];

impl<'p> Lower<'p, '_> {
    /// The value, if it is of the type; numbers become tensors where a tensor is asked for.
    pub(super) fn expect_type(
        &mut self,
        value: Value<'p>,
        ty: &'p Type,
        name: &'p Name,
        at: Span,
        symbols: &mut Symbols,
        scope: &Scope<'p>,
    ) -> Value<'p> {
        if value.is_poison() {
            return value;
        }
        let word = ty.domain.text.as_str();
        if let (Some(unit), None) = (Unit::from_word(word), &ty.dims) {
            return self.expect_unit(value, unit, ty, name, at);
        }
        if ty.dims.is_none() && PLAIN.contains(&word) {
            return if plain(word, &value) { value } else { self.not_of_type(word, value, name, ty, at) };
        }
        // An argument that may be left out says so by its default.
        if matches!(value, Value::Nothing) {
            return value;
        }
        let asked = Domain::from_word(word, &Dim::default());
        let Some(asked) = asked else {
            let units = Unit::ALL.map(Unit::word);
            let known = Domain::WORDS.iter().chain(PLAIN).copied().chain(units);
            return self.report(
                Diagnostic::error(Code::UnknownName, format!("`{word}` is no type"))
                    .label(ty.domain.span, "not known")
                    .help(suggest::help(word, "types", known)),
            );
        };
        let Some(id) = self.tensor(value, at) else { return Value::Poison };
        let Some(step) = self.step_at(at) else { return Value::Poison };
        let fact = step.graph.node(id).fact.clone();
        let good = self.expect_domain(&asked, &fact, name, ty, at) && self.expect_norm(&asked, &fact, name, ty, at);
        let good = self.expect_dims(ty, &fact, name, at, symbols, scope) && good;
        if good { Value::Tensor(id) } else { Value::Poison }
    }

    /// A number of that unit, or a bare one; also a list or a range of them. It arrives bare.
    fn expect_unit(&mut self, value: Value<'p>, unit: Unit, ty: &Type, name: &Name, at: Span) -> Value<'p> {
        let value = units::bare(value, unit);
        match &value {
            Value::Number(_) | Value::Dim(_) | Value::Nothing | Value::List(_) => value,
            Value::Range(range) if range.unit.is_none() => value,
            Value::Tensor(_) => self.report(errors::not_compile_time(&format!("`{}`", name.text), at)),
            other => {
                let expected = Value::Quantity(0.0, unit).kind();
                let diagnostic = errors::wrong_kind(expected, other, at);
                self.report(diagnostic.label(ty.span, format!("`{}` is declared here", name.text)))
            }
        }
    }

    fn not_of_type(&mut self, word: &str, value: Value<'p>, name: &Name, ty: &Type, at: Span) -> Value<'p> {
        let expected = match word {
            "int" => "a whole number",
            "number" => "a number",
            "text" => "a text",
            "bool" => "true or false",
            "list" => "a list",
            "record" => "a record",
            "function" => "a function",
            "net" => "a net",
            "samples" => "the pictures of a data set",
            _ => "a tensor",
        };
        let diagnostic = match value {
            Value::Tensor(_) if matches!(word, "int" | "number" | "bool") => {
                errors::not_compile_time(&format!("`{}`", name.text), at)
            }
            value => errors::wrong_kind(expected, &value, at),
        };
        self.report(diagnostic.label(ty.span, format!("`{}` is declared here", name.text)))
    }

    fn expect_domain(&mut self, asked: &Domain, fact: &Fact, name: &Name, ty: &Type, at: Span) -> bool {
        let agrees = match (asked, &fact.domain) {
            // A written index type says nothing of the class count.
            (Domain::Index { ignore: a, .. }, Domain::Index { ignore: b, .. }) => *a || !*b,
            (asked, _) => fact.fits(asked),
        };
        if agrees {
            return true;
        }
        let code = match (asked, &fact.domain) {
            (Domain::Image(_), Domain::Image(_)) => Code::ImageScaleMismatch,
            _ => Code::DomainMismatch,
        };
        let message = format!("`{}` must be `{}`, this is `{}`", name.text, asked.word(), fact.domain.word());
        self.report(
            Diagnostic::error(code, message)
                .label(at, format!("this is {fact:#}"))
                .label(ty.span, format!("`{}` is declared here", name.text))
                .help(mend(asked, &fact.domain)),
        );
        false
    }

    /// A type may say what a unit map is normalised by. Where that is not known of the map, the recipe is taken at its word.
    pub(super) fn expect_norm(&mut self, asked: &Domain, fact: &Fact, name: &Name, ty: &Type, at: Span) -> bool {
        let Some(by) = &ty.by else { return true };
        let Some(norm) = Norm::from_word(&by.text).filter(|_| *asked == Domain::Unit) else {
            let (message, help) = match asked {
                Domain::Unit => {
                    let help = suggest::help(&by.text, "choices", Norm::WORDS.iter().copied());
                    (format!("nothing is normalised by `{}`", by.text), help)
                }
                other => (format!("`{}` is not normalised", other.word()), "`by` stands after `unit`".to_string()),
            };
            self.report(Diagnostic::error(Code::UnknownName, message).label(by.span, "not known").help(help));
            return false;
        };
        let Some(found) = fact.norm else { return true };
        // `by map` takes maps from 0 as well as maps from their smallest number.
        if found.over == norm.over && (found.from_min || !norm.from_min) {
            return true;
        }
        let message = format!("`{}` must be `unit by {norm}`, this is {}", name.text, found.in_words());
        let help = match norm.over {
            Over::Map => "`max_normalize` divides each map by its own largest number",
            _ => "name the axes of the largest number: `[2, 3]` for a map, `[1, 2, 3]` for an image",
        };
        self.report(
            Diagnostic::error(Code::DomainMismatch, message)
                .label(at, format!("this is {fact:#}"))
                .label(ty.span, format!("`{}` is declared here", name.text))
                .help(help),
        );
        false
    }

    fn expect_dims(
        &mut self,
        ty: &'p Type,
        fact: &Fact,
        name: &Name,
        at: Span,
        symbols: &mut Symbols,
        scope: &Scope<'p>,
    ) -> bool {
        let Some(dims) = &ty.dims else { return true };
        if dims.len() != fact.rank() {
            let help = match (dims.len(), fact.rank()) {
                (2, 4) => {
                    "`gap(map)` makes one number of each map; `reshape` and `mean(x, axes)` change the number of axes"
                }
                _ => "`mean(x, axes)`, `reshape`, `stack` and `slice` change the number of axes",
            };
            self.report(
                Diagnostic::error(
                    Code::RankMismatch,
                    format!("`{}` must have {} axes, this has {}", name.text, dims.len(), fact.rank()),
                )
                .label(at, format!("this is {fact}"))
                .label(ty.span, format!("`{}` is declared here", name.text))
                .help(help),
            );
            return false;
        }
        let mut good = true;
        for (axis, (written, found)) in dims.iter().zip(&fact.dims).enumerate() {
            if let ExprKind::Name(symbol) = &written.kind
                && scope.local(symbol).is_none()
                && !symbols.contains_key(symbol)
            {
                symbols.insert(symbol.clone(), (found.clone(), at));
                continue;
            }
            let Some((asked, fixed_at)) = self.written_dim(written, symbols, scope) else { return false };
            if asked != *found {
                good = false;
                self.dims_differ(&asked, found, axis, name, at, fact, fixed_at.unwrap_or(written.span));
            }
        }
        good
    }

    #[allow(clippy::too_many_arguments, reason = "each is a word of the message")]
    fn dims_differ(
        &mut self,
        asked: &Dim,
        found: &Dim,
        axis: usize,
        name: &Name,
        at: Span,
        fact: &Fact,
        fixed_at: Span,
    ) {
        let (code, help) = if let Some(gap) = ClassGap::between(asked, found) {
            (Code::ClassAxisMismatch, gap.help(false))
        } else if axis == 1 {
            (
                Code::DimensionMismatch,
                "a net has as many classes as it is made with: `dataset.classes`; `concat` and `slice` change channels",
            )
        } else {
            (
                Code::DimensionMismatch,
                "`resize_like(other)` brings a map to another's size; channels are set where the layer is made",
            )
        };
        self.report(
            Diagnostic::error(code, format!("axis {axis} of `{}` must be {asked}, this is {found}", name.text))
                .label(at, format!("this is {fact}"))
                .label(fixed_at, format!("{asked} comes from here"))
                .help(help),
        );
    }

    /// A length written in a type, with the place of the argument that fixed its symbol.
    fn written_dim(&mut self, expr: &'p Expr, symbols: &Symbols, scope: &Scope<'p>) -> Option<(Dim, Option<Span>)> {
        match &expr.kind {
            ExprKind::Name(name) if scope.local(name).is_none() => match symbols.get(name) {
                Some((dim, span)) => Some((dim.clone(), Some(*span))),
                None => {
                    self.report(
                        Diagnostic::error(Code::UnknownName, format!("the length `{name}` is used before it is fixed"))
                            .label(expr.span, "not known yet")
                            .help("write it alone on an axis of an earlier parameter first"),
                    );
                    None
                }
            },
            ExprKind::Binary { operator, left, right } => {
                let (a, from) = self.written_dim(left, symbols, scope)?;
                let (b, other) = self.written_dim(right, symbols, scope)?;
                let dim = match operator {
                    BinaryOperator::Add => a + b,
                    BinaryOperator::Subtract => &a - &b,
                    BinaryOperator::Multiply => a * b,
                    BinaryOperator::Divide => match b.as_const() {
                        // Strides round up: a 3 × 3 kernel with padding 1 and stride 2 gives `ceil(H/2)`.
                        Some(divisor) if divisor >= 1 => a.ceil_div(divisor),
                        _ => return self.no_length(expr),
                    },
                    BinaryOperator::FloorDivide if b.as_const().is_some_and(|n| n >= 1) => {
                        a.floor_div(b.as_const().unwrap_or(1))
                    }
                    _ => return self.no_length(expr),
                };
                Some((dim, from.or(other)))
            }
            _ => match self.expr(expr, scope).as_dim() {
                Some(dim) => Some((dim, None)),
                None => self.no_length(expr),
            },
        }
    }

    fn no_length<T>(&mut self, expr: &Expr) -> Option<T> {
        self.report(
            Diagnostic::error(Code::WrongKind, "a length is a whole number, a symbol, or arithmetic on them")
                .label(expr.span, "not a length")
                .help("for example `K + 1`, `H/8`"),
        );
        None
    }

    /// A constant tensor from nested lists of numbers.
    pub(super) fn literal(&mut self, value: &Value<'p>, domain: Domain, span: Span) -> Option<Id> {
        let mut literal = Literal { shape: Vec::new(), data: Vec::new() };
        if let Err(what) = flatten(value, 0, &mut literal) {
            if !what.is_empty() {
                self.report(
                    Diagnostic::error(Code::WrongKind, what)
                        .label(span, "not a tensor")
                        .help("write numbers or nested lists of equal length: `tensor([[1, 2], [3, 4]])`"),
                );
            }
            return None;
        }
        let origin = self.origin(span);
        let step = self.step_at(span)?;
        Some(step.graph.constant(literal, domain, origin))
    }
}

fn plain(word: &str, value: &Value) -> bool {
    match word {
        "int" => value.as_dim().is_some(),
        "number" => matches!(value, Value::Number(_) | Value::Dim(_)),
        "text" => matches!(value, Value::Text(_)),
        "bool" => matches!(value, Value::Bool(_)),
        "list" => matches!(value, Value::List(_) | Value::Range(_)),
        "record" => matches!(value, Value::Record(_) | Value::Sample(_)),
        "function" => {
            matches!(
                value,
                Value::Function(_) | Value::Op(_) | Value::Builtin(_) | Value::NetDef { .. } | Value::Net(_)
            )
        }
        "net" => matches!(value, Value::Net(_)),
        "samples" => matches!(value, Value::Samples(_)),
        "tensor" => matches!(value, Value::Tensor(_) | Value::Number(_)),
        _ => true,
    }
}

/// What to write so that the domain fits.
fn mend(asked: &Domain, found: &Domain) -> String {
    match (asked, found) {
        (Domain::Logit, Domain::Probability | Domain::Unit | Domain::Binary) => {
            "give the scores before sigmoid or softmax".into()
        }
        (Domain::Probability, Domain::Logit | Domain::Feature) => "apply `softmax` first".into(),
        (Domain::Unit, Domain::Logit | Domain::Feature) => {
            "apply `sigmoid`, or `relu` and `max_normalize`, first".into()
        }
        (Domain::Unit, Domain::NonNegative) => "apply `max_normalize` first".into(),
        (Domain::Image(Scale::Standardized), Domain::Image(_)) => "add `|> standardize()` to the data".into(),
        (Domain::Image(Scale::Bytes), Domain::Image(_)) => "give the image before `standardize`".into(),
        (Domain::Tags, _) => "give the `tags` of the data".into(),
        (Domain::Index { .. }, _) => "`argmax(scores)` gives an index map".into(),
        (asked, found) => {
            format!("`claim(x, \"{}\")` vouches for it where `{}` is known to be so", asked.word(), found.word())
        }
    }
}

fn flatten(value: &Value, depth: usize, literal: &mut Literal) -> Result<(), String> {
    match value {
        Value::Number(number) => {
            if depth != literal.shape.len() {
                return Err("the lists are not nested equally deep".into());
            }
            literal.data.push(*number);
            Ok(())
        }
        Value::List(items) => {
            let first_visit = literal.data.is_empty() && literal.shape.len() == depth;
            if first_visit {
                literal.shape.push(items.len());
            } else if literal.shape.get(depth) != Some(&items.len()) {
                return Err("the lists are not of equal length".into());
            }
            items.iter().try_for_each(|item| flatten(item, depth + 1, literal))
        }
        Value::Poison => Err(String::new()),
        other => Err(format!("a tensor is made of numbers, this holds {}", other.kind())),
    }
}
