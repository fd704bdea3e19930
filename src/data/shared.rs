//! Pictures that a training split and an evaluation split have in common, by the bytes of their files: what is learnt there is not
//! measured there.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::{DataError, Dataset, is_evaluation, overlap};

/// Every picture of an evaluation split that a training split holds as well, under whatever name. Splits that share pictures by
/// what they are called (`trainval` and `val`) are passed over. Files are read one a thread and not kept.
pub(super) fn shared(dataset: &dyn Dataset) -> Vec<DataError> {
    let splits = dataset.splits();
    let (evaluation, training): (Vec<&str>, Vec<&str>) = splits.into_iter().partition(|split| is_evaluation(split));
    let mut problems = Vec::new();
    for measured in evaluation {
        let learnt: Vec<&str> = training.iter().copied().filter(|split| !overlap(split, measured)).collect();
        if learnt.is_empty() {
            continue;
        }
        let mut known: HashMap<blake3::Hash, (&str, String)> = HashMap::new();
        for split in learnt {
            for (id, _, hash) in hashes(dataset, split) {
                known.entry(hash).or_insert((split, id));
            }
        }
        for (id, file, hash) in hashes(dataset, measured) {
            let Some((split, other)) = known.get(&hash) else { continue };
            let what = match *other == id {
                true => format!("is in `{measured}` and in `{split}`"),
                false => format!("is in `{measured}`, and in `{split}` as `{other}`: the bytes are the same"),
            };
            let help =
                format!("take it out of one of them: figures on `{measured}` are for pictures that no net has seen");
            problems.push(DataError::invalid(file, what).help(help));
        }
    }
    problems
}

/// Name, file and hash of each picture of a split, in the order of its list. What cannot be read is told elsewhere.
fn hashes(dataset: &dyn Dataset, split: &str) -> Vec<(String, PathBuf, blake3::Hash)> {
    let places: Vec<usize> = (0..dataset.len(split).unwrap_or(0)).collect();
    let hash = |&place: &usize| {
        let file = dataset.image_file(split, place)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(&file).ok()?).ok()?;
        Some((dataset.id(split, place).to_owned(), file, hasher.finalize()))
    };
    places.par_iter().filter_map(hash).collect()
}

#[cfg(test)]
mod tests {
    use crate::data::testing::Tree;
    use crate::data::{Source, check_source};

    #[test]
    fn the_same_picture_in_both_splits_is_told_by_its_bytes() {
        let tree = Tree::new();
        tree.jpeg("images/a.jpg", 4, 5);
        tree.jpeg("images/b.jpg", 6, 5);
        let [picture, copy] = ["a", "again"].map(|name| tree.root().join(format!("images/{name}.jpg")));
        std::fs::copy(picture, copy).unwrap();
        tree.text("labels.csv", "a,owl\nb,fox\nagain,owl\n");
        tree.text("train.txt", "a\nb\n");
        tree.text("val.txt", "again\nb\n");
        let problems = check_source(&Source::Folder { root: tree.root().to_owned(), tags: None });
        let told: Vec<String> = problems.iter().map(|problem| tree.tell(problem)).collect();
        expect_test::expect![[r#"
            images/again.jpg: is in `val`, and in `train` as `a`: the bytes are the same; take it out of one of them: figures on `val` are for pictures that no net has seen
            images/b.jpg: is in `val` and in `train`; take it out of one of them: figures on `val` are for pictures that no net has seen"#]]
        .assert_eq(&told.join("\n"));
        tree.text("val.txt", "again\n");
        tree.jpeg("images/again.jpg", 4, 6);
        assert_eq!(check_source(&Source::Folder { root: tree.root().to_owned(), tags: None }), []);
    }
}
