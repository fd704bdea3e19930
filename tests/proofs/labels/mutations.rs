//! Every recipe that comes with the program promises not to look at masks. Here masks are led into each of its sinks, one at a
//! time, by an edit of its text; each must be refused, and with it every save that a loss can be reached from.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use wsss::graph::{Graph, Id, Kind, Role};
use wsss::lower::{Recipe, Stage, StageKind};
use wsss::source::{SourceId, Span};
use wsss::syntax::ast::{self, EntryKind, Expr, ItemKind, Name, StatementKind};
use wsss::syntax::parse;
use wsss::types::Level;

use super::leaks;
use crate::proofs::lowered;

/// A place where a value of the recipe can be made to depend on masks.
struct Sink {
    what: String,
    stage: String,
    makes: Makes,
    value: Span,
    /// The fields of the body: where `mask` is asked for.
    fields: Vec<Name>,
}

/// What is made there.
enum Makes {
    Loss,
    Save(String),
    Memory(String),
}

fn sinks(text: &str) -> Vec<Sink> {
    let mut problems = wsss::diag::Problems::default();
    let tree = parse(SourceId(0), text, &mut problems);
    assert!(problems.is_empty(), "{:#?}", problems.sorted());
    let mut found = Vec::new();
    for item in &tree.items {
        let ItemKind::Stage(stage) = &item.kind else { continue };
        for entry in &stage.entries {
            match &entry.kind {
                EntryKind::Body { fields, statements, .. } => {
                    found.extend(statements.iter().filter_map(|statement| sink(stage, fields, &statement.kind)));
                }
                EntryKind::Refresh { name, fields, value, .. } => found.push(Sink {
                    what: format!("refresh {}.{}", stage.name.text, name.text),
                    stage: stage.name.text.clone(),
                    makes: Makes::Memory(name.text.clone()),
                    value: value.span,
                    fields: fields.to_vec(),
                }),
                _ => {}
            }
        }
    }
    found
}

fn sink(stage: &ast::Stage, fields: &[Name], statement: &StatementKind) -> Option<Sink> {
    let of = |word: &str, name: &Name, makes: Makes, value: &Expr| Sink {
        what: format!("{word} {}.{}", stage.name.text, name.text),
        stage: stage.name.text.clone(),
        makes,
        value: value.span,
        fields: fields.to_vec(),
    };
    match statement {
        StatementKind::Loss { name, value, .. } => Some(of("loss", name, Makes::Loss, value)),
        StatementKind::Save { name, value } => Some(of("save", name, Makes::Save(name.text.clone()), value)),
        _ => None,
    }
}

/// The recipe with the masks led into the sink. Which of two equal values is taken depends on them: no number changes, so only
/// who follows the labels can tell.
fn with_masks(text: &str, sink: &Sink) -> String {
    let value = &text[sink.value.range()];
    let led = format!("where(mean(1 * (mask == 0)) > 2, {value}, {value})");
    let mut mutant = text.to_string();
    mutant.replace_range(sink.value.range(), &led);
    if !sink.fields.iter().any(|field| field.text == "mask") {
        // Fields stand before the statement, so its place is not moved by what was replaced.
        let first = sink.fields.first().expect("a body asks for a field");
        mutant.insert_str(first.span.start as usize, "mask, ");
    }
    mutant
}

/// Whether a loss can be reached from a save, by the edges of the graphs alone.
fn reaches_a_loss(recipe: &Recipe, stage: &str, save: &str) -> bool {
    let mut open: Vec<(String, String)> = recipe
        .stages
        .iter()
        .filter(|known| known.answers_to(stage))
        .map(|known| (known.name.clone(), save.to_string()))
        .collect();
    let mut seen: HashSet<(String, String)> = HashSet::new();
    while let Some((stage, save)) = open.pop() {
        if !seen.insert((stage.clone(), save.clone())) {
            continue;
        }
        for reader in &recipe.stages {
            let joins = reader.data.joins.iter().filter(|join| reader.shown(&join.stage) == stage && join.save == save);
            let fields: HashSet<&str> = joins.map(|join| join.field.as_str()).collect();
            let from = reader.graph.ids().filter(
                |id| matches!(&reader.graph.node(*id).kind, Kind::Field(name) if fields.contains(name.as_str())),
            );
            let reached = forward(&reader.graph, from.collect());
            for output in &reader.graph.outputs {
                if !output.nodes.iter().any(|id| reached.contains(id)) {
                    continue;
                }
                match output.role {
                    Role::Loss => return true,
                    Role::Save => open.push((reader.name.clone(), output.name.clone())),
                    _ => {}
                }
            }
        }
    }
    false
}

/// Whether a loss of the stage is computed from one of its memories.
fn remembered(recipe: &Recipe, stage: &str, memory: &str) -> bool {
    recipe.stages.iter().filter(|known| known.answers_to(stage)).any(|stage| {
        let from =
            stage.graph.ids().filter(|id| matches!(&stage.graph.node(*id).kind, Kind::Field(name) if name == memory));
        let reached = forward(&stage.graph, from.collect());
        let losses = stage.graph.outputs.iter().filter(|output| output.role == Role::Loss);
        losses.flat_map(|output| &output.nodes).any(|id| reached.contains(id))
    })
}

fn forward(graph: &Graph, from: Vec<Id>) -> HashSet<Id> {
    let (mut open, mut reached) = (from, HashSet::new());
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(graph.readers(id));
        }
    }
    reached
}

fn recipes() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let files = std::fs::read_dir(folder).expect("the recipes are there");
    let recipe = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a recipe is readable");
        (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text)
    };
    let paths = files.map(|file| file.expect("an entry of the folder").path());
    let mut recipes: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "wsss")).map(recipe).collect();
    recipes.sort();
    recipes
}

#[test]
fn pixel_labels_led_into_a_sink_are_refused() {
    let mut tried: HashMap<&str, usize> = HashMap::new();
    for (file, text) in recipes() {
        let (recipe, problems) = lowered(&text, &[]);
        assert!(leaks(&problems).is_empty(), "{file} as it stands: {problems:#?}");
        if recipe.supervision == Level::Pixel {
            continue;
        }
        for sink in sinks(&text) {
            let (_, problems) = lowered(&with_masks(&text, &sink), &[]);
            let refused = !leaks(&problems).is_empty();
            let (kind, must) = match &sink.makes {
                Makes::Loss => ("loss", true),
                Makes::Save(save) => ("save", reaches_a_loss(&recipe, &sink.stage, save)),
                Makes::Memory(memory) => ("refresh", remembered(&recipe, &sink.stage, memory)),
            };
            assert_eq!(refused, must, "{file}: masks in the {}", sink.what);
            *tried.entry(kind).or_default() += 1;
        }
        // Not a word about stages that learn nothing.
        let trains = |stage: &&Stage| stage.kind == StageKind::Train;
        assert!(recipe.stages.iter().filter(trains).all(|stage| !stage.seen.losses.is_empty()), "{file}");
    }
    assert!(tried["loss"] > 0 && tried["save"] > 0, "{tried:?}");
}
