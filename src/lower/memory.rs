//! What a training stage keeps of every picture between its epochs, and when it is computed anew.

use super::recipe::DataPlan;
use crate::graph::Graph;
use crate::source::Span;
use crate::types::Fact;

/// One map an image of the data set that a training stage keeps between epochs.
pub struct Memory {
    pub name: String,
    /// `[B, …]` as the refreshes give it: of pictures that nothing moves.
    pub fact: Fact,
    /// What stands everywhere before the first refresh.
    pub initial: f64,
    /// In the order of the text.
    pub refreshes: Vec<Refresh>,
}

/// How and when a memory is computed anew: over all pictures of the stage's split, one by one, as they are in the data set.
pub struct Refresh {
    pub when: When,
    /// In evaluation mode; its one output is a save with the memory's name.
    pub graph: Graph,
    pub data: DataPlan,
    pub span: Span,
}

/// At the beginning of which epochs, counted from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct When {
    pub from: usize,
    pub every: Option<usize>,
    /// The first epoch that is too late.
    pub until: Option<usize>,
    pub plateau: Option<Plateau>,
}

/// A loss that does not fall any more.
#[derive(Clone, PartialEq, Debug)]
pub struct Plateau {
    pub loss: String,
    /// Epochs without a better one.
    pub patience: usize,
    /// Below the best by this factor is better.
    pub factor: f64,
}

impl When {
    /// Whether the memory may be refreshed at the beginning of `epoch`.
    pub fn may(&self, epoch: usize) -> bool {
        let within = epoch >= self.from && self.until.is_none_or(|until| epoch < until);
        within
            && match (&self.plateau, self.every) {
                (Some(_), _) => true,
                (None, Some(every)) => (epoch - self.from).is_multiple_of(every.max(1)),
                (None, None) => epoch == self.from,
            }
    }

    /// How often the memory is refreshed in so many epochs; where it waits for a plateau, at the most.
    pub fn times(&self, epochs: usize) -> usize {
        // A plateau is a best loss and `patience` that are no better.
        let wait = self.plateau.as_ref().map(|plateau| plateau.patience + 1);
        let first = self.from.max(wait.unwrap_or(0));
        let left = self.until.map_or(epochs, |until| until.min(epochs)).saturating_sub(first);
        match wait.or(self.every) {
            Some(every) => left.div_ceil(every.max(1)),
            None => left.min(1),
        }
    }

    /// Whether it is refreshed at the beginning of `epoch`. `losses` are those of the epochs since the last refresh, as far as the
    /// plateau wants them.
    pub fn is_due(&self, epoch: usize, losses: &[f64]) -> bool {
        self.may(epoch) && self.plateau.as_ref().is_none_or(|plateau| plateau.is_reached(losses))
    }
}

/// In the words of the recipe.
impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from epoch {}", self.from)?;
        if let Some(every) = self.every {
            write!(f, " every {every} epochs")?;
        }
        if let Some(until) = self.until {
            write!(f, " until epoch {until}")?;
        }
        match &self.plateau {
            Some(Plateau { loss, patience, factor }) => {
                write!(f, " when plateau({loss}, patience = {patience}, factor = {factor})")
            }
            None => Ok(()),
        }
    }
}

impl Plateau {
    /// Whether the last `patience` epochs brought nothing better than what came before them.
    pub fn is_reached(&self, losses: &[f64]) -> bool {
        let mut best = f64::INFINITY;
        let mut waited = 0;
        for loss in losses {
            // A loss below 0 falls away from 0.
            let needed = if best > 0.0 { best * self.factor } else { best / self.factor };
            if *loss < needed {
                (best, waited) = (*loss, 0);
            } else {
                waited += 1;
            }
        }
        waited >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(when: &When) -> Vec<usize> {
        (0..50).filter(|epoch| when.is_due(*epoch, &[])).collect()
    }

    #[test]
    fn a_schedule_names_its_epochs() {
        let when = When { from: 5, every: Some(10), until: None, plateau: None };
        assert_eq!(epochs(&when), [5, 15, 25, 35, 45]);
        assert_eq!(epochs(&When { until: Some(25), ..when.clone() }), [5, 15]);
        assert_eq!(when.to_string(), "from epoch 5 every 10 epochs");
        assert_eq!(epochs(&When { every: None, ..when }), [5]);
    }

    #[test]
    fn refreshes_are_counted_without_running_them() {
        let plateau = |patience| Some(Plateau { loss: "l".into(), patience, factor: 0.99 });
        for (from, every, until, plateau) in [
            (0, None, None, None),
            (5, None, None, None),
            (5, Some(10), None, None),
            (1, Some(1), Some(9), None),
            (7, Some(2), Some(3), None),
            (0, None, None, plateau(1)),
            (4, None, Some(12), plateau(2)),
        ] {
            let when = When { from, every, until, plateau };
            for epochs in 0..20 {
                let (mut last, mut times) = (0, 0);
                for epoch in 0..epochs {
                    // A loss that never falls: every plateau comes as early as it can.
                    if when.is_due(epoch, &vec![1.0; epoch - last]) {
                        (last, times) = (epoch, times + 1);
                    }
                }
                assert_eq!(when.times(epochs), times, "{when}, {epochs} epochs");
            }
        }
    }

    #[test]
    fn a_plateau_is_a_loss_that_does_not_fall() {
        let plateau = Plateau { loss: "seg".into(), patience: 2, factor: 0.9 };
        for (losses, reached) in [
            (&[][..], false),
            (&[1.0, 0.8], false),
            (&[1.0, 0.95, 0.91], true),
            (&[1.0, 0.95, 0.89, 0.85], false),
            (&[1.0, 0.95, 0.89, 0.85, 0.84], true),
            (&[-1.0, -1.2, -1.4], false),
            (&[-1.0, -1.05, -1.1], true),
        ] {
            assert_eq!(plateau.is_reached(losses), reached, "{losses:?}");
        }
        let when = When { from: 2, every: None, until: None, plateau: Some(plateau) };
        assert!(!when.is_due(1, &[1.0, 1.0, 1.0]) && when.is_due(3, &[1.0, 1.0, 1.0]));
    }
}
