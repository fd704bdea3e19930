//! A lowered recipe → stages that can run: differentiated, improved, proved, planned.
//!
//! Comes in: a [`Recipe`] as lowering leaves it. Goes out: a [`Compiled`] recipe and what gradients have shown to be wrong with it:
//! a loss that lowers nothing, a weight that no loss moves. Running and `check --explain` both begin here.

mod gradients;
mod phase;
mod training;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::diag::{Code, Diagnostic, Problems};
use crate::grad::{self, GradReport};
use crate::graph::{Graph, Id, Kind, Verified, verify};
use crate::lower::{ParamValue, Recipe, Refresh, Stage, StageKind, Validation};
use crate::ops::{self, Attrs, OpError};
use crate::passes::{self, PassRecord};
use crate::plan::{self, Plan};
use crate::types::{Domain, Scale};
pub use phase::without;

/// A recipe with the graphs that will run, stage by stage.
pub struct Compiled<'r> {
    pub recipe: &'r Recipe,
    /// In the order of [`Recipe::stages`].
    pub stages: Vec<CompiledStage<'r>>,
}

/// A stage with the graph that will run.
pub struct CompiledStage<'r> {
    pub stage: &'r Stage,
    /// Forward and backward in one, improved; of a training step, every loss counts in it.
    pub graph: Verified<Graph>,
    pub plan: Plan,
    /// What each pass did, in the order they ran.
    pub passes: Vec<PassRecord>,
    /// Nodes before the first pass, gradients included.
    pub nodes: usize,
    pub grad: GradReport,
    /// The refreshes of the stage's memories, memory by memory.
    pub refreshes: Vec<CompiledRefresh<'r>>,
    pub validation: Option<CompiledValidation<'r>>,
}

impl CompiledStage<'_> {
    /// The graphs that run: the step, the refreshes, the validation.
    pub fn graphs(&self) -> impl Iterator<Item = &Verified<Graph>> {
        let refreshes = self.refreshes.iter().map(|refresh| &refresh.graph);
        [&self.graph].into_iter().chain(refreshes).chain(self.validation.as_ref().map(|validation| &validation.graph))
    }
}

/// A refresh with the graph that will run.
pub struct CompiledRefresh<'r> {
    /// The name of its memory.
    pub memory: &'r str,
    pub refresh: &'r Refresh,
    pub graph: Verified<Graph>,
}

/// A validation with the graph that will run.
pub struct CompiledValidation<'r> {
    pub validation: &'r Validation,
    pub graph: Verified<Graph>,
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
    if stage.kind == StageKind::Train {
        training::look(stage, params, problems);
        gradients::look(stage, &graph, &grad, problems);
    }
    let nodes = graph.len();
    let (graph, passes) = ready(stage, graph, problems)?;
    let plan = plan::plan(&graph);
    let mut refreshes = Vec::new();
    for memory in &stage.memories {
        for refresh in &memory.refreshes {
            let (graph, _) = ready(stage, refresh.graph.clone(), problems)?;
            refreshes.push(CompiledRefresh { memory: &memory.name, refresh, graph });
        }
    }
    let validation = match &stage.validation {
        Some(validation) => {
            let (graph, _) = ready(stage, validation.graph.clone(), problems)?;
            Some(CompiledValidation { validation, graph })
        }
        None => None,
    };
    Some(CompiledStage { stage, graph, plan, passes, nodes, grad, refreshes, validation })
}

/// Proved and improved, with what each pass did.
fn ready(stage: &Stage, graph: Graph, problems: &mut Problems) -> Option<(Verified<Graph>, Vec<PassRecord>)> {
    raw_pictures(&graph, problems);
    let graph = match verify(graph) {
        Ok(graph) => graph,
        Err(broken) => return refuse(problems, stage, "proved", &broken),
    };
    match passes::improve(graph) {
        Ok(improved) => Some(improved),
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

/// Layers that read pictures of 0–255: every network of the field is made for standardized ones, and trains badly or not at all
/// on these without a word.
fn raw_pictures(graph: &Graph, problems: &mut Problems) {
    let is_raw = |id: Id| graph.node(id).fact.domain == Domain::Image(Scale::Bytes);
    let is_weight = |id: Id| matches!(graph.node(id).kind, Kind::Weight { .. });
    let layer = graph.ids().find(|id| {
        let inputs = || graph.edges(*id).map(|(_, input)| input);
        inputs().any(is_raw) && inputs().any(is_weight)
    });
    if let Some(span) = layer.and_then(|id| graph.node(id).origin.outermost()) {
        problems.add(
            Diagnostic::warning(Code::ImageScaleMismatch, "a network reads pictures on the scale 0–255")
                .label(span, "its layers are made for standardized pictures")
                .help("write `|> standardize()` after the stage's data"),
        );
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
