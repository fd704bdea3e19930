//! What a training is measured on while it goes on.

use super::recipe::DataPlan;
use crate::graph::Graph;
use crate::source::Span;

/// Figures of a training stage's nets over pictures that it does not learn from, one by one, at the ends of epochs.
pub struct Validation {
    /// At the end of every so many epochs, and of the last one.
    pub every: usize,
    /// In evaluation mode; its outputs are metrics.
    pub graph: Graph,
    pub data: DataPlan,
    pub span: Span,
}

impl Validation {
    /// Whether it is measured at the end of `epoch`, counted from 0, of so many.
    pub fn is_due(&self, epoch: usize, epochs: usize) -> bool {
        (epoch + 1).is_multiple_of(self.every.max(1)) || epoch + 1 == epochs
    }

    /// How often it is measured in so many epochs.
    pub fn times(&self, epochs: usize) -> usize {
        epochs.div_ceil(self.every.max(1))
    }
}
