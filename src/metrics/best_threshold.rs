//! `best_threshold`: the background threshold that the masks themselves choose, as a figure.

use super::best_threshold_iou::{self as iou, Best};
use super::{MetricDef, ThresholdSweep};

pub(super) const METRIC: MetricDef = MetricDef {
    name: "best_threshold",
    summary: "The background threshold `t` at which `argmax [t, score_1, …, score_K]` has the highest mean intersection over union.",
    numbers: &["iou", "foreground"],
    start: |attrs, classes| {
        Ok(Box::new(Best { sweep: ThresholdSweep::new(attrs.get_floats("thresholds")?, classes), threshold: true }))
    },
    ..iou::METRIC
};

#[cfg(test)]
mod tests {
    use super::super::rules::testing::value;
    use super::*;
    use crate::ops::{Attr, Attrs};
    use candle_core::{Device, Tensor};

    #[test]
    fn by_hand() {
        let scores =
            Tensor::new(&[[[[0.9f32, 0.2]], [[0.1, 0.6]]], [[[0.1, 0.8]], [[0.1, 0.1]]]], &Device::Cpu).unwrap();
        let mask = Tensor::new(&[[[1u32, 2]], [[0, 255]]], &Device::Cpu).unwrap();
        let thresholds = Attrs::new().with("thresholds", Attr::Floats(vec![0.05, 0.3, 0.7]));
        let best = value(&METRIC, &thresholds, 2, &[&[scores, mask]]);
        assert_eq!((best.value, &best.detail["iou"], best.oracle), (Some(0.3), &serde_json::json!(1.0), true));
        assert_eq!(value(&METRIC, &thresholds, 2, &[]).value, None);
    }
}
