//! `wsss bench RECIPE --stage NAME`: how fast the step of one stage is on this machine, and where its time goes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::device::{On, at_least_one};
use super::exit::Exit;
use super::output::Output;
use super::recipe::{self, Choice};
use super::table::table;
use crate::compile;
use crate::cost::{self, StageCost};
use crate::diag::amount;
use crate::exec;
use crate::exec::bench::{Effort, Measured, bench};

/// Rows of each table.
const MOST_ROWS: usize = 12;

#[derive(clap::Args)]
pub(super) struct Args {
    recipe: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// The stage whose step is run
    #[arg(long, value_name = "NAME")]
    stage: String,
    #[command(flatten)]
    on: On,
    /// Threads (default: one a core)
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    workers: Option<usize>,
    /// How long to go on; three steps are counted at least
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let mut opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    let compiled =
        if opened.problems.has_errors() { None } else { compile::compile(&opened.recipe, &mut opened.problems) };
    let exit = output.problems(&opened.problems.sorted(), &opened.sources);
    let Some(compiled) = compiled else { return exit };
    let device = match args.on.open() {
        Ok(device) => device,
        Err(problem) => return output.problem(problem),
    };
    let costs = cost::costs(&compiled, exec::kept(&device));
    let Some(cost) = costs.iter().find(|cost| cost.stage.stage.name == args.stage) else {
        let known = compiled.stages.iter().map(|stage| stage.stage.name.as_str());
        return output.unknown("stage", &args.stage, "stages", known);
    };
    let effort = Effort { device, workers: args.workers.unwrap_or(0), time: Duration::from_secs(args.seconds) };
    match bench(cost.stage, &cost.lengths.env, &effort) {
        Ok(measured) => {
            let seen = Report::new(cost, measured);
            if output.json {
                output.object("bench", seen.object());
            } else {
                output.text(&seen.text(&output));
            }
            exit
        }
        Err(error) => {
            output.problems(error.diagnostics(), &opened.sources);
            Exit::Failed
        }
    }
}

/// What was measured beside what was predicted.
struct Report<'c> {
    cost: &'c StageCost<'c>,
    measured: Measured,
    /// All nodes, the longest first.
    nodes: Vec<Row>,
    /// The same, summed over the nodes of an op.
    ops: Vec<Row>,
}

/// Time and work of an op or of one of its nodes.
#[derive(Clone)]
struct Row {
    op: &'static str,
    /// The shape of the result, and where it stands in the recipe.
    what: String,
    nodes: usize,
    seconds: f64,
    flops: u64,
}

impl<'c> Report<'c> {
    fn new(cost: &'c StageCost<'c>, measured: Measured) -> Report<'c> {
        let graph = &cost.stage.graph;
        let env = &cost.lengths.env;
        let flops: BTreeMap<_, _> = match cost.stage.plan.costs(graph, env, 4) {
            Ok(costs) => costs.into_iter().map(|cost| (cost.node, (cost.op.name, cost.flops))).collect(),
            Err(_) => BTreeMap::new(),
        };
        let mut nodes: Vec<Row> = measured
            .nodes
            .iter()
            .filter_map(|(id, time)| {
                let (op, flops) = *flops.get(id)?;
                let dims = graph
                    .node(*id)
                    .fact
                    .dims
                    .iter()
                    .map(|dim| dim.eval(env).map_or_else(|_| dim.to_string(), |n| n.to_string()));
                let what = format!("[{}]", dims.collect::<Vec<_>>().join(", "));
                Some(Row { op, what, nodes: 1, seconds: time.as_secs_f64(), flops })
            })
            .collect();
        let mut ops: Vec<Row> = Vec::new();
        for node in &nodes {
            match ops.iter_mut().find(|known| known.op == node.op) {
                Some(known) => {
                    known.nodes += 1;
                    known.seconds += node.seconds;
                    known.flops += node.flops;
                }
                None => ops.push(Row { what: String::new(), ..node.clone() }),
            }
        }
        for rows in [&mut nodes, &mut ops] {
            rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        }
        Report { cost, measured, nodes, ops }
    }

    /// The shortest step and the one in the middle, in seconds.
    fn step(&self) -> [f64; 2] {
        let mut steps = self.measured.steps.clone();
        steps.sort();
        [steps[0], steps[steps.len() / 2]].map(|step| step.as_secs_f64())
    }

    /// Floating-point operations of what was timed.
    fn flops(&self) -> u64 {
        let steps = if self.trains() { 1 } else { self.measured.images as u64 };
        self.cost.work.step().saturating_mul(steps)
    }

    fn trains(&self) -> bool {
        self.cost.stage.stage.train.is_some()
    }

    fn text(&self, output: &Output) -> String {
        let stage = self.cost.stage.stage;
        let [least, median] = self.step();
        let images = self.measured.images;
        let lengths = self.cost.lengths.words();
        let mut text = output.bold(&format!("{} {}", stage.kind.word(), stage.name));
        if !lengths.is_empty() {
            text += &format!(", {lengths}");
        }
        let (what, pictures) = if self.trains() { ("a step", "a batch of") } else { ("a round", "side by side,") };
        text += &format!(
            "\n  {} ms {what} at best, {} ms in the middle of {}; {pictures} {images}\n",
            milliseconds(least),
            milliseconds(median),
            self.measured.steps.len(),
        );
        text += &format!(
            "  {:.1} pictures a second, {} in {what}, {:.0} GFLOP a second\n",
            images as f64 / least,
            amount::flops(self.flops()),
            self.flops() as f64 / least / 1e9,
        );
        let predicted = self.cost.footprint.step.peak + self.cost.footprint.optimizer;
        let peak = self.measured.peak_bytes.map_or("unknown here".into(), amount::bytes);
        text += &format!("  peak memory of the program {peak}; predicted for one step {}\n", amount::bytes(predicted));
        if self.trains() {
            text += &format!("  moving the weights: {} ms\n", milliseconds(self.measured.update.as_secs_f64()));
        }
        let whole: f64 = self.ops.iter().map(|row| row.seconds).sum();
        let share = |row: &Row| format!("{:.1} %", 100.0 * row.seconds / whole.max(1e-12));
        let rate = |row: &Row| format!("{:.0}", row.flops as f64 / row.seconds.max(1e-9) / 1e9);
        let ops = self.ops.iter().take(MOST_ROWS);
        let ops =
            ops.map(|row| [row.op.into(), row.nodes.to_string(), milliseconds(row.seconds), share(row), rate(row)]);
        text += &format!("\n{}\n", table(&["op", "nodes", "ms", "share", "GFLOP/s"], ops));
        let nodes = self.nodes.iter().take(MOST_ROWS);
        let nodes =
            nodes.map(|row| [row.op.into(), row.what.clone(), milliseconds(row.seconds), share(row), rate(row)]);
        text + &format!("\n{}\n", table(&["costliest", "result", "ms", "share", "GFLOP/s"], nodes))
    }

    fn object(&self) -> Value {
        let [least, median] = self.step();
        let row = |row: &Row| json!({ "op": row.op, "result": row.what, "nodes": row.nodes, "seconds": row.seconds, "flops": row.flops });
        json!({
            "stage": self.cost.stage.stage.name,
            "images": self.measured.images,
            "steps": self.measured.steps.iter().map(Duration::as_secs_f64).collect::<Vec<_>>(),
            "least_s": least,
            "median_s": median,
            "images_per_s": self.measured.images as f64 / least,
            "flops": self.flops(),
            "peak_bytes": self.measured.peak_bytes,
            "update_s": self.measured.update.as_secs_f64(),
            "ops": self.ops.iter().map(row).collect::<Vec<_>>(),
            "nodes": self.nodes.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

fn milliseconds(seconds: f64) -> String {
    let number = seconds * 1e3;
    if number < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") }
}
