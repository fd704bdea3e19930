//! A lowered recipe → stages that can run: differentiated, improved, proved, planned.
//!
//! Comes in: a [`Recipe`] as lowering leaves it. Goes out: a [`Compiled`] recipe and what gradients have shown to be wrong with it:
//! a loss that lowers nothing, a weight that no loss moves. Running and `check --explain` both begin here.

mod training;

use std::collections::{BTreeSet, HashMap, HashSet};

use rayon::prelude::*;

use crate::diag::{Code, Diagnostic, Problems};
use crate::grad::{self, GradReport};
use crate::graph::{Graph, Id, Kind, Origin, Role, Verified, verify};
use crate::lower::{ParamValue, Recipe, Refresh, Stage, StageKind};
use crate::ops::{self, Attrs, OpError};
use crate::passes::{self, PassRecord};
use crate::plan::{self, Plan};
use crate::source::Span;
use crate::types::{Domain, Scale};

/// A recipe with the graphs that will run, stage by stage.
pub struct Compiled<'r> {
    pub recipe: &'r Recipe,
    /// In the order of [`Recipe::stages`].
    pub stages: Vec<CompiledStage<'r>>,
}

/// A stage with the graph that will run.
pub struct CompiledStage<'r> {
    pub stage: &'r Stage,
    /// Forward and backward in one, improved.
    pub graph: Verified<Graph>,
    pub plan: Plan,
    /// What each pass did, in the order they ran.
    pub passes: Vec<PassRecord>,
    /// Nodes before the first pass, gradients included.
    pub nodes: usize,
    pub grad: GradReport,
    /// The refreshes of the stage's memories, memory by memory.
    pub refreshes: Vec<CompiledRefresh<'r>>,
}

/// A refresh with the graph that will run.
pub struct CompiledRefresh<'r> {
    /// The name of its memory.
    pub memory: &'r str,
    pub refresh: &'r Refresh,
    pub graph: Verified<Graph>,
    pub plan: Plan,
    pub passes: Vec<PassRecord>,
    /// Nodes before the first pass.
    pub nodes: usize,
}

impl Compiled<'_> {
    pub fn stage(&self, name: &str) -> Option<&CompiledStage<'_>> {
        self.stages.iter().find(|stage| stage.stage.name == name)
    }
}

/// Compiles every stage. `None` where one cannot be compiled, which is a mistake of ours and among the problems then; what
/// the problems say otherwise is the recipe's.
pub fn compile<'r>(recipe: &'r Recipe, problems: &mut Problems) -> Option<Compiled<'r>> {
    // Stages do not know one another any more, so each is compiled beside the others; problems keep the order of the text.
    let compiled: Vec<(Option<CompiledStage>, Problems)> = recipe
        .stages
        .par_iter()
        .map(|stage| {
            let mut found = Problems::default();
            (compile_stage(stage, &recipe.params, &mut found), found)
        })
        .collect();
    let mut stages = Vec::with_capacity(compiled.len());
    for (stage, found) in compiled {
        problems.extend(found.sorted());
        stages.push(stage);
    }
    Some(Compiled { recipe, stages: stages.into_iter().collect::<Option<_>>()? })
}

fn compile_stage<'r>(stage: &'r Stage, params: &[ParamValue], problems: &mut Problems) -> Option<CompiledStage<'r>> {
    let mut graph = stage.graph.clone();
    let moves = stage.train.as_ref().map_or(&[][..], |train| &train.moves);
    let grad = match share(&mut graph).and_then(|()| grad::differentiate_moving(&mut graph, moves)) {
        Ok(report) => report,
        Err(error) => return refuse(problems, stage, "differentiated", &error),
    };
    raw_pictures(&graph, problems);
    if stage.kind == StageKind::Train {
        training::look(stage, params, problems);
        // Where a gradient is not known, what it does not reach says nothing.
        if grad.unknown.is_empty() {
            dead_losses(stage, &graph, &grad, problems);
            unmoved_nets(stage, &graph, &grad, problems);
            untrained_weights(stage, &graph, problems);
        }
        for id in &grad.unknown {
            let error = grad::unknown(&graph, *id);
            let span = place(&graph.node(*id).origin).unwrap_or(stage.span);
            let help = error.help.unwrap_or_default();
            let label = "the gradient taken here is trained through";
            problems.add(Diagnostic::error(error.code, error.message).label(span, label).help(help));
        }
    }
    let nodes = graph.len();
    let graph = match verify(graph) {
        Ok(graph) => graph,
        Err(broken) => return refuse(problems, stage, "proved", &broken),
    };
    match passes::improve(graph) {
        Ok((graph, passes)) => {
            let plan = plan::plan(&graph);
            let memories = stage.memories.iter();
            let refreshes = memories.flat_map(|memory| memory.refreshes.iter().map(|refresh| (&*memory.name, refresh)));
            let refreshes = refreshes.map(|(memory, refresh)| compile_refresh(stage, memory, refresh, problems));
            let refreshes = refreshes.collect::<Option<_>>()?;
            Some(CompiledStage { stage, graph, plan, passes, nodes, grad, refreshes })
        }
        Err(error) => refuse(problems, stage, "improved", &error),
    }
}

fn compile_refresh<'r>(
    stage: &Stage,
    memory: &'r str,
    refresh: &'r Refresh,
    problems: &mut Problems,
) -> Option<CompiledRefresh<'r>> {
    let graph = refresh.graph.clone();
    raw_pictures(&graph, problems);
    let nodes = graph.len();
    let graph = match verify(graph) {
        Ok(graph) => graph,
        Err(broken) => return refuse(problems, stage, "proved", &broken),
    };
    match passes::improve(graph) {
        Ok((graph, passes)) => {
            let plan = plan::plan(&graph);
            Some(CompiledRefresh { memory, refresh, graph, plan, passes, nodes })
        }
        Err(error) => refuse(problems, stage, "improved", &error),
    }
}

/// A weight that is trained in one place and frozen in another is one weight: where it is frozen, gradients stop behind it.
fn share(graph: &mut Graph) -> Result<(), OpError> {
    let weights = |graph: &Graph, wanted: bool| -> Vec<(String, Id)> {
        let weight = |id: Id| match &graph.node(id).kind {
            Kind::Weight { path, trained } if *trained == wanted => Some((path.clone(), id)),
            _ => None,
        };
        graph.ids().filter_map(weight).collect()
    };
    let trained: HashMap<String, Id> = weights(graph, true).into_iter().collect();
    for (path, frozen) in weights(graph, false) {
        let Some(trained) = trained.get(&path) else { continue };
        let stop = ops::find("stop").ok_or_else(|| OpError::internal("there is no op `stop`"))?;
        let origin = graph.node(frozen).origin.clone();
        let stopped = graph.apply(stop, &[Some(*trained)], Attrs::new(), origin)?;
        graph.rewire(frozen, stopped);
        graph.remove(frozen);
    }
    Ok(())
}

fn refuse<T>(problems: &mut Problems, stage: &Stage, what: &str, error: &dyn std::fmt::Display) -> Option<T> {
    let message = format!("the graph of `{}` cannot be {what}: {error}", stage.name);
    problems.add(Diagnostic::error(Code::Internal, message).label(stage.span, "this stage"));
    None
}

/// Where a node stands in the recipe itself: the outermost call it was inlined through.
pub fn place(origin: &Origin) -> Option<Span> {
    origin.outermost()
}

/// Layers that read pictures of 0–255: every network of the field is made for standardized ones, and trains badly or not at all
/// on these without a word.
fn raw_pictures(graph: &Graph, problems: &mut Problems) {
    let is_raw = |id: Id| graph.node(id).fact.domain == Domain::Image(Scale::Bytes);
    let is_weight = |id: Id| matches!(graph.node(id).kind, Kind::Weight { .. });
    let layer = graph.ids().find(|id| {
        let inputs = || graph.edges(*id).map(|(_, input)| input);
        inputs().any(is_raw) && inputs().any(is_weight)
    });
    if let Some(span) = layer.and_then(|id| place(&graph.node(id).origin)) {
        problems.add(
            Diagnostic::warning(Code::ImageScaleMismatch, "a network reads pictures on the scale 0–255")
                .label(span, "its layers are made for standardized pictures")
                .help("write `|> standardize()` after the stage's data"),
        );
    }
}

fn dead_losses(stage: &Stage, graph: &Graph, report: &GradReport, problems: &mut Problems) {
    for dead in &report.dead_losses {
        let output = graph.output(&Role::Loss, &dead.loss).and_then(|output| output.span);
        let message = format!("the loss `{}` moves no weight of `{}`", dead.loss, stage.called());
        let mut diagnostic = Diagnostic::error(Code::NoGradient, message)
            .label(output.unwrap_or(stage.span), "nothing that is trained has a part in it");
        for cut in &dead.cuts {
            if let Some(span) = place(&graph.node(cut.node).origin) {
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

/// Recipes from text, for tests of what comes after lowering.
#[cfg(test)]
pub(crate) mod testing {
    use std::path::Path;

    use crate::diag::Problems;
    use crate::hir;
    use crate::lower::{self, Choices, Recipe};
    use crate::source::Sources;

    struct NoFiles;

    impl hir::Files for NoFiles {
        fn read(&self, _: &Path) -> std::io::Result<String> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }

    /// Problems as text, one a line.
    pub fn tell(problems: Problems) -> String {
        let lines = problems.sorted().into_iter().map(|problem| format!("{}: {}", problem.code, problem.message));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A recipe as lowering leaves it, with `--set` values; it must have no errors so far.
    pub fn lowered(text: &str, sets: &[(&str, &str)]) -> Recipe {
        let mut problems = Problems::default();
        let sets: Vec<(String, String)> =
            sets.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let program = hir::load("tiny.wsss", text, &sets, &NoFiles, &mut Sources::new(), &mut problems);
        let recipe = lower::lower("tiny", &program, &Choices::default(), &mut problems);
        assert!(!problems.has_errors(), "{}", tell(problems));
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{lowered, tell};
    use super::*;

    /// What is wrong with a stage whose step is `step`, over a net with two weights.
    fn check(step: &str) -> String {
        let text = format!(
            r#"
            supervision image
            use data {{ scenes }}
            param dataset = scenes(images = 20, size = 32, classes = 2)
            net pixels(classes: int) {{
              weight scale: [1, classes] = ones()
              weight shift: [1, classes] = zeros()
              fn scaled(tags) = tags * scale
              fn forward(tags) = scaled(tags) + shift
            }}
            train classifier {{
              data      = dataset.train |> random_crop(32)
              batch     = 4
              epochs    = 1
              optimizer = sgd(lr = 0.1)
              net cls = pixels(dataset.classes)
              step {{ tags }} {{ {step} }}
            }}"#
        );
        let recipe = lowered(&text, &[]);
        let mut problems = Problems::default();
        assert!(compile(&recipe, &mut problems).is_some());
        tell(problems)
    }

    #[test]
    fn a_recipe_that_trains_all_it_has_is_fine() {
        assert_eq!(check("loss cls = mean(cls(tags))"), "");
    }

    #[test]
    fn a_weight_that_no_loss_moves_is_told() {
        let told = "untrained-weight: `cls.shift` is moved by no loss of `classifier`";
        assert_eq!(check("loss cls = mean(cls.scaled(tags))"), told);
    }

    #[test]
    fn a_loss_that_moves_nothing_is_told_with_its_cut() {
        let told = "no-gradient: the loss `dead` moves no weight of `classifier`";
        assert_eq!(check("loss cls = mean(cls(tags))\n loss dead = mean(stop(cls(tags)))"), told);
        let all = check("loss dead = mean(stop(cls(tags)))");
        assert!(all.contains(told) && all.contains("`cls.scale`, `cls.shift` are moved by no loss"), "{all}");
    }

    #[test]
    fn a_weight_may_be_trained_here_and_frozen_there() {
        let both = "let fixed = freeze(cls)\n loss cls = mean(cls.scaled(tags)) + mean(fixed(tags))";
        assert_eq!(check(both), "");
    }
}
