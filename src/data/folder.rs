//! Pictures in a plain folder.
//!
//! | path | meaning |
//! | --- | --- |
//! | `images/` | JPEG or PNG; the name without extension is the id |
//! | `masks/<id>.png` | optional index masks, 0 background, 255 not known |
//! | `classes.txt` | one class a line, `background` first if at all; needed unless `labels.csv` is there to take the classes from |
//! | `labels.csv` | `image,class;class;…`, optionally a third column `split`; a first line that begins with `image` is a header |
//! | `train.txt`, `val.txt`, `test.txt` | one picture a line |
//!
//! Splits come from the column where there is one, else from the lists, else all pictures (those of `labels.csv` where it
//! exists) are `train`. Classes taken from `labels.csv` are in alphabetical order.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use indexmap::IndexMap;

use super::DataError;
use super::files::{Files, Record, Split, Tags, Truth, by_stem, expect_folder, id_of, lines, read_classes, tags_of};
use super::labels::Labels;

const UNLABELLED: &str = "labels come from `labels.csv`, a line a picture: `image,class;class;…`";

/// Reads lists and labels; what is wrong with them goes to `problems`. `None` when nothing useful is left.
pub(super) fn scan(root: &Path, labels: Option<&Path>, problems: &mut Vec<DataError>) -> Option<Files> {
    let mut give_up = |problem| problems.push(problem);
    expect_folder(root).map_err(&mut give_up).ok()?;
    let folder = root.join("images");
    if !folder.is_dir() {
        give_up(
            DataError::missing(folder, "there is no such folder").help("`folder` takes the folder that holds `images`"),
        );
        return None;
    }
    let images = by_stem(&folder, &["jpg", "jpeg", "png"]).map_err(&mut give_up).ok()?;
    let masks = by_stem(&root.join("masks"), &["png"]).map_err(&mut give_up).ok()?;
    let table = root.join("labels.csv");
    let rows = match table.is_file() {
        true => Some(read_rows(&table).map_err(&mut give_up).ok()?),
        false => None,
    };
    let classes = classes(root, rows.as_deref()).map_err(&mut give_up).ok()?;

    let labels = match labels {
        Some(file) => Some(Labels::read(file, &classes).map_err(&mut give_up).ok()?),
        None => None,
    };
    let mut tags = HashMap::new();
    for row in rows.iter().flatten() {
        match tags_of(row.classes.iter().map(String::as_str), &classes, &table, row.line) {
            Ok(known) => drop(tags.insert(row.id.clone(), known)),
            Err(problem) => {
                problems.push(problem);
                // Told once: the picture is not also one without a line.
                tags.insert(row.id.clone(), vec![false; classes.len()]);
            }
        }
    }
    let named = splits(root, &table, &rows, &images, problems);
    let mut records = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut splits = IndexMap::new();
    for (name, file, ids) in named {
        let indices = ids.into_iter().map(|id| {
            *known.entry(id.clone()).or_insert_with(|| {
                let image = images.get(&id).cloned();
                records.push(Record {
                    present: image.is_some(),
                    image: image.unwrap_or_else(|| folder.join(&id)),
                    mask: masks.get(&id).cloned().map(Truth::File),
                    tags: match (&labels, tags.get(&id), &rows) {
                        (Some(labels), ..) => labels.of(&id),
                        (None, Some(tags), _) => Tags::Known(tags.clone()),
                        (None, None, Some(_)) => Tags::Unlisted(table.clone()),
                        (None, None, None) => Tags::Unlabelled(UNLABELLED),
                    },
                    id,
                });
                records.len() - 1
            })
        });
        let indices: Vec<usize> = indices.collect();
        if indices.is_empty() {
            problems.push(DataError::invalid(&file, "lists no picture"));
        }
        splits.insert(name, Split { file, records: indices });
    }
    let root = root.to_owned();
    Some(Files { kind: "folder", root, classes, records, splits, fingerprint: OnceLock::new() })
}

/// A line of `labels.csv`.
struct Row {
    line: usize,
    id: String,
    classes: Vec<String>,
    split: Option<String>,
}

fn read_rows(table: &Path) -> Result<Vec<Row>, DataError> {
    let broken = |error: csv::Error| DataError::broken(table, format!("is not a table: {error}"));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(table)
        .map_err(broken)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut seen = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, |position| position.line() as usize);
        let image = record.get(0).unwrap_or_default().trim_start_matches('\u{feff}');
        if image.is_empty() || (rows.is_empty() && image.eq_ignore_ascii_case("image")) {
            continue;
        }
        if record.len() > 3 {
            let what =
                format!("line {line}: {} columns, expected `image,class;class;…` and at most a split", record.len());
            return Err(DataError::invalid(table, what).help("several classes are separated by `;`"));
        }
        let id = id_of(image);
        if let Some(first) = seen.insert(id.clone(), line) {
            return Err(DataError::invalid(table, format!("line {line}: `{id}` has a line already, line {first}")));
        }
        let names = record.get(1).unwrap_or_default().split(';').map(str::trim).filter(|name| !name.is_empty());
        rows.push(Row {
            line,
            id,
            classes: names.map(str::to_owned).collect(),
            split: record.get(2).filter(|split| !split.is_empty()).map(str::to_owned),
        });
    }
    Ok(rows)
}

fn classes(root: &Path, rows: Option<&[Row]>) -> Result<Vec<String>, DataError> {
    let file = root.join("classes.txt");
    match (file.is_file(), rows) {
        (true, _) => read_classes(&file),
        (false, Some(rows)) => {
            let names: BTreeSet<&String> = rows.iter().flat_map(|row| &row.classes).collect();
            match names.is_empty() {
                true => Err(DataError::invalid(root.join("labels.csv"), "names no class")),
                false => Ok(names.into_iter().filter(|name| *name != "background").cloned().collect()),
            }
        }
        (false, None) => Err(DataError::missing(file, "there is no such file")
            .help("one class a line, in the order of the indices in masks")),
    }
}

type Named = (String, PathBuf, Vec<String>);

/// The splits: name, the file that makes them, ids.
fn splits(
    root: &Path,
    table: &Path,
    rows: &Option<Vec<Row>>,
    images: &HashMap<String, PathBuf>,
    problems: &mut Vec<DataError>,
) -> Vec<Named> {
    let mut named: Vec<Named> = Vec::new();
    if let Some(rows) = rows.as_ref().filter(|rows| rows.iter().any(|row| row.split.is_some())) {
        for row in rows {
            let Some(split) = &row.split else {
                problems.push(DataError::invalid(
                    table,
                    format!("line {}: `{}` has no split, others have", row.line, row.id),
                ));
                continue;
            };
            match named.iter_mut().find(|(name, ..)| name == split) {
                Some((.., ids)) => ids.push(row.id.clone()),
                None => named.push((split.clone(), table.to_owned(), vec![row.id.clone()])),
            }
        }
        return named;
    }
    for name in ["train", "val", "test"] {
        let list = root.join(format!("{name}.txt"));
        if !list.is_file() {
            continue;
        }
        match lines(&list) {
            Ok(lines) => named.push((name.to_owned(), list, lines.iter().map(|(_, line)| id_of(line)).collect())),
            Err(problem) => problems.push(problem),
        }
    }
    if named.is_empty() {
        let (file, ids) = match rows {
            Some(rows) => (table.to_owned(), rows.iter().map(|row| row.id.clone()).collect()),
            None => {
                let mut ids: Vec<String> = images.keys().cloned().collect();
                ids.sort();
                (root.join("images"), ids)
            }
        };
        named.push(("train".to_owned(), file, ids));
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::Tree;
    use crate::data::{Source, check_source, detect, open};

    fn tree(labels: &str) -> Tree {
        let tree = Tree::new();
        tree.jpeg("images/a.jpg", 4, 5);
        tree.jpeg("images/b.jpg", 4, 5);
        tree.mask("images/c.png", 4, 5, |_, _| 3);
        tree.mask("masks/a.png", 4, 5, |_, x| x as u8 % 3);
        if !labels.is_empty() {
            tree.text("labels.csv", labels);
        }
        tree
    }

    fn source(tree: &Tree) -> Source {
        Source::Folder { root: tree.root().to_owned(), tags: None }
    }

    #[test]
    fn a_table_alone_is_enough() {
        let tree = tree("image,labels\na.jpg,owl;fox\nb.jpg,fox\nc.png,\n");
        assert_eq!(detect(tree.root()).unwrap(), source(&tree));
        let dataset = open(&source(&tree)).unwrap();
        assert_eq!(dataset.classes(), ["fox", "owl"]);
        assert_eq!((dataset.splits(), dataset.len("train")), (vec!["train"], Some(3)));
        let tags: Vec<_> = (0..3).map(|index| dataset.tags("train", index).unwrap()).collect();
        assert_eq!(tags, [[true, true], [true, false], [false, false]]);
        assert!(dataset.mask("train", 0).unwrap().is_some());
        assert!(dataset.mask("train", 1).unwrap().is_none());
        assert_eq!(check_source(&source(&tree)), []);
    }

    #[test]
    fn splits_by_column_and_by_list() {
        let column = tree("a.jpg,fox,train\nb.jpg,fox,val\nc.png,owl,train\n");
        let dataset = open(&source(&column)).unwrap();
        assert_eq!((dataset.len("train"), dataset.len("val")), (Some(2), Some(1)));
        assert_eq!(dataset.id("train", 1), "c");
        let lists = tree("a,fox\nb,owl\n");
        lists.text("train.txt", "images/a.jpg\n");
        lists.text("val.txt", "b\n");
        let dataset = open(&source(&lists)).unwrap();
        assert_eq!((dataset.len("train"), dataset.len("val")), (Some(1), Some(1)));
        assert_eq!(dataset.id("val", 0), "b");
    }

    #[test]
    fn pictures_without_labels_need_class_names_only_and_refuse_tags() {
        let tree = tree("");
        assert_eq!(
            tree.tell(&open(&source(&tree)).err().unwrap()),
            "classes.txt: there is no such file; one class a line, in the order of the indices in masks"
        );
        tree.text("classes.txt", "fox\nowl\n");
        let dataset = open(&source(&tree)).unwrap();
        assert_eq!(check_source(&source(&tree)), []);
        assert_eq!(dataset.id("train", 2), "c");
        let error = dataset.tags("train", 0).unwrap_err();
        assert_eq!(tree.tell(&error), format!(": `a` has no image-level label; {UNLABELLED}"));
    }

    #[test]
    fn mistakes_are_named_by_line() {
        let tree = tree("image,labels\na.jpg,fox\nb.jpg,fxo\nd.jpg,owl\n");
        tree.text("classes.txt", "fox\nowl\nfox-cub\n");
        let told: Vec<String> = check_source(&source(&tree)).iter().map(|problem| tree.tell(problem)).collect();
        expect_test::expect![[r#"
            labels.csv: line 3: `fxo` is not a class of this data set; did you mean `fox`?  classes: `fox`, `owl`, `fox-cub`
            images/d: is listed in labels.csv, but there is no such file"#]]
        .assert_eq(&told.join("\n"));
        tree.text("labels.csv", "a.jpg,fox\na.png,owl\n");
        assert_eq!(
            tree.tell(&open(&source(&tree)).err().unwrap()),
            "labels.csv: line 2: `a` has a line already, line 1"
        );
        tree.text("labels.csv", "a.jpg,fox,owl,fox-cub\n");
        assert!(tree.tell(&open(&source(&tree)).err().unwrap()).contains("separated by `;`"));
    }
}
