//! Pictures that the program draws itself, with the difficulties of weak supervision built in.
//!
//! A figure has a large body and a small head. Two classes share each kind of body, colour and texture included, and differ
//! in the head alone, so that a classifier looks at heads and its activation maps cover too little. Each class has a
//! background that it is mostly seen before, so that the maps leak. One to three figures stand in a picture, at different
//! sizes, tilted, behind each other and behind reeds; masks are exact at pixel centres, tags are the classes with a visible
//! pixel.
//!
//! A picture is a function of (size, classes, seed, index): whole-number draws from Philox and IEEE additions,
//! multiplications, divisions and square roots, which give the same bits on every machine.

mod figure;
mod paint;
mod plan;

use super::{DataError, Dataset, Mask, Rgb};

/// Counts the changes to what a scene looks like; part of the fingerprint.
const DRAWING: u32 = 1;

/// How many of `images` pictures are for training.
pub(super) fn train_images(images: usize) -> usize {
    (images * 4 / 5).max(1)
}

/// The data set: the first four fifths of the pictures are `train`, the others `val`.
pub(super) struct Scenes {
    size: [usize; 2],
    seed: u64,
    classes: Vec<String>,
    ids: Vec<String>,
    train: usize,
}

impl Scenes {
    /// `images` pictures of `size` (height, width) with the first `classes` classes of [`figure::NAMES`].
    pub fn new(images: usize, size: [usize; 2], classes: usize, seed: u64) -> Result<Scenes, DataError> {
        let most = figure::NAMES.len();
        if !(1..=most).contains(&classes) {
            return Err(DataError::argument(format!("`scenes` can draw 1 to {most} classes, {classes} are asked for")));
        }
        if !(2..=1_000_000).contains(&images) {
            return Err(DataError::argument(format!("`scenes` draws 2 to 1000000 images, {images} are asked for"))
                .help("four fifths of them are `train`, the others `val`"));
        }
        if size.iter().any(|side| !(32..=2048).contains(side)) {
            let [height, width] = size;
            return Err(DataError::argument(format!(
                "`scenes` draws sides of 32 to 2048 pixels, {height} × {width} is asked for"
            )));
        }
        let classes = figure::NAMES[..classes].iter().map(|&name| name.to_owned()).collect();
        let ids = (0..images).map(|index| format!("scene_{index:06}")).collect();
        Ok(Scenes { size, seed, classes, ids, train: train_images(images) })
    }

    /// The number of a picture among all of the data set.
    fn number(&self, split: &str, index: usize) -> usize {
        let number = if split == "val" { self.train + index } else { index };
        assert!(index < self.len(split).unwrap_or(0), "D1: the index is within the split");
        number
    }

    fn scene(&self, split: &str, index: usize) -> plan::Scene {
        plan::Scene::new(self.size, self.classes.len(), self.seed, self.number(split, index) as u64)
    }
}

impl Dataset for Scenes {
    fn name(&self) -> &str {
        "scenes"
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn splits(&self) -> Vec<&str> {
        vec!["train", "val"]
    }

    fn len(&self, split: &str) -> Option<usize> {
        match split {
            "train" => Some(self.train),
            "val" => Some(self.ids.len() - self.train),
            _ => None,
        }
    }

    fn id(&self, split: &str, index: usize) -> &str {
        &self.ids[self.number(split, index)]
    }

    fn tags(&self, split: &str, index: usize) -> Result<Vec<bool>, DataError> {
        let mask = paint::mask(&self.scene(split, index));
        let mut seen = vec![false; self.classes.len() + 1];
        mask.data.iter().for_each(|&class| seen[usize::from(class)] = true);
        Ok(seen.split_off(1))
    }

    fn image(&self, split: &str, index: usize) -> Result<Rgb, DataError> {
        Ok(paint::picture(&self.scene(split, index)))
    }

    fn image_size(&self, _split: &str, _index: usize) -> Result<[usize; 2], DataError> {
        Ok(self.size)
    }

    fn mask(&self, split: &str, index: usize) -> Result<Option<Mask>, DataError> {
        Ok(Some(paint::mask(&self.scene(split, index))))
    }

    fn fingerprint(&self) -> Result<String, DataError> {
        let text = format!("scenes {DRAWING} {} {:?} {} {}", self.ids.len(), self.size, self.classes.len(), self.seed);
        Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Source, open};
    use std::collections::BTreeSet;

    fn scenes(images: usize, classes: usize, seed: u64) -> Scenes {
        Scenes::new(images, [96, 96], classes, seed).unwrap()
    }

    #[test]
    fn the_drawing_is_what_it_was() {
        // When this changes on purpose, `DRAWING` goes up by one: stored stages then know that their pictures are gone.
        let hash = |dataset: &Scenes, index| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&dataset.image("train", index).unwrap().data);
            hasher.update(&dataset.mask("train", index).unwrap().unwrap().data);
            hasher.finalize().to_hex()[..16].to_owned()
        };
        let square = scenes(10, 6, 1);
        let wide = Scenes::new(10, [64, 80], 20, 2).unwrap();
        let hashes = [hash(&square, 0), hash(&square, 7), hash(&wide, 3)].join(" ");
        expect_test::expect!["1 fd22379761a1c5f3 2f1000c059b5f977 6e4bac2f9c8f2c3a"]
            .assert_eq(&format!("{DRAWING} {hashes}"));
    }

    #[test]
    fn a_picture_depends_on_its_number_not_on_how_many_there_are() {
        let (few, many) = (scenes(5, 4, 3), scenes(50, 4, 3));
        assert_eq!(few.image("train", 2).unwrap(), many.image("train", 2).unwrap());
        assert_eq!(few.image("val", 0).unwrap(), many.image("train", 4).unwrap());
        assert_ne!(few.image("train", 2).unwrap(), scenes(5, 4, 4).image("train", 2).unwrap());
        assert_ne!(few.fingerprint().unwrap(), many.fingerprint().unwrap());
    }

    #[test]
    fn tags_are_the_classes_of_the_mask_and_all_occur() {
        let dataset = scenes(250, 6, 0);
        let (mut counts, mut several, mut background) = ([0usize; 6], 0, 0usize);
        for index in 0..200 {
            let mask = dataset.mask("train", index).unwrap().unwrap();
            let tags = dataset.tags("train", index).unwrap();
            let seen: BTreeSet<u8> = mask.data.iter().copied().collect();
            let tagged: Vec<u8> = (1..=6).filter(|&class| tags[class as usize - 1]).collect();
            assert_eq!(tagged, seen.into_iter().filter(|&class| class > 0).collect::<Vec<_>>());
            assert!(!tagged.is_empty(), "picture {index} is empty");
            tagged.iter().for_each(|&class| counts[class as usize - 1] += 1);
            several += usize::from(tagged.len() > 1);
            background += mask.data.iter().filter(|&&class| class == 0).count();
        }
        // Each class in about a quarter of the pictures, several classes in about two fifths, background about three quarters.
        assert!(counts.iter().all(|&count| (25..90).contains(&count)), "{counts:?}");
        assert!((60..110).contains(&several), "{several}");
        let share = background as f64 / (200.0 * 96.0 * 96.0);
        assert!((0.6..0.85).contains(&share), "{share}");
    }

    /// D2, and the promise that colours differ inside a pair of classes in the head alone.
    #[test]
    fn classes_of_a_pair_share_their_bodies() {
        for class in 0..figure::NAMES.len() {
            let partner = class ^ 1;
            assert_eq!(figure::body(class, 20), figure::body(partner, 20));
            assert_ne!(figure::head(class), figure::head(partner));
        }
        let heads: BTreeSet<String> = (0..20).map(|class| format!("{:?}", figure::head(class))).collect();
        assert_eq!(heads.len(), 20);
    }

    #[test]
    fn arguments_out_of_range_are_refused() {
        let source = |images, size, classes| Source::Scenes { images, size, classes, seed: 0 };
        assert!(open(&source(10, [96, 96], 6)).is_ok());
        for (bad, word) in [
            (source(10, [96, 96], 0), "classes"),
            (source(10, [96, 96], 21), "classes"),
            (source(1, [96, 96], 6), "images"),
            (source(10, [16, 96], 6), "pixels"),
        ] {
            let what = open(&bad).err().unwrap().what;
            assert!(what.contains(word), "{what}");
        }
    }

    /// Writes a sheet of pictures and masks to the file that `WSSS_SHEET` names, to be looked at.
    #[test]
    fn contact_sheet() {
        let Some(path) = std::env::var_os("WSSS_SHEET") else { return };
        let (rows, columns, side) = (6, 8, 96);
        let classes = std::env::var("WSSS_SHEET_CLASSES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
        let dataset = scenes(200, classes, 11);
        let width = 2 * columns * side;
        let mut sheet = vec![0u8; 3 * rows * side * width];
        for number in 0..rows * columns {
            let image = dataset.image("train", number).unwrap();
            let mask = dataset.mask("train", number).unwrap().unwrap();
            let (top, left) = (number / columns * side, number % columns * 2 * side);
            for y in 0..side {
                for x in 0..side {
                    let at = 3 * ((top + y) * width + left + x);
                    sheet[at..at + 3].copy_from_slice(&image.data[3 * (y * side + x)..][..3]);
                    let class = mask.data[y * side + x];
                    let colour = if class == 0 { [0; 3] } else { figure::head(class as usize - 1).colour };
                    sheet[at + 3 * side..at + 3 * side + 3].copy_from_slice(&colour);
                }
            }
        }
        let path = std::path::Path::new(&path);
        let (width, height) = (width as u32, (rows * side) as u32);
        crate::data::testing::write_png(path, png::ColorType::Rgb, png::BitDepth::Eight, width, height, &sheet);
    }

    /// Prints how fast pictures are drawn where `WSSS_SHEET` is set.
    #[test]
    fn speed() {
        if std::env::var_os("WSSS_SHEET").is_none() {
            return;
        }
        let dataset = scenes(1000, 6, 5);
        let time = |what: &str, draw: &dyn Fn(usize)| {
            let start = std::time::Instant::now();
            (0..500).for_each(draw);
            println!("{what}: {:.0} a second", 500.0 / start.elapsed().as_secs_f64());
        };
        time("pictures", &|index| drop(dataset.image("train", index)));
        time("masks", &|index| drop(dataset.mask("train", index)));
    }
}
