//! What a metric of a recipe is: a declaration like an op's, and an accumulator that sees every image once.
//!
//! Metrics are host work at the end of a step graph: their inputs are nodes, their result is a number in `metrics.json`. They have
//! no gradient; a later stage reads their value as a number, where that may be.

use candle_core::Tensor;

use crate::ops::{Attrs, Input, OpError, Param};
use crate::types::Fact;

/// One metric of the language.
pub struct MetricDef {
    pub name: &'static str,
    pub summary: &'static str,
    pub inputs: &'static [Input],
    pub params: &'static [Param],
    pub source: &'static str,
    /// Whether the value was chosen by looking at the masks it is held against: it may be reported, never learnt from.
    pub oracle: bool,
    /// Whether the first input is an answer that should know nothing of the pictures it is measured on.
    pub judges_answers: bool,
    /// Numbers beside the value that later stages may read: `seeds.best.threshold`; fields of [`MetricValue::detail`].
    pub numbers: &'static [&'static str],
    /// Refuses inputs of another meaning or shape.
    pub infer: fn(&[&Fact], &Attrs) -> Result<(), OpError>,
    /// A fresh accumulator for data with this many foreground classes.
    pub start: Start,
}

/// Begins a count with a metric's arguments, for data with so many foreground classes.
pub type Start = fn(&Attrs, usize) -> Result<Box<dyn Accumulator>, OpError>;

impl PartialEq for MetricDef {
    fn eq(&self, other: &MetricDef) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for MetricDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Sums what a metric needs over a set of images, in the order of the set.
pub trait Accumulator: Send {
    /// Adds one batch; the tensors stand in the order of the metric's inputs.
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError>;

    fn finish(self: Box<Self>) -> MetricValue;
}

/// What a metric comes to.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct MetricValue {
    /// `None` where the set gives no answer (a class that never occurs).
    pub value: Option<f64>,
    pub oracle: bool,
    /// What the mean was taken over, in words: `7 classes, 399 images`.
    pub over: String,
    /// Curves and values a class.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
}
