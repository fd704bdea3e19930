//! The layout of MS COCO.
//!
//! | path | meaning |
//! | --- | --- |
//! | `annotations/instances_train2014.json`, `annotations/instances_val2014.json` | pictures, categories, outlines of instances |
//! | `train2014/`, `val2014/`, or the same below `images/` | the photographs, by the names in those files |
//!
//! Class `i` is the category with the `i`-th smallest id. A picture has the tag of every category that an annotation of it has, crowds
//! among them; one without annotations has none. Masks are drawn from the outlines: crowds as 255 and below all else, then the
//! instances in the order of the file, so that a later one covers an earlier one, or the smaller on top of the larger.

mod annotations;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use indexmap::IndexMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::drawing::outline::Outline;
use super::drawing::{Drawing, Instance};
use super::files::{Files, Record, Split, Tags, Truth, by_stem, expect_folder, id_of};
use super::labels::Labels;
use super::{DataError, IGNORE};
use annotations::{Annotation, Annotations, Category};

/// The years whose splits are read.
pub const YEARS: [u16; 2] = [2014, 2017];

/// Sides of pictures are at most this long, as where pictures are decoded.
const LONGEST: usize = 16_384;

/// Which of two instances is seen where both lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTop {
    /// The one that stands later in the file.
    #[default]
    Later,
    /// The one whose area is stated to be smaller.
    Smaller,
}

/// The file of annotations of a split.
fn annotation_file(root: &Path, split: &str, year: u16) -> PathBuf {
    root.join("annotations").join(format!("instances_{split}{year}.json"))
}

/// The first year that has a file of annotations below `root`.
pub(super) fn year_at(root: &Path) -> Option<u16> {
    let is_there = |year: &u16| ["train", "val"].iter().any(|split| annotation_file(root, split, *year).is_file());
    YEARS.into_iter().find(is_there)
}

/// Reads annotations; what is wrong with them goes to `problems`. `None` when nothing useful is left.
pub(super) fn scan(
    root: &Path,
    year: u16,
    on_top: OnTop,
    tags: Option<&Path>,
    problems: &mut Vec<DataError>,
) -> Option<Files> {
    let mut give_up = |problem| problems.push(problem);
    let found = find(root, year).map_err(&mut give_up).ok()?;
    let read: Vec<Result<Annotations, DataError>> = found.par_iter().map(|(_, file)| annotations::read(file)).collect();
    let mut parts = Vec::new();
    for ((split, file), annotations) in found.into_iter().zip(read) {
        match annotations {
            Ok(annotations) => parts.push((split, file, annotations)),
            Err(problem) => give_up(problem),
        }
    }
    let categories = categories(&parts).map_err(&mut give_up).ok()?;
    let classes: Vec<String> = categories.iter().map(|category| category.name.clone()).collect();
    let labels = match tags {
        Some(file) => Some(Labels::read(file, &classes).map_err(&mut give_up).ok()?),
        None => None,
    };
    let (mut records, mut splits) = (Vec::new(), IndexMap::new());
    for (split, file, annotations) in parts {
        let folder = pictures(root, split, year);
        let before = records.len();
        let part = Part { file: &file, folder: &folder, categories: &categories, labels: labels.as_ref(), on_top };
        records.extend(part.records(annotations, problems));
        if records.len() == before {
            problems.push(DataError::invalid(&file, "lists no picture"));
        }
        splits.insert(split.to_owned(), Split { file, records: (before..records.len()).collect() });
    }
    let root = root.to_owned();
    Some(Files { kind: "coco", root, classes, records, splits, fingerprint: OnceLock::new() })
}

/// The files of annotations that are there, by split.
fn find(root: &Path, year: u16) -> Result<Vec<(&'static str, PathBuf)>, DataError> {
    expect_folder(root)?;
    let files = ["train", "val"].map(|split| (split, annotation_file(root, split, year)));
    let found: Vec<_> = files.iter().filter(|(_, file)| file.is_file()).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let [(_, train), _] = files;
    let help = match year_at(root) {
        Some(other) => format!("the files of {other} are there: `year = {other}`"),
        None => format!("`coco` takes the folder that holds `annotations` and `train{year}`"),
    };
    Err(DataError::missing(train, "there is no such file").help(help))
}

/// The folder of a split's photographs.
fn pictures(root: &Path, split: &str, year: u16) -> PathBuf {
    let name = format!("{split}{year}");
    let below = root.join("images").join(&name);
    if below.is_dir() { below } else { root.join(name) }
}

/// The categories by rising id, which all files agree on.
fn categories(parts: &[(&str, PathBuf, Annotations)]) -> Result<Vec<Category>, DataError> {
    let mut agreed: Option<(&Path, Vec<Category>)> = None;
    for (_, file, annotations) in parts {
        let mut own = annotations.categories.clone();
        own.sort();
        for (at, category) in own.iter().enumerate() {
            if own[..at].iter().any(|earlier| earlier.id == category.id || earlier.name == category.name) {
                let what = format!("has the category {} `{}` twice, by its id or its name", category.id, category.name);
                return Err(DataError::invalid(file, what));
            }
        }
        match own.len() {
            0 => return Err(DataError::invalid(file, "names no category")),
            1..=254 => {}
            n => {
                let what = format!("names {n} categories; an index map of 8 bits has room for 254");
                return Err(DataError::invalid(file, what));
            }
        }
        match &agreed {
            Some((first, categories)) if *categories != own => {
                let first = first.file_name().unwrap_or_default().to_string_lossy();
                return Err(DataError::invalid(file, format!("has other categories than {first}")));
            }
            _ => agreed = Some((file, own)),
        }
    }
    // Every file has a problem that was told.
    agreed.map(|(_, categories)| categories).ok_or_else(|| DataError::argument("no file of annotations can be read"))
}

/// What the pictures of one file are made with.
struct Part<'a> {
    file: &'a Path,
    folder: &'a Path,
    categories: &'a [Category],
    labels: Option<&'a Labels>,
    on_top: OnTop,
}

/// One picture while its annotations come in.
struct Open {
    id: String,
    drawing: Drawing,
    tags: Vec<bool>,
}

impl Part<'_> {
    fn records(&self, annotations: Annotations, problems: &mut Vec<DataError>) -> Vec<Record> {
        let Annotations { images, annotations, .. } = annotations;
        let mut invalid = |what: String| problems.push(DataError::invalid(self.file, what));
        let (mut open, mut by_number, mut names) = (Vec::<Open>::new(), HashMap::new(), HashMap::new());
        for image in images {
            let id = id_of(&image.file_name);
            if !(1..=LONGEST).contains(&image.height) || !(1..=LONGEST).contains(&image.width) {
                invalid(format!("has the picture `{id}` with {} × {} pixels", image.height, image.width));
                continue;
            }
            let same = by_number.insert(image.id, open.len()).or(names.insert(id.clone(), open.len()));
            if let Some(other) = same {
                invalid(format!("has two pictures {} `{id}`: the other is `{}`", image.id, open[other].id));
            }
            let drawing = Drawing { height: image.height, width: image.width, instances: Vec::new() };
            open.push(Open { id, drawing, tags: vec![false; self.categories.len()] });
        }
        for annotation in annotations {
            let place = by_number.get(&annotation.image_id);
            let class = self.categories.binary_search_by_key(&annotation.category_id, |category| category.id);
            let Annotation { id, image_id, category_id, .. } = annotation;
            match (place, class) {
                (None, _) => invalid(format!("the annotation {id} is of the picture {image_id}, which is not there")),
                (_, Err(_)) => {
                    invalid(format!("the annotation {id} has the category {category_id}, which is not there"))
                }
                (Some(place), Ok(class)) => {
                    let open = &mut open[*place];
                    open.tags[class] = true;
                    match self.instance(annotation, class, open) {
                        Ok(instance) => open.drawing.instances.push(instance),
                        Err(what) => invalid(format!("the annotation {id} of `{}` {what}", open.id)),
                    }
                }
            }
        }
        let files = by_stem(self.folder, &["jpg", "jpeg", "png"]).unwrap_or_else(|problem| {
            problems.push(problem);
            HashMap::new()
        });
        open.into_iter().map(|open| self.record(open, &files)).collect()
    }

    fn instance(&self, annotation: Annotation, class: usize, open: &Open) -> Result<Instance, String> {
        let Annotation { iscrowd, area, segmentation: outline, .. } = annotation;
        let Drawing { height, width, .. } = open.drawing;
        if let Outline::Runs { height: h, width: w, pixels, .. } = outline {
            if [h, w] != [height as u64, width as u64] {
                return Err(format!("has runs for {h} × {w}, its picture is {height} × {width} (height × width)"));
            }
            if pixels != (height * width) as u64 {
                return Err(format!("has runs of {pixels} pixels, its picture has {}", height * width));
            }
        }
        let area = match (area, self.on_top) {
            (Some(area), _) => area,
            (None, OnTop::Later) => 0.0,
            (None, OnTop::Smaller) => return Err("has no `area`, by which the smaller one is told".into()),
        };
        let value = if iscrowd == 0 { class as u8 + 1 } else { IGNORE };
        Ok(Instance { value, area, outline })
    }

    fn record(&self, open: Open, files: &HashMap<String, PathBuf>) -> Record {
        let Open { id, mut drawing, tags } = open;
        // Sorting keeps the order of equals: that of the file.
        match self.on_top {
            OnTop::Later => drawing.instances.sort_by_key(|instance| instance.value != IGNORE),
            OnTop::Smaller => drawing.instances.sort_by(|a, b| {
                let key = |instance: &Instance| (instance.value != IGNORE, -instance.area);
                let ((above, a), (below, b)) = (key(a), key(b));
                above.cmp(&below).then(a.total_cmp(&b))
            }),
        }
        drawing.instances.shrink_to_fit();
        let image = files.get(&id).cloned();
        Record {
            present: image.is_some(),
            image: image.unwrap_or_else(|| self.folder.join(format!("{id}.jpg"))),
            mask: Some(Truth::Drawn(drawing)),
            tags: self.labels.map_or(Tags::Known(tags), |labels| labels.of(&id)),
            id,
        }
    }
}

#[cfg(test)]
mod tests;
