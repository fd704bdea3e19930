//! Figures over whole data sets: counts go in picture by picture, figures come out at the end.
//!
//! [`IouCounter`] for index masks, [`ThresholdSweep`] for activation maps against a background threshold,
//! [`AveragePrecision`] for image-level scores, [`eval_folders`] for two folders of masks. Counts are whole numbers of 64
//! bits, so that the order in which pictures arrive, and who counted them, changes nothing. Absent from this room: the
//! language, the graph, and any mean over single pictures.

mod folders;
mod iou;
mod precision;
mod sweep;

pub use folders::{Report, eval_folders};
pub use iou::{Iou, IouCounter};
pub use precision::AveragePrecision;
pub use sweep::{Point, ThresholdSweep};
