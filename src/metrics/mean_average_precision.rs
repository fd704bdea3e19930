//! `mean_average_precision`: how well scores rank the pictures that hold a class before those that do not.

use candle_core::Tensor;
use serde_json::json;

use super::rules::{self, expect_rank, expect_scores};
use super::{Accumulator, AveragePrecision, MetricDef, MetricValue};
use crate::diag::Code;
use crate::ops::{Attrs, Input, OpError};
use crate::types::{Domain, Fact};

pub(super) const METRIC: MetricDef = MetricDef {
    name: "mean_average_precision",
    summary: "Mean over the classes of the area under the precision-recall steps, without interpolation.",
    inputs: &[
        Input::one("scores", "one number a class, `[B, K]`; only their order matters"),
        Input::one("tags", "1 where the picture holds the class, `[B, K]`"),
    ],
    params: &[],
    source: "",
    oracle: false,
    judges_answers: false,
    numbers: &[],
    infer,
    start: |_, classes| Ok(Box::new(Ranking { precision: AveragePrecision::new(classes), images: 0 })),
};

fn infer(facts: &[&Fact], _: &Attrs) -> Result<(), OpError> {
    let [scores, tags] = facts else { return Err(OpError::internal("`mean_average_precision` has two inputs")) };
    expect_scores("scores", scores)?;
    expect_rank("scores", scores, 2, "[B, K]")?;
    if !tags.domain.is_a(&Domain::Binary) {
        return Err(
            OpError::new(Code::DomainMismatch, format!("`tags` takes zeros and ones, this is {tags}")).at("tags")
        );
    }
    expect_rank("tags", tags, 2, "[B, K]")?;
    if scores.dims[1] != tags.dims[1] {
        let message = format!("`scores` have {} classes, the tags {}", scores.dims[1], tags.dims[1]);
        return Err(OpError::new(Code::ClassAxisMismatch, message).at("scores"));
    }
    Ok(())
}

struct Ranking {
    precision: AveragePrecision,
    images: u64,
}

impl Accumulator for Ranking {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        let [scores, tags] = rules::inputs::<2>(tensors)?;
        self.images += tags.dims().first().copied().unwrap_or(0) as u64;
        let (scores, tags) = (rules::floats(scores)?, rules::floats(tags)?);
        rules::expect_lengths(scores.len(), tags.len())?;
        self.precision.add(&scores, &tags);
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        let (mean, classes) = self.precision.mean();
        MetricValue {
            value: (classes > 0).then_some(mean),
            oracle: METRIC.oracle,
            over: rules::over(classes, self.images),
            detail: json!({ "ap": self.precision.classes() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::testing::{dims, refusal, value};
    use super::*;
    use candle_core::Device;

    #[test]
    fn by_hand() {
        let scores = Tensor::new(&[[0.9f32, 0.5], [0.8, 0.5], [0.7, 0.1]], &Device::Cpu).unwrap();
        let tags = Tensor::new(&[[1f32, 0.0], [0.0, 1.0], [1.0, 0.0]], &Device::Cpu).unwrap();
        let map = value(&METRIC, &Attrs::new(), 2, &[&[scores, tags]]);
        assert_eq!(map.value, Some(((1.0 + 2.0 / 3.0) / 2.0 + 0.5) / 2.0));
        assert_eq!(map.over, "2 classes, 3 images");
    }

    #[test]
    fn wrong_uses() {
        let tags = Fact::new(Domain::Tags, dims(&["B", "K"]));
        let says = |scores: &Fact, tags: &Fact| refusal(&METRIC, &[scores, tags], &Attrs::new());
        let scores = |names: &[&str]| Fact::new(Domain::Unit, dims(names));
        assert_eq!(says(&scores(&["B", "K"]), &tags), "");
        let told = [
            says(&scores(&["B", "C"]), &tags),
            says(&scores(&["B", "K", "H", "W"]), &tags),
            says(&tags, &scores(&["B", "K"])),
        ];
        expect_test::expect![[r#"
            class-axis-mismatch: `scores` have C classes, the tags K (at scores)
            rank-mismatch: `scores` is [B, K], this is unit[B, K, H, W] (at scores)
            domain-mismatch: `tags` takes zeros and ones, this is unit[B, K] (at tags)"#]]
        .assert_eq(&told.join("\n"));
    }
}
