//! Figures over a set of images: what a recipe's `metric` lines may name.

mod def;

pub use def::{Accumulator, MetricDef, MetricValue};

/// Every metric. Documentation follows this order.
pub static METRICS: &[MetricDef] = &[];

pub fn find(name: &str) -> Option<&'static MetricDef> {
    METRICS.iter().find(|metric| metric.name == name)
}
