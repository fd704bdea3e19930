//! What a stage must do, and what it may not: a purpose, and no label above the recipe's `supervision`.

use std::collections::HashSet;

use super::Lower;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Graph, Id, Kind, Role};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind, StatementKind};
use crate::types::Level;

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

/// The strongest label among the outputs of a role.
pub(super) fn strongest(graph: &Graph, role: Role) -> Level {
    let outputs = graph.outputs.iter().filter(|output| output.role == role);
    outputs.flat_map(|output| &output.nodes).map(|id| graph.node(*id).fact.supervision).max().unwrap_or_default()
}

/// No loss may depend on a label above the stated supervision. Scores may: they report, they do not choose.
pub(super) fn supervision(lower: &mut Lower) {
    let allowed = lower.level;
    let Some(step) = &lower.step else { return };
    let mut found = Vec::new();
    for output in step.graph.outputs.iter().filter(|output| output.role == Role::Loss) {
        let fact = &step.graph.node(output.nodes[0]).fact;
        if fact.supervision <= allowed {
            continue;
        }
        let level = fact.supervision.word();
        let message = format!(
            "the loss `{}` learns from {level} labels, the recipe states `supervision {}`",
            output.name,
            allowed.word()
        );
        let mut diagnostic = Diagnostic::error(Code::SupervisionLeak, message);
        let places = chain(&step.graph, output.nodes[0], allowed);
        if let Some(span) = output.span {
            diagnostic = diagnostic.label(span, format!("depends on {level} labels"));
        }
        for (span, text) in places {
            diagnostic = diagnostic.label(span, text);
        }
        found.push(diagnostic.help(format!("use the image's `tags`, or state `supervision {level}`")));
    }
    for diagnostic in found {
        lower.report(diagnostic);
    }
}

/// The places a label above `allowed` came through, from its source on.
fn chain(graph: &Graph, from: Id, allowed: Level) -> Vec<(Span, String)> {
    let mut places = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(from);
    while let Some(id) = next {
        let node = graph.node(id);
        if let Some(span) = outermost(graph, id)
            && seen.insert(span)
        {
            let text = match &node.kind {
                Kind::Field(name) => format!("`{name}` holds {} labels", node.fact.supervision.word()),
                Kind::Weight { path, .. } | Kind::State(path) => format!("`{path}` was trained on them"),
                _ => "flows through here".to_string(),
            };
            places.push((span, text));
        }
        next = graph.inputs(id).into_iter().flatten().find(|input| graph.node(*input).fact.supervision > allowed);
    }
    places.reverse();
    places.truncate(5);
    places
}

/// The place of a node in the recipe itself: the outermost call it was inlined through.
fn outermost(graph: &Graph, id: Id) -> Option<Span> {
    let origin = &graph.node(id).origin;
    let mut span = origin.span;
    let mut frame = origin.calls.as_deref();
    while let Some(call) = frame {
        span = Some(call.span);
        frame = call.outer.as_deref();
    }
    span
}
