//! The layout of the PASCAL VOC development kit.
//!
//! | path | meaning |
//! | --- | --- |
//! | `JPEGImages/<id>.jpg` | the photographs |
//! | `ImageSets/Segmentation/<split>.txt` | a list of ids: bare (`2007_000032`), as paths (`/JPEGImages/2007_000032.jpg …`), or as integers (`2007000032`) |
//! | `SegmentationClass/<id>.png`, else `SegmentationClassAug/<id>.png` | index masks; 255 is not known |
//! | `Annotations/<id>.xml`, or `labels.txt` where that folder is absent | image-level tags, where no file of tags is named; a line of `labels.txt` is `id class class …` |
//! | `classes.txt` | other classes than the twenty of VOC, one a line, `background` first if at all |

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use indexmap::IndexMap;

use super::DataError;
use super::files::{Files, Record, Split, Tags, Truth, by_stem, expect_folder, lines, read_classes, tags_of};
use super::labels::Labels;

/// The classes of VOC in the order of their numbers, from 1 on.
pub const CLASSES: [&str; 20] = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// Reads lists and labels; what is wrong with them goes to `problems`. `None` when nothing useful is left.
pub(super) fn scan(root: &Path, tags: Option<&Path>, problems: &mut Vec<DataError>) -> Option<Files> {
    let found = find(root).map_err(|problem| problems.push(problem)).ok()?;
    let labels = match (tags, found.annotations) {
        (Some(file), _) => {
            Given::File(Labels::read(file, &found.classes).map_err(|problem| problems.push(problem)).ok()?)
        }
        (None, true) => Given::Annotations,
        (None, false) => Given::Lines(read_labels(&found.labels, &found.classes, problems)),
    };
    let mut records = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut splits = IndexMap::new();
    for list in &found.lists {
        let ids = match lines(list) {
            Ok(lines) => lines.into_iter().map(|(_, line)| listed_id(&line, &found.images)),
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let mut split = Vec::new();
        for id in ids {
            let record = *known.entry(id.clone()).or_insert_with(|| {
                records.push(record(root, id, &found, &labels));
                records.len() - 1
            });
            split.push(record);
        }
        if split.is_empty() {
            problems.push(DataError::invalid(list, "lists no picture"));
        }
        let name = list.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        splits.insert(name, Split { file: list.clone(), records: split });
    }
    let root = root.to_owned();
    Some(Files { kind: "voc2012", root, classes: found.classes, records, splits, fingerprint: OnceLock::new() })
}

/// Where tags come from.
enum Given {
    File(Labels),
    Annotations,
    Lines(HashMap<String, Vec<bool>>),
}

/// What lies in the folders.
struct Found {
    classes: Vec<String>,
    images: HashMap<String, PathBuf>,
    masks: HashMap<String, PathBuf>,
    lists: Vec<PathBuf>,
    annotations: bool,
    labels: PathBuf,
}

fn find(root: &Path) -> Result<Found, DataError> {
    expect_folder(root)?;
    let images = root.join("JPEGImages");
    if !images.is_dir() {
        let help = nested(root).unwrap_or_else(|| "`voc2012` takes the folder that holds `JPEGImages`".to_owned());
        return Err(DataError::missing(images, "there is no such folder").help(help));
    }
    let sets = root.join("ImageSets").join("Segmentation");
    let mut lists: Vec<PathBuf> = by_stem(&sets, &["txt"])?.into_values().collect();
    lists.sort();
    if lists.is_empty() {
        return Err(DataError::missing(sets, "there is no list (`train.txt`, `val.txt`, …)"));
    }
    let classes = root.join("classes.txt");
    let classes = match classes.is_file() {
        true => read_classes(&classes)?,
        false => CLASSES.map(str::to_owned).to_vec(),
    };
    let mut masks = by_stem(&root.join("SegmentationClassAug"), &["png"])?;
    masks.extend(by_stem(&root.join("SegmentationClass"), &["png"])?);
    let annotations = root.join("Annotations").is_dir();
    Ok(Found {
        classes,
        images: by_stem(&images, &["jpg", "jpeg", "png"])?,
        masks,
        lists,
        annotations,
        labels: root.join("labels.txt"),
    })
}

/// The folder that was probably meant, when the data set lies deeper than `root`.
pub(super) fn nested(root: &Path) -> Option<String> {
    let inner = ["VOC2012", "VOCdevkit/VOC2012"].map(|inner| root.join(inner));
    let inner = inner.iter().find(|inner| inner.join("JPEGImages").is_dir())?;
    Some(format!("did you mean `{}`?", inner.display()))
}

/// The id that a line of a list means: the name of the first path on it, the underscore given back to an integer.
fn listed_id(line: &str, images: &HashMap<String, PathBuf>) -> String {
    let first = line.split_whitespace().next().unwrap_or(line);
    let name = first.rsplit(['/', '\\']).next().unwrap_or(first);
    let stem = [".jpg", ".jpeg", ".png"].iter().find_map(|extension| name.strip_suffix(extension)).unwrap_or(name);
    let integer = stem.len() == 10 && stem.bytes().all(|byte| byte.is_ascii_digit());
    match integer && !images.contains_key(stem) {
        true => format!("{}_{}", &stem[..4], &stem[4..]),
        false => stem.to_owned(),
    }
}

fn record(root: &Path, id: String, found: &Found, labels: &Given) -> Record {
    let image = found.images.get(&id).cloned();
    let tags = match labels {
        Given::File(labels) => labels.of(&id),
        Given::Annotations => Tags::Annotation(root.join("Annotations").join(format!("{id}.xml"))),
        Given::Lines(lines) => match lines.get(&id) {
            Some(tags) => Tags::Known(tags.clone()),
            None if found.labels.is_file() => Tags::Unlisted(found.labels.clone()),
            None => Tags::Unlabelled("labels come from `Annotations/<id>.xml` or from `labels.txt`"),
        },
    };
    Record {
        present: image.is_some(),
        image: image.unwrap_or_else(|| root.join("JPEGImages").join(format!("{id}.jpg"))),
        mask: found.masks.get(&id).cloned().map(Truth::File),
        tags,
        id,
    }
}

fn read_labels(path: &Path, classes: &[String], problems: &mut Vec<DataError>) -> HashMap<String, Vec<bool>> {
    if !path.is_file() {
        return HashMap::new();
    }
    let lines = lines(path).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    let mut labels = HashMap::new();
    for (number, line) in lines {
        let mut words = line.split_whitespace();
        let id = words.next().unwrap_or_default().to_owned();
        match tags_of(words, classes, path, number) {
            Ok(tags) => drop(labels.insert(id, tags)),
            Err(problem) => {
                problems.push(problem);
                // Told once: the picture is not also one without a line.
                labels.insert(id, vec![false; classes.len()]);
            }
        }
    }
    labels
}

/// The classes that an annotation names, as the labels of Ahn and Kwak (psa, CVPR 2018) are made: every `<name>` counts,
/// difficult objects too, and names that are no class (parts such as `head`) are passed over.
pub(super) fn annotation_tags(path: &Path, classes: &[String]) -> Result<Vec<bool>, DataError> {
    let text = std::fs::read(path).map_err(|error| DataError::io(path, &error))?;
    let text = String::from_utf8_lossy(&text);
    if !text.contains("<annotation") || !text.contains("</annotation>") {
        return Err(DataError::broken(path, "is not a whole VOC annotation"));
    }
    let mut tags = vec![false; classes.len()];
    let names = text.split("<name>").skip(1).filter_map(|rest| rest.split("</name>").next());
    for name in names {
        if let Some(class) = classes.iter().position(|class| class == name.trim()) {
            tags[class] = true;
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use crate::data::testing::Tree;
    use crate::data::{Kind, Source, check_source, open};

    /// Three pictures, two classes, a train and a val list.
    fn tiny() -> Tree {
        let tree = Tree::new();
        tree.text("classes.txt", "background\ncat\ndog\n");
        tree.text("labels.txt", "2007_000001 cat\n2007_000002 dog cat\n2007_000003 dog\n");
        tree.text("ImageSets/Segmentation/train.txt", "2007_000001\n2007_000002\n");
        tree.text("ImageSets/Segmentation/val.txt", "2007_000003\n");
        for (id, mask) in [("2007_000001", 1), ("2007_000002", 2), ("2007_000003", 255)] {
            tree.jpeg(&format!("JPEGImages/{id}.jpg"), 6, 8);
            tree.mask(&format!("SegmentationClass/{id}.png"), 6, 8, |y, x| if y > 2 && x > 2 { mask } else { 0 });
        }
        tree
    }

    fn source(tree: &Tree) -> Source {
        Source::Voc2012 { root: tree.root().to_owned(), tags: None }
    }

    #[test]
    fn a_small_tree_opens() {
        let tree = tiny();
        let dataset = open(&source(&tree)).unwrap();
        assert_eq!(dataset.classes(), ["cat", "dog"]);
        assert_eq!(dataset.splits(), ["train", "val"]);
        assert_eq!((dataset.len("train"), dataset.len("val"), dataset.len("test")), (Some(2), Some(1), None));
        assert_eq!(dataset.id("train", 1), "2007_000002");
        assert_eq!(dataset.tags("train", 1).unwrap(), [true, true]);
        assert_eq!(dataset.tags("val", 0).unwrap(), [false, true]);
        assert_eq!((dataset.image("val", 0).unwrap().height, dataset.image("val", 0).unwrap().width), (6, 8));
        assert_eq!(dataset.mask("train", 1).unwrap().unwrap().data[6 * 8 - 1], 2);
        assert_eq!(check_source(&source(&tree)), []);
    }

    #[test]
    fn three_ways_to_write_a_list() {
        for list in [
            "2007_000001\n2007_000003\n",
            "/JPEGImages/2007_000001.jpg /SegmentationClassAug/2007_000001.png\n/JPEGImages/2007_000003.jpg x.png\n",
            "2007000001\r\n2007000003\r\n",
        ] {
            let tree = tiny();
            tree.text("ImageSets/Segmentation/train_aug.txt", list);
            let dataset = open(&source(&tree)).unwrap();
            assert_eq!(dataset.len("trainaug"), Some(2), "{list}");
            assert_eq!(dataset.id("trainaug", 1), "2007_000003");
            assert!(dataset.absent("trainaug").is_empty());
        }
    }

    #[test]
    fn annotations_count_difficult_objects_and_pass_over_parts() {
        let tree = tiny();
        let object = "<object><name>cat</name><difficult>1</difficult><part><name>head</name></part></object>";
        tree.text("Annotations/2007_000003.xml", &format!("<annotation>{object}</annotation>"));
        tree.text("Annotations/2007_000001.xml", "<annotation><object><name>cat</na");
        let dataset = open(&source(&tree)).unwrap();
        assert_eq!(dataset.tags("val", 0).unwrap(), [true, false]);
        assert_eq!(dataset.tags("train", 0).unwrap_err().what, "is not a whole VOC annotation");
        assert_eq!(dataset.tags("train", 1).unwrap_err().kind, Kind::Missing);
    }

    #[test]
    fn every_problem_is_listed_with_its_file() {
        let tree = tiny();
        tree.text("labels.txt", "2007_000001 cat\n2007_000002 dgo\n2007_000003 dog\n");
        tree.text("ImageSets/Segmentation/val.txt", "2007_000003\n2007_000009\n");
        tree.mask("SegmentationClass/2007_000001.png", 5, 8, |_, _| 0);
        tree.mask("SegmentationClass/2007_000003.png", 6, 8, |_, _| 7);
        tree.cut("JPEGImages/2007_000002.jpg");
        let problems = check_source(&source(&tree));
        let told: Vec<String> = problems.iter().map(|problem| tree.tell(problem)).collect();
        expect_test::expect![[r#"
            labels.txt: line 2: `dgo` is not a class of this data set; did you mean `dog`?  classes: `cat`, `dog`
            JPEGImages/2007_000009.jpg: is listed in ImageSets/Segmentation/val.txt, but there is no such file
            SegmentationClass/2007_000001.png: is 5 × 8, its picture is 6 × 8 (height × width)
            JPEGImages/2007_000002.jpg: is cut short: the JPEG data has no end marker
            SegmentationClass/2007_000003.png: holds the index 7; 3 classes, background included, allow 0 to 2 and 255
            labels.txt: has no tags for `2007_000009`"#]]
        .assert_eq(&told.join("\n"));
        assert_eq!(open(&source(&tree)).err(), problems.into_iter().next());
    }

    #[test]
    fn a_test_list_needs_neither_masks_nor_tags() {
        let tree = tiny();
        tree.text("ImageSets/Segmentation/test.txt", "2007_000004\n");
        tree.jpeg("JPEGImages/2007_000004.jpg", 6, 8);
        assert_eq!(check_source(&source(&tree)), []);
        let dataset = open(&source(&tree)).unwrap();
        assert!(dataset.unmasked("val").is_empty() && !dataset.unmasked("test").is_empty());
        assert!(dataset.tags("test", 0).is_err());
        tree.text("ImageSets/Segmentation/val.txt", "2007_000003\n2007_000004\n");
        assert_eq!(check_source(&source(&tree)).len(), 1, "a list that is no test list needs tags");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = open(&Source::Voc2012 { root: "/nowhere/at/all".into(), tags: None }).err().unwrap();
        assert_eq!(error.to_string(), "/nowhere/at/all: there is no such folder");
        assert!(error.help.unwrap().contains("--variant quick"));
        let tree = tiny();
        tree.text("ImageSets/Segmentation/val.txt", "\n\n");
        assert_eq!(tree.tell(&open(&source(&tree)).err().unwrap()), "ImageSets/Segmentation/val.txt: lists no picture");
        let outer = Tree::new();
        outer.text("VOC2012/JPEGImages/readme.txt", "");
        let error = open(&source(&outer)).err().unwrap();
        assert!(error.help.unwrap().ends_with("VOC2012`?"));
    }

    #[test]
    fn the_fingerprint_follows_labels_and_sizes_not_the_place() {
        let print = |tree: &Tree| open(&source(tree)).unwrap().fingerprint().unwrap();
        let (one, two) = (tiny(), tiny());
        assert_eq!(print(&one), print(&two));
        two.text("labels.txt", "2007_000001 dog\n2007_000002 dog cat\n2007_000003 dog\n");
        assert_ne!(print(&one), print(&two));
        let three = tiny();
        three.jpeg("JPEGImages/2007_000003.jpg", 60, 80);
        assert_ne!(print(&one), print(&three));
    }

    /// On real photographs where `WSSS_DATA` names a folder that holds `voc6-tiny`.
    #[test]
    fn real_photographs_open() {
        let Some(root) = crate::data::testing::real("voc6-tiny") else { return };
        let dataset = open(&Source::Voc2012 { root: root.clone(), tags: None }).unwrap();
        assert_eq!(dataset.classes(), ["cat", "cow", "dog", "horse", "person", "sheep"]);
        assert_eq!((dataset.len("train"), dataset.len("val")), (Some(29), Some(11)));
        assert_eq!(check_source(&Source::Voc2012 { root, tags: None }), []);
    }
}
