//! The file of annotations. It is read once from front to back, and only what is needed of it stays: of half a gigabyte, some
//! dozens of megabytes.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;

use crate::data::DataError;
use crate::data::drawing::outline::Outline;

#[derive(Deserialize)]
pub(super) struct Annotations {
    pub images: Vec<Image>,
    pub annotations: Vec<Annotation>,
    pub categories: Vec<Category>,
}

#[derive(Deserialize)]
pub(super) struct Image {
    pub id: u64,
    pub file_name: Box<str>,
    pub height: usize,
    pub width: usize,
}

#[derive(Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub id: u64,
    pub image_id: u64,
    pub category_id: u64,
    /// 1 where it outlines many at once.
    #[serde(default)]
    pub iscrowd: u8,
    pub area: Option<f64>,
    pub segmentation: Outline,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
pub(super) struct Category {
    pub id: u64,
    pub name: String,
}

/// Reads a file of annotations.
///
/// # Errors
/// A file that cannot be read, that is cut short, or that is no file of instances.
pub(super) fn read(path: &Path) -> Result<Annotations, DataError> {
    let file = File::open(path).map_err(|error| DataError::io(path, &error))?;
    serde_json::from_reader(BufReader::with_capacity(1 << 20, file)).map_err(|error| match error.classify() {
        serde_json::error::Category::Io => DataError::missing(path, format!("cannot be read: {error}")),
        serde_json::error::Category::Eof => DataError::broken(path, format!("is cut short: {error}")),
        serde_json::error::Category::Syntax => DataError::broken(path, format!("is not JSON: {error}")),
        serde_json::error::Category::Data => {
            DataError::broken(path, format!("does not hold instances as COCO has them: {error}")).help(
                "`images`, `annotations` with a `segmentation` each, and `categories`: the files `instances_….json`",
            )
        }
    })
}
