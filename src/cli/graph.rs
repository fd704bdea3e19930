//! `wsss graph RECIPE`: the pipeline, or the step graph of one stage: for other programs, or as a picture.

use std::path::PathBuf;

use super::exit::Exit;
use super::output::Output;
use super::recipe::{self, Choice};
use crate::diag::{Code, Diagnostic, suggest};
use crate::grad;
use crate::graph::export::{self, Format};
use crate::graph::{Graph, Role, svg, verify};
use crate::lower::{Guard, Recipe, Refresh, Stage};
use crate::passes::{self, Selection};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe, a `.wsss` file
    recipe: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// The step graph of this stage, in place of the pipeline
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// The graph that computes this memory of the stage anew, in place of its step graph; `NAME[1]` is its second refresh
    #[arg(long, value_name = "NAME", requires = "stage")]
    refresh: Option<String>,
    /// The graph that the stage is validated with, in place of its step graph
    #[arg(long, requires = "stage", conflicts_with = "refresh")]
    validation: bool,
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Drawing,
    /// The step graph as it is written: no gradients, no passes
    #[arg(long, requires = "stage", conflicts_with_all = ["after", "skip"])]
    before: bool,
    /// The step graph as this pass leaves it for the first time
    #[arg(long, value_name = "PASS", requires = "stage")]
    after: Option<String>,
    /// Leaves a pass out
    #[arg(long, value_name = "PASS", requires = "stage")]
    skip: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Drawing {
    Dot,
    Mermaid,
    Json,
    /// A picture, laid out here
    Svg,
}

impl Drawing {
    fn step(self, graph: &Graph) -> String {
        match self {
            Drawing::Dot => export::export(graph, Format::Dot),
            Drawing::Mermaid => export::export(graph, Format::Mermaid),
            Drawing::Json => export::export(graph, Format::Json),
            Drawing::Svg => svg::step(graph),
        }
    }

    fn pipeline(self, recipe: &Recipe) -> String {
        match self {
            Drawing::Dot => recipe.pipeline.export(Format::Dot),
            Drawing::Mermaid => recipe.pipeline.export(Format::Mermaid),
            Drawing::Json => recipe.pipeline.export(Format::Json),
            Drawing::Svg => svg::pipeline(&recipe.pipeline, |name| recipe.seen_by(name)),
        }
    }
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(false);
    if let Some(unknown) = args.after.iter().chain(&args.skip).find(|name| passes::find(name).is_none()) {
        return output.unknown("pass", unknown, "passes", passes::all().map(|pass| pass.name));
    }
    let opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    let problems = opened.problems.sorted();
    let exit = output.problems(&problems, &opened.sources);
    if exit != Exit::Done {
        return exit;
    }
    let Some(name) = &args.stage else {
        output.text(&args.format.pipeline(&opened.recipe));
        return Exit::Done;
    };
    let Some(stage) = opened.recipe.stages.iter().find(|stage| stage.name == *name) else {
        let stages = opened.recipe.stages.iter().map(|stage| stage.name.as_str());
        let problem = Diagnostic::error(Code::UnknownStage, format!("the recipe has no stage `{name}`"));
        return output.problem(problem.help(suggest::help(name, "stages", stages)));
    };
    let beside = match &args.refresh {
        Some(wanted) => match refresh(stage, wanted) {
            Some(refresh) => Some(&refresh.graph),
            None => {
                let memories = stage.memories.iter().map(|memory| memory.name.as_str());
                return output.unknown("memory", wanted, "memories", memories);
            }
        },
        None if args.validation => match &stage.validation {
            Some(validation) => Some(&validation.graph),
            None => {
                let help = "a `train` stage is, with `validation = …` and a `validate` block";
                return output.usage(&format!("`{name}` is not validated"), help);
            }
        },
        None => None,
    };
    match step_graph(stage, beside, &args) {
        Ok(mut graph) => {
            if let (Some(train), false) = (&stage.train, matches!(args.format, Drawing::Json)) {
                say_when(&mut graph, &train.guards);
            }
            output.text(&args.format.step(&graph));
            Exit::Done
        }
        Err(mistake) => {
            let message = format!("the graph of `{name}` cannot be made: {mistake}");
            let problem = Diagnostic::error(Code::Internal, message).label(stage.span, "this stage");
            output.problems(&[problem], &opened.sources)
        }
    }
}

/// A picture says of a loss when it counts.
fn say_when(graph: &mut Graph, guards: &[Guard]) {
    for output in graph.outputs.iter_mut().filter(|output| output.role == Role::Loss) {
        if let Some(guard) = guards.iter().find(|guard| guard.loss == output.name) {
            output.name = format!("{} {guard}", guard.loss);
        }
    }
}

/// `seeds`, or `seeds[1]` for the second one in the text.
fn refresh<'s>(stage: &'s Stage, wanted: &str) -> Option<&'s Refresh> {
    let (name, place) = match wanted.strip_suffix(']').and_then(|wanted| wanted.split_once('[')) {
        Some((name, place)) => (name, place.parse().ok()?),
        None => (wanted, 0),
    };
    stage.memories.iter().find(|memory| memory.name == name)?.refreshes.get::<usize>(place)
}

/// The graph that was asked for. What fails here is a mistake of ours.
fn step_graph(stage: &Stage, beside: Option<&Graph>, args: &Args) -> Result<Graph, String> {
    let mut graph = beside.unwrap_or(&stage.graph).clone();
    if args.before {
        return Ok(graph);
    }
    let train = stage.train.as_ref().filter(|_| beside.is_none());
    let moves = train.map_or(&[][..], |train| &train.moves);
    grad::differentiate_moving(&mut graph, moves).map_err(|error| error.to_string())?;
    let graph = verify(graph).map_err(|broken| broken.to_string())?;
    let selection = Selection { skip: args.skip.clone(), after: args.after.clone() };
    let (graph, _) = passes::improve_selected(graph, &selection).map_err(|error| error.to_string())?;
    Ok(graph.into_inner())
}
