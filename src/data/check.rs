//! Opens every file of a data set and lists all that is wrong with it, for `wsss data check`.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::{DataError, Dataset, Kind, Source};

/// Everything wrong with the data set that `source` names, lists and labels first, then file by file in list order.
pub fn check_source(source: &Source) -> Vec<DataError> {
    let (dataset, mut problems) = super::scan(source);
    if let Some(dataset) = dataset {
        problems.extend(check(dataset.as_ref()));
    }
    problems
}

/// Everything wrong with the pictures, tags and masks of a data set. A picture that several splits list is looked at once.
pub fn check(dataset: &dyn Dataset) -> Vec<DataError> {
    let mut problems: Vec<DataError> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut pictures = Vec::new();
    // The test list last: less is asked of what no other list has.
    let mut splits = dataset.splits();
    splits.sort_by_key(|split| *split == "test");
    for split in splits {
        for problem in dataset.absent(split) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        for index in 0..dataset.len(split).unwrap_or(0) {
            if seen.insert(dataset.id(split, index).to_owned()) {
                pictures.push((split, index));
            }
        }
    }
    let told: BTreeSet<_> = problems.iter().filter_map(|problem| problem.file.clone()).collect();
    let found: Vec<Vec<DataError>> =
        pictures.par_iter().map(|&(split, index)| check_picture(dataset, split, index)).collect();
    let new = found.into_iter().flatten().filter(|problem| {
        !(problem.kind == Kind::Missing && problem.file.as_ref().is_some_and(|file| told.contains(file)))
    });
    problems.extend(new);
    problems.extend(super::shared::shared(dataset));
    problems
}

fn check_picture(dataset: &dyn Dataset, split: &str, index: usize) -> Vec<DataError> {
    let mut problems = Vec::new();
    let image = dataset.image(split, index).map_err(|problem| problems.push(problem)).ok();
    let mask = dataset.mask(split, index).map_err(|problem| problems.push(problem)).ok().flatten();
    if let (Some(image), Some(mask)) = (image, mask) {
        let (image, mask) = ([image.height, image.width], [mask.height, mask.width]);
        problems.extend(super::unlike_sizes(dataset, split, index, image, mask));
    }
    // A set without any label is legitimate; that is an error only where a recipe asks for tags.
    if dataset.has_tags() {
        // The pictures of a test list have none: they are kept by whoever measures.
        let none = |problem: &DataError| split == "test" && problem.kind != Kind::Broken;
        problems.extend(dataset.tags(split, index).err().filter(|problem| !none(problem)));
    }
    problems
}
