//! Two recipes beside one another, by what they mean.
//!
//! Comes in: two compiled recipes. Goes out: a [`Difference`]: params by value, stages by all that decides their results, the nodes of
//! their steps, what they have seen and what they cost. How a recipe is written, in which order, and what its functions and `let`s are called
//! is not part of its meaning. No data set is opened.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `stages` | one stage beside another |
//! | `nodes` | the nodes of two steps, in the words of the language |

mod nodes;
mod stages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

pub use nodes::{NodeChange, NodeLine, Nodes, ReadChange};
pub use stages::StageDifference;

use crate::compile::{Compiled, CompiledStage};
use crate::cost::{StageCost, costs};
use crate::exec::parts;
use crate::plan::Kept;
use crate::source::Sources;
use crate::store::Parts;

/// One of the two recipes.
pub struct Side<'c> {
    pub compiled: &'c Compiled<'c>,
    pub costs: Vec<StageCost<'c>>,
    /// What decides the result of each stage, by its name.
    parts: HashMap<&'c str, Parts>,
    pub sources: &'c Sources,
}

impl<'c> Side<'c> {
    pub fn new(compiled: &'c Compiled<'c>, sources: &'c Sources) -> Side<'c> {
        let stages = &compiled.stages;
        let parts = stages.iter().map(|stage| (stage.stage.name.as_str(), parts::of_recipe(stage, stages))).collect();
        Side { compiled, costs: costs(compiled, Kept::F32), parts, sources }
    }
}

impl Side<'_> {
    fn parts(&self, stage: &CompiledStage) -> &Parts {
        &self.parts[stage.stage.name.as_str()]
    }
}

/// Something that has one value in one recipe and another in the other; `None` where it is not there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    pub name: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl Change {
    /// `None` where nothing differs.
    fn of(name: &str, old: Option<String>, new: Option<String>) -> Option<Change> {
        (old != new).then(|| Change { name: name.into(), old, new })
    }
}

/// See the module text.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Difference {
    /// What the recipes promise: their `supervision` lines.
    pub recipe: Vec<Change>,
    pub params: Vec<Change>,
    /// The stages that differ or would run again.
    pub stages: Vec<StageDifference>,
    /// The stages that are the same in both.
    pub same: Vec<String>,
    /// Those of them that have another name now, with the old one.
    pub renamed: BTreeMap<String, String>,
}

impl Difference {
    /// Whether the two recipes mean the same.
    pub fn is_empty(&self) -> bool {
        self.recipe.is_empty() && self.params.is_empty() && self.stages.is_empty()
    }
}

/// What `new` is beside `old`.
pub fn between(old: &Side, new: &Side) -> Difference {
    let [before, after] = [old, new].map(|side| side.compiled.recipe);
    let promise = |recipe: &crate::lower::Recipe| {
        let extras: String = recipe.extras.iter().map(|extra| format!(" + {extra}")).collect();
        Some(format!("{}{extras}", recipe.supervision.word()))
    };
    let recipe = Change::of("supervision", promise(before), promise(after)).into_iter().collect();

    let value = |recipe: &crate::lower::Recipe, name: &str| {
        recipe.params.iter().find(|param| param.name == name).map(|param| param.value.clone())
    };
    let names = before.params.iter().chain(&after.params).map(|param| param.name.as_str());
    let names: indexmap::IndexSet<&str> = names.collect();
    let params =
        names.into_iter().filter_map(|name| Change::of(name, value(before, name), value(after, name))).collect();

    let mut difference = Difference { recipe, params, ..Difference::default() };
    stages::between(old, new, &mut difference);
    difference
}
