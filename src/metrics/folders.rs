//! Two folders of index PNGs, compared: what `wsss eval` does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::IouCounter;
use crate::data::{DataError, read_indices, read_mask};

/// What a comparison of two folders came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    pub counter: IouCounter,
    /// Names in the folder of truth that have no prediction, in order: not counted, and worth a warning.
    pub without_prediction: Vec<String>,
}

/// Compares every PNG below `prediction` with the one of the same name below `truth`; `classes` counts the background.
///
/// Every prediction is visited. A prediction without truth, of another size, or that cannot be read is an error that names
/// the file, as are values in the truth that are neither a class nor 255. Predicted values that are no class are misses.
pub fn eval_folders(prediction: &Path, truth: &Path, classes: usize) -> Result<Report, DataError> {
    if !(1..=255).contains(&classes) {
        return Err(DataError::argument(format!("{classes} classes, expected 1 to 255, the background included")));
    }
    let (predictions, truths) = (pngs(prediction)?, pngs(truth)?);
    if predictions.is_empty() {
        return Err(DataError::missing(prediction, "holds no PNG file"));
    }
    let unmatched: Vec<&String> = predictions.keys().filter(|name| !truths.contains_key(*name)).collect();
    if let Some(first) = unmatched.first() {
        let more = if unmatched.len() > 1 { format!(" (and {} more)", unmatched.len() - 1) } else { String::new() };
        return Err(DataError::missing(
            truth.join(format!("{first}.png")),
            format!("is missing: the prediction `{first}` has no ground truth{more}"),
        ));
    }
    let pairs: Vec<(&PathBuf, &PathBuf)> = predictions.iter().map(|(name, path)| (path, &truths[name])).collect();
    // A counter each chunk of pictures; sums of whole numbers do not care how the chunks were cut.
    let counters: Vec<Result<IouCounter, DataError>> = pairs
        .par_chunks(8)
        .map(|pairs| {
            let mut counter = IouCounter::new(classes);
            pairs.iter().try_for_each(|(prediction, truth)| compare(&mut counter, prediction, truth))?;
            Ok(counter)
        })
        .collect();
    let mut whole = IouCounter::new(classes);
    for counter in counters {
        whole.merge(&counter?);
    }
    let without_prediction = truths.into_keys().filter(|name| !predictions.contains_key(name)).collect();
    Ok(Report { counter: whole, without_prediction })
}

fn compare(counter: &mut IouCounter, prediction: &Path, truth: &Path) -> Result<(), DataError> {
    let predicted = read_indices(prediction)?;
    let truth = read_mask(truth, counter.classes())?;
    if [predicted.height, predicted.width] != [truth.height, truth.width] {
        let what = format!(
            "is {} × {}, its ground truth is {} × {} (height × width)",
            predicted.height, predicted.width, truth.height, truth.width
        );
        return Err(DataError::invalid(prediction, what));
    }
    counter.add_bytes(&predicted.data, &truth.data);
    Ok(())
}

/// The PNG files of a folder by name without extension.
fn pngs(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DataError> {
    let entries = std::fs::read_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => DataError::missing(folder, "there is no such folder"),
        std::io::ErrorKind::NotADirectory => DataError::invalid(folder, "is a file, expected a folder of PNGs"),
        _ => DataError::missing(folder, format!("cannot be listed: {error}")),
    })?;
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|error| DataError::missing(folder, format!("cannot be listed: {error}")))?.path();
        let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        if let (true, Some(stem)) = (is_png, path.file_stem().and_then(|stem| stem.to_str())) {
            found.insert(stem.to_owned(), path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::Tree;

    fn tree() -> Tree {
        let tree = Tree::new();
        for name in ["a", "b"] {
            tree.mask(&format!("gt/{name}.png"), 2, 3, |y, x| [[0, 1, 255], [1, 2, 0]][y][x]);
            tree.mask(&format!("pred/{name}.png"), 2, 3, |y, x| [[0, 1, 1], [0, 2, 0]][y][x]);
        }
        tree
    }

    fn eval(tree: &Tree) -> Result<Report, DataError> {
        eval_folders(&tree.root().join("pred"), &tree.root().join("gt"), 3)
    }

    #[test]
    fn by_hand() {
        let tree = tree();
        tree.mask("gt/c.png", 1, 1, |_, _| 0);
        let report = eval(&tree).unwrap();
        assert_eq!(report.counter.iou().classes, [Some(2.0 / 3.0), Some(0.5), Some(1.0)]);
        assert_eq!((report.counter.pictures(), report.counter.ignored()), (2, 2));
        assert_eq!(report.without_prediction, ["c"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let case = |spoil: &dyn Fn(&Tree)| {
            let tree = tree();
            spoil(&tree);
            tree.tell(&eval(&tree).unwrap_err())
        };
        let told = [
            case(&|tree| tree.mask("pred/z.png", 2, 3, |_, _| 0)),
            case(&|tree| tree.mask("pred/b.png", 3, 2, |_, _| 0)),
            case(&|tree| tree.mask("gt/b.png", 2, 3, |_, _| 9)),
            case(&|tree| tree.cut("pred/a.png")),
            case(&|tree| std::fs::remove_dir_all(tree.root().join("gt")).unwrap()),
        ];
        expect_test::expect![[r#"
            gt/z.png: is missing: the prediction `z` has no ground truth
            pred/b.png: is 3 × 2, its ground truth is 2 × 3 (height × width)
            gt/b.png: holds the index 9; 3 classes, background included, allow 0 to 2 and 255
            pred/a.png: is cut short: the PNG data ends too early
            gt: there is no such folder"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn real_masks_agree_with_themselves() {
        let Some(root) = crate::data::testing::real("voc6-tiny") else { return };
        let masks = root.join("SegmentationClass");
        let report = eval_folders(&masks, &masks, 7).unwrap();
        assert_eq!((report.counter.iou().mean, report.counter.iou().over, report.counter.pictures()), (1.0, 7, 40));
    }
}
