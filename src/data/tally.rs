//! How often the classes occur in the image-level tags of a split.

use rayon::prelude::*;

use super::Dataset;

/// Counts of a split. A picture whose tags cannot be read is in none of them: whoever needs its tags is told then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    pub pictures: usize,
    /// Pictures that are said to hold no class.
    pub without: usize,
    /// How many pictures are said to hold each class.
    pub of_class: Vec<usize>,
}

impl Tally {
    /// Of the first `most` pictures of a split.
    pub fn of(dataset: &dyn Dataset, split: &str, most: usize) -> Tally {
        let classes = dataset.classes().len();
        let none = || Tally { pictures: 0, without: 0, of_class: vec![0; classes] };
        let count = |mut tally: Tally, index: usize| {
            if let Ok(tags) = dataset.tags(split, index) {
                tally.pictures += 1;
                tally.without += usize::from(!tags.contains(&true));
                tally.of_class.iter_mut().zip(tags).for_each(|(count, there)| *count += usize::from(there));
            }
            tally
        };
        let both = |mut a: Tally, b: Tally| {
            a.pictures += b.pictures;
            a.without += b.without;
            a.of_class.iter_mut().zip(b.of_class).for_each(|(a, b)| *a += b);
            a
        };
        (0..dataset.len(split).unwrap_or(0).min(most)).into_par_iter().fold(none, count).reduce(none, both)
    }

    /// The classes that no picture is said to hold.
    pub fn absent<'a>(&self, classes: &'a [String]) -> Vec<&'a str> {
        let named = classes.iter().zip(&self.of_class);
        named.filter(|(_, count)| **count == 0).map(|(class, _)| class.as_str()).collect()
    }
}
