//! A row of the table: the recipe or one variant of it, the figures that are expected of it, what it came to.

use super::citation::Table;
use crate::cli::exit::Exit;
use crate::exec::{Outcome, within};
use crate::lower::Expectation;

pub(super) struct Row {
    /// Of its variant; of the recipe where it is about none.
    pub name: String,
    pub variant: Option<String>,
    /// All variants that it runs with, its own at the end.
    pub variants: Vec<String>,
    /// Its figures of the table.
    pub expected: Vec<Expectation>,
    /// Whether it ran over all pictures.
    whole: bool,
    /// One a seed.
    pub ran: Vec<Ran>,
}

/// One run of a row.
pub(super) struct Ran {
    pub seed: u64,
    /// In the order of [`Row::expected`]; `None` where nothing was measured.
    pub figures: Result<Vec<Option<f64>>, Exit>,
    /// The run folder.
    pub folder: Option<String>,
}

/// A figure over all seeds.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Came {
    /// One a seed, in their order.
    pub got: Vec<Option<f64>>,
    pub mean: Option<f64>,
    /// The standard deviation of the sample; of one number there is none.
    pub spread: Option<f64>,
    /// Whether the mean is as expected; `None` where that cannot be said.
    pub inside: Option<bool>,
}

impl Row {
    /// The rows of a table, in the order of the recipe's text. `given` are variants that all of them run with.
    pub fn all(recipe: &str, expectations: &[Expectation], table: &Table, given: &[String]) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for expectation in expectations {
            if !expectation.citation.as_deref().is_some_and(|citation| table.is_cited(citation)) {
                continue;
            }
            if let Some(row) = rows.iter_mut().find(|row| row.variant == expectation.variant) {
                row.expected.push(expectation.clone());
                continue;
            }
            let own = expectation.variant.clone();
            // A variant given for all is that of this row, too: what a row is about is applied last.
            let others = given.iter().filter(|variant| Some(*variant) != own.as_ref());
            rows.push(Row {
                name: own.clone().unwrap_or_else(|| recipe.to_string()),
                variants: others.chain(&own).cloned().collect(),
                variant: own,
                expected: vec![expectation.clone()],
                whole: true,
                ran: Vec::new(),
            });
        }
        rows
    }

    /// Takes what the recipe says of its expectations where it is lowered as this row has it.
    pub fn settle(&mut self, expectations: &[Expectation], whole: bool) {
        self.whole = whole;
        for expected in &mut self.expected {
            // A variant states a figure once.
            let is_same = |other: &&Expectation| {
                (&other.variant, &other.stage, &other.name) == (&expected.variant, &expected.stage, &expected.name)
            };
            if let Some(same) = expectations.iter().find(is_same).cloned() {
                *expected = same;
            }
        }
    }

    pub fn came_to(&mut self, seed: u64, outcome: &Outcome, folder: Option<String>) {
        let figure = |expected: &Expectation| {
            let stage = outcome.stages.iter().find(|stage| stage.name == expected.stage)?;
            stage.metrics.get(&expected.name)?.value
        };
        let figures = Ok(self.expected.iter().map(figure).collect());
        self.ran.push(Ran { seed, figures, folder });
    }

    /// Whether it ran as its figures are stated: that variant alone, over all pictures.
    pub fn same_setting(&self) -> bool {
        self.whole && self.expected.iter().all(|expected| expected.applies)
    }

    /// What one of the expected figures came to.
    pub fn came(&self, at: usize) -> Came {
        let got: Vec<Option<f64>> =
            self.ran.iter().map(|ran| ran.figures.as_ref().ok().and_then(|figures| figures[at])).collect();
        let numbers: Vec<f64> = got.iter().copied().flatten().collect();
        let (mean, spread) = (mean(&numbers), spread(&numbers));
        let Expectation { value, tolerance, .. } = &self.expected[at];
        let inside = match (mean, tolerance) {
            (Some(mean), Some(tolerance)) if self.same_setting() => Some(within(*value, *tolerance, mean)),
            _ => None,
        };
        Came { got, mean, spread, inside }
    }

    /// The seeds with which it failed.
    pub fn failed(&self) -> impl Iterator<Item = (u64, Exit)> {
        self.ran.iter().filter_map(|ran| Some((ran.seed, *ran.figures.as_ref().err()?)))
    }
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// The standard deviation of a sample: over one less than there are.
fn spread(numbers: &[f64]) -> Option<f64> {
    let mean = mean(numbers).filter(|_| numbers.len() > 1)?;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    Some((squares / (numbers.len() - 1) as f64).sqrt())
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::source::{Sources, Span};

    /// A row that is expected to come to 0.5 ± 0.1, with what it came to a seed.
    pub fn row(variant: Option<&str>, got: &[Result<Option<f64>, Exit>]) -> Row {
        let expected = expectation("seeds.cam_iou", variant, "Table 1");
        let ran = got.iter().enumerate().map(|(seed, got)| Ran {
            seed: seed as u64,
            figures: got.map(|figure| vec![figure]),
            folder: None,
        });
        Row {
            name: variant.unwrap_or("tiny").into(),
            variant: variant.map(str::to_string),
            variants: variant.into_iter().map(str::to_string).collect(),
            expected: vec![expected],
            whole: true,
            ran: ran.collect(),
        }
    }

    pub fn expectation(metric: &str, variant: Option<&str>, citation: &str) -> Expectation {
        let (stage, name) = metric.split_once('.').expect("stage.metric");
        Expectation {
            stage: stage.into(),
            name: name.into(),
            value: 0.5,
            tolerance: Some(0.1),
            text: "0.5 +- 0.1".into(),
            citation: Some(citation.into()),
            variant: variant.map(str::to_string),
            applies: true,
            span: Span::new(Sources::new().add("a.wsss", ""), 0..0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{expectation, row};
    use super::*;

    #[test]
    fn a_row_has_all_its_figures_and_its_variant_last() {
        let table: Table = "1".parse().expect("a table");
        let all = [
            expectation("seeds.iou", None, "Table 1"),
            expectation("end.miou", None, "Table 10"),
            expectation("seeds.iou", Some("small"), "Table 1, row 2"),
            expectation("end.miou", Some("small"), "Table 1"),
            expectation("seeds.iou", Some("other"), "Table 2"),
        ];
        let rows = Row::all("tiny", &all, &table, &["small".into(), "quick".into()]);
        let shown: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.variants.join(" "), row.expected.len())).collect();
        assert_eq!(shown, [("tiny", "small quick".into(), 1), ("small", "quick small".into(), 2)]);
    }

    #[test]
    fn the_spread_is_that_of_a_sample() {
        let came = row(None, &[Ok(Some(0.4)), Ok(Some(0.6)), Err(Exit::Failed), Ok(None)]).came(0);
        assert_eq!(came.got, [Some(0.4), Some(0.6), None, None]);
        assert!((came.mean.unwrap_or(0.0) - 0.5).abs() < 1e-12, "{came:?}");
        // Two numbers 0.2 apart: √(2 · 0.1² / 1).
        assert!((came.spread.unwrap_or(0.0) - 0.02f64.sqrt()).abs() < 1e-12, "{came:?}");
        let one = row(None, &[Ok(Some(0.7))]).came(0);
        assert_eq!((one.spread, one.inside), (None, Some(false)));
    }

    #[test]
    fn nothing_is_inside_in_another_setting() {
        let mut row = row(Some("small"), &[Ok(Some(0.5))]);
        assert_eq!(row.came(0).inside, Some(true));
        let all = row.expected.clone();
        row.settle(&all, false);
        assert_eq!((row.came(0).inside, row.same_setting()), (None, false));
    }
}
