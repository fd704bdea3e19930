//! One stage beside another: all that decides its result, what it has seen, what it costs, and whether it would run again.

use indexmap::IndexSet;
use serde::Serialize;

use super::nodes::{Nodes, weights};
use super::{Change, Difference, Side};
use crate::compile::CompiledStage;
use crate::cost::StageCost;
use crate::diag::amount;
use crate::lower::Stage;

/// A stage that is not the same in both recipes, or that reads one that is not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StageDifference {
    pub name: String,
    /// `train`, `infer`, `score`; of the new recipe where it has the stage.
    pub kind: String,
    /// `added`, `removed`, `changed`; `reads` where only what it reads is another.
    pub change: &'static str,
    /// Whether a result of the old recipe is of no use to the new one.
    pub runs_again: bool,
    /// The stages it reads that run again.
    pub because_of: Vec<String>,
    pub settings: Vec<Change>,
    pub nodes: Nodes,
    pub weights: Vec<Change>,
    /// What leaves the stage has seen.
    pub seen: Option<Change>,
    pub cost: Vec<Change>,
}

/// Adds the stages that differ or run again, and the names of those that do not.
pub(super) fn between(old: &Side, new: &Side, found: &mut Difference) {
    let names = |side: &Side| side.compiled.stages.iter().map(|stage| stage.stage.name.clone()).collect::<Vec<_>>();
    let all: IndexSet<String> = names(new).into_iter().chain(names(old)).collect();
    for name in all {
        let difference = match (old.compiled.stage(&name), new.compiled.stage(&name)) {
            (Some(before), Some(after)) => both(before, after, old, new, &found.stages),
            (None, Some(after)) => match under_another_name(after, old, new) {
                Some(before) if both(before, after, old, new, &found.stages).is_none() => {
                    found.renamed.insert(name.clone(), before.stage.name.clone());
                    None
                }
                _ => Some(alone(after, "added", true)),
            },
            (Some(_), None) if found.renamed.values().any(|before| *before == name) => continue,
            (Some(before), None) => Some(alone(before, "removed", false)),
            (None, None) => None,
        };
        match difference {
            Some(difference) => found.stages.push(difference),
            None => found.same.push(name),
        }
    }
}

/// The stage of the old recipe that is this one, where the new recipe reads it from a used one or calls it something else.
fn under_another_name<'s>(after: &CompiledStage, old: &'s Side, new: &Side) -> Option<&'s CompiledStage<'s>> {
    let mut gone = old.compiled.stages.iter().filter(|stage| new.compiled.stage(&stage.stage.name).is_none());
    gone.find(|before| old.parts(before) == new.parts(after))
}

fn alone(stage: &CompiledStage, change: &'static str, runs_again: bool) -> StageDifference {
    StageDifference {
        name: stage.stage.name.clone(),
        kind: stage.stage.kind.word().into(),
        change,
        runs_again,
        because_of: Vec::new(),
        settings: Vec::new(),
        nodes: Nodes::default(),
        weights: Vec::new(),
        seen: None,
        cost: Vec::new(),
    }
}

/// `earlier` are the stages before that differ. `None` where nothing differs.
fn both(
    before: &CompiledStage,
    after: &CompiledStage,
    old: &Side,
    new: &Side,
    earlier: &[StageDifference],
) -> Option<StageDifference> {
    let mut difference = alone(after, "changed", true);
    let (ours, theirs) = (old.parts(before), new.parts(after));
    let all = ours.iter().chain(theirs.iter()).map(|part| part.name.as_str());
    let names: IndexSet<&str> = all.collect();
    for name in names.into_iter().filter(|name| ours.get(name) != theirs.get(name)) {
        match name {
            "graph" => difference.nodes = Nodes::between(before, after, old, new),
            "weights" => difference.weights = weights(before.stage, after.stage),
            name => {
                let [old, new] = [(ours, before.stage), (theirs, after.stage)]
                    .map(|(parts, stage)| parts.get(name).map(|value| readable(name, value, stage)));
                difference.settings.push(Change { name: name.into(), old, new });
            }
        }
    }
    let changed = ours != theirs;
    difference.seen = Change::of("seen", seen(before.stage), seen(after.stage));
    difference.cost = costs(before, after, old, new);
    let reads: Vec<String> = after.stage.reads().into_iter().map(|name| after.stage.shown(name)).collect();
    difference.because_of = earlier
        .iter()
        .filter(|stage| stage.runs_again && reads.contains(&stage.name))
        .map(|stage| stage.name.clone())
        .collect();
    if changed {
        return Some(difference);
    }
    difference.change = "reads";
    (!difference.because_of.is_empty()).then_some(difference)
}

/// A part of a key for people: transforms as the recipe has them.
fn readable(part: &str, value: &str, stage: &Stage) -> String {
    match part {
        "augmentation" => {
            let steps: Vec<String> = stage.data.transforms.iter().map(|placed| transform(&placed.transform)).collect();
            if steps.is_empty() { "none".into() } else { steps.join(" |> ") }
        }
        _ if value.is_empty() => "none".into(),
        _ => value.into(),
    }
}

/// `random_crop(size = [96, 96])`
fn transform(transform: &crate::data::Transform) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(transform) else {
        return format!("{transform:?}");
    };
    let name = fields.get("transform").and_then(|name| name.as_str()).unwrap_or_default().to_string();
    let rest = fields.iter().filter(|(field, _)| *field != "transform");
    let rest: Vec<String> = rest.map(|(field, value)| format!("{field} = {value}")).collect();
    format!("{name}({})", rest.join(", "))
}

fn seen(stage: &Stage) -> Option<String> {
    let labels: Vec<String> = stage.seen.all().iter().map(ToString::to_string).collect();
    Some(if labels.is_empty() { "nothing".into() } else { labels.join(", ") })
}

fn costs(before: &CompiledStage, after: &CompiledStage, old: &Side, new: &Side) -> Vec<Change> {
    let of = |side: &Side, stage: &CompiledStage, figure: Figure| {
        side.costs.iter().find(|cost| cost.stage.stage.name == stage.stage.name).and_then(figure)
    };
    let changes =
        FIGURES.iter().map(|(name, figure)| Change::of(name, of(old, before, *figure), of(new, after, *figure)));
    changes.flatten().collect()
}

/// A figure in words, where it is known.
type Figure = fn(&StageCost) -> Option<String>;

const FIGURES: &[(&str, Figure)] = &[
    ("parameters", |cost| Some(cost.parameters.to_string())),
    ("work of a step", |cost| Some(amount::flops(cost.work.step()))),
    ("steps", |cost| cost.steps.map(|steps| steps.to_string())),
    ("peak memory", |cost| Some(amount::bytes(cost.footprint.peak(1)))),
    ("disk", |cost| cost.disk.total.map(amount::bytes)),
];
