//! Data sets in, batches of tensors out.
//!
//! A [`Source`] names a data set, [`open`] finds its pictures, labels and masks, a [`Dataset`] hands them out one by one, and
//! [`check`] opens every file of it and lists what is wrong. Absent from this room: the language, the graph, and any state
//! that outlives a batch.

mod check;
mod coco;
mod decode;
mod drawing;
mod error;
mod files;
mod folder;
mod jitter;
mod known;
mod labels;
mod loader;
mod maps;
mod pipeline;
pub mod resample;
mod sample;
mod scenes;
mod shared;
mod splits;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
mod transform;
mod voc;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use check::{check, check_source};
pub use coco::{OnTop, YEARS as COCO_YEARS};
pub use decode::{IGNORE, Mask, Rgb, read_indices, read_mask, read_rgb};
pub use error::{DataError, Kind};
pub use known::{Known, known};
pub use labels::{Written, write as write_tags};
pub use loader::{Batch, Loader, LoaderOptions};
pub use maps::FolderMaps;
pub use pipeline::{Artifacts, Fields, Join, JoinedMap, Pipeline};
pub use sample::{Array, Picture, Planes, Rect, Sample};
pub use splits::{covers, is_evaluation, overlap, touches_evaluation};
pub use tally::Tally;
pub use transform::{Method, Placed, Streams, Transform};
pub use voc::CLASSES as VOC_CLASSES;

/// Which data set is meant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A folder in the layout of the PASCAL VOC development kit.
    Voc2012 {
        root: PathBuf,
        /// A file of tags in place of those of the folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tags: Option<PathBuf>,
    },
    /// A folder in the layout of MS COCO: the splits of a year.
    Coco {
        root: PathBuf,
        year: u16,
        #[serde(default)]
        on_top: OnTop,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tags: Option<PathBuf>,
    },
    /// `images/`, and optionally `masks/`, `labels.csv`, `classes.txt`.
    Folder {
        root: PathBuf,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tags: Option<PathBuf>,
    },
    /// Pictures that the program draws: `images` of them, four fifths `train` and the rest `val`, each of `size` (height,
    /// width), with 1 to 20 `classes`.
    Scenes { images: usize, size: [usize; 2], classes: usize, seed: u64 },
}

/// A data set in words: `voc2012 data/VOC2012`.
pub fn words(source: &Source) -> String {
    match source {
        Source::Voc2012 { root, tags } => format!("voc2012 {}{}", root.display(), with_tags(tags)),
        Source::Coco { root, year, on_top, tags } => {
            let on_top = match on_top {
                OnTop::Later => "",
                OnTop::Smaller => " smaller on top",
            };
            format!("coco {} {year}{on_top}{}", root.display(), with_tags(tags))
        }
        Source::Folder { root, tags } => format!("folder {}{}", root.display(), with_tags(tags)),
        Source::Scenes { images, size: [height, width], classes, seed } => {
            format!("scenes {images} {height}x{width} {classes} classes seed {seed}")
        }
    }
}

fn with_tags(tags: &Option<PathBuf>) -> String {
    tags.as_ref().map_or(String::new(), |tags| format!(" with the tags of {}", tags.display()))
}

impl Source {
    /// With the tags of `file` in place of those of the folder; drawn pictures keep their own.
    pub fn with_tags(mut self, file: Option<PathBuf>) -> Source {
        if let Source::Voc2012 { tags, .. } | Source::Coco { tags, .. } | Source::Folder { tags, .. } = &mut self {
            *tags = file;
        }
        self
    }

    /// How many foreground classes there are, where that is known before any file is opened.
    pub fn class_count(&self) -> Option<usize> {
        match self {
            // Files may name other classes than the usual ones.
            Source::Voc2012 { .. } | Source::Coco { .. } | Source::Folder { .. } => None,
            Source::Scenes { classes, .. } => Some(*classes),
        }
    }
}

/// A rectangle of numbers, row by row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grid<T> {
    pub height: usize,
    pub width: usize,
    /// `height · width` values.
    pub data: Vec<T>,
}

/// Pictures with image-level tags and, where there are any, masks.
///
/// D1: `split` is one of [`Dataset::splits`] and `index` below its length wherever they are asked for; anything else is
/// a mistake of the caller and panics.
/// D2: the same arguments give the same answer, on any thread, in any order.
pub trait Dataset: Send + Sync {
    /// The word of the language: `voc2012`, `coco`, `folder`, `scenes`.
    fn name(&self) -> &str;
    /// The foreground classes; class `i` has index `i + 1` in masks.
    fn classes(&self) -> &[String];
    fn splits(&self) -> Vec<&str>;
    /// How many pictures a split has; `None` when there is no such split.
    fn len(&self, split: &str) -> Option<usize>;
    /// The name of a picture, unique within the data set.
    fn id(&self, split: &str, index: usize) -> &str;
    /// One entry a foreground class: whether the picture is said to hold it.
    fn tags(&self, split: &str, index: usize) -> Result<Vec<bool>, DataError>;
    fn image(&self, split: &str, index: usize) -> Result<Rgb, DataError>;
    /// Height and width of the picture, without decoding it where its file tells.
    fn image_size(&self, split: &str, index: usize) -> Result<[usize; 2], DataError> {
        self.image(split, index).map(|image| [image.height, image.width])
    }
    /// The pixel-exact classes, where there are any: values `0..=classes` and 255.
    fn mask(&self, split: &str, index: usize) -> Result<Option<Mask>, DataError>;
    /// A hash of what the data set holds: lists, labels, file names and sizes; for drawn pictures, the arguments and the
    /// version of the drawing. Does not depend on where the data set lies.
    fn fingerprint(&self) -> Result<String, DataError>;
    /// The file that [`Dataset::image`] reads, where it reads one.
    fn image_file(&self, _split: &str, _index: usize) -> Option<PathBuf> {
        None
    }
    /// The file that [`Dataset::mask`] reads, to be named in messages.
    fn mask_file(&self, _split: &str, _index: usize) -> Option<PathBuf> {
        None
    }
    /// The pictures of a split that have no mask: those of a test list, which can be predicted all the same.
    fn unmasked(&self, _split: &str) -> Vec<usize> {
        Vec::new()
    }
    /// Whether any picture has image-level tags.
    fn has_tags(&self) -> bool {
        true
    }
    /// What is known to be absent before anything is decoded: pictures that a list names and that are not there.
    fn absent(&self, _split: &str) -> Vec<DataError> {
        Vec::new()
    }
}

/// Opens a data set: reads its lists and labels, no pictures. The first problem, if there is one, is the answer.
pub fn open(source: &Source) -> Result<Arc<dyn Dataset>, DataError> {
    let (dataset, problems) = scan(source);
    match (dataset, problems.into_iter().next()) {
        (_, Some(problem)) => Err(problem),
        (Some(dataset), None) => Ok(dataset),
        (None, None) => Err(DataError::argument("nothing was found, and nothing was found wrong")),
    }
}

/// The data set as far as it can be read, and all that is wrong with its lists and labels.
fn scan(source: &Source) -> (Option<Arc<dyn Dataset>>, Vec<DataError>) {
    let mut problems = Vec::new();
    let dataset: Option<Arc<dyn Dataset>> = match source {
        Source::Voc2012 { root, tags } => {
            voc::scan(root, tags.as_deref(), &mut problems).map(|files| Arc::new(files) as _)
        }
        Source::Coco { root, year, on_top, tags } => {
            coco::scan(root, *year, *on_top, tags.as_deref(), &mut problems).map(|files| Arc::new(files) as _)
        }
        Source::Scenes { images, size, classes, seed } => scenes::Scenes::new(*images, *size, *classes, *seed)
            .map_err(|problem| problems.push(problem))
            .ok()
            .map(|scenes| Arc::new(scenes) as _),
        Source::Folder { root, tags } => {
            folder::scan(root, tags.as_deref(), &mut problems).map(|files| Arc::new(files) as _)
        }
    };
    (dataset, problems)
}

/// Tells by the folders inside what kind of data set lies at `path`.
pub fn detect(path: &Path) -> Result<Source, DataError> {
    files::expect_folder(path)?;
    if path.join("JPEGImages").is_dir() {
        Ok(Source::Voc2012 { root: path.to_owned(), tags: None })
    } else if let Some(year) = coco::year_at(path) {
        Ok(Source::Coco { root: path.to_owned(), year, on_top: OnTop::default(), tags: None })
    } else if path.join("images").is_dir() {
        Ok(Source::Folder { root: path.to_owned(), tags: None })
    } else {
        Err(DataError::invalid(path, "is not a data set of a known layout").help(
            voc::nested(path).unwrap_or_else(|| {
                "`voc2012` has the folder `JPEGImages`, `coco` has `annotations/instances_train2014.json`, `folder` has the folder `images`".to_owned()
            }),
        ))
    }
}

/// The problem of a mask that is not as large as its picture, both sizes as `[height, width]`; `None` when they agree.
fn unlike_sizes(
    dataset: &dyn Dataset,
    split: &str,
    index: usize,
    image: [usize; 2],
    mask: [usize; 2],
) -> Option<DataError> {
    (image != mask).then(|| {
        let [[ih, iw], [mh, mw]] = [image, mask];
        match (dataset.mask_file(split, index), dataset.image_file(split, index)) {
            (Some(mask), _) => {
                DataError::invalid(mask, format!("is {mh} × {mw}, its picture is {ih} × {iw} (height × width)"))
            }
            // Drawn from what a file of annotations says.
            (None, picture) => {
                let picture = picture.unwrap_or_else(|| PathBuf::from(dataset.id(split, index)));
                DataError::invalid(picture, format!("is {ih} × {iw}, its mask is {mh} × {mw} (height × width)"))
            }
        }
    })
}
