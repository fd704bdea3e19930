//! Logits that a mean field begins with: negative unary energies, up to a constant a pixel.

use super::math::ln;
use crate::kernels::par::map;

/// The lowest score that counts: an energy of 11.5.
pub const FLOOR: f32 = 1e-5;

/// `ln(score)` of scores cut to [`FLOOR`]`..=1`. Those of a pixel need not sum to 1. One that is not a number stays so.
pub fn from_scores(scores: &[f32]) -> Vec<f32> {
    map(scores, |score| if score.is_nan() { score } else { ln(score.clamp(FLOOR, 1.0)) })
}

/// A probability of `confidence` for the label of each pixel, the rest shared by the other labels: `[labels, pixels]`. Where a number is not below
/// `labels` the label is not known, and all are as likely. A single label is certain.
pub fn from_labels(numbers: &[u32], labels: usize, confidence: f32) -> Vec<f32> {
    let rest = (1.0 - confidence) / (labels.max(2) - 1) as f32;
    let [own, other] = [confidence, rest].map(f32::ln);
    (0..labels as u32)
        .flat_map(|label| numbers.iter().map(move |number| if *number == label { own } else { other }))
        .collect()
}
