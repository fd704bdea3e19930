//! `wsss table RECIPE --table N`: the rows of a paper's table, side by side. A row is the recipe, or a variant of it, with the figures that it
//! expects of that table.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `citation` | which citations name which table |
//! | `row` | what is expected of a row, what it came to |
//! | `print` | the table, as text and as an object |

mod citation;
mod print;
mod row;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::json;

use super::device::Device;
use super::exit::Exit;
use super::output::Output;
use super::progress::Progress;
use super::recipe::{self, Choice, Opened};
use super::run::{self, Manner, relative};
use super::said::Said;
use crate::diag::amount::counted;
use crate::diag::{Code, Diagnostic};
use crate::exec::{Options, Outcome};
use crate::lower::Expectation;
use crate::store::Key;
use crate::syntax::ast::ItemKind;
use citation::Table;
use row::{Ran, Row};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe, a `.wsss` file
    recipe: PathBuf,
    /// The table, by its number or as the recipe cites it: 1, 'sec. 4.2'
    #[arg(long, value_name = "N")]
    table: Table,
    /// Of every row; what a row is about is applied last
    #[command(flatten)]
    choice: Choice,
    /// Decides every random number; of several, a figure is the mean, with the standard deviation of the sample
    #[arg(long = "seed", value_name = "N", default_value = "0")]
    seeds: Vec<u64>,
    #[command(flatten)]
    manner: Manner,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.manner.json);
    if let Some(seed) = twice(&args.seeds) {
        return output.usage(&format!("`--seed {seed}` is given twice"), "another seed is another run; name each once");
    }
    let device = match args.manner.on.open() {
        Ok(device) => device,
        Err(problem) => return output.problem(problem),
    };
    let opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    if opened.problems.has_errors() {
        return output.problems(&opened.problems.sorted(), &opened.sources);
    }
    let Opened { recipe: lowered, .. } = &opened;
    let mut rows = Row::all(&lowered.name, &lowered.expectations, &args.table, &args.choice.variants);
    if rows.is_empty() {
        return output.problem(no_table(&args.table, &lowered.expectations));
    }
    replaced(&opened, &rows, &args.choice).into_iter().for_each(|problem| _ = output.problem(problem));
    let mut runner = Runner { args: &args, device, output: &output, said: Said::default(), planned: HashMap::new() };
    let exit = runner.rows(&mut rows);
    if args.manner.dry_run {
        return exit;
    }
    let name = &lowered.name;
    match output.json {
        true => output.object("table", print::object(name, &args.table, &args.choice.variants, &args.seeds, &rows)),
        false => output.text(&print::text(name, &args.table, &args.choice.variants, &args.seeds, &rows)),
    }
    exit
}

/// A seed that is there twice.
fn twice(seeds: &[u64]) -> Option<u64> {
    let mut seen = HashSet::new();
    seeds.iter().copied().find(|seed| !seen.insert(*seed))
}

fn no_table(table: &Table, expectations: &[Expectation]) -> Diagnostic {
    let mut known: IndexMap<String, usize> = IndexMap::new();
    let cited = expectations.iter().filter_map(|expectation| expectation.citation.as_deref());
    cited.for_each(|cited| *known.entry(citation::label(cited)).or_default() += 1);
    known.sort_by_cached_key(|label, _| citation::order(label));
    let known: Vec<String> =
        known.iter().map(|(label, count)| format!("`{label}` ({})", counted(*count, "figure"))).collect();
    let help = match known.is_empty() {
        true => "`expect seeds.cam_iou = 0.56 @ \"Table 1\"` states one, for the recipe or in a variant".to_string(),
        false => format!("it has figures of {}", known.join(", ")),
    };
    let message = format!("the recipe expects no figure of `{}`", table.label());
    Diagnostic::error(Code::UnknownName, message).help(help)
}

/// What a row is about and `--set` takes back: it is applied after all variants, as in every run.
fn replaced(opened: &Opened, rows: &[Row], choice: &Choice) -> Vec<Diagnostic> {
    let items = &opened.program.module(opened.program.recipe()).tree.items;
    let mut problems = Vec::new();
    for item in items {
        let ItemKind::Variant { name, overrides, .. } = &item.kind else { continue };
        if !rows.iter().any(|row| row.variant.as_deref() == Some(&name.text)) {
            continue;
        }
        let is_set = |name: &str| choice.sets.iter().any(|(set, _)| set == name);
        for setting in overrides.iter().filter(|setting| is_set(&setting.name.text)) {
            let (param, row) = (&setting.name.text, &name.text);
            let message = format!("`--set {param}` takes back what the row `{row}` is about");
            let help = "what is set on the command line wins over variants; leave it out to see the row";
            problems.push(Diagnostic::warning(Code::UnusedOverride, message).help(help));
        }
    }
    problems
}

/// Runs one row after the other.
struct Runner<'a> {
    args: &'a Args,
    device: Device,
    output: &'a Output,
    said: Said,
    /// In a dry run, the stages that earlier rows would run, with those rows.
    planned: HashMap<Key, String>,
}

impl Runner<'_> {
    /// Gives the heaviest exit of all. A row that fails takes no other with it; Ctrl-C ends them all.
    fn rows(&mut self, rows: &mut [Row]) -> Exit {
        let mut heaviest = Exit::Done;
        for row in rows {
            for &seed in &self.args.seeds {
                let exit = self.row(row, seed);
                heaviest = heaviest.max(exit);
                if exit == Exit::Interrupted {
                    return heaviest;
                }
            }
        }
        heaviest
    }

    fn row(&mut self, row: &mut Row, seed: u64) -> Exit {
        self.begin(row, seed);
        match self.carry_out(row, seed) {
            Ok(outcome) if self.args.manner.dry_run => self.plan(row, seed, &outcome),
            Ok(outcome) => row.came_to(seed, &outcome, shown(&outcome)),
            Err(exit) => {
                self.output.note(&format!("the row `{}` (seed {seed}) has no result", row.name));
                row.ran.push(Ran { seed, figures: Err(exit), folder: None });
                return exit;
            }
        }
        Exit::Done
    }

    fn carry_out(&mut self, row: &mut Row, seed: u64) -> Result<Outcome, Exit> {
        let choice = Choice { variants: row.variants.clone(), sets: self.args.choice.sets.clone() };
        let mut opened = recipe::open(&self.args.recipe, &choice)
            .map_err(|unreadable| self.output.problems(&[unreadable.0], &unreadable.1))?;
        row.settle(&opened.recipe.expectations, self.args.manner.limit.is_none());
        let toward = row.expected.iter().map(|expectation| expectation.stage.clone()).collect();
        let manner = &self.args.manner;
        let options = Options { seed, toward, ..manner.options(&self.args.recipe, self.device.clone()) };
        let mut progress = Progress::new(self.output, manner.quiet).without_plan();
        run::carry_out(&mut opened, &choice, options, None, &mut self.said, &mut progress)
    }

    fn begin(&self, row: &Row, seed: u64) {
        let Row { name, variant, variants, .. } = row;
        if self.output.json {
            self.output.object("row", json!({ "row": name, "variant": variant, "variants": variants, "seed": seed }));
        } else if !self.args.manner.quiet && !self.args.manner.dry_run {
            self.output.note(&format!("row `{name}`, seed {seed}"));
        }
    }

    /// What a row would run. What it shares with an earlier one is there when its turn comes.
    fn plan(&mut self, row: &Row, seed: u64, outcome: &Outcome) {
        let title = format!("{}, seed {seed}", row.name);
        let (mut lines, mut stages) = (format!("{title}\n"), Vec::new());
        for stage in &outcome.stages {
            let earlier = self.planned.get(&stage.key);
            let why = earlier.map_or(stage.why.clone(), |earlier| format!("the row `{earlier}` runs it"));
            let reused = stage.reused || earlier.is_some();
            lines += &format!("  {}: {}, {why}\n", stage.name, if reused { "reused" } else { "would run" });
            stages.push(json!({ "stage": stage.name, "key": stage.key, "reused": reused, "why": why }));
            if !reused {
                self.planned.insert(stage.key.clone(), title.clone());
            }
        }
        match self.output.json {
            true => self.output.object("planned", json!({ "row": row.name, "seed": seed, "stages": stages })),
            false => self.output.text(&lines),
        }
    }
}

fn shown(outcome: &Outcome) -> Option<String> {
    outcome.folder.as_deref().map(|folder: &Path| relative(folder).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_counts_once() {
        assert_eq!(twice(&[0, 1, 2]), None);
        assert_eq!(twice(&[0, 1, 0, 1]), Some(0));
    }
}
