//! What a recipe expects of its figures, beside what came out.

use serde::{Deserialize, Serialize};

use super::StageOutcome;
use crate::lower::Expectation;

/// One expected figure.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// `seeds.cam_iou`
    pub metric: String,
    /// As it is written: `0.560 +- 0.010`.
    pub expected: String,
    pub value: f64,
    pub tolerance: Option<f64>,
    /// Where it is stated.
    pub source: Option<String>,
    /// The variant it is stated for; the recipe on its own where there is none.
    pub variant: Option<String>,
    /// `None` where the stage did not run, or measured nothing.
    pub got: Option<f64>,
    /// Whether it came out as expected; `None` where that cannot be said.
    pub inside: Option<bool>,
    /// Whether the run was of the setting that the figure is stated for.
    pub same_setting: bool,
}

impl Compared {
    /// What came of it in a word or two; nothing where it was not measured.
    pub fn verdict(&self) -> &'static str {
        match (self.got, self.inside) {
            (_, Some(true)) => "inside",
            (_, Some(false)) => "outside",
            (Some(_), None) if !self.same_setting => "another setting",
            (Some(_), None) => "no tolerance",
            (None, None) => "",
        }
    }
}

/// The expectations that a run is held against: those of its variants, or of the recipe on its own. `whole` says whether it
/// ran over all pictures.
pub(super) fn compare(
    expectations: &[Expectation],
    stages: &[StageOutcome],
    variants: &[String],
    whole: bool,
) -> Vec<Compared> {
    let of_variants =
        |expectation: &&Expectation| expectation.variant.as_ref().is_some_and(|variant| variants.contains(variant));
    let of_recipe = |expectation: &&Expectation| expectation.variant.is_none();
    let mut relevant: Vec<&Expectation> = expectations.iter().filter(of_variants).collect();
    if relevant.is_empty() {
        relevant = expectations.iter().filter(of_recipe).collect();
    }
    relevant.into_iter().map(|expectation| compared(expectation, stages, whole)).collect()
}

/// Whether a figure is as near to the expected one as the tolerance says. The last digit that is written counts, not the dust of
/// binary fractions.
pub fn within(expected: f64, tolerance: f64, got: f64) -> bool {
    (got - expected).abs() <= tolerance + 1e-9
}

fn compared(expectation: &Expectation, stages: &[StageOutcome], whole: bool) -> Compared {
    let stage = stages.iter().find(|stage| stage.name == expectation.stage);
    let got = stage.and_then(|stage| stage.metrics.get(&expectation.name)).and_then(|metric| metric.value);
    let same_setting = expectation.applies && whole;
    let inside = match (got, expectation.tolerance) {
        (Some(got), Some(tolerance)) if same_setting => Some(within(expectation.value, tolerance, got)),
        _ => None,
    };
    Compared {
        metric: format!("{}.{}", expectation.stage, expectation.name),
        expected: expectation.text.clone(),
        value: expectation.value,
        tolerance: expectation.tolerance,
        source: expectation.citation.clone(),
        variant: expectation.variant.clone(),
        got,
        inside,
        same_setting,
    }
}
