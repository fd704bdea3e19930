//! A [`Norm`] says what a unit map was divided by: its own largest number, or the largest of its picture, or of the whole batch.
//!
//! "Divided by the batch's maximum" and "divided by the map's maximum" differ in what they give and in what they depend on; so
//! they are different types, `unit/batch` and `unit/map`.

use std::fmt;

/// What a map was brought to 0–1 by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Norm {
    pub over: Over,
    /// The smallest number was taken off first.
    pub from_min: bool,
}

/// The numbers among which the largest was looked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Over {
    /// One class of one picture.
    Map,
    /// All classes of one picture.
    Image,
    /// The classes at each pixel.
    Classes,
    /// More than one picture.
    Batch,
}

impl Over {
    pub const ALL: [Over; 4] = [Over::Map, Over::Image, Over::Classes, Over::Batch];

    pub fn word(self) -> &'static str {
        match self {
            Over::Map => "map",
            Over::Image => "image",
            Over::Classes => "classes",
            Over::Batch => "batch",
        }
    }

    /// What a fold over these axes of a `[B, K, H, W]` tensor looks at.
    pub fn of_axes(axes: &[usize], rank: usize) -> Option<Over> {
        match (axes, rank) {
            (axes, _) if axes.contains(&0) => Some(Over::Batch),
            ([2, 3], 4) => Some(Over::Map),
            ([1, 2, 3], 4) => Some(Over::Image),
            ([1], 4) => Some(Over::Classes),
            _ => None,
        }
    }
}

impl Norm {
    /// The words of the language: `map`, or `min_max_map` where the smallest number was taken off.
    pub const WORDS: &'static [&'static str] =
        &["map", "image", "classes", "batch", "min_max_map", "min_max_image", "min_max_classes", "min_max_batch"];

    pub fn from_word(word: &str) -> Option<Norm> {
        let (from_min, word) = match word.strip_prefix("min_max_") {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let over = Over::ALL.into_iter().find(|over| over.word() == word)?;
        Some(Norm { over, from_min })
    }

    /// In a sentence: "divided by the largest number of each map".
    pub fn in_words(self) -> &'static str {
        match (self.over, self.from_min) {
            (Over::Map, false) => "divided by the largest number of each map",
            (Over::Image, false) => "divided by the largest number of each image",
            (Over::Classes, false) => "divided by the largest class at each pixel",
            (Over::Batch, false) => "divided by the largest number of the batch",
            (Over::Map, true) => "brought to 0–1 by the smallest and largest number of each map",
            (Over::Image, true) => "brought to 0–1 by the smallest and largest number of each image",
            (Over::Classes, true) => "brought to 0–1 by the smallest and largest class at each pixel",
            (Over::Batch, true) => "brought to 0–1 by the smallest and largest number of the batch",
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.from_min { "min_max_" } else { "" }, self.over.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_back() {
        for word in Norm::WORDS {
            assert_eq!(Norm::from_word(word).unwrap().to_string(), *word);
        }
        assert_eq!(Norm::from_word("min_max"), None);
    }
}
