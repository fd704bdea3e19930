//! Intersection over union, counted over all pixels of all pictures.

use crate::data::IGNORE;

/// Pixel counts of predicted and true classes.
///
/// M1: pixels whose truth is 255, or any other number that is no class, count for nothing but [`IouCounter::ignored`].
/// M2: a prediction that is no class (255: undecided) is a miss of the true class and a find of none.
/// M3: counting is a sum, so counters of parts, merged in any order, are the counter of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IouCounter {
    hits: Vec<u64>,
    predicted: Vec<u64>,
    truth: Vec<u64>,
    ignored: u64,
    pictures: u64,
}

/// What the counts come to.
#[derive(Clone, PartialEq, Debug)]
pub struct Iou {
    /// By class, background first; `None` for a class that neither truth nor prediction has.
    pub classes: Vec<Option<f64>>,
    /// The plain mean over the classes that have a value, background included; 0 where none has.
    pub mean: f64,
    /// Over how many classes the mean is.
    pub over: usize,
    /// The mean without the background, and over how many classes.
    pub foreground: f64,
    pub foreground_over: usize,
}

impl IouCounter {
    /// For `classes` classes, the background included.
    pub fn new(classes: usize) -> IouCounter {
        let zero = vec![0; classes];
        IouCounter { hits: zero.clone(), predicted: zero.clone(), truth: zero, ignored: 0, pictures: 0 }
    }

    /// From sums kept elsewhere, each by class.
    pub(super) fn from_counts(hits: Vec<u64>, predicted: Vec<u64>, truth: Vec<u64>) -> IouCounter {
        IouCounter { hits, predicted, truth, ignored: 0, pictures: 0 }
    }

    /// Counts one picture; `prediction` and `truth` are of the same size, and what one has more than the other is not
    /// looked at.
    pub fn add(&mut self, prediction: &[u32], truth: &[u32]) {
        self.pictures += 1;
        let classes = self.hits.len();
        for (&predicted, &truth) in prediction.iter().zip(truth) {
            let (predicted, truth) = (predicted as usize, truth as usize);
            if truth >= classes {
                self.ignored += 1;
                continue;
            }
            self.truth[truth] += 1;
            if predicted < classes {
                self.predicted[predicted] += 1;
                self.hits[truth] += u64::from(predicted == truth);
            }
        }
    }

    /// [`IouCounter::add`] for masks of bytes.
    pub fn add_bytes(&mut self, prediction: &[u8], truth: &[u8]) {
        self.pictures += 1;
        // Bytes are counted by pair first: a table of 64 Ki is faster than three scattered counts a pixel.
        let mut pairs = vec![0u32; 1 << 16];
        for (&predicted, &truth) in prediction.iter().zip(truth) {
            pairs[usize::from(truth) << 8 | usize::from(predicted)] += 1;
        }
        let classes = self.hits.len();
        for (truth, row) in pairs.chunks_exact(256).enumerate() {
            for (predicted, &count) in row.iter().enumerate().filter(|&(_, &count)| count > 0) {
                let count = u64::from(count);
                if truth >= classes || truth == usize::from(IGNORE) {
                    self.ignored += count;
                    continue;
                }
                self.truth[truth] += count;
                if predicted < classes {
                    self.predicted[predicted] += count;
                    self.hits[truth] += if predicted == truth { count } else { 0 };
                }
            }
        }
    }

    /// Takes in what another counter of as many classes has counted.
    pub fn merge(&mut self, other: &IouCounter) {
        for (mine, theirs) in
            [(&mut self.hits, &other.hits), (&mut self.predicted, &other.predicted), (&mut self.truth, &other.truth)]
        {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.ignored += other.ignored;
        self.pictures += other.pictures;
    }

    pub fn classes(&self) -> usize {
        self.hits.len()
    }

    /// How many pictures were counted.
    pub fn pictures(&self) -> u64 {
        self.pictures
    }

    /// How many pixels were not counted, their truth being unknown.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// `hits / (predicted + true - hits)` a class, and its means.
    pub fn iou(&self) -> Iou {
        let classes: Vec<Option<f64>> =
            (0..self.classes()).map(|class| self.over_union(class, self.hits[class])).collect();
        let mean = |classes: &[Option<f64>]| {
            let over = classes.iter().flatten().count();
            (classes.iter().flatten().sum::<f64>() / over.max(1) as f64, over)
        };
        let ((mean_all, over), (foreground, foreground_over)) = (mean(&classes), mean(classes.get(1..).unwrap_or(&[])));
        Iou { classes, mean: mean_all, over, foreground, foreground_over }
    }

    /// `(predicted - hits) / union` a class: what was found and is not there.
    pub fn false_positives(&self) -> Vec<Option<f64>> {
        (0..self.classes()).map(|class| self.over_union(class, self.predicted[class] - self.hits[class])).collect()
    }

    /// `(true - hits) / union` a class: what is there and was not found.
    pub fn false_negatives(&self) -> Vec<Option<f64>> {
        (0..self.classes()).map(|class| self.over_union(class, self.truth[class] - self.hits[class])).collect()
    }

    fn over_union(&self, class: usize, count: u64) -> Option<f64> {
        let union = self.predicted[class] + self.truth[class] - self.hits[class];
        (union > 0).then(|| count as f64 / union as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let mut counter = IouCounter::new(4);
        //  truth       0 0 1 1 2 ?
        //  prediction  0 1 1 1 ? 2
        counter.add(&[0, 1, 1, 1, 255, 2], &[0, 0, 1, 1, 2, 255]);
        let iou = counter.iou();
        assert_eq!(iou.classes, [Some(1.0 / 2.0), Some(2.0 / 3.0), Some(0.0), None]);
        assert_eq!((iou.mean, iou.over), ((0.5 + 2.0 / 3.0) / 3.0, 3));
        assert_eq!((iou.foreground, iou.foreground_over), (1.0 / 3.0, 2));
        assert_eq!(counter.false_positives(), [Some(0.0), Some(1.0 / 3.0), Some(0.0), None]);
        assert_eq!(counter.false_negatives(), [Some(0.5), Some(0.0), Some(1.0), None]);
        assert_eq!((counter.ignored(), counter.pictures()), (1, 1));
    }

    #[test]
    fn nothing_counted_is_no_class_and_no_panic() {
        let iou = IouCounter::new(3).iou();
        assert_eq!((iou.classes, iou.mean, iou.over), (vec![None; 3], 0.0, 0));
        assert_eq!(IouCounter::new(0).iou().over, 0);
    }

    /// The definition, one class and one set of pixels at a time.
    fn naive(prediction: &[u32], truth: &[u32], class: u32) -> Option<f64> {
        let pixels: Vec<(u32, u32)> =
            prediction.iter().copied().zip(truth.iter().copied()).filter(|&(_, truth)| truth != 255).collect();
        let both = pixels.iter().filter(|&&(p, t)| p == class && t == class).count();
        let either = pixels.iter().filter(|&&(p, t)| p == class || t == class).count();
        (either > 0).then(|| both as f64 / either as f64)
    }

    fn label() -> impl Strategy<Value = u32> {
        prop_oneof![4 => 0u32..4, 1 => Just(255u32)]
    }

    proptest! {
        #[test]
        fn as_defined_however_it_is_counted(
            pixels in prop::collection::vec((label(), label()), 0..60), cut in 0usize..60,
        ) {
            let (prediction, truth): (Vec<u32>, Vec<u32>) = pixels.into_iter().unzip();
            let mut whole = IouCounter::new(4);
            whole.add(&prediction, &truth);
            for class in 0..4 {
                prop_assert_eq!(whole.iou().classes[class as usize], naive(&prediction, &truth, class));
            }
            let cut = cut.min(truth.len());
            let (mut first, mut second) = (IouCounter::new(4), IouCounter::new(4));
            first.add(&prediction[..cut], &truth[..cut]);
            let bytes = |labels: &[u32]| labels.iter().map(|&label| label as u8).collect::<Vec<u8>>();
            second.add_bytes(&bytes(&prediction[cut..]), &bytes(&truth[cut..]));
            second.merge(&first);
            prop_assert_eq!(second.iou(), whole.iou());
            prop_assert_eq!(second.ignored(), whole.ignored());
        }
    }
}
