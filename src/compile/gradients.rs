//! What gradients show to be wrong: a loss that moves nothing, or not the nets it names; a weight that no loss moves.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::training;
use crate::diag::{Code, Diagnostic, Problems};
use crate::grad::{self, GradReport};
use crate::graph::{Graph, Kind, Role};
use crate::lower::Stage;
use crate::source::Span;

/// Looks at a training step with its gradients.
pub(super) fn look(stage: &Stage, graph: &Graph, report: &GradReport, problems: &mut Problems) {
    // Where a gradient is not known, what it does not reach says nothing.
    if report.unknown.is_empty() {
        dead_losses(stage, graph, report, problems);
        unmoved_nets(stage, graph, report, problems);
        untrained_weights(stage, graph, problems);
    }
    for id in &report.unknown {
        let error = grad::unknown(graph, *id);
        let span = graph.node(*id).origin.outermost().unwrap_or(stage.span);
        let help = error.help.unwrap_or_default();
        let label = "the gradient taken here is trained through";
        problems.add(Diagnostic::error(error.code, error.message).label(span, label).help(help));
    }
}

fn dead_losses(stage: &Stage, graph: &Graph, report: &GradReport, problems: &mut Problems) {
    for dead in &report.dead_losses {
        let output = graph.output(&Role::Loss, &dead.loss).and_then(|output| output.span);
        let message = format!("the loss `{}` moves no weight of `{}`", dead.loss, stage.called());
        let mut diagnostic = Diagnostic::error(Code::NoGradient, message)
            .label(output.unwrap_or(stage.span), "nothing that is trained has a part in it");
        for cut in &dead.cuts {
            if let Some(span) = graph.node(cut.node).origin.outermost() {
                diagnostic = diagnostic.label(span, cut.reason.clone());
            }
        }
        let help = match (dead.cuts.is_empty(), uses_weights(graph)) {
            (false, _) => "compute the loss from values before that place, or write it as a `metric`",
            (true, true) => "compute the loss from what a net of this stage gives, or write it as a `metric`",
            (true, false) => "the step uses no weight of its own: declare a `net` in this stage and use it",
        };
        problems.add(diagnostic.help(help));
    }
}

/// Every net that a loss says it moves is moved by it.
fn unmoved_nets(stage: &Stage, graph: &Graph, report: &GradReport, problems: &mut Problems) {
    let stated = stage.train.iter().flat_map(|train| &train.moves);
    for (stated, moved) in
        stated.filter_map(|stated| Some((stated, report.moved.iter().find(|moved| moved.loss == stated.loss)?)))
    {
        let nets = |weights: &BTreeSet<String>| -> BTreeSet<String> {
            weights.iter().filter_map(|path| path.split('.').nth(1)).map(str::to_owned).collect()
        };
        // Of a loss that moves nothing at all more is said elsewhere.
        let moved = nets(&moved.weights);
        if moved.is_empty() {
            continue;
        }
        for net in nets(&stated.weights).difference(&moved) {
            let output = graph.output(&Role::Loss, &stated.loss).and_then(|output| output.span);
            let message = format!("the loss `{}` moves no weight of `{net}`", stated.loss);
            problems.add(
                Diagnostic::error(Code::NoGradient, message)
                    .label(output.unwrap_or(stage.span), format!("it says that it moves `{net}`"))
                    .help(format!("take `{net}` out of its `moves`, or compute the loss from what `{net}` gives")),
            );
        }
    }
}

fn uses_weights(graph: &Graph) -> bool {
    graph.ids().any(|id| matches!(graph.node(id).kind, Kind::Weight { trained: true, .. }))
}

/// One warning a net: its weights that no loss moves, be it that no loss reaches them or that the step does not use them.
fn untrained_weights(stage: &Stage, graph: &Graph, problems: &mut Problems) {
    let mut role: HashMap<&str, bool> = HashMap::new();
    for id in graph.ids() {
        if let Kind::Weight { path, trained } = &graph.node(id).kind {
            role.insert(path, *trained);
        }
    }
    let mut by_net: Vec<(&str, Vec<&str>, Span)> = Vec::new();
    for weight in stage.weights.iter().filter(|weight| !weight.state) {
        let path = weight.path();
        // Frozen on purpose.
        let frozen = role.get(path.as_str()) == Some(&false);
        if frozen || graph.output(&Role::Gradient, &path).is_some() {
            continue;
        }
        match by_net.iter_mut().find(|(net, ..)| *net == weight.net) {
            Some((_, names, _)) => names.push(&weight.name),
            None => by_net.push((&weight.net, vec![&weight.name], weight.span)),
        }
    }
    for (net, names, span) in by_net {
        let listed: Vec<String> = names.iter().take(3).map(|name| format!("`{net}.{name}`")).collect();
        let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
        let verb = if names.len() == 1 { "is" } else { "are" };
        let message = format!("{}{more} {verb} moved by no loss of `{}`", listed.join(", "), stage.called());
        let help = "leave the layers out, `freeze` them, or compute a loss from them";
        let mut warning = Diagnostic::warning(Code::UntrainedWeight, message).label(span, "declared here");
        let paths: HashSet<String> = stage
            .weights
            .iter()
            .filter(|weight| weight.net == net && names.contains(&weight.name.as_str()))
            .map(|weight| weight.path())
            .collect();
        for (place, reason) in training::cuts(&stage.graph, &paths) {
            warning = warning.label(place, format!("the way from a loss ends here: {reason}"));
        }
        problems.add(warning.help(help));
    }
}
