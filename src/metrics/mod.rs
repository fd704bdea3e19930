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
mod sweep;
mod table;

pub use def::{Accumulator, MetricDef, MetricValue};
pub use folders::{Report, eval_folders};
pub use iou::{Iou, IouCounter};
pub use precision::AveragePrecision;
pub use sweep::{Point, ThresholdSweep};
pub use table::METRICS;

pub fn find(name: &str) -> Option<&'static MetricDef> {
    METRICS.iter().find(|metric| metric.name == name)
}
