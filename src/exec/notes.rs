//! What goes with the weights of a net: the classes it tells apart, and what its pictures look like.

use serde_json::json;

use super::job::Job;
use super::weights::Notes;
use crate::data::{Placed, Transform};

/// `classes` (a list of names, without the background), `size` (height and width of the last window), `mean` and `std` (of the
/// scale 0 to 1), or `mean` of the scale 0 to 255 with the order of channels; those that the stage has, each as JSON.
pub(super) fn of(job: &Job) -> Notes {
    let mut notes = vec![("classes", json!(job.prepared.pipeline.dataset().classes()).to_string())];
    for Placed { transform, .. } in &job.stage().data.transforms {
        match transform {
            Transform::RandomCrop { size } | Transform::CenterCrop { size } | Transform::TopLeftCrop { size } => {
                set(&mut notes, "size", json!(size));
            }
            Transform::Standardize { mean, std } => {
                set(&mut notes, "mean", json!(mean));
                set(&mut notes, "std", json!(std));
            }
            Transform::SubtractMean { mean, bgr } => {
                set(&mut notes, "mean255", json!(mean));
                set(&mut notes, "channels", json!(if *bgr { "bgr" } else { "rgb" }));
            }
            _ => {}
        }
    }
    notes
}

fn set(notes: &mut Notes, name: &'static str, value: serde_json::Value) {
    notes.retain(|(known, _)| *known != name);
    notes.push((name, value.to_string()));
}
