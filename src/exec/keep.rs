//! Which state of training a stage leaves behind: the last, one every so many epochs beside it, or the best by a figure.

use std::collections::BTreeMap;

use super::RunError;
use super::event::{EpochLine, Metrics};
use super::weights::{self, Notes, Table};
use crate::lower::{Figured, Keep, Weight};
use crate::metrics::MetricValue;
use crate::store::Draft;

/// What is kept of the epochs so far.
pub(super) struct Kept<'a> {
    keep: &'a Keep,
    weights: &'a [Weight],
    /// The nets of the best epoch, by path; empty where there is none.
    pub best: Table,
    /// What goes with the nets.
    notes: Notes,
}

impl<'a> Kept<'a> {
    /// `best` are the nets that a checkpoint has kept.
    pub fn new(keep: &'a Keep, weights: &'a [Weight], best: Table, notes: Notes) -> Kept<'a> {
        Kept { keep, weights, best, notes }
    }

    /// After an epoch, whose line is the last: `left` is what the stage would leave behind now.
    pub fn after(&mut self, lines: &[EpochLine], left: &Table, draft: &Draft) -> Result<(), RunError> {
        match self.keep {
            Keep::Last => Ok(()),
            Keep::Every(epochs) if lines.len().is_multiple_of(*epochs) => {
                weights::save(&draft.path(&format!("epochs/{:04}", lines.len())), self.weights, left, &self.notes)
            }
            Keep::Every(_) => Ok(()),
            Keep::Best(figure) => {
                if best(figure, lines).is_some_and(|best| best + 1 == lines.len()) {
                    let own = self.weights.iter().filter_map(|weight| {
                        let path = weight.path();
                        Some(left.get(&path)?.copy().map(|tensor| (path, tensor)))
                    });
                    self.best = own.collect::<Result<_, _>>()?;
                }
                Ok(())
            }
        }
    }

    /// The nets and figures of the stage; `last` are those of the last epoch.
    pub fn finish(self, lines: &[EpochLine], left: Table, last: Metrics) -> (Table, Metrics, Option<String>) {
        let Keep::Best(figure) = self.keep else { return (left, last, None) };
        let name = name(figure);
        match best(figure, lines).map(|best| &lines[best]) {
            Some(line) if !self.best.is_empty() => {
                let note = format!("epoch {} of {} is kept, the best by `{name}`", line.epoch, lines.len());
                (self.best, figures(line, &last, name), Some(note))
            }
            _ => (left, last, Some(format!("no epoch has a `{name}`: the last one is kept"))),
        }
    }
}

fn name(figure: &Figured) -> &str {
    match figure {
        Figured::Total => "loss",
        Figured::Loss(name) | Figured::Metric(name) => name,
    }
}

/// The epoch, counted from 0, at which a figure is best; of equals the first. A loss that is off says nothing.
fn best(figure: &Figured, lines: &[EpochLine]) -> Option<usize> {
    let value = |line: &EpochLine| match figure {
        Figured::Total => Some(-line.loss),
        Figured::Loss(name) if line.off.contains(name) => None,
        Figured::Loss(name) => line.losses.get(name).map(|loss| -loss),
        Figured::Metric(name) => line.metrics.get(name).copied().flatten(),
    };
    let values = lines.iter().enumerate().filter_map(|(epoch, line)| Some((epoch, value(line)?)));
    let found = values.reduce(|best, other| if other.1 > best.1 { other } else { best });
    found.map(|(epoch, _)| epoch)
}

/// The figures of the epoch that is kept. What is told of each beside its value was said of the last epoch.
fn figures(line: &EpochLine, last: &Metrics, chosen_by: &str) -> Metrics {
    let over = format!("epoch {}, the best by `{chosen_by}`", line.epoch);
    let mut figures: BTreeMap<String, MetricValue> = BTreeMap::new();
    for (name, metric) in last {
        let value = match line.metrics.get(name) {
            Some(value) => *value,
            None => Some(line.loss),
        };
        let (over, detail) = (over.clone(), serde_json::Value::Null);
        figures.insert(name.clone(), MetricValue { value, over, detail, ..metric.clone() });
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_first_of_equals_and_needs_a_value() {
        let line = |epoch, loss, off: &[&str], accuracy| EpochLine {
            epoch,
            steps: epoch,
            rate: 1.0,
            loss,
            losses: [("cls".to_string(), loss)].into(),
            off: off.iter().map(|name| name.to_string()).collect(),
            metrics: [("accuracy".to_string(), accuracy)].into(),
            seconds: 0.0,
        };
        let lines = [
            line(1, 0.0, &["cls"], None),
            line(2, 3.0, &[], Some(0.5)),
            line(3, 2.0, &[], Some(0.5)),
            line(4, 2.0, &[], Some(0.1)),
        ];
        assert_eq!(best(&Figured::Total, &lines), Some(0));
        assert_eq!(best(&Figured::Loss("cls".into()), &lines), Some(2));
        assert_eq!(best(&Figured::Metric("accuracy".into()), &lines), Some(1));
        assert_eq!(best(&Figured::Metric("accuracy".into()), &lines[..1]), None);
    }
}
