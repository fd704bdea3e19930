//! A run as one page of HTML, without anything from outside: no script, no link, pictures and charts inside.
//!
//! Comes in: a run folder with its lock, the store, and the recipe that ran where its text can still be lowered. Goes out: the page, the same
//! bytes for the same run, and what could not be read of it. Absent from this room: where the page goes, and how a run is named.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `facts` | what the run left behind, as far as it can be read |
//! | `head` | what ran, how, what each stage took |
//! | `figures` | figures, what was expected of them, values a class |
//! | `curves` | training and thresholds |
//! | `galleries` | pictures beside what was saved of them |
//! | `chart`, `picture`, `html` | line charts, embedded pictures, text that shows itself |

mod chart;
mod curves;
mod facts;
mod figures;
mod galleries;
mod head;
mod html;
mod picture;

use crate::graph::svg;
use crate::lower::Recipe;
use crate::store::{Lock, RunFolder, Store};
use facts::Facts;
use galleries::DataSets;
use html::{section, table, text};

/// What a page is about.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub folder: &'a RunFolder,
    pub lock: &'a Lock,
    /// Where the results of its stages are.
    pub store: &'a Store,
    /// What its `recipe.wsss` says; without it the page has no graph and no photographs.
    pub recipe: Option<&'a Recipe>,
}

/// A page, and what it lacks.
pub struct Page {
    pub html: String,
    /// A line each: the file, as it is called below the output folder, and what is wrong with it.
    pub missing: Vec<String>,
}

/// Characters of a recipe beyond this are cut: an expanded one has some ten thousand, and more is nothing that anybody reads on a page.
const MOST_TEXT: usize = 500_000;

/// The page of a run, of which any file may be missing or broken.
pub fn page(run: Run) -> Page {
    let facts = Facts::read(run);
    let mut data = DataSets::default();
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        text(&format!("{} – wsss", name(&facts))),
        include_str!("page.css")
    );
    html += &head::head(&facts);
    html += &head::missing(&facts);
    html += &section("Figures", &figures::figures(&facts));
    html += &section("Expected", &figures::expected(&facts));
    html += &section("By class", &figures::by_class(&facts, &mut data));
    html += &section("Stages", &head::stages(&facts));
    html += &section("Training", &curves::training(&facts));
    html += &section("Thresholds", &curves::sweeps(&facts));
    html += &section("Pictures", &galleries::galleries(&facts, &mut data));
    html += &section("Shown in training", &galleries::shown(&facts));
    html += &section("Pipeline", &graph(&facts));
    html += &section("Data", &inputs(&facts));
    html += &section("Recipe", &recipe(&facts));
    html += "</body>\n</html>\n";
    Page { html, missing: facts.missing }
}

/// The recipe's name; a lock of an older version has none, and the folder begins with it.
fn name(facts: &Facts) -> String {
    let Run { folder, lock, .. } = &facts.run;
    if lock.recipe.is_empty() { folder.name() } else { lock.recipe.clone() }
}

/// What `wsss graph` draws. Inside HTML an `svg` needs no namespace.
fn graph(facts: &Facts) -> String {
    let Some(recipe) = facts.run.recipe.filter(|recipe| !recipe.stages.is_empty()) else { return String::new() };
    let drawn = svg::pipeline(&recipe.pipeline, |name| recipe.seen_by(name));
    let drawn = drawn.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    format!("<div class=\"wide\">\n{drawn}</div>\n")
}

/// Data sets and files of weights, as they were found.
fn inputs(facts: &Facts) -> String {
    let row = |what: &str, digest: &str| vec![text(what).to_string(), format!("<code>{}</code>", text(digest))];
    let Lock { data, weights, .. } = facts.run.lock;
    let rows = data.iter().map(|data| row(&data.source, &data.fingerprint));
    let rows: Vec<Vec<String>> = rows.chain(weights.iter().map(|file| row(&file.file, &file.digest))).collect();
    if rows.is_empty() { String::new() } else { table(&["what", "fingerprint"], rows) }
}

fn recipe(facts: &Facts) -> String {
    if facts.text.is_empty() {
        return String::new();
    }
    let shown: String = facts.text.chars().take(MOST_TEXT).collect();
    let cut = if shown.len() < facts.text.len() { "\n…" } else { "" };
    format!("<details><summary>as it ran</summary>\n<pre>{}{cut}</pre></details>\n", text(&shown))
}
