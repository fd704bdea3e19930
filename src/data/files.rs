//! A data set made of files: what `voc2012`, `coco` and `folder` have in common once their lists and labels have been read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use indexmap::IndexMap;
use rayon::prelude::*;

use super::drawing::Drawing;
use super::{DataError, Dataset, Mask, Rgb, decode};

/// One picture and what belongs to it.
pub(super) struct Record {
    pub id: String,
    pub image: PathBuf,
    pub mask: Option<Truth>,
    pub tags: Tags,
    /// Whether the image file was there when the folder was read.
    pub present: bool,
}

/// Where the mask of a picture comes from.
pub(super) enum Truth {
    /// An index map.
    File(PathBuf),
    /// Outlines that it is drawn from.
    Drawn(Drawing),
}

/// Where the image-level tags of a picture stand.
pub(super) enum Tags {
    Known(Vec<bool>),
    /// A VOC annotation, read when it is asked for.
    Annotation(PathBuf),
    /// A file has labels, but none for this picture.
    Unlisted(PathBuf),
    /// The data set has no labels; the text says where they would stand.
    Unlabelled(&'static str),
}

pub(super) struct Files {
    pub kind: &'static str,
    pub root: PathBuf,
    pub classes: Vec<String>,
    pub records: Vec<Record>,
    /// Indices into `records`, and the file that lists them.
    pub splits: IndexMap<String, Split>,
    pub fingerprint: OnceLock<String>,
}

pub(super) struct Split {
    pub file: PathBuf,
    pub records: Vec<usize>,
}

impl Files {
    /// `train_aug` and `trainaug` are one name: both spellings of the list are in use.
    fn split(&self, name: &str) -> Option<&Split> {
        let plain = |name: &str| name.replace('_', "");
        self.splits
            .get(name)
            .or_else(|| self.splits.iter().find(|(other, _)| plain(other) == plain(name)).map(|(_, split)| split))
    }

    fn record(&self, split: &str, index: usize) -> &Record {
        let split = self.split(split).expect("D1: the split is one of the data set's");
        &self.records[*split.records.get(index).expect("D1: the index is within the split")]
    }
}

impl Dataset for Files {
    fn name(&self) -> &str {
        self.kind
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn splits(&self) -> Vec<&str> {
        self.splits.keys().map(String::as_str).collect()
    }

    fn len(&self, split: &str) -> Option<usize> {
        self.split(split).map(|split| split.records.len())
    }

    fn id(&self, split: &str, index: usize) -> &str {
        &self.record(split, index).id
    }

    fn tags(&self, split: &str, index: usize) -> Result<Vec<bool>, DataError> {
        let record = self.record(split, index);
        match &record.tags {
            Tags::Known(tags) => Ok(tags.clone()),
            Tags::Annotation(path) => super::voc::annotation_tags(path, &self.classes),
            Tags::Unlisted(file) => Err(DataError::invalid(file, format!("has no tags for `{}`", record.id))),
            Tags::Unlabelled(help) => {
                Err(DataError::missing(&self.root, format!("`{}` has no image-level label", record.id)).help(*help))
            }
        }
    }

    fn image(&self, split: &str, index: usize) -> Result<Rgb, DataError> {
        decode::read_rgb(&self.record(split, index).image)
    }

    fn image_size(&self, split: &str, index: usize) -> Result<[usize; 2], DataError> {
        decode::read_size(&self.record(split, index).image)
    }

    fn mask(&self, split: &str, index: usize) -> Result<Option<Mask>, DataError> {
        match &self.record(split, index).mask {
            None => Ok(None),
            Some(Truth::File(path)) => decode::read_mask(path, self.classes.len() + 1).map(Some),
            Some(Truth::Drawn(drawing)) => Ok(Some(drawing.mask())),
        }
    }

    fn fingerprint(&self) -> Result<String, DataError> {
        if let Some(known) = self.fingerprint.get() {
            return Ok(known.clone());
        }
        let fingerprint = fingerprint(self)?;
        Ok(self.fingerprint.get_or_init(|| fingerprint).clone())
    }

    fn image_file(&self, split: &str, index: usize) -> Option<PathBuf> {
        Some(self.record(split, index).image.clone())
    }

    fn mask_file(&self, split: &str, index: usize) -> Option<PathBuf> {
        match &self.record(split, index).mask {
            Some(Truth::File(path)) => Some(path.clone()),
            Some(Truth::Drawn(_)) | None => None,
        }
    }

    fn unmasked(&self, split: &str) -> Vec<usize> {
        let records = self.split(split).map_or(&[][..], |split| &split.records);
        let is_there = |index: &usize| match &self.records[records[*index]].mask {
            Some(Truth::File(path)) => path.is_file(),
            Some(Truth::Drawn(_)) => true,
            None => false,
        };
        (0..records.len()).into_par_iter().filter(|index| !is_there(index)).collect()
    }

    fn has_tags(&self) -> bool {
        !self.records.iter().all(|record| matches!(record.tags, Tags::Unlabelled(_)))
    }

    fn absent(&self, split: &str) -> Vec<DataError> {
        let Some(split) = self.split(split) else { return Vec::new() };
        let list = split.file.strip_prefix(&self.root).unwrap_or(&split.file).display();
        let absent = split.records.iter().map(|&record| &self.records[record]).filter(|record| !record.present);
        absent
            .map(|record| DataError::missing(&record.image, format!("is listed in {list}, but there is no such file")))
            .collect()
    }
}

fn fingerprint(files: &Files) -> Result<String, DataError> {
    let size = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(DataError::io(path, &error)),
    };
    let name = |path: &Path| path.strip_prefix(&files.root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let line = |record: &Record| {
        let mut text = format!("{} {} {}", record.id, name(&record.image), size(&record.image)?);
        match &record.mask {
            Some(Truth::File(mask)) => text += &format!(" mask {} {}", name(mask), size(mask)?),
            Some(Truth::Drawn(drawing)) => text += &format!(" drawn {}", drawing.digest().to_hex()),
            None => {}
        }
        match &record.tags {
            Tags::Known(tags) => text.extend(tags.iter().map(|&tag| if tag { '1' } else { '0' })),
            Tags::Annotation(path) => text += &format!(" {} {}", name(path), size(path)?),
            Tags::Unlisted(_) | Tags::Unlabelled(_) => {}
        }
        Ok(text)
    };
    let lines: Vec<String> = files.records.par_iter().map(line).collect::<Result<_, DataError>>()?;
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(files.kind);
    files.classes.iter().for_each(|class| add(class));
    let splits: BTreeMap<&String, &Split> = files.splits.iter().collect();
    for (name, split) in splits {
        add(name);
        split.records.iter().for_each(|&record| add(&lines[record]));
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// `path` as a folder that can be listed, or why it cannot.
pub(super) fn expect_folder(path: &Path) -> Result<(), DataError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(DataError::invalid(path, "is a file, expected the folder of a data set")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(DataError::missing(path, "there is no such folder")
                .help("set the data set's folder, or try `--variant quick`, which draws its own pictures"))
        }
        Err(error) => Err(DataError::io(path, &error)),
    }
}

/// The files of a folder by their name without extension; an absent folder has none.
pub(super) fn by_stem(folder: &Path, extensions: &[&str]) -> Result<HashMap<String, PathBuf>, DataError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(DataError::io(folder, &error)),
    };
    let mut found = HashMap::new();
    for entry in entries {
        let path = entry.map_err(|error| DataError::io(folder, &error))?.path();
        let known = path
            .extension()
            .and_then(|found| found.to_str())
            .is_some_and(|found| extensions.iter().any(|extension| extension.eq_ignore_ascii_case(found)));
        if let (true, Some(stem)) = (known, path.file_stem().and_then(|stem| stem.to_str())) {
            let stem = stem.to_owned();
            // Two files of one name, `a.jpg` and `a.png`: the first in alphabetical order, on every file system.
            let earlier = found.get(&stem).is_some_and(|other| *other < path);
            if !earlier {
                found.insert(stem, path);
            }
        }
    }
    Ok(found)
}

/// The id that the name of a picture means: without folders and without the extension of a picture.
pub(super) fn id_of(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((stem, extension)) if ["jpg", "jpeg", "png"].contains(&extension.to_ascii_lowercase().as_str()) => stem,
        _ => name,
    }
    .to_owned()
}

/// The lines of a text file with their numbers from 1, without empty ones.
pub(super) fn lines(path: &Path) -> Result<Vec<(usize, String)>, DataError> {
    let text = std::fs::read(path).map_err(|error| DataError::io(path, &error))?;
    let text = String::from_utf8(text).map_err(|_| DataError::broken(path, "is not UTF-8 text"))?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim().to_owned()));
    Ok(lines.filter(|(_, line)| !line.is_empty()).collect())
}

/// Class names, one a line; a first line `background` is the background and no class.
pub(super) fn read_classes(path: &Path) -> Result<Vec<String>, DataError> {
    let mut classes: Vec<String> = Vec::new();
    for (at, (number, line)) in lines(path)?.into_iter().enumerate() {
        if at == 0 && line == "background" {
            continue;
        }
        if classes.contains(&line) {
            return Err(DataError::invalid(path, format!("line {number}: the class `{line}` is named twice")));
        }
        classes.push(line);
    }
    match classes.len() {
        0 => Err(DataError::invalid(path, "names no class")),
        1..=254 => Ok(classes),
        n => Err(DataError::invalid(path, format!("names {n} classes; an index map of 8 bits has room for 254"))),
    }
}

/// The tags that a list of class names means; a name that is no class is a problem at `file`, line `number`.
pub(super) fn tags_of<'a>(
    names: impl Iterator<Item = &'a str>,
    classes: &[String],
    file: &Path,
    number: usize,
) -> Result<Vec<bool>, DataError> {
    let mut tags = vec![false; classes.len()];
    for name in names {
        match classes.iter().position(|class| class == name) {
            Some(class) => tags[class] = true,
            None => {
                return Err(DataError::invalid(
                    file,
                    format!("line {number}: `{name}` is not a class of this data set"),
                )
                .help(crate::diag::suggest::help(name, "classes", classes.iter().map(String::as_str))));
            }
        }
    }
    Ok(tags)
}
