//! `wsss audit RECIPE`: one page on what every stage has seen, for a reader who asks whether a figure is honest.
//!
//! Nothing is run. The page holds what the checker has proved: labels of losses, nets, maps and figures by split, knowledge from
//! outside, weights nobody vouches for, oracles, and every value whose labels the recipe takes off.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use super::recipe::{self, Choice};
use super::said::Said;
use crate::data::{is_evaluation, overlap};
use crate::lower::{Constant, Figure, Init, Recipe, Stage};
use crate::source::Sources;
use crate::types::{Label, Labels, Level};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe, a `.wsss` file
    recipe: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    let exit = output.problems(&opened.problems.sorted(), &opened.sources);
    if exit != Exit::Done {
        return exit;
    }
    let page = Page::new(&opened.recipe, &opened.sources);
    if output.json {
        output.object("audit", serde_json::to_value(&page).unwrap_or(json!({})));
    } else {
        output.text(&page.text(&output));
    }
    exit
}

/// What is told, section by section.
#[derive(Serialize)]
struct Page {
    recipe: String,
    supervision: String,
    stages: Vec<Seen>,
    /// Knowledge from outside the data: what, and the nets that bring it.
    outside: Vec<Told>,
    /// Files of weights that do not say what they have learnt from.
    unknown_weights: Vec<Told>,
    /// Where files of weights are from, as their manifests say.
    sources: Vec<Told>,
    oracles: Vec<Told>,
    /// Figures of answers that were computed with the tags of the pictures they are measured on.
    tagged: Vec<Told>,
    declassified: Vec<Told>,
    /// Constants that do not say where they come from.
    uncited: Vec<Told>,
}

#[derive(Serialize)]
struct Seen {
    stage: String,
    kind: &'static str,
    split: String,
    /// What is known of each loss, net, map and figure: `loss cls`, and its labels.
    values: Vec<Value>,
}

#[derive(Serialize)]
struct Value {
    name: String,
    labels: Vec<String>,
}

/// One thing a reader should know, and where it is.
#[derive(Serialize)]
struct Told {
    what: String,
    at: String,
}

impl Page {
    fn new(recipe: &Recipe, sources: &Sources) -> Page {
        let extras: String = recipe.extras.iter().map(|extra| format!(" + {extra}")).collect();
        let figures =
            || recipe.stages.iter().flat_map(|stage| stage.seen.figures.iter().map(move |figure| (stage, figure)));
        let oracles = figures().filter(|(_, figure)| figure.oracle);
        let tagged = figures().filter_map(|(stage, figure)| Some((stage, figure, tags_of_its_own(stage, figure)?)));
        Page {
            recipe: recipe.name.clone(),
            supervision: format!("{}{extras}", recipe.supervision.word()),
            stages: recipe.stages.iter().map(seen).collect(),
            outside: brought(recipe, |label| match label {
                Label::Outside(what) => Some(what.to_string()),
                _ => None,
            }),
            unknown_weights: brought(recipe, |label| match label {
                Label::Unknown(file) => Some(file.to_string()),
                _ => None,
            }),
            sources: origins(recipe),
            oracles: oracles
                .map(|(stage, figure)| Told { what: why_oracle(figure), at: place(stage, &figure.name) })
                .collect(),
            tagged: tagged.map(|(stage, figure, what)| Told { what, at: place(stage, &figure.name) }).collect(),
            declassified: declassified(recipe, sources),
            uncited: uncited(recipe, sources),
        }
    }

    /// The sections that have something in them, with their headings.
    fn sections(&self) -> Vec<(&'static str, &[Told])> {
        let all: [(&str, &[Told]); 7] = [
            ("knowledge from outside the data", &self.outside),
            ("weights of unknown origin", &self.unknown_weights),
            ("where weights are from", &self.sources),
            ("oracle figures", &self.oracles),
            ("figures computed with the tags of the pictures they are measured on", &self.tagged),
            ("declassified", &self.declassified),
            ("constants without a citation", &self.uncited),
        ];
        all.into_iter().filter(|(_, told)| !told.is_empty()).collect()
    }

    fn text(&self, output: &Output) -> String {
        let mut text = format!("{}\n", output.bold(&format!("{}: supervision {}", self.recipe, self.supervision)));
        for stage in &self.stages {
            text += &format!("\n{} {} over `{}`\n", stage.kind, stage.stage, stage.split);
            let width = stage.values.iter().map(|value| value.name.chars().count()).max().unwrap_or(0);
            for Value { name, labels } in &stage.values {
                let labels = if labels.is_empty() { "nothing".to_string() } else { labels.join(", ") };
                text += &format!("  {name:width$}  {labels}\n");
            }
        }
        let sections = self.sections();
        if sections.is_empty() {
            text += "\nnothing to hide: no outside knowledge, no weights of unknown origin, no oracle, nothing declassified, every constant with \
                     its citation\n";
        }
        for (heading, told) in sections {
            text += &format!("\n{heading}\n");
            told.iter().for_each(|Told { what, at }| text += &format!("  {at}: {what}\n"));
        }
        text
    }
}

fn seen(stage: &Stage) -> Seen {
    let value = |kind: &str, name: &str, labels: &Labels| Value {
        name: format!("{kind} {name}"),
        labels: labels.iter().map(Label::short).collect(),
    };
    let named = |kind: &str, all: &[(String, Labels)]| {
        all.iter().map(|(name, labels)| value(kind, name, labels)).collect::<Vec<_>>()
    };
    let figures = stage.seen.figures.iter().map(|figure| value("metric", &figure.name, &figure.labels));
    let mut values = named("loss", &stage.seen.losses);
    values.extend(named("net", &stage.seen.nets));
    values.extend(named("save", &stage.seen.saves));
    values.extend(figures);
    Seen { stage: stage.name.clone(), kind: stage.kind.word(), split: stage.data.split.clone(), values }
}

/// What nets bring along and pictures are joined with, each once, at the first place that has it.
fn brought(recipe: &Recipe, wanted: impl Fn(&Label) -> Option<String>) -> Vec<Told> {
    let mut found: Vec<Told> = Vec::new();
    for stage in &recipe.stages {
        let mut files: Vec<(&str, &Init)> =
            stage.weights.iter().map(|weight| (weight.net.as_str(), &weight.init)).collect();
        files.dedup();
        let nets = files.into_iter().map(|(net, init)| (net, init.labels()));
        let maps = stage.seen.losses.iter().chain(&stage.seen.saves);
        let maps = maps.map(|(name, labels)| (name.as_str(), labels.clone()));
        for (name, labels) in nets.chain(maps) {
            for what in labels.iter().filter_map(&wanted) {
                if !found.iter().any(|told| told.what == what) {
                    found.push(Told { what, at: place(stage, name) });
                }
            }
        }
    }
    found
}

/// Where files of weights are from, each once, at the first net that begins in it.
fn origins(recipe: &Recipe) -> Vec<Told> {
    let mut found: Vec<Told> = Vec::new();
    for (stage, weight) in
        recipe.stages.iter().flat_map(|stage| stage.weights.iter().map(move |weight| (stage, weight)))
    {
        let Init::File { file, .. } = &weight.init else { continue };
        let Some(source) = &file.source else { continue };
        let what = format!("{}, from {source}", file.path);
        if !found.iter().any(|told| told.what == what) {
            found.push(Told { what, at: place(stage, &weight.net) });
        }
    }
    found
}

fn place(stage: &Stage, name: &str) -> String {
    format!("{}.{name}", stage.name)
}

fn why_oracle(figure: &Figure) -> String {
    let strongest = figure.labels.iter().rev().find(|label| matches!(label, Label::Seen { .. }));
    match (figure.chosen, strongest) {
        (true, Some(label)) => format!("chosen by looking at {}", label.words()),
        _ => {
            let oracle = figure.labels.iter().rev().find(|label| matches!(label, Label::Oracle { .. }));
            oracle.map_or("chosen by looking at labels".to_string(), |label| format!("computed with {}", label.words()))
        }
    }
}

/// The tags in a figure's answer that are those of the pictures it is measured on, where figures are computed on them.
fn tags_of_its_own(stage: &Stage, figure: &Figure) -> Option<String> {
    let split = &stage.data.split;
    let mut answer = figure.inputs.first()?.iter().filter(|_| is_evaluation(split));
    let own = |label: &&Label| matches!(label, Label::Seen { level: Level::Image, split: of } if overlap(of, split));
    answer.find(own).map(Label::words)
}

fn uncited(recipe: &Recipe, sources: &Sources) -> Vec<Told> {
    let bare = recipe.constants.iter().filter(|constant| constant.citation.is_none());
    bare.map(|Constant { name, value, span, .. }| Told { what: format!("{name} = {value}"), at: sources.place(*span) })
        .collect()
}

/// Every value whose labels were taken off: where, in which stage, what it had seen and why that does not count.
fn declassified(recipe: &Recipe, sources: &Sources) -> Vec<Told> {
    let told = recipe.declassified.iter().map(|taken| {
        let labels: Vec<String> = taken.labels.iter().map(Label::words).collect();
        let had_seen = if labels.is_empty() { "nothing".to_string() } else { labels.join(", ") };
        Told {
            what: format!("\"{}\" (in `{}`; it had seen {had_seen})", taken.reason, taken.stage),
            at: sources.place(taken.span),
        }
    });
    told.collect()
}

/// The lines that `check` and `run` show of declassified values, and the objects of `--json`.
pub(super) fn tell_declassified(recipe: &Recipe, sources: &Sources, said: &mut Said, output: &Output) {
    for Told { what, at } in declassified(recipe, sources) {
        if !said.is_new(&format!("{at}: {what}")) {
            continue;
        }
        if output.json {
            output.object("declassified", json!({ "at": at, "what": what }));
        } else {
            output.text(&format!("declassified at {at}: {what}"));
        }
    }
}
