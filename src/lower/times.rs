//! The time of a training: how long it is, and which losses count when.

use std::fmt;
use std::ops::Range;

use crate::diag::amount::counted;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    Epochs(usize),
    Steps(usize),
}

impl Length {
    /// The first moment that is too late.
    pub fn end(self) -> Moment {
        match self {
            Length::Epochs(epochs) => Moment::Epoch(epochs),
            Length::Steps(steps) => Moment::Step(steps),
        }
    }
}

/// `1 epoch`, `200 steps`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self {
            Length::Epochs(epochs) => counted(*epochs, "epoch"),
            Length::Steps(steps) => counted(*steps, "step"),
        };
        f.write_str(&said)
    }
}

/// How long a training is over the pictures at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    pub per_epoch: usize,
    pub steps: usize,
    pub epochs: usize,
}

impl Schedule {
    /// `group` pictures make one step.
    pub fn new(length: Length, group: usize, images: usize) -> Schedule {
        // What does not make a whole group at the end of an epoch is left out of it.
        let per_epoch = (images / group.max(1)).max(1);
        let steps = match length {
            Length::Epochs(epochs) => epochs.saturating_mul(per_epoch),
            Length::Steps(steps) => steps,
        };
        Schedule { per_epoch, steps, epochs: steps.div_ceil(per_epoch) }
    }

    /// The steps of an epoch.
    pub fn of_epoch(&self, epoch: usize) -> Range<usize> {
        let first = epoch * self.per_epoch;
        first..(first + self.per_epoch).min(self.steps)
    }
}

/// When a loss counts: it is no part of the step at any other time.
#[derive(Clone, PartialEq, Debug)]
pub struct Guard {
    pub loss: String,
    /// The first moment at which it counts.
    pub from: Option<Moment>,
    /// The first at which it does not count any more.
    pub until: Option<Moment>,
}

impl Guard {
    pub fn is_on(&self, epoch: usize, step: usize) -> bool {
        let come = |moment: Moment| moment.has_come(epoch, step);
        self.from.is_none_or(come) && !self.until.is_some_and(come)
    }
}

/// In the words of the recipe.
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = [("from", self.from), ("until", self.until)];
        let said = sides.into_iter().filter_map(|(word, moment)| moment.map(|moment| format!("{word} {moment}")));
        f.write_str(&said.collect::<Vec<_>>().join(" "))
    }
}

/// A moment of training, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    Epoch(usize),
    Step(usize),
}

impl Moment {
    fn has_come(self, epoch: usize, step: usize) -> bool {
        match self {
            Moment::Epoch(at) => epoch >= at,
            Moment::Step(at) => step >= at,
        }
    }

    /// Whether it is `other` or later, as far as that can be told: epochs and steps can be compared where it is known how many
    /// steps an epoch has.
    pub fn is_from(self, other: Moment, per_epoch: Option<usize>) -> bool {
        match (self, other) {
            (_, Moment::Epoch(0) | Moment::Step(0)) => true,
            (Moment::Epoch(this), Moment::Epoch(other)) | (Moment::Step(this), Moment::Step(other)) => this >= other,
            (Moment::Epoch(this), Moment::Step(other)) => {
                per_epoch.is_some_and(|steps| this.saturating_mul(steps) >= other)
            }
            (Moment::Step(this), Moment::Epoch(other)) => {
                per_epoch.is_some_and(|steps| this >= other.saturating_mul(steps))
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Epoch(at) => write!(f, "epoch {at}"),
            Moment::Step(at) => write!(f, "step {at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_have_the_steps_that_their_pictures_make() {
        let schedule = Schedule::new(Length::Steps(7), 4, 14);
        assert_eq!((schedule.per_epoch, schedule.epochs, schedule.of_epoch(2)), (3, 3, 6..7));
        assert_eq!(Schedule::new(Length::Epochs(2), 4, 3).steps, 2);
    }

    #[test]
    fn moments_are_compared_as_far_as_they_are_known() {
        let from = |this: Moment, other: Moment| [None, Some(10)].map(|steps| this.is_from(other, steps));
        assert_eq!(from(Moment::Epoch(5), Moment::Epoch(5)), [true, true]);
        assert_eq!(from(Moment::Epoch(5), Moment::Step(50)), [false, true]);
        assert_eq!(from(Moment::Step(49), Moment::Epoch(5)), [false, false]);
        assert_eq!(from(Moment::Step(0), Moment::Epoch(0)), [true, true]);
    }
}
