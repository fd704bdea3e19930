//! Pairs of pixels less than a radius apart: how far apart their features are, what lies between them, what their labels say.
//!
//! A table of pairs is `[B, P, h, w]`: plane `p` stands for the step `(dy, dx)` number `p` of [`Pairs::steps`], its pixel `(y, x)` for the pair of
//! that pixel and `(y + dy, x + dx)`. The steps are one half plane, so each pair stands there once; where there is no pair, the table holds 0.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};

mod affinity;
mod path;
mod relation;

pub use affinity::{affinity, distance_along, distance_grad};
pub use path::{path_affinity, path_along, path_grad};
pub use relation::{Relation, relation};

/// Which pixels are paired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pairs {
    /// Pixels are paired that are less than this apart; at least 2.
    pub radius: usize,
    /// Whether every pixel looks for others, or (as psa and IRN do in training) those alone whose steps all end within the grid.
    pub all: bool,
}

/// From the first pixel of a pair to the second: rows down, columns to the right.
pub type Step = (usize, isize);

impl Pairs {
    /// In psa's order: along the row, then row by row down, each from left to right.
    pub fn steps(&self) -> Vec<Step> {
        let radius = self.radius as isize;
        let near = |&(dy, dx): &(isize, isize)| (dy > 0 || dx > 0) && dy * dy + dx * dx < radius * radius;
        let all = (0..radius).flat_map(|dy| (1 - radius..radius).map(move |dx| (dy, dx)));
        all.filter(near).map(|(dy, dx)| (dy as usize, dx)).collect()
    }

    /// The radius whose steps are so many.
    pub fn of_count(count: usize) -> Option<Pairs> {
        (2..=LARGEST).map(|radius| Pairs { radius, all: true }).find(|pairs| pairs.steps().len() == count)
    }

    /// The rows and columns of the first pixels that have a second one a step away.
    fn sources(&self, (dy, dx): Step, [height, width]: [usize; 2]) -> (Range<usize>, Range<usize>) {
        let reach = self.radius - 1;
        if self.all {
            let (left, right) = (dx.min(0).unsigned_abs(), dx.max(0) as usize);
            return (0..height.saturating_sub(dy), left..width.saturating_sub(right).max(left));
        }
        (0..height.saturating_sub(reach), reach..width.saturating_sub(reach).max(reach))
    }

    fn check(&self) -> Result<()> {
        match (2..=LARGEST).contains(&self.radius) {
            true => Ok(()),
            false => bail!("pairs: a radius from 2 to {LARGEST}, this is {}", self.radius),
        }
    }
}

/// The largest radius: beyond it a table of pairs is larger than any use of it.
pub const LARGEST: usize = 32;

/// Where the second pixel of a pair lies, from the first on in a row-major plane.
fn along((dy, dx): Step, width: usize) -> isize {
    (dy * width) as isize + dx
}

/// Batch, channels, height and width.
fn planes(what: &str, x: &Tensor) -> Result<[usize; 4]> {
    match *x.dims() {
        [batch, channels, height, width] => Ok([batch, channels, height, width]),
        _ => bail!("{what}: maps are [B, C, h, w], not {:?}", x.dims()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_psa() {
        let pairs = Pairs { radius: 5, all: false };
        let steps = pairs.steps();
        assert_eq!(steps.len(), 34);
        assert_eq!(steps[..6], [(0, 1), (0, 2), (0, 3), (0, 4), (1, -4), (1, -3)]);
        assert!(!steps.contains(&(3, 4)) && !steps.contains(&(4, -3)), "the disc is open");
        assert_eq!(Pairs::of_count(34), Some(Pairs { radius: 5, all: true }));
        assert_eq!(Pairs::of_count(35), None);
    }

    #[test]
    fn sources_stay_on_the_grid() {
        let inner = Pairs { radius: 3, all: false };
        assert_eq!(inner.sources((1, -1), [10, 12]), (0..8, 2..10));
        assert_eq!(inner.sources((1, -1), [2, 3]), (0..0, 2..2), "a grid too small has no pairs");
        let all = Pairs { radius: 3, all: true };
        assert_eq!(all.sources((2, -1), [10, 12]), (0..8, 1..12));
        assert_eq!(all.sources((0, 2), [1, 1]), (0..1, 0..0));
    }
}
