//! The problems elaboration finds: one constructor a situation, taking what is known.

use super::units;
use super::value::Value;
use crate::diag::{Code, Diagnostic, suggest};
use crate::ops::OpError;
use crate::source::Span;
use crate::types::Fact;

pub(super) fn wrong_kind(expected: &str, found: &Value, span: Span) -> Diagnostic {
    if let Value::Quantity(number, unit) = found {
        return units::mismatch(expected, *number, *unit, span);
    }
    let message = format!("expected {expected}, found {}", found.kind());
    let diagnostic = Diagnostic::error(Code::WrongKind, message).label(span, format!("this is {}", found.kind()));
    match found {
        Value::Function(_) | Value::Op(_) | Value::Builtin(_) => diagnostic.help("call it: write `(…)` after the name"),
        Value::NetDef { .. } => diagnostic.help("a network is made by calling its constructor: `net x = name(…)`"),
        Value::Dataset(_) => diagnostic.help("choose a split: `.train` or `.val`"),
        _ => diagnostic.help(format!("write {expected} here")),
    }
}

pub(super) fn not_compile_time(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error(
        Code::NotACompileTimeValue,
        format!("{what} must be known before anything runs, this is a tensor"),
    )
    .label(span, "known only while running")
    .help("use a number, or `where(condition, a, b)` to choose inside a tensor")
}

pub(super) fn unknown_argument<'a>(
    what: &str,
    given: &str,
    span: Span,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::error(Code::UnknownArgument, format!("`{what}` has no argument `{given}`"))
        .label(span, "not an argument")
        .help(suggest::help(given, "arguments", known))
}

pub(super) fn duplicate_argument(what: &str, given: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Code::DuplicateArgument, format!("`{what}` gets `{given}` twice"))
        .label(span, "given a second time")
        .help("remove one of them")
}

pub(super) fn missing_argument(what: &str, missing: &str, doc: &str, span: Span) -> Diagnostic {
    let help = if doc.is_empty() { format!("add `{missing} = …`") } else { format!("add `{missing} = …`: {doc}") };
    Diagnostic::error(Code::MissingArgument, format!("`{what}` is called without `{missing}`"))
        .label(span, "in this call")
        .help(help)
}

pub(super) fn too_many_arguments<'a>(what: &str, span: Span, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    let help =
        if known.is_empty() { "it takes no arguments".to_string() } else { format!("arguments: {}", known.join(", ")) };
    Diagnostic::error(Code::TooManyArguments, format!("`{what}` takes no more arguments"))
        .label(span, "one too many")
        .help(help)
}

pub(super) fn not_callable(value: &Value, span: Span) -> Diagnostic {
    let help = match value {
        Value::Stage(_) => "name what it trained: `stage.net`",
        _ => "remove the parentheses, or name a function",
    };
    Diagnostic::error(Code::NotCallable, format!("{} cannot be called", value.kind()))
        .label(span, "not a function")
        .help(help)
}

pub(super) fn unknown_field<'a>(
    of: &str,
    given: &str,
    span: Span,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::error(Code::UnknownField, format!("{of} has no `{given}`"))
        .label(span, "not there")
        .help(suggest::help(given, "fields", known))
}

pub(super) fn out_of_range(message: impl Into<String>, span: Span, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::OutOfRange, message).label(span, "out of range").help(help)
}

/// A wrong use of an op, put under the argument that is to blame. `written` is how the recipe writes the op, `+` for `add`.
pub(super) fn op(
    written: &str,
    op_name: &str,
    error: OpError,
    span: Span,
    blamed: Option<(Span, Option<&Fact>)>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.code, format!("`{written}`: {}", error.message));
    let diagnostic = match blamed {
        Some((place, Some(fact))) => diagnostic.label(place, format!("this is {fact}")),
        Some((place, None)) => diagnostic.label(place, "this argument"),
        None => diagnostic.label(span, "in this call"),
    };
    match error.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic.help(format!("`wsss doc {op_name}` says what it takes")),
    }
}
