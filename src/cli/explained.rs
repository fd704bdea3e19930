//! The tables of `wsss check --explain`: for each stage what every pass saved, and what a step costs.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::output::Output;
use crate::compile::{Compiled, CompiledStage};
use crate::data::{self, Source};
use crate::graph::Kind;
use crate::plan::Memory;
use crate::types::{DimEnv, Unbound};

/// What a picture's sides are taken to be where neither a crop nor the data set fixes them: VOC's usual size.
const USUAL: [i64; 2] = [375, 500];

/// Foreground classes where the data is not there to be asked: VOC's.
const USUAL_CLASSES: i64 = 20;

/// What one step of a stage costs, with the lengths it was reckoned for.
struct Costs {
    parameters: u64,
    flops: u64,
    memory: Memory,
    env: DimEnv,
}

pub(super) fn print(compiled: &Compiled, output: &Output) {
    for stage in &compiled.stages {
        let costs = costs(stage);
        if output.json {
            output.object("stage", object(stage, costs.as_ref()));
        } else {
            output.text(&text(stage, costs.as_ref(), output));
        }
    }
}

fn text(stage: &CompiledStage, costs: Option<&Costs>, output: &Output) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["pass", "nodes before", "after", "places changed"]);
    for pass in &stage.passes {
        table.add_row([
            pass.name.to_string(),
            pass.before.to_string(),
            pass.after.to_string(),
            pass.patches.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let head = output.bold(&format!("{} {}", stage.stage.kind.word(), stage.stage.name));
    let mut text = format!("{head}\n{table}\n");
    let Some(Costs { parameters, flops, memory, env }) = costs else { return text };
    let lengths: Vec<String> = env.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    text += &format!(
        "  parameters {parameters}, {} a step",
        unit(*flops, 1000, &["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"])
    );
    text += &if lengths.is_empty() { "\n".to_string() } else { format!(", for {}\n", lengths.join(", ")) };
    let bytes = |bytes: u64| unit(bytes, 1024, &["B", "KiB", "MiB", "GiB", "TiB"]);
    text += &format!(
        "  peak memory {}: weights {}, gradients {}, activations {}, scratch {}, data {}\n",
        bytes(memory.peak),
        bytes(memory.weights + memory.states + memory.constants),
        bytes(memory.gradients),
        bytes(memory.activations),
        bytes(memory.scratch),
        bytes(memory.fields),
    );
    text
}

fn object(stage: &CompiledStage, costs: Option<&Costs>) -> serde_json::Value {
    let passes: Vec<_> = stage
        .passes
        .iter()
        .map(|pass| json!({ "name": pass.name, "before": pass.before, "after": pass.after, "patches": pass.patches }))
        .collect();
    let mut value = json!({
        "name": stage.stage.name,
        "kind": stage.stage.kind.word(),
        "written": stage.stage.graph.len(),
        "differentiated": stage.nodes,
        "nodes": stage.graph.len(),
        "passes": passes,
    });
    if let Some(Costs { parameters, flops, memory, env }) = costs {
        value["parameters"] = json!(parameters);
        value["flops"] = json!(flops);
        value["lengths"] = json!(env);
        value["memory"] = json!({
            "peak": memory.peak,
            "weights": memory.weights,
            "states": memory.states,
            "fields": memory.fields,
            "constants": memory.constants,
            "gradients": memory.gradients,
            "activations": memory.activations,
            "scratch": memory.scratch,
        });
    }
    value
}

/// Work and memory of one step in f32; lengths that the recipe leaves open take usual values, which are shown.
fn costs(stage: &CompiledStage) -> Option<Costs> {
    let mut env = DimEnv::new();
    let sides = match stage.stage.data.source {
        Source::Scenes { size, .. } => size.map(|side| side as i64),
        _ => USUAL,
    };
    let classes =
        || data::open(&stage.stage.data.source).map_or(USUAL_CLASSES, |dataset| dataset.classes().len() as i64);
    let batch = stage.stage.train.as_ref().map_or(1, |train| train.batch as i64);
    // Each try names one more symbol that is not fixed; a graph has a handful of them.
    for _ in 0..64 {
        let tried = parameters(stage, &env).and_then(|parameters| {
            let flops = stage.plan.flops(&stage.graph, &env)?;
            let memory = stage.plan.memory(&stage.graph, &env, 4)?;
            Ok((parameters, flops, memory))
        });
        match tried {
            Ok((parameters, flops, memory)) => return Some(Costs { parameters, flops, memory, env }),
            Err(Unbound(name)) => {
                let value = match name.chars().next() {
                    Some('B') => batch,
                    Some('H') => sides[0],
                    Some('W') => sides[1],
                    Some('K') => classes(),
                    _ => 1,
                };
                if env.insert(name, value).is_some() {
                    return None;
                }
            }
        }
    }
    None
}

/// Numbers in the weights that this stage trains or reads.
fn parameters(stage: &CompiledStage, env: &DimEnv) -> Result<u64, Unbound> {
    let weights = stage.graph.ids().filter(|id| matches!(stage.graph.node(*id).kind, Kind::Weight { .. }));
    weights.map(|id| Ok(stage.graph.node(id).fact.elements().eval(env)?.max(0) as u64)).sum()
}

/// `1234567` as `1.2 MFLOP`.
fn unit(count: u64, step: u64, units: &[&str]) -> String {
    let mut value = count as f64;
    let mut place = 0;
    while value >= step as f64 && place + 1 < units.len() {
        value /= step as f64;
        place += 1;
    }
    if place == 0 { format!("{count} {}", units[0]) } else { format!("{value:.1} {}", units[place]) }
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn counts_are_said_in_units_that_fit() {
        assert_eq!(unit(999, 1000, &["FLOP", "kFLOP", "MFLOP"]), "999 FLOP");
        assert_eq!(unit(1_234_567, 1000, &["FLOP", "kFLOP", "MFLOP"]), "1.2 MFLOP");
        assert_eq!(unit(9_900_000_000, 1000, &["FLOP", "kFLOP", "MFLOP"]), "9900.0 MFLOP");
        assert_eq!(unit(1536, 1024, &["B", "KiB"]), "1.5 KiB");
    }
}
