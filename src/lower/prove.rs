//! What a stage must do: have a purpose.

use super::Lower;
use crate::diag::{Code, Diagnostic};
use crate::syntax::ast::{self, EntryKind, StatementKind};

/// A `train` stage lowers something, an `infer` stage saves something, a `score` stage measures something. What is written counts:
/// a loss with a mistake in it has been reported.
pub(super) fn purpose(lower: &mut Lower, stage: &ast::Stage) {
    let bodies = stage.entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::Body { statements, .. } => Some(statements),
        _ => None,
    });
    let statements: Vec<&StatementKind> = bodies.flatten().map(|statement| &statement.kind).collect();
    let has = |wanted: fn(&StatementKind) -> bool| statements.iter().any(|kind| wanted(kind));
    let (code, word, done) = match stage.kind {
        ast::StageKind::Train => (Code::NoLoss, "loss", has(|kind| matches!(kind, StatementKind::Loss { .. }))),
        ast::StageKind::Infer => (
            Code::NothingSaved,
            "save",
            has(|kind| matches!(kind, StatementKind::Save { .. } | StatementKind::Metric { .. })),
        ),
        ast::StageKind::Score => {
            (Code::NothingSaved, "metric", has(|kind| matches!(kind, StatementKind::Metric { .. })))
        }
    };
    if !done && !has(|kind| matches!(kind, StatementKind::Error)) {
        lower.report(
            Diagnostic::error(code, format!("the stage `{}` has no `{word}`", stage.name.text))
                .label(stage.name.span, "running it would change nothing")
                .help(format!("add `{word} name = …` to its body")),
        );
    }
}
