//! The tables of `wsss check --explain`: for each stage what every pass saved, and what it costs; the same for programs.

use serde_json::{Value, json};

use super::output::Output;
use super::table::table;
use crate::compile::{Compiled, CompiledStage};
use crate::cost::{Lengths, StageCost};
use crate::diag::amount::{self, counted};
use crate::graph::Kind;

/// Ops of a table of work; what the others take is one line.
const MOST_OPS: usize = 6;

/// `on_cuda` adds what of each stage runs on the host all the same.
pub(super) fn print(compiled: &Compiled, costs: &[StageCost], on_cuda: bool, output: &Output) {
    for stage in &compiled.stages {
        let cost = of(stage, costs);
        if output.json {
            output.object("stage", object(stage, cost));
        } else {
            output.text(&text(stage, cost, on_cuda, output));
        }
    }
}

fn of<'a, 'c>(stage: &CompiledStage, costs: &'a [StageCost<'c>]) -> Option<&'a StageCost<'c>> {
    costs.iter().find(|cost| cost.stage.stage.name == stage.stage.name)
}

/// The ops of a stage that run on the host whatever the device: how many nodes, and why.
fn on_host(stage: &CompiledStage) -> Vec<(&'static str, usize, &'static str)> {
    let mut found: Vec<(&str, usize, &str)> = Vec::new();
    let graphs = stage.graphs();
    for kind in graphs.flat_map(|graph| graph.ids().map(|id| &graph.node(id).kind)) {
        let Kind::Op(op) = kind else { continue };
        let Some(why) = op.host else { continue };
        match found.iter_mut().find(|(name, ..)| *name == op.name) {
            Some((_, nodes, _)) => *nodes += 1,
            None => found.push((op.name, 1, why)),
        }
    }
    found
}

fn places(stage: &CompiledStage) -> String {
    let host = on_host(stage);
    if host.is_empty() {
        return "  on the device: every op\n".into();
    }
    let rows = host.iter().map(|(op, nodes, why)| format!("    {op}, {}: {why}\n", counted(*nodes, "node")));
    format!("  on the device: every op but those on the host, with copies there and back\n{}", rows.collect::<String>())
}

fn text(stage: &CompiledStage, cost: Option<&StageCost>, on_cuda: bool, output: &Output) -> String {
    let head = output.bold(&format!("{} {}", stage.stage.kind.word(), stage.stage.name));
    let passes = stage
        .passes
        .iter()
        .map(|pass| [pass.name.to_string(), pass.before.to_string(), pass.after.to_string(), pass.patches.to_string()]);
    let table = table(&["pass", "nodes before", "after", "places changed"], passes);
    let mut text = format!("{head}\n{table}\n");
    if on_cuda {
        text += &places(stage);
    }
    if let Some(cost) = cost {
        text += &work(cost);
        text += &memory(cost);
        text += &disk(cost);
        text += &refreshes(cost);
        text += &validation(cost);
    }
    text
}

fn work(cost: &StageCost) -> String {
    let trains = cost.stage.stage.train.is_some();
    let mut text = format!("  parameters {}, {} a step", cost.parameters, amount::flops(cost.work.step()));
    if trains {
        text += &format!(", {} of it forward", amount::flops(cost.work.forward()));
    }
    text += &within(&cost.lengths);
    if let (Some(steps), Some(total)) = (cost.steps, cost.total()) {
        let unit = if trains { "steps" } else { "pictures" };
        let and = match (cost.refreshes.is_empty(), &cost.validation) {
            (true, None) => "",
            (false, None) => " and the refreshes",
            (true, Some(_)) => " and the validation",
            (false, Some(_)) => ", the refreshes and the validation",
        };
        text += &format!("  {steps} {unit}{and}: {}{}\n", at_most(cost.may_be_less()), amount::flops(total));
    }
    let (shown, rest) = cost.work.ops.split_at(MOST_OPS.min(cost.work.ops.len()));
    let mut rows: Vec<[String; 4]> = shown
        .iter()
        .filter(|op| op.step > 0)
        .map(|op| [op.op.to_string(), op.nodes.to_string(), amount::flops(op.forward), amount::flops(op.step)])
        .collect();
    if !rest.is_empty() {
        let sum = |get: fn(&crate::cost::OpWork) -> u64| rest.iter().map(get).fold(0u64, u64::saturating_add);
        let nodes: usize = rest.iter().map(|op| op.nodes).sum();
        let name = format!("{} others", rest.len());
        rows.push([name, nodes.to_string(), amount::flops(sum(|op| op.forward)), amount::flops(sum(|op| op.step))]);
    }
    if rows.is_empty() {
        return text;
    }
    text + &table(&["op", "nodes", "forward", "step"], rows.into_iter()) + "\n"
}

fn memory(cost: &StageCost) -> String {
    let footprint = &cost.footprint;
    let memory = &footprint.step;
    let mut text = format!(
        "  peak memory {}: weights {}, gradients {}, activations {}, scratch {}, data {}",
        amount::bytes(footprint.peak(1)),
        amount::bytes(memory.weights + memory.states + memory.constants),
        amount::bytes(memory.gradients),
        amount::bytes(memory.activations),
        amount::bytes(memory.scratch),
        amount::bytes(memory.fields + footprint.ahead),
    );
    if footprint.optimizer > 0 {
        text += &format!(", optimizer {}", amount::bytes(footprint.optimizer));
    }
    if footprint.side_by_side {
        text += "; one picture at a time";
    }
    text + &within(&cost.largest)
}

fn disk(cost: &StageCost) -> String {
    let disk = &cost.disk;
    let mut text = String::new();
    if disk.nets > 0 {
        text += &format!("  writes nets of {}\n", amount::bytes(disk.nets));
    }
    for map in &disk.maps {
        text +=
            &format!("  writes `{}`: at most {} a picture, {} numbers", map.name, amount::bytes(map.each), map.numbers);
        text += &match cost.images {
            Some(images) => format!("; {images} pictures take {}\n", amount::bytes(images.saturating_mul(map.each))),
            None => "; how many pictures there are is known when the data set is opened\n".into(),
        };
    }
    text
}

fn validation(cost: &StageCost) -> String {
    let Some(validation) = &cost.validation else { return String::new() };
    let said = validation.validation.validation;
    let (nodes, flops) = (validation.validation.graph.len(), amount::flops(validation.flops));
    let every = counted(said.every, "epoch");
    let mut text = format!("  validate every {every}: {nodes} nodes, {flops} a picture of `{}`", said.data.split);
    text += &within(&validation.lengths);
    if let (Some(images), Some(times), Some(total)) = (validation.images, validation.times, validation.total()) {
        let times = counted(times as usize, "time");
        text += &format!("    {times} over {images} pictures: {}\n", amount::flops(total));
    }
    text
}

fn refreshes(cost: &StageCost) -> String {
    let mut text = String::new();
    for refresh in &cost.refreshes {
        let (compiled, when) = (refresh.refresh, &refresh.refresh.refresh.when);
        let (nodes, flops) = (compiled.graph.len(), amount::flops(refresh.flops));
        let split = &compiled.refresh.data.split;
        text += &format!("  refresh {} {when}: {nodes} nodes, {flops} a picture of `{split}`", compiled.memory);
        text += &within(&refresh.lengths);
        if let (Some(images), Some(times), Some(total)) = (refresh.images, refresh.times, refresh.total()) {
            let (most, times) = (at_most(when.plateau.is_some()), counted(times as usize, "time"));
            text += &format!("    {most}{times} over {images} pictures: {}\n", amount::flops(total));
        }
    }
    if let Some(bytes) = cost.memories().filter(|bytes| *bytes > 0) {
        text += &format!("  memories take at most {} on the disk until the stage is done\n", amount::bytes(bytes));
    }
    text
}

fn at_most(may_be_less: bool) -> &'static str {
    if may_be_less { "at most " } else { "" }
}

fn within(lengths: &Lengths) -> String {
    let words = lengths.words();
    if words.is_empty() { "\n".into() } else { format!(", for {words}\n") }
}

/// A table without lines; the first column is text, the others are numbers.
/// Every stage with all its figures.
pub(super) fn objects(compiled: &Compiled, costs: &[StageCost]) -> Vec<Value> {
    compiled.stages.iter().map(|stage| object(stage, of(stage, costs))).collect()
}

fn object(stage: &CompiledStage, cost: Option<&StageCost>) -> Value {
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
        "host": on_host(stage).iter().map(|(op, nodes, why)| json!({ "op": op, "nodes": nodes, "why": why })).collect::<Vec<_>>(),
    });
    let Some(cost) = cost else { return value };
    let ops = cost
        .work
        .ops
        .iter()
        .map(|op| json!({ "op": op.op, "nodes": op.nodes, "flops_forward": op.forward, "flops": op.step }));
    let maps = cost
        .disk
        .maps
        .iter()
        .map(|map| json!({ "name": map.name, "numbers": map.numbers.to_string(), "bytes_each": map.each }));
    let refreshes = cost.refreshes.iter().map(|refresh| {
        json!({
            "memory": refresh.refresh.memory,
            "when": refresh.refresh.refresh.when.to_string(),
            "nodes": refresh.refresh.graph.len(),
            "flops_each": refresh.flops,
            "times": refresh.times,
            "flops_total": refresh.total(),
            "lengths": lengths(&refresh.lengths),
        })
    });
    let memory = &cost.footprint.step;
    value["parameters"] = json!(cost.parameters);
    value["flops"] = json!(cost.work.step());
    value["flops_forward"] = json!(cost.work.forward());
    value["flops_total"] = json!(cost.total());
    value["images"] = json!(cost.images);
    value["steps"] = json!(cost.steps);
    value["ops"] = ops.collect();
    value["lengths"] = lengths(&cost.lengths);
    value["memory"] = json!({
        "peak": cost.footprint.peak(1),
        "step": memory.peak,
        "weights": memory.weights,
        "states": memory.states,
        "fields": memory.fields,
        "constants": memory.constants,
        "gradients": memory.gradients,
        "activations": memory.activations,
        "scratch": memory.scratch,
        "optimizer": cost.footprint.optimizer,
        "ahead": cost.footprint.ahead,
        "lengths": lengths(&cost.largest),
    });
    value["refreshes"] = refreshes.collect();
    value["validation"] = match &cost.validation {
        Some(validation) => json!({
            "every": validation.validation.validation.every,
            "nodes": validation.validation.graph.len(),
            "flops_each": validation.flops,
            "times": validation.times,
            "flops_total": validation.total(),
            "lengths": lengths(&validation.lengths),
        }),
        None => serde_json::Value::Null,
    };
    value["disk"] = json!({
        "nets": cost.disk.nets,
        "maps": maps.collect::<Vec<_>>(),
        "total": cost.disk.total,
        "memories": cost.memories(),
    });
    value
}

fn lengths(lengths: &Lengths) -> Value {
    json!({ "values": lengths.env, "assumed": lengths.assumed })
}
