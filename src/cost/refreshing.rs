//! What the refreshes of a stage's memories and its validation take: work, and room on the disk while the stage trains.

use super::disk::saves;
use super::lengths::{Lengths, Pictures, Size};
use crate::compile::{CompiledRefresh, CompiledValidation};
use crate::lower::Recipe;
use crate::plan;

/// One refresh. Each time it runs over all pictures of the stage's split, one by one.
pub struct RefreshCost<'c> {
    pub refresh: &'c CompiledRefresh<'c>,
    pub lengths: Lengths,
    /// Floating-point operations a picture.
    pub flops: u64,
    /// Bytes of one picture's map on the disk, at the most.
    pub each: u64,
    pub images: Option<u64>,
    /// How often it runs; one that waits for a plateau, at the most.
    pub times: Option<u64>,
}

impl<'c> RefreshCost<'c> {
    /// `epochs` are those of the stage.
    pub(super) fn new(
        recipe: &Recipe,
        refresh: &'c CompiledRefresh<'c>,
        epochs: Option<usize>,
    ) -> Option<RefreshCost<'c>> {
        let CompiledRefresh { refresh: said, graph, .. } = refresh;
        let plan = plan::plan(graph);
        let pictures = Pictures::one_by_one(recipe, &said.data);
        let (lengths, (flops, each)) = pictures.fill(Size::Typical, |env| {
            let each = saves(graph, env)?.iter().map(|map| map.each).sum();
            Ok((plan.flops(graph, env)?, each))
        })?;
        let times = epochs.map(|epochs| said.when.times(epochs) as u64);
        Some(RefreshCost { refresh, lengths, flops, each, images: pictures.images(), times })
    }

    /// Floating-point operations of all times.
    pub fn total(&self) -> Option<u64> {
        Some(self.flops.saturating_mul(self.images?).saturating_mul(self.times?))
    }
}

/// The validation of a stage. Each time it runs over all its pictures, one by one.
pub struct ValidationCost<'c> {
    pub validation: &'c CompiledValidation<'c>,
    pub lengths: Lengths,
    /// Floating-point operations a picture.
    pub flops: u64,
    pub images: Option<u64>,
    pub times: Option<u64>,
}

impl<'c> ValidationCost<'c> {
    /// `epochs` are those of the stage.
    pub(super) fn new(
        recipe: &Recipe,
        validation: &'c CompiledValidation<'c>,
        epochs: Option<usize>,
    ) -> Option<ValidationCost<'c>> {
        let CompiledValidation { validation: said, graph } = validation;
        let plan = plan::plan(graph);
        let pictures = Pictures::one_by_one(recipe, &said.data);
        let (lengths, flops) = pictures.fill(Size::Typical, |env| plan.flops(graph, env))?;
        let times = epochs.map(|epochs| said.times(epochs) as u64);
        Some(ValidationCost { validation, lengths, flops, images: pictures.images(), times })
    }

    /// Floating-point operations of all times.
    pub fn total(&self) -> Option<u64> {
        Some(self.flops.saturating_mul(self.images?).saturating_mul(self.times?))
    }
}

/// Bytes that the memories take at the most until the stage is done: each its maps, and twice as many while they are made anew.
pub(super) fn held(refreshes: &[RefreshCost]) -> Option<u64> {
    let mut bytes: u64 = 0;
    for of_memory in refreshes.chunk_by(|a, b| a.refresh.memory == b.refresh.memory) {
        let mut versions: u64 = 0;
        let mut version: u64 = 0;
        for refresh in of_memory {
            versions = versions.saturating_add(refresh.times?).min(2);
            version = version.max(refresh.each.saturating_mul(refresh.images?));
        }
        bytes = bytes.saturating_add(versions.saturating_mul(version));
    }
    Some(bytes)
}
