//! Class scores against a constant background: mean IoU for many thresholds in one pass over the pixels.

use super::{Iou, IouCounter};
use crate::kernels::wide::wide;

/// Counts for each threshold what `argmax [t, score_1, …, score_K]` would hit.
///
/// A pixel is background up to the threshold that reaches its highest score and that score's class below it, so it is
/// counted once, under the number of thresholds below its score; sums over these numbers give the counts of every
/// threshold. Ties go to the background, among classes to the first.
#[derive(Clone, PartialEq, Debug)]
pub struct ThresholdSweep {
    /// Rising.
    thresholds: Vec<f32>,
    /// Foreground classes.
    classes: usize,
    /// By number of thresholds below the score, then by class from 1: pixels so predicted, and rightly.
    predicted: Vec<u64>,
    hits: Vec<u64>,
    /// By number of thresholds below the score: pixels that are background in truth.
    background: Vec<u64>,
    /// By class, the background first.
    truth: Vec<u64>,
    ignored: u64,
    pictures: u64,
}

/// One threshold and what it gives.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    pub threshold: f32,
    pub iou: Iou,
}

impl ThresholdSweep {
    /// For `classes` foreground classes; thresholds are taken in rising order and once each, those that are no number left
    /// out.
    pub fn new(thresholds: &[f64], classes: usize) -> ThresholdSweep {
        // Scores are f32: a score of 0.3 is not above a threshold of 0.3, so the threshold must be rounded as the score is.
        let mut thresholds: Vec<f32> =
            thresholds.iter().filter(|threshold| !threshold.is_nan()).map(|&threshold| threshold as f32).collect();
        thresholds.sort_by(f32::total_cmp);
        thresholds.dedup();
        let levels = thresholds.len() + 1;
        ThresholdSweep {
            thresholds,
            classes,
            predicted: vec![0; levels * classes],
            hits: vec![0; levels * classes],
            background: vec![0; levels],
            truth: vec![0; classes + 1],
            ignored: 0,
            pictures: 0,
        }
    }

    /// Counts one picture: `scores` are `[K, H, W]`, `truth` `[H, W]` with 0 for the background. A truth that is no class is
    /// ignored; a score that is no number is never the highest.
    pub fn add(&mut self, scores: &[f32], truth: &[u32]) {
        let planes: Vec<(usize, &[f32])> =
            scores.chunks_exact(truth.len().max(1)).take(self.classes).enumerate().collect();
        self.add_planes(&planes, truth);
    }

    /// The same of the maps of some classes, each `[H, W]` and named by its place among the foreground classes, rising; those of other classes are zero everywhere.
    pub fn add_planes(&mut self, planes: &[(usize, &[f32])], truth: &[u32]) {
        self.pictures += 1;
        let levels = Levels::new(&self.thresholds);
        // By level, class and kind. Several, for pixels in turn: neighbours are mostly alike, and need not wait for one another.
        let mut counts = [(); TURNS].map(|()| vec![0u32; (self.thresholds.len() + 1) * (self.classes + 1) * KINDS]);
        // Where a map is missing, a zero of its class is in its place.
        let first_absent = (0..self.classes).find(|class| planes.iter().all(|(other, _)| other != class));
        let mut best = Best::new();
        for start in (0..truth.len()).step_by(PIECE) {
            let truth = &truth[start..(start + PIECE).min(truth.len())];
            best.begin(first_absent);
            for &(class, plane) in planes {
                best.take(class, &plane[start..start + truth.len()]);
            }
            best.places(&levels, truth, self.classes);
            for places in best.place[..truth.len()].chunks(TURNS) {
                for (counts, place) in counts.iter_mut().zip(places) {
                    counts[*place as usize] += 1;
                }
            }
            count_runs(truth, &mut self.truth);
        }
        let [mut counts, others @ ..] = counts;
        for others in others {
            counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
        }
        let counts = counts.as_chunks::<KINDS>().0;
        for (level, counts) in counts.chunks_exact(self.classes + 1).enumerate() {
            for (class, count) in counts.iter().enumerate() {
                let [wrong, right, background, ignored] = count.map(u64::from);
                self.ignored += ignored;
                self.background[level] += background;
                if class < self.classes {
                    self.predicted[level * self.classes + class] += wrong + right + background;
                    self.hits[level * self.classes + class] += right;
                }
            }
        }
    }

    /// Takes in what another sweep over the same thresholds and classes has counted.
    pub fn merge(&mut self, other: &ThresholdSweep) {
        for (mine, theirs) in [
            (&mut self.predicted, &other.predicted),
            (&mut self.hits, &other.hits),
            (&mut self.background, &other.background),
            (&mut self.truth, &other.truth),
        ] {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.ignored += other.ignored;
        self.pictures += other.pictures;
    }

    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// IoU at each threshold, rising.
    pub fn curve(&self) -> Vec<Point> {
        let all: u64 = self.truth.iter().sum();
        // Counts for a threshold above all: everything is background. Then down, threshold by threshold.
        let (mut hits, mut predicted) = (vec![0u64; self.classes + 1], vec![0u64; self.classes + 1]);
        (hits[0], predicted[0]) = (self.truth[0], all);
        let mut curve: Vec<Point> = Vec::with_capacity(self.thresholds.len());
        for (at, &threshold) in self.thresholds.iter().enumerate().rev() {
            let level = at + 1;
            for class in 0..self.classes {
                let turned = self.predicted[level * self.classes + class];
                predicted[class + 1] += turned;
                predicted[0] -= turned;
                hits[class + 1] += self.hits[level * self.classes + class];
            }
            hits[0] -= self.background[level];
            let counter = IouCounter::from_counts(hits.clone(), predicted.clone(), self.truth.clone());
            curve.push(Point { threshold, iou: counter.iou() });
        }
        curve.reverse();
        curve
    }

    /// The threshold with the highest mean IoU, the smallest of equals; `None` without thresholds.
    pub fn best(&self) -> Option<Point> {
        self.curve().into_iter().reduce(|best, point| if point.iou.mean > best.iou.mean { point } else { best })
    }
}

/// Adds how often each class occurs. Masks are mostly even: a run of one class is counted at once.
fn count_runs(truth: &[u32], counts: &mut [u64]) {
    let mut add = |class: u32, pixels: u64| {
        if let Some(count) = counts.get_mut(class as usize) {
            *count += pixels;
        }
    };
    for run in truth.chunks(64) {
        let others = run.iter().fold(0, |others, class| others | (class ^ run[0]));
        if others == 0 {
            add(run[0], run.len() as u64);
        } else {
            run.iter().for_each(|class| add(*class, 1));
        }
    }
}

/// What a pixel is counted as: wrong, right, the background in truth, not known.
const KINDS: usize = 4;

/// Tables that pixels are counted in by turns.
const TURNS: usize = 4;

/// Pixels that are looked at together: few enough for their scores to stay near.
const PIECE: usize = 2048;

/// The highest score of each pixel of a piece, its class, of equal ones the first, and where it is counted.
struct Best {
    score: Vec<f32>,
    class: Vec<u32>,
    place: Vec<u32>,
}

impl Best {
    fn new() -> Best {
        Best { score: vec![0.0; PIECE], class: vec![0; PIECE], place: vec![0; PIECE] }
    }

    /// Nothing is known yet, or that a map of zeros is there.
    fn begin(&mut self, zeros: Option<usize>) {
        self.score.fill(if zeros.is_some() { 0.0 } else { f32::NEG_INFINITY });
        self.class.fill(zeros.unwrap_or(0) as u32);
    }

    fn take(&mut self, class: usize, plane: &[f32]) {
        wide(
            #[inline(always)]
            || {
                for ((score, best), &new) in self.score.iter_mut().zip(&mut self.class).zip(plane) {
                    let higher = (new > *score) | ((new == *score) & ((class as u32) < *best));
                    *score = if higher { new } else { *score };
                    *best = if higher { class as u32 } else { *best };
                }
            },
        );
    }

    fn places(&mut self, levels: &Levels, truth: &[u32], classes: usize) {
        let classes = classes as u32;
        wide(
            #[inline(always)]
            || {
                let pixels = self.score.iter().zip(&self.class).zip(truth);
                for (place, ((&score, &class), &truth)) in self.place.iter_mut().zip(pixels) {
                    let known = if truth == 0 { 2 } else { u32::from(truth == class + 1) };
                    let kind = if truth > classes { 3 } else { known };
                    *place = (levels.below(score) * (classes + 1) + class) * KINDS as u32 + kind;
                }
            },
        );
        if levels.crowded {
            for (place, &score) in self.place.iter_mut().zip(&self.score) {
                *place += levels.after_first(score) * (classes + 1) * KINDS as u32;
            }
        }
    }
}

/// How many thresholds are below a score, found without a search: few share a bucket.
struct Levels<'a> {
    thresholds: &'a [f32],
    lowest: f32,
    /// Buckets between the lowest and the highest threshold, a unit.
    scale: f32,
    /// By bucket: the thresholds of the buckets before, which are below all of its scores.
    before: [u32; BUCKETS + 1],
    /// By bucket: its first threshold; infinity where it has none.
    first: [f32; BUCKETS],
    /// Whether a bucket has several.
    crowded: bool,
}

/// Several times as many as there are thresholds.
const BUCKETS: usize = 512;

impl<'a> Levels<'a> {
    fn new(thresholds: &'a [f32]) -> Levels<'a> {
        let lowest = thresholds.first().copied().unwrap_or(0.0);
        let width = thresholds.last().copied().unwrap_or(0.0) - lowest;
        let scale = if width > 0.0 { (BUCKETS - 1) as f32 / width } else { 0.0 };
        let (before, first) = ([0; BUCKETS + 1], [f32::INFINITY; BUCKETS]);
        let mut levels = Levels { thresholds, lowest, scale, before, first, crowded: false };
        for &threshold in thresholds {
            let bucket = levels.bucket(threshold);
            levels.before[bucket + 1] += 1;
            levels.crowded |= levels.before[bucket + 1] > 1;
            levels.first[bucket] = levels.first[bucket].min(threshold);
        }
        for bucket in 0..BUCKETS {
            levels.before[bucket + 1] += levels.before[bucket];
        }
        levels
    }

    /// Rises with the score.
    #[inline(always)]
    fn bucket(&self, score: f32) -> usize {
        // Beyond both ends, and where it is no number, the cast stops at the nearest bucket.
        (((score - self.lowest) * self.scale) as u32).min(BUCKETS as u32 - 1) as usize
    }

    /// The thresholds below a score, of those that share its bucket only the first.
    #[inline(always)]
    fn below(&self, score: f32) -> u32 {
        let bucket = self.bucket(score);
        self.before[bucket] + u32::from(self.first[bucket] < score)
    }

    /// The others of its bucket that are below a score.
    fn after_first(&self, score: f32) -> u32 {
        let bucket = self.bucket(score);
        let others = &self.thresholds[self.before[bucket] as usize..self.before[bucket + 1] as usize];
        others.iter().skip(1).take_while(|threshold| **threshold < score).count() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Two classes, four pixels, the last one not known.
        let scores = [0.9, 0.2, 0.1, 0.8, /**/ 0.1, 0.6, 0.1, 0.1];
        let truth = [1, 2, 0, 255];
        let mut sweep = ThresholdSweep::new(&[0.05, 0.3, 0.7], 2);
        sweep.add(&scores, &truth);
        let means: Vec<f64> = sweep.curve().iter().map(|point| point.iou.mean).collect();
        // 0.05: classes 1, 2, 1 → background 0, class 1 1/2, class 2 1. 0.3: all right. 0.7: class 2 is lost to the background.
        assert_eq!(means, [(0.0 + 0.5 + 1.0) / 3.0, 1.0, (0.5 + 1.0 + 0.0) / 3.0]);
        assert_eq!(sweep.best().map(|point| point.threshold), Some(0.3));
        assert_eq!((sweep.ignored(), sweep.pictures()), (1, 1));
    }

    #[test]
    fn ties_go_to_the_background_and_to_the_smallest_threshold() {
        let mut sweep = ThresholdSweep::new(&[0.3, 0.1, 0.2, 0.1, f64::NAN], 1);
        sweep.add(&[0.3, 0.0], &[0, 0]);
        let curve = sweep.curve();
        assert_eq!(curve.iter().map(|point| point.threshold).collect::<Vec<_>>(), [0.1, 0.2, 0.3]);
        assert_eq!(curve[2].iou.classes, [Some(1.0), None], "a score is not above its own threshold");
        let mut level = ThresholdSweep::new(&[0.1, 0.2, 0.9], 1);
        level.add(&[0.5, 0.0], &[1, 0]);
        assert_eq!(level.best().map(|point| point.threshold), Some(0.1));
        assert!(ThresholdSweep::new(&[], 1).best().is_none());
    }

    fn naive(scores: &[f32], truth: &[u32], classes: usize, threshold: f32) -> Iou {
        let area = truth.len();
        let predict = |at: usize| {
            let (mut best, mut score) = (0, threshold);
            for class in 0..classes {
                if scores[class * area + at] > score {
                    (best, score) = (class as u32 + 1, scores[class * area + at]);
                }
            }
            best
        };
        let mut counter = IouCounter::new(classes + 1);
        counter.add(&(0..area).map(predict).collect::<Vec<_>>(), truth);
        counter.iou()
    }

    proptest! {
        #[test]
        fn levels_are_what_a_search_finds(
            mut thresholds in prop::collection::vec(prop_oneof![-2f32..2.0, Just(f32::NEG_INFINITY), Just(f32::MAX), Just(0.0)], 0..70),
            scores in prop::collection::vec(prop_oneof![-3f32..3.0, Just(f32::NEG_INFINITY), Just(f32::INFINITY)], 1..50),
        ) {
            thresholds.sort_by(f32::total_cmp);
            thresholds.dedup();
            let levels = Levels::new(&thresholds);
            for score in scores.into_iter().chain(thresholds.iter().copied()) {
                prop_assert_eq!((levels.below(score) + levels.after_first(score)) as usize, thresholds.partition_point(|&threshold| threshold < score), "{}", score);
            }
        }

        #[test]
        fn one_pass_is_as_many(
            pixels in prop::collection::vec((prop::array::uniform3(0u8..=20), prop_oneof![4 => 0u32..4, 1 => Just(255u32)]), 1..50),
            thresholds in prop::collection::vec(0u8..=20, 1..8),
        ) {
            // Twentieths, so that scores often equal thresholds.
            let scores: Vec<f32> =
                (0..3).flat_map(|class| pixels.iter().map(move |(scores, _)| f32::from(scores[class]) / 20.0)).collect();
            let truth: Vec<u32> = pixels.iter().map(|&(_, truth)| truth).collect();
            let thresholds: Vec<f64> = thresholds.into_iter().map(|at| f64::from(at) / 20.0).collect();
            let mut sweep = ThresholdSweep::new(&thresholds, 3);
            sweep.add(&scores, &truth);
            for point in sweep.curve() {
                prop_assert_eq!(point.iou, naive(&scores, &truth, 3, point.threshold));
            }
            let mut twice = sweep.clone();
            twice.merge(&sweep);
            prop_assert_eq!(twice.curve(), sweep.curve());
        }
    }
}
