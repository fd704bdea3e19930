//! Figures over a set of images: counters, and what a recipe's `metric` lines may name.
//!
//! Counts go in picture by picture, figures come out at the end: [`IouCounter`] for index masks, [`ThresholdSweep`] for
//! activation maps against a background threshold, [`AveragePrecision`] for image-level scores, [`eval_folders`] for two
//! folders of masks. Counts are whole numbers of 64 bits, so that the order in which pictures arrive, and who counted them,
//! changes nothing. A [`MetricDef`] is how one of them is known to the language. Absent from this room: the graph, and any
//! mean over single pictures.

mod def;
mod folders;
mod iou;
mod precision;
mod rules;
mod sweep;

mod best_threshold;
mod best_threshold_iou;
mod mean;
mod mean_average_precision;
mod miou;

pub use def::{Accumulator, MetricDef, MetricValue, Start};
pub use folders::{Report, eval_folders};
pub use iou::{Iou, IouCounter};
pub use precision::AveragePrecision;
pub use sweep::{Point, ThresholdSweep};

/// Every metric. Documentation follows this order.
pub static METRICS: &[MetricDef] =
    &[miou::METRIC, best_threshold_iou::METRIC, best_threshold::METRIC, mean_average_precision::METRIC, mean::METRIC];

pub fn find(name: &str) -> Option<&'static MetricDef> {
    METRICS.iter().find(|metric| metric.name == name)
}
