//! `best_threshold_iou`: what activation maps are worth, the background threshold chosen by the masks themselves.

use candle_core::Tensor;
use serde_json::json;

use super::rules::{self, expect_index, expect_rank, expect_same_size, expect_scores};
use super::{Accumulator, MetricDef, MetricValue, ThresholdSweep};
use crate::diag::Code;
use crate::ops::{Attrs, Input, OpError, Param, ParamKind};
use crate::types::{Dim, Fact};

pub(super) const METRIC: MetricDef = MetricDef {
    name: "best_threshold_iou",
    summary: "Mean intersection over union of `argmax [t, score_1, …, score_K]` at the best of some background thresholds `t`.",
    inputs: &[
        Input::one("scores", "one map a foreground class, `[B, K, H, W]`; classes that a picture lacks are zero"),
        Input::one("mask", "the true class numbers `[B, H, W]`; pixels of 255 are not counted"),
    ],
    params: &[Param::required(
        "thresholds",
        ParamKind::Floats,
        "background scores to try, on the scale of `scores`; of equally good ones the smallest counts",
    )],
    source: "Wang et al., SEAM, CVPR 2020, its evaluation script",
    oracle: true,
    judges_answers: false,
    numbers: &["threshold", "foreground"],
    infer,
    start: |attrs, classes| {
        Ok(Box::new(Best { sweep: ThresholdSweep::new(attrs.get_floats("thresholds")?, classes), threshold: false }))
    },
};

fn infer(facts: &[&Fact], attrs: &Attrs) -> Result<(), OpError> {
    let [scores, mask] = facts else { return Err(OpError::internal("a best threshold has two inputs")) };
    expect_scores("scores", scores)?;
    expect_rank("scores", scores, 4, "[B, K, H, W]")?;
    let classes = expect_index("mask", mask)?;
    expect_rank("mask", mask, 3, "[B, H, W]")?;
    let channels = &scores.dims[1];
    if channels.clone() + Dim::constant(1) != *classes {
        let message =
            format!("`scores` have {channels} channels, the mask counts {classes} classes with the background");
        return Err(OpError::new(Code::ClassAxisMismatch, message)
            .at("scores")
            .help("one channel a foreground class: the threshold stands for the background"));
    }
    expect_same_size("scores", scores, mask)?;
    let thresholds = attrs.get_floats("thresholds")?;
    if thresholds.is_empty() || thresholds.iter().any(|threshold| !threshold.is_finite()) {
        return Err(
            OpError::new(Code::OutOfRange, "`thresholds` is a list of at least one finite number").at("thresholds")
        );
    }
    Ok(())
}

/// Counts for both metrics of the best threshold.
pub(super) struct Best {
    pub sweep: ThresholdSweep,
    /// The threshold is the value, not what it comes to.
    pub threshold: bool,
}

impl Accumulator for Best {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        let [scores, mask] = rules::inputs::<2>(tensors)?;
        let area: usize = mask.dims().iter().skip(1).product();
        let each: usize = scores.dims().iter().skip(1).product();
        let (scores, mask) = (rules::floats(scores)?, rules::indices(mask)?);
        rules::expect_lengths(scores.len() * area, mask.len() * each)?;
        for (scores, mask) in scores.chunks(each.max(1)).zip(mask.chunks(area.max(1))) {
            self.sweep.add(scores, mask);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        let sweep = &self.sweep;
        let best = sweep.best().filter(|best| best.iou.over > 0);
        let curve: Vec<_> = sweep.curve().into_iter().map(|point| (shown(point.threshold), point.iou.mean)).collect();
        let foreground = best.as_ref().map(|best| best.iou.foreground);
        let (value, detail) = if self.threshold {
            let value = best.as_ref().map(|best| shown(best.threshold));
            (value, json!({ "iou": best.as_ref().map(|best| best.iou.mean), "foreground": foreground, "curve": curve }))
        } else {
            let detail = json!({
                "threshold": best.as_ref().map(|best| shown(best.threshold)),
                "iou": best.as_ref().map(|best| best.iou.classes.clone()),
                "foreground": foreground,
                "curve": curve,
                "ignored_pixels": sweep.ignored(),
            });
            (best.as_ref().map(|best| best.iou.mean), detail)
        };
        let over = rules::over(best.as_ref().map_or(0, |best| best.iou.over), sweep.pictures());
        MetricValue { value, oracle: METRIC.oracle, over, detail }
    }
}

/// A threshold as it was written: 0.3, not the 0.30000001192092896 that f32 makes of it.
fn shown(threshold: f32) -> f64 {
    threshold.to_string().parse().unwrap_or(f64::from(threshold))
}

#[cfg(test)]
mod tests {
    use super::super::rules::testing::{dims, index, refusal, value};
    use super::*;
    use crate::ops::Attr;
    use crate::types::Domain;
    use candle_core::Device;

    fn thresholds(values: &[f64]) -> Attrs {
        Attrs::new().with("thresholds", Attr::Floats(values.to_vec()))
    }

    #[test]
    fn by_hand() {
        let scores =
            Tensor::new(&[[[[0.9f32, 0.2]], [[0.1, 0.6]]], [[[0.1, 0.8]], [[0.1, 0.1]]]], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[[[1u32, 2]], [[0, 255]]], &Device::Cpu).unwrap();
        let best = value(&METRIC, &thresholds(&[0.05, 0.3, 0.7]), 2, &[&[scores, mask]]);
        assert_eq!((best.value, best.over.as_str(), best.oracle), (Some(1.0), "3 classes, 2 images", true));
        assert_eq!(best.detail["threshold"], 0.3);
        assert_eq!(best.detail["curve"], json!([[0.05, 0.5], [0.3, 1.0], [0.7, 0.5]]));
        assert_eq!(value(&METRIC, &thresholds(&[0.1]), 2, &[]).value, None);
    }

    #[test]
    fn wrong_uses() {
        let one = Dim::constant(1);
        let mask = index(Dim::symbol("K") + one.clone(), &dims(&["B", "H", "W"]));
        let maps = |dims: Vec<Dim>| Fact::new(Domain::Unit, dims);
        let says = |scores: &Fact, at: &[f64]| refusal(&METRIC, &[scores, &mask], &thresholds(at));
        let right = maps(dims(&["B", "K", "H", "W"]));
        assert_eq!(says(&right, &[0.1]), "");
        let mut with_background = right.clone();
        with_background.dims[1] = Dim::symbol("K") + one;
        let told = [
            says(&with_background, &[0.1]),
            says(&maps(dims(&["B", "K", "h", "w"])), &[0.1]),
            says(&maps(dims(&["B", "K"])), &[0.1]),
            says(&mask, &[0.1]),
            says(&right, &[]),
        ];
        expect_test::expect![[r#"
            class-axis-mismatch: `scores` have K + 1 channels, the mask counts K + 1 classes with the background (at scores)
            dimension-mismatch: `scores` is not as large as the mask: unit[B, K, h, w] beside index_or_ignore(K + 1)[B, H, W] (at scores)
            rank-mismatch: `scores` is [B, K, H, W], this is unit[B, K] (at scores)
            domain-mismatch: `scores` takes scores a class, this is index_or_ignore(K + 1)[B, H, W] (at scores)
            out-of-range: `thresholds` is a list of at least one finite number (at thresholds)"#]].assert_eq(&told.join("\n"));
    }
}
