//! Labels that are sure: of each class the pixels with the highest scores.

/// Keeps of each class of `labels` the share of pixels whose `scores` (of their own label) are highest, 255 elsewhere.
///
/// Of `n` pixels of a class whose score is above `least`, those stay that are above the one at place `floor(n (1 - share))` from below: so
/// equal scores at the limit all go (RRM's released code, with 0.4 and 0.1).
pub fn most_confident(labels: &[u32], scores: &[f64], classes: usize, share: f64, least: f64) -> Vec<u32> {
    let mut of_class: Vec<Vec<f64>> = vec![Vec::new(); classes];
    for (label, score) in labels.iter().zip(scores) {
        if let Some(scores) = of_class.get_mut(*label as usize).filter(|_| *score > least) {
            scores.push(*score);
        }
    }
    let limits: Vec<f64> = of_class
        .into_iter()
        .map(|mut scores| {
            scores.sort_unstable_by(f64::total_cmp);
            let place = (scores.len() as f64 * (1.0 - share)) as usize;
            // A share of all keeps all that are above `least`.
            if share >= 1.0 { least } else { scores.get(place).copied().unwrap_or(f64::INFINITY) }
        })
        .collect();
    let sure = |label: u32, score: f64| limits.get(label as usize).is_some_and(|limit| score > *limit);
    labels.iter().zip(scores).map(|(label, score)| if sure(*label, *score) { *label } else { 255 }).collect()
}

#[cfg(test)]
mod tests {
    use super::most_confident;

    #[test]
    fn by_hand() {
        let labels = [0, 0, 0, 0, 0, 1, 1, 255, 2];
        let scores = [0.5, 0.9, 0.05, 0.7, 0.6, 0.3, 0.3, 1.0, 0.2];
        // Class 0 has four above 0.1: 0.5 0.6 0.7 0.9; place 2 of a share of a half. Equal ones go together; one alone is its own limit.
        assert_eq!(most_confident(&labels, &scores, 3, 0.5, 0.1), [255, 0, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(most_confident(&labels, &scores, 3, 1.0, 0.1), [0, 0, 255, 0, 0, 1, 1, 255, 2]);
        assert_eq!(most_confident(&labels, &scores, 3, 0.0, 0.1), [255; 9]);
    }
}
