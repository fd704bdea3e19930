//! What each stage of a recipe costs before anything runs: work, memory, room on the disk; and whether it fits.
//!
//! Comes in: a compiled recipe. Goes out: a [`StageCost`] a stage, and a diagnostic for each stage that does not fit into the memory
//! that was allowed. No data set is opened: lengths come from the recipe and from what is published of a data set, and one that is
//! neither is taken to be usual and told so ([`Lengths`]).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `lengths` | numbers for symbols, and which of them are assumed |
//! | `footprint` | the memory a stage holds, optimizer and loader included |
//! | `work` | floating-point operations by op, forward and backward |
//! | `disk` | bytes of what a stage leaves behind |
//! | `refreshing` | work and room of memories, work of a validation |
//! | `budget` | the refusal: what is too large, and what to lower |

mod budget;
mod disk;
mod footprint;
mod lengths;
mod refreshing;
mod work;

pub use budget::{Budget, refuse};
pub use disk::{Disk, Saved};
pub use footprint::Footprint;
pub use lengths::Lengths;
pub use refreshing::{RefreshCost, ValidationCost};
pub use work::{OpWork, Work};

use crate::compile::{Compiled, CompiledStage};
use crate::graph::Kind;
use crate::plan::Kept;
use crate::types::DimEnv;
use lengths::{Pictures, Size};

/// See the module text. Work and disk are counted over a typical picture, memory over the largest.
pub struct StageCost<'c> {
    pub stage: &'c CompiledStage<'c>,
    pub kept: Kept,
    /// Numbers in the weights that the stage trains or reads.
    pub parameters: u64,
    pub lengths: Lengths,
    pub work: Work,
    /// Pictures it runs over, where that is known without opening anything.
    pub images: Option<u64>,
    /// How often the step runs: once a picture outside of training.
    pub steps: Option<u64>,
    pub largest: Lengths,
    pub footprint: Footprint,
    pub disk: Disk,
    /// Memory by memory.
    pub refreshes: Vec<RefreshCost<'c>>,
    pub validation: Option<ValidationCost<'c>>,
}

impl StageCost<'_> {
    /// Floating-point operations of the whole stage with its refreshes and its validation: at the most, see [`StageCost::may_be_less`].
    pub fn total(&self) -> Option<u64> {
        let steps = self.steps?.saturating_mul(self.work.step());
        let beside = self.refreshes.iter().map(RefreshCost::total);
        let mut beside = beside.chain(self.validation.iter().map(ValidationCost::total));
        beside.try_fold(steps, |sum, total| Some(sum.saturating_add(total?)))
    }

    /// Whether the stage may take less work than [`StageCost::total`]: where a loss is off at times, or a refresh waits for a plateau.
    pub fn may_be_less(&self) -> bool {
        let guarded = self.stage.stage.train.as_ref().is_some_and(|train| !train.guards.is_empty());
        guarded || self.refreshes.iter().any(|refresh| refresh.refresh.refresh.when.plateau.is_some())
    }

    /// Bytes that its memories take on the disk until it is done, at the most; `None` where only the files know.
    pub fn memories(&self) -> Option<u64> {
        refreshing::held(&self.refreshes)
    }
}

/// The cost of every stage, in their order, where numbers are kept so. A stage whose lengths cannot be filled in is left out: a mistake that was reported.
pub fn costs<'c>(compiled: &'c Compiled<'c>, kept: Kept) -> Vec<StageCost<'c>> {
    compiled.stages.iter().filter_map(|stage| cost(compiled, stage, kept)).collect()
}

fn cost<'c>(compiled: &Compiled, stage: &'c CompiledStage<'c>, kept: Kept) -> Option<StageCost<'c>> {
    let pictures = Pictures::of_step(compiled.recipe, stage.stage);
    let (lengths, (parameters, work, disk)) = pictures
        .fill(Size::Typical, |env| Ok((parameters(stage, env)?, Work::new(stage, env)?, Disk::new(stage, env)?)))?;
    let (largest, footprint) = pictures.fill(Size::Largest, |env| Footprint::new(stage, env, kept))?;
    let images = pictures.images();
    let known = images.map(|images| images as usize);
    let train = stage.stage.train.as_ref();
    let steps = train.map_or(known, |train| train.steps(known)).map(|steps| steps as u64);
    let epochs = train.and_then(|train| train.epochs(known));
    let refreshes = stage.refreshes.iter().map(|refresh| RefreshCost::new(compiled.recipe, refresh, epochs));
    let refreshes = refreshes.collect::<Option<_>>()?;
    let validation = match &stage.validation {
        Some(validation) => Some(ValidationCost::new(compiled.recipe, validation, epochs)?),
        None => None,
    };
    let disk = disk.over(images);
    Some(StageCost {
        stage,
        kept,
        parameters,
        lengths,
        work,
        images,
        steps,
        largest,
        footprint,
        disk,
        refreshes,
        validation,
    })
}

fn parameters(stage: &CompiledStage, env: &DimEnv) -> Result<u64, crate::types::Unbound> {
    let weights = stage.graph.ids().filter(|id| matches!(stage.graph.node(*id).kind, Kind::Weight { .. }));
    weights.map(|id| Ok(stage.graph.node(id).fact.elements().eval(env)?.max(0) as u64)).sum()
}

#[cfg(test)]
mod tests;
