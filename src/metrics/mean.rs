//! `mean`: a number of each step, averaged. What a `metric` line means that names a plain number.

use candle_core::Tensor;

use super::rules::{self, expect_rank, expect_scores};
use super::{Accumulator, MetricDef, MetricValue};
use crate::diag::amount::counted;
use crate::ops::{Attrs, Input, OpError};
use crate::types::Fact;

pub(super) const METRIC: MetricDef = MetricDef {
    name: "mean",
    summary: "The mean of one number a step.",
    inputs: &[Input::one("value", "a number")],
    params: &[],
    source: "",
    oracle: false,
    judges_answers: false,
    numbers: &[],
    infer,
    start: |_, _| Ok(Box::new(Mean { sum: 0.0, steps: 0 })),
};

fn infer(facts: &[&Fact], _: &Attrs) -> Result<(), OpError> {
    let [value] = facts else { return Err(OpError::internal("`mean` has one input")) };
    expect_scores("value", value)?;
    expect_rank("value", value, 0, "one number")
}

struct Mean {
    sum: f64,
    steps: usize,
}

impl Accumulator for Mean {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        let [value] = rules::inputs::<1>(tensors)?;
        let numbers = rules::floats(value)?;
        rules::expect_lengths(numbers.len(), 1)?;
        self.sum += f64::from(numbers[0]);
        self.steps += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        MetricValue {
            value: (self.steps > 0).then(|| self.sum / self.steps as f64),
            oracle: METRIC.oracle,
            over: counted(self.steps, "step"),
            detail: serde_json::Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::testing::{dims, refusal, value};
    use super::*;
    use crate::types::Domain;
    use candle_core::Device;

    #[test]
    fn by_hand() {
        let number = |value: f32| Tensor::new(value, &Device::Cpu).unwrap();
        let mean = value(&METRIC, &Attrs::new(), 2, &[&[number(1.0)], &[number(2.5)]]);
        assert_eq!((mean.value, mean.over.as_str()), (Some(1.75), "2 steps"));
        assert_eq!(value(&METRIC, &Attrs::new(), 2, &[]).value, None);
        let map = Fact::new(Domain::Real, dims(&["B"]));
        assert_eq!(
            refusal(&METRIC, &[&map], &Attrs::new()),
            "rank-mismatch: `value` is one number, this is real[B] (at value)"
        );
    }
}
