//! `miou`: how well predicted class maps cover the true ones.

use candle_core::Tensor;
use serde_json::json;

use super::rules::{self, expect_index, expect_rank, expect_same_size};
use super::{Accumulator, IouCounter, MetricDef, MetricValue};
use crate::diag::Code;
use crate::ops::{Attrs, Input, OpError};
use crate::types::{ClassGap, Fact};

pub(super) const METRIC: MetricDef = MetricDef {
    name: "miou",
    summary: "Mean intersection over union of predicted classes, all pixels of the set counted together.",
    inputs: &[
        Input::one(
            "prediction",
            "class numbers `[B, H, W]`, 0 the background; 255 (undecided) is a miss of what is there",
        ),
        Input::one("mask", "the true class numbers `[B, H, W]`; pixels of 255 are not counted"),
    ],
    params: &[],
    source: "Everingham et al., The PASCAL Visual Object Classes Challenge, IJCV 2015",
    oracle: false,
    judges_answers: true,
    numbers: &["foreground"],
    infer,
    start: |_, classes| Ok(Box::new(Miou(IouCounter::new(classes + 1)))),
};

fn infer(facts: &[&Fact], _: &Attrs) -> Result<(), OpError> {
    let [prediction, mask] = facts else { return Err(OpError::internal("`miou` has two inputs")) };
    let (predicted, known) = (expect_index("prediction", prediction)?, expect_index("mask", mask)?);
    expect_rank("prediction", prediction, 3, "[B, H, W]")?;
    expect_rank("mask", mask, 3, "[B, H, W]")?;
    // A prediction of one class is all background: a baseline, not a slip.
    if predicted != known && !predicted.is_one() {
        let message = format!("`prediction` counts {predicted} classes, the mask {known}");
        return Err(OpError::new(Code::ClassAxisMismatch, message).at("prediction").help(
            match ClassGap::between(predicted, known) {
                Some(gap @ ClassGap::DataSet) => gap.help(true),
                _ => "a mask counts the background as class 0: the scores need a channel for it before `argmax`",
            },
        ));
    }
    expect_same_size("prediction", prediction, mask)
}

struct Miou(IouCounter);

impl Accumulator for Miou {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        let [prediction, mask] = rules::inputs::<2>(tensors)?;
        let area: usize = mask.dims().iter().skip(1).product();
        let (prediction, mask) = (rules::indices(prediction)?, rules::indices(mask)?);
        rules::expect_lengths(prediction.len(), mask.len())?;
        for (prediction, mask) in prediction.chunks(area.max(1)).zip(mask.chunks(area.max(1))) {
            self.0.add(prediction, mask);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        let (counter, iou) = (&self.0, self.0.iou());
        MetricValue {
            value: (iou.over > 0).then_some(iou.mean),
            oracle: METRIC.oracle,
            over: rules::over(iou.over, counter.pictures()),
            detail: json!({
                "iou": iou.classes,
                "foreground": iou.foreground,
                "false_positives": counter.false_positives(),
                "false_negatives": counter.false_negatives(),
                "ignored_pixels": counter.ignored(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::testing::{dims, index, refusal, value};
    use super::*;
    use crate::types::{Dim, Domain};
    use candle_core::Device;

    #[test]
    fn by_hand() {
        let map = |values: [[[u32; 2]; 2]; 2]| Tensor::new(&values, &Device::Cpu).unwrap();
        let batch = [map([[[0, 1], [1, 1]], [[2, 255], [0, 0]]]), map([[[0, 0], [1, 1]], [[2, 2], [255, 255]]])];
        let miou = value(&METRIC, &Attrs::new(), 3, &[&batch]);
        // Background 1 of 2, class 1 2 of 3, class 2 1 of 2, class 3 nowhere.
        assert_eq!(miou.value, Some((0.5 + 2.0 / 3.0 + 0.5) / 3.0));
        assert_eq!((miou.over.as_str(), miou.oracle), ("3 classes, 2 images", false));
        assert_eq!(miou.detail["iou"][3], serde_json::Value::Null);
        assert_eq!(miou.detail["ignored_pixels"], 2);
        assert_eq!(value(&METRIC, &Attrs::new(), 3, &[]).value, None);
    }

    #[test]
    fn wrong_uses() {
        let (k, one) = (Dim::symbol("K"), Dim::constant(1));
        let mask = index(k.clone() + one.clone(), &dims(&["B", "H", "W"]));
        let says = |prediction: &Fact| refusal(&METRIC, &[prediction, &mask], &Attrs::new());
        assert_eq!(says(&mask), "");
        assert_eq!(says(&index(one, &dims(&["B", "H", "W"]))), "");
        let told = [
            says(&index(k, &dims(&["B", "H", "W"]))),
            says(&Fact::new(Domain::Real, dims(&["B", "H", "W"]))),
            says(&index(Dim::symbol("K") + Dim::constant(1), &dims(&["B", "H"]))),
            says(&index(Dim::symbol("K") + Dim::constant(1), &dims(&["B", "h", "w"]))),
        ];
        expect_test::expect![[r#"
            class-axis-mismatch: `prediction` counts K classes, the mask K + 1 (at prediction)
            domain-mismatch: `prediction` takes class numbers, this is real[B, H, W] (at prediction)
            rank-mismatch: `prediction` is [B, H, W], this is index_or_ignore(K + 1)[B, H] (at prediction)
            dimension-mismatch: `prediction` is not as large as the mask: index_or_ignore(K + 1)[B, h, w] beside index_or_ignore(K + 1)[B, H, W] (at prediction)"#]].assert_eq(&told.join("\n"));
    }
}
