//! Tags in a file of their own, as the code of the field keeps them (`cls_labels.npy`): a pickled dictionary of NumPy, the id of a picture → a number a
//! class, 1 where it is there and 0 where it is not.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use candle_core::DType;

use super::files::Tags;
use super::{DataError, Dataset, Kind};
use crate::checkpoints::{Checkpoint, Dictionary, Number};

/// The tags of such a file.
pub(super) struct Labels {
    file: PathBuf,
    tags: HashMap<String, Vec<bool>>,
}

impl Labels {
    /// Reads a file of tags for a data set of these classes, in their order.
    pub(super) fn read(file: &Path, classes: &[String]) -> Result<Labels, DataError> {
        let unreadable = |problem: crate::checkpoints::Unreadable| match file.exists() {
            true => DataError::broken(file, format!("cannot be read: {}", problem.what)),
            false => DataError::missing(file, problem.what),
        };
        let mut arrays = Checkpoint::exact(file).map_err(unreadable)?;
        let mut tags = HashMap::new();
        for id in arrays.arrays.keys().cloned().collect::<Vec<_>>() {
            let count = arrays.arrays[&id].count();
            if count != classes.len() {
                let what = format!("has {count} tags for `{id}`, the data set has {} classes", classes.len());
                return Err(
                    DataError::invalid(file, what).help("a picture has a number a class, without the background")
                );
            }
            let numbers = arrays.tensor(&id).and_then(|tensor| {
                let numbers = tensor.flatten_all().and_then(|flat| flat.to_dtype(DType::F64)?.to_vec1::<f64>());
                numbers.map_err(|error| error.to_string())
            });
            let numbers = numbers.map_err(|what| DataError::broken(file, what))?;
            if let Some(other) = numbers.iter().find(|number| ![0.0, 1.0].contains(number)) {
                return Err(DataError::invalid(file, format!("has the tag {other} for `{id}`, expected 0 or 1")));
            }
            tags.insert(id, numbers.iter().map(|&number| number == 1.0).collect());
        }
        Ok(Labels { file: file.to_owned(), tags })
    }

    /// The tags of a picture. Some codes keep `2007_000032` as a whole number, which has no underscore.
    pub(super) fn of(&self, id: &str) -> Tags {
        match self.tags.get(id).or_else(|| self.tags.get(&id.replace('_', ""))) {
            Some(tags) => Tags::Known(tags.clone()),
            None => Tags::Unlisted(self.file.clone()),
        }
    }
}

/// How many pictures a written file has tags of, and how many the data set has no tags of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    pub pictures: usize,
    pub without: usize,
}

/// Writes the tags of every picture of a data set, in the order of its splits, each picture once.
///
/// # Errors
/// Tags that cannot be read, a data set that has none, a file that cannot be written.
pub fn write(dataset: &dyn Dataset, path: &Path) -> Result<Written, DataError> {
    let (mut labels, mut seen) = (Dictionary::begin(), BTreeSet::new());
    let mut written = Written { pictures: 0, without: 0 };
    for split in dataset.splits() {
        for index in 0..dataset.len(split).unwrap_or(0) {
            let id = dataset.id(split, index);
            if !seen.insert(id.to_owned()) {
                continue;
            }
            match dataset.tags(split, index) {
                Ok(tags) => {
                    let numbers: Vec<u8> =
                        tags.iter().flat_map(|&tag| f32::from(u8::from(tag)).to_le_bytes()).collect();
                    labels.entry(id, Number::F32, &[tags.len()], &numbers).map_err(DataError::argument)?;
                    written.pictures += 1;
                }
                Err(problem) if problem.kind == Kind::Broken => return Err(problem),
                // The pictures of a test list have none.
                Err(_) => written.without += 1,
            }
        }
    }
    if written.pictures == 0 {
        return Err(DataError::argument("no picture of the data set has tags"));
    }
    labels
        .write(path)
        .map_err(|error| DataError::new(Kind::Missing, &error.path, format!("cannot be written: {}", error.what)))?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::Tree;
    use crate::data::{Source, open};

    /// Files that NumPy wrote: `2007_000032`, `2007_000039` and `2011_003276` with the tags 4, 5 and 6 of twenty.
    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints/real").join(name)
    }

    fn voc(ids: &[&str], tags: Option<PathBuf>) -> (Tree, Source) {
        let tree = Tree::new();
        for id in ids {
            tree.jpeg(&format!("JPEGImages/{id}.jpg"), 4, 4);
            let object = "<object><name>cat</name></object>";
            tree.text(&format!("Annotations/{id}.xml"), &format!("<annotation>{object}</annotation>"));
        }
        tree.text("ImageSets/Segmentation/train.txt", &ids.join("\n"));
        let source = Source::Voc2012 { root: tree.root().to_owned(), tags };
        (tree, source)
    }

    #[test]
    fn tags_come_from_the_file_that_is_named() {
        for name in ["labels.npy", "labels_by_number.npy"] {
            let (_tree, source) = voc(&["2007_000032", "2011_003276"], Some(fixture(name)));
            let dataset = open(&source).unwrap();
            let tags = |index: usize| dataset.tags("train", index).unwrap().iter().position(|tag| *tag);
            assert_eq!((tags(0), tags(1)), (Some(4), Some(6)), "{name}");
        }
        let (_tree, own) = voc(&["2007_000032"], None);
        let (_tree, other) = voc(&["2007_000032"], Some(fixture("labels.npy")));
        let print = |source: &Source| open(source).unwrap().fingerprint().unwrap();
        assert_ne!(print(&own), print(&other));
    }

    #[test]
    fn what_the_file_lacks_is_told() {
        let (tree, source) = voc(&["2007_000032", "2008_000001"], Some(fixture("labels.npy")));
        let missing = open(&source).unwrap().tags("train", 1).unwrap_err();
        assert_eq!(missing.what, "has no tags for `2008_000001`");
        tree.text("classes.txt", "cat\ndog\n");
        let problem = open(&source).err().unwrap();
        assert_eq!(problem.what, "has 20 tags for `2007_000032`, the data set has 2 classes");
        let absent = source.with_tags(Some("no/such.npy".into()));
        assert_eq!(open(&absent).err().unwrap().to_string(), "no/such.npy: there is no such file");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (tree, source) = voc(&["2007_000032", "2007_000039"], Some(fixture("labels.npy")));
        let path = tree.root().join("out/cls_labels.npy");
        let dataset = open(&source).unwrap();
        assert_eq!(write(dataset.as_ref(), &path).unwrap(), Written { pictures: 2, without: 0 });
        let again = open(&source.with_tags(Some(path))).unwrap();
        assert_eq!(again.tags("train", 1).unwrap(), dataset.tags("train", 1).unwrap());
        assert_eq!(again.fingerprint().unwrap(), dataset.fingerprint().unwrap());
    }

    /// The file of the field itself, where `WSSS_DATA` names a folder that holds `lists/voc12`.
    #[test]
    fn the_labels_of_the_field() {
        let Some(folder) = crate::data::testing::real("lists/voc12") else { return };
        let classes: Vec<String> = (0..20).map(|class| class.to_string()).collect();
        let labels = Labels::read(&folder.join("cls_labels.npy"), &classes).unwrap();
        assert_eq!(labels.tags.len(), 12_031);
        // Pictures of each class among the 1,464 of `train`, counted in the annotations.
        let list = std::fs::read_to_string(folder.join("train.txt")).unwrap();
        let mut counts = [0; 20];
        for id in list.split_whitespace() {
            let Tags::Known(tags) = labels.of(id) else { panic!("{id}") };
            counts.iter_mut().zip(tags).for_each(|(count, tag)| *count += usize::from(tag));
        }
        assert_eq!(counts, [88, 65, 105, 78, 87, 78, 128, 131, 148, 64, 82, 121, 68, 81, 442, 82, 63, 93, 83, 84]);
    }
}
