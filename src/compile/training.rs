//! What training would do in vain: a loss that is always 0, a `stop` that stops nothing, statistics of too few images; and where the
//! way from a loss to a weight ends.

use std::collections::HashSet;

use crate::diag::amount::counted;
use crate::diag::{Code, Diagnostic, Problems};
use crate::graph::{Graph, Id, Kind, Role};
use crate::lower::{ParamValue, Stage};
use crate::ops::Gradient;
use crate::source::Span;

/// Fewer images than this give a batch norm statistics that say more of the draw than of the data.
const FEWEST_IMAGES: usize = 8;

/// Looks at the graph of a training step as it was written. What a variant or `--set` makes 0 is an ablation: its losses are meant to
/// be 0.
pub(super) fn look(stage: &Stage, params: &[ParamValue], problems: &mut Problems) {
    let is_zero = |param: &ParamValue| param.outer && param.text.trim().parse() == Ok(0.0);
    if !params.iter().any(is_zero) {
        zero_losses(&stage.graph, problems);
    }
    idle_stops(stage, problems);
    small_batches(stage, problems);
}

/// A loss, or a part of the sum that it is, whose numbers are all 0, though weights have a part in it.
fn zero_losses(graph: &Graph, problems: &mut Problems) {
    for loss in graph.outputs.iter().filter(|output| output.role == Role::Loss) {
        let mut open = loss.nodes.clone();
        while let Some(id) = open.pop() {
            let node = graph.node(id);
            if node.fact.trainable && node.fact.range.as_point() == Some(0.0) {
                let message = format!("a part of the loss `{}` is always 0: it moves nothing", loss.name);
                let mut warning = Diagnostic::warning(Code::ZeroLoss, message);
                if let Some(span) = node.origin.outermost().or(loss.span) {
                    warning = warning.label(span, "multiplied by 0");
                }
                problems.add(warning.help("give it a weight above 0, or take it out of the recipe"));
                continue;
            }
            if let Kind::Op(op) = node.kind
                && (matches!(op.name, "add" | "sub" | "affine" | "neg") || op.nature.view)
            {
                open.extend(graph.inputs(id).into_iter().flatten());
            }
        }
    }
}

/// A `stop` of the recipe's own text with no trained weight behind it.
fn idle_stops(stage: &Stage, problems: &mut Problems) {
    for id in stage.graph.ids() {
        let node = stage.graph.node(id);
        let (Kind::Op(op), Some(span)) = (&node.kind, node.origin.span) else { continue };
        let Some(Some(input)) = stage.graph.inputs(id).first().copied() else { continue };
        if op.name != "stop" || span.source != stage.span.source || stage.graph.node(input).fact.trainable {
            continue;
        }
        let message = "`stop` has no effect: no weight that is trained here is behind it";
        let help = "leave it out; class numbers, thresholds, frozen nets and data have no gradient as they are";
        problems.add(Diagnostic::warning(Code::NoEffect, message).label(span, "stops nothing").help(help));
    }
}

fn small_batches(stage: &Stage, problems: &mut Problems) {
    let Some(train) = stage.train.as_ref().filter(|train| train.batch < FEWEST_IMAGES) else { return };
    let is_norm = |id: &Id| matches!(stage.graph.node(*id).kind, Kind::Op(op) if op.name == "batch_normalize");
    let norms = stage.graph.ids().filter(is_norm).count();
    if norms == 0 {
        return;
    }
    let (stage_name, images) = (stage.called(), train.batch);
    let layers = if norms == 1 { "one batch norm".to_string() } else { counted(norms, "batch norm") };
    let message = format!(
        "`{stage_name}`: {layers} take their statistics of {}, fewer than {FEWEST_IMAGES}",
        counted(images, "image")
    );
    problems
        .add(Diagnostic::warning(Code::SmallBatchNorm, message).label(stage.span, format!("`batch = {images}`")).help(
        "a larger `batch`, or running statistics: `norm = \"frozen\"`, `eval_mode(net)`; `accumulate` does not help",
    ));
}

/// The places where the way back from the losses to any of these weights ends, in the order of the graph.
pub(super) fn cuts(graph: &Graph, weights: &HashSet<String>) -> Vec<(Span, String)> {
    let behind = behind(graph, weights);
    let mut open: Vec<Id> = graph
        .outputs
        .iter()
        .filter(|output| output.role == Role::Loss)
        .flat_map(|output| output.nodes.clone())
        .collect();
    let mut seen: HashSet<Id> = open.iter().copied().collect();
    let mut found: Vec<(Id, &'static str)> = Vec::new();
    while let Some(id) = open.pop() {
        let Kind::Op(op) = graph.node(id).kind else { continue };
        let inputs = || graph.inputs(id).into_iter().flatten().filter(|input| behind.contains(input));
        match op.grad {
            Gradient::None(reason) if inputs().next().is_some() => found.push((id, reason)),
            _ => open.extend(inputs().filter(|input| seen.insert(*input))),
        }
    }
    found.sort_by_key(|(id, _)| *id);
    let spans =
        found.into_iter().filter_map(|(id, reason)| Some((graph.node(id).origin.outermost()?, reason.to_string())));
    let mut spans: Vec<(Span, String)> = spans.collect();
    spans.dedup();
    spans.truncate(3);
    spans
}

/// Every node that is computed from one of the weights.
fn behind(graph: &Graph, weights: &HashSet<String>) -> HashSet<Id> {
    let named = |id: &Id| matches!(&graph.node(*id).kind, Kind::Weight { path, .. } if weights.contains(path));
    let mut open: Vec<Id> = graph.ids().filter(named).collect();
    let mut behind: HashSet<Id> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        open.extend(graph.readers(id).filter(|reader| behind.insert(*reader)));
    }
    behind
}
