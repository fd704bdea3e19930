//! Average precision of image-level scores.

/// Scores and truth of every picture, a class at a time.
///
/// The average precision of a class is the sum over its distinct scores, falling, of precision times the recall gained
/// there: no interpolation, and pictures with equal scores are taken together, so that their order does not matter.
#[derive(Clone, PartialEq, Debug)]
pub struct AveragePrecision {
    classes: Vec<Vec<(f32, bool)>>,
}

impl AveragePrecision {
    pub fn new(classes: usize) -> AveragePrecision {
        AveragePrecision { classes: vec![Vec::new(); classes] }
    }

    /// Adds pictures: `scores` and `tags` are `[B, K]`; a tag above one half is a yes.
    pub fn add(&mut self, scores: &[f32], tags: &[f32]) {
        let classes = self.classes.len().max(1);
        for (scores, tags) in scores.chunks_exact(classes).zip(tags.chunks_exact(classes)) {
            for ((class, &score), &tag) in self.classes.iter_mut().zip(scores).zip(tags) {
                class.push((score, tag > 0.5));
            }
        }
    }

    pub fn merge(&mut self, other: &AveragePrecision) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.extend_from_slice(theirs);
        }
    }

    /// By class; `None` for one that no picture has.
    pub fn classes(&self) -> Vec<Option<f64>> {
        self.classes.iter().map(|pictures| average_precision(pictures)).collect()
    }

    /// The mean over the classes that occur, and over how many that is; 0 over none.
    pub fn mean(&self) -> (f64, usize) {
        let known: Vec<f64> = self.classes().into_iter().flatten().collect();
        (known.iter().sum::<f64>() / known.len().max(1) as f64, known.len())
    }
}

fn average_precision(pictures: &[(f32, bool)]) -> Option<f64> {
    let positives = pictures.iter().filter(|(_, is)| *is).count();
    if positives == 0 {
        return None;
    }
    // A score that is no number ranks last, not first as in the total order of floats.
    let rank = |score: f32| if score.is_nan() { f32::NEG_INFINITY } else { score };
    let mut sorted: Vec<(f32, bool)> = pictures.iter().map(|&(score, is)| (rank(score), is)).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut found, mut sum) = (0usize, 0usize, 0.0);
    for equals in sorted.chunk_by(|a, b| a.0 == b.0) {
        let new = equals.iter().filter(|(_, is)| *is).count();
        seen += equals.len();
        found += new;
        sum += new as f64 * found as f64 / seen as f64;
    }
    Some(sum / positives as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let mut ap = AveragePrecision::new(3);
        // Class 0: yes, no, yes by falling score → (1 + 2/3) / 2. Class 1: two equal scores, one yes. Class 2: none.
        ap.add(&[0.9, 0.5, 0.1, 0.8, 0.5, 0.2], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        ap.add(&[0.7, 0.1, 0.3], &[1.0, 0.0, 0.0]);
        assert_eq!(ap.classes(), [Some((1.0 + 2.0 / 3.0) / 2.0), Some(0.5), None]);
        assert_eq!(ap.mean(), (((1.0 + 2.0 / 3.0) / 2.0 + 0.5) / 2.0, 2));
        assert_eq!(AveragePrecision::new(2).mean(), (0.0, 0));
    }

    /// The definition over every threshold, quadratic.
    fn naive(pictures: &[(f32, bool)]) -> f64 {
        let mut thresholds: Vec<f32> = pictures.iter().map(|&(score, _)| score).collect();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let positives = pictures.iter().filter(|(_, is)| *is).count() as f64;
        let (mut sum, mut recall_before) = (0.0, 0.0);
        for threshold in thresholds {
            let taken: Vec<bool> =
                pictures.iter().filter(|(score, _)| *score >= threshold).map(|&(_, is)| is).collect();
            let found = taken.iter().filter(|&&is| is).count() as f64;
            sum += (found / positives - recall_before) * found / taken.len() as f64;
            recall_before = found / positives;
        }
        sum
    }

    proptest! {
        #[test]
        fn as_defined_in_any_order(pictures in prop::collection::vec((0u8..10, any::<bool>()), 1..40)) {
            let mut ap = AveragePrecision::new(1);
            let mut turned = AveragePrecision::new(1);
            let pictures: Vec<(f32, bool)> = pictures.into_iter().map(|(score, is)| (f32::from(score), is)).collect();
            for &(score, is) in &pictures {
                ap.add(&[score], &[f32::from(u8::from(is))]);
            }
            for &(score, is) in pictures.iter().rev() {
                turned.add(&[score], &[f32::from(u8::from(is))]);
            }
            prop_assert_eq!(ap.classes(), turned.classes());
            match ap.classes()[0] {
                Some(value) => prop_assert!((value - naive(&pictures)).abs() < 1e-12),
                None => prop_assert!(pictures.iter().all(|(_, is)| !is)),
            }
        }
    }
}
