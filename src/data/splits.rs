//! The splits of data sets, by name: which there are before any file is opened, which holds the pictures of which, and which are
//! kept for figures.

use super::Source;

impl Source {
    /// The split names a recipe may write, before any file is opened.
    pub fn splits(&self) -> &'static [&'static str] {
        match self {
            Source::Voc2012 { .. } => &["train", "trainaug", "val", "trainval", "test"],
            Source::Coco { .. } | Source::Folder { .. } | Source::Scenes { .. } => &["train", "val"],
        }
    }
}

/// Whether every picture of `inner` is one of `outer`. VOC's `trainaug` adds pictures to `train`; `trainval` is `train` and `val`.
pub fn covers(outer: &str, inner: &str) -> bool {
    outer == inner || matches!((outer, inner), ("trainaug", "train") | ("trainval", "train" | "val"))
}

/// Whether two splits have pictures in common.
pub fn overlap(a: &str, b: &str) -> bool {
    covers(a, b) || covers(b, a) || matches!((a, b), ("trainaug", "trainval") | ("trainval", "trainaug"))
}

/// Whether figures are computed on a split: what is learnt there is no longer measured there.
pub fn is_evaluation(split: &str) -> bool {
    matches!(split, "val" | "test")
}

/// Whether a split has pictures that figures are computed on.
pub fn touches_evaluation(split: &str) -> bool {
    ["val", "test"].iter().any(|evaluation| overlap(split, evaluation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_splits_of_voc() {
        let splits = Source::Voc2012 { root: ".".into(), tags: None }.splits();
        let covered = |outer: &str| splits.iter().filter(|inner| covers(outer, inner)).copied().collect::<Vec<_>>();
        assert_eq!(covered("train"), ["train"]);
        assert_eq!(covered("trainaug"), ["train", "trainaug"]);
        assert_eq!(covered("trainval"), ["train", "val", "trainval"]);
        assert_eq!(covered("test"), ["test"]);
        assert!(overlap("train", "trainaug") && overlap("trainaug", "trainval") && !overlap("trainaug", "val"));
        assert_eq!(splits.iter().filter(|split| is_evaluation(split)).count(), 2);
    }
}
