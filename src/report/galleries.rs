//! The first pictures of each data set beside what the stages saved of them.
//!
//! Stages that run over the same pictures share a gallery: a photograph is there once, and what stages make of it stands side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Tensor};

use super::facts::{Facts, StageFacts};
use super::html::{absent, text};
use super::picture::Picture;
use crate::data::{self, Dataset, Grid, Planes, Source};
use crate::store::{file_name, npz};

/// Of each data set: enough to see what a method does, on a page that is still read to its end.
const MOST_PICTURES: usize = 6;

/// Of a map of many classes, those with the highest numbers: who wants the others has `wsss show`.
const MOST_PLANES: usize = 3;

/// Of all pictures of the page, in bytes of its text: with it the page of a run of many stages stays at a few MB, which a phone opens and a
/// mail takes. First pictures of all galleries come first, so what is left out are later pictures.
const MOST_BYTES: usize = 3 << 20;

/// A data set, or why it cannot be opened.
type Opened = Result<Arc<dyn Dataset>, String>;

/// Data sets of the recipe, each opened once; those that are not there any more are known as well.
#[derive(Default)]
pub(super) struct DataSets {
    opened: Vec<(Source, Opened)>,
}

impl DataSets {
    fn open(&mut self, source: &Source) -> Opened {
        if let Some((_, opened)) = self.opened.iter().find(|(known, _)| known == source) {
            return opened.clone();
        }
        let opened = data::open(source).map_err(|error| error.to_string());
        self.opened.push((source.clone(), opened.clone()));
        opened
    }

    /// The foreground classes; none where nobody knows them.
    pub fn classes(&mut self, source: &Source) -> Vec<String> {
        match (self.open(source), source) {
            (Ok(dataset), _) => dataset.classes().to_vec(),
            (Err(_), Source::Voc2012 { .. }) => data::VOC_CLASSES.iter().map(|name| name.to_string()).collect(),
            (Err(_), _) => Vec::new(),
        }
    }
}

/// Something that a stage saved for each picture.
struct Save {
    /// `cams.cam`
    name: String,
    folder: PathBuf,
}

impl Save {
    /// The file of a picture, by the picture's name as a file.
    fn file(&self, stem: &str) -> Option<PathBuf> {
        [".png", ".npz"]
            .map(|ending| self.folder.join(format!("{stem}{ending}")))
            .into_iter()
            .find(|path| path.is_file())
    }
}

/// Stages that ran over the same pictures.
struct Gallery<'a> {
    /// `None` where the recipe does not tell: then a stage is alone.
    pictures: Option<(&'a Source, &'a str)>,
    saves: Vec<Save>,
}

pub(super) fn galleries(facts: &Facts, data: &mut DataSets) -> String {
    let mut shown: Vec<(String, Rows)> = Vec::new();
    for gallery in all(facts) {
        let mut notes = String::new();
        let title = match gallery.pictures {
            Some((source, split)) => format!("{}, {split}", data::words(source)),
            None => "pictures that the recipe does not tell".into(),
        };
        let dataset = match gallery.pictures.map(|(source, _)| data.open(source)) {
            Some(Ok(dataset)) => Some(dataset),
            Some(Err(why)) => {
                notes += &absent(&format!("without photographs: {why}"));
                None
            }
            None => None,
        };
        let rows = Rows::new(gallery, dataset);
        shown.push((format!("<h3>{}</h3>\n{notes}", text(&title)), rows));
    }
    let (mut bytes, mut left_out) = (0, 0);
    let mut html: Vec<String> = shown.iter().map(|(head, _)| head.clone()).collect();
    for at in 0..MOST_PICTURES {
        for (html, (_, rows)) in html.iter_mut().zip(&shown) {
            *html += &rows.row(at, &mut bytes, &mut left_out);
        }
    }
    let mut html = html.concat();
    if left_out > 0 {
        html += &absent(&format!(
            "{left_out} more are left out, so that the page stays small; `wsss show` draws any of them"
        ));
    }
    html
}

/// A gallery for each set of pictures, in the order of the stages.
fn all<'a>(facts: &'a Facts) -> Vec<Gallery<'a>> {
    let mut galleries: Vec<Gallery> = Vec::new();
    for stage in &facts.stages {
        let saves = saves(stage);
        if saves.is_empty() {
            continue;
        }
        let pictures = stage.plan.map(|plan| (&plan.data.source, plan.data.split.as_str()));
        match galleries.iter_mut().find(|gallery| pictures.is_some() && gallery.pictures == pictures) {
            Some(gallery) => gallery.saves.extend(saves),
            None => galleries.push(Gallery { pictures, saves }),
        }
    }
    galleries
}

fn saves(stage: &StageFacts) -> Vec<Save> {
    let Some(maps) = stage.finished.as_ref().map(|finished| finished.path("maps")) else { return Vec::new() };
    names(&maps)
        .into_iter()
        .map(|name| Save { name: format!("{}.{name}", stage.name), folder: maps.join(name) })
        .collect()
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The pictures of a gallery.
struct Rows<'a> {
    gallery: Gallery<'a>,
    dataset: Option<Arc<dyn Dataset>>,
    /// The place of each in the list of its split, where there is one, and its name.
    pictures: Vec<(Option<usize>, String)>,
}

impl<'a> Rows<'a> {
    fn new(gallery: Gallery<'a>, dataset: Option<Arc<dyn Dataset>>) -> Rows<'a> {
        let pictures = match (&dataset, gallery.pictures) {
            (Some(dataset), Some((_, split))) => {
                let ids = (0..dataset.len(split).unwrap_or(0)).map(|at| (Some(at), dataset.id(split, at).to_string()));
                let saved = |id: &String| gallery.saves.iter().any(|save| save.file(&file_name(id)).is_some());
                ids.filter(|(_, id)| saved(id)).take(MOST_PICTURES).collect()
            }
            // Names of files, which are the ids but for odd characters.
            _ => {
                let files = gallery.saves.first().map(|save| names(&save.folder)).unwrap_or_default();
                let stems =
                    files.iter().filter_map(|name| name.rsplit_once('.').map(|(stem, _)| (None, stem.to_string())));
                stems.take(MOST_PICTURES).collect()
            }
        };
        Rows { gallery, dataset, pictures }
    }

    /// The photograph of a picture and all that was saved of it. `bytes` is what the pictures of the page take so far.
    fn row(&self, at: usize, bytes: &mut usize, left_out: &mut usize) -> String {
        let Some((place, id)) = self.pictures.get(at) else { return String::new() };
        let mut html = format!("<h4>{}</h4>\n<div class=\"row\">\n", text(id));
        let mut add = |pictures: &[Picture], caption: &str| {
            let more: usize = pictures.iter().map(Picture::bytes).sum();
            if *bytes + more > MOST_BYTES {
                *left_out += pictures.len();
                return;
            }
            *bytes += more;
            let drawn: String = pictures.iter().map(Picture::html).collect();
            html += &format!("<figure>{drawn}<figcaption>{}</figcaption></figure>\n", text(caption));
        };
        if let (Some(dataset), Some(place), Some((_, split))) = (&self.dataset, place, self.gallery.pictures) {
            match dataset.image(split, *place) {
                Ok(image) => add(Picture::photograph(&image).as_slice(), "photograph"),
                Err(error) => add(&[], &format!("without its photograph: {error}")),
            }
        }
        let stem = if place.is_some() { file_name(id) } else { id.clone() };
        let classes = self.dataset.as_ref().map_or(&[][..], |dataset| dataset.classes());
        for save in &self.gallery.saves {
            let Some(file) = save.file(&stem) else { continue };
            match drawn(&file, classes) {
                Ok(Some((pictures, caption))) => add(&pictures, &format!("{}{caption}", save.name)),
                // Scores, vectors: no picture.
                Ok(None) => {}
                Err(why) => add(&[], &format!("{}: {why}", save.name)),
            }
        }
        html + "</div>\n"
    }
}

/// `show` lines of training: what they were at the last epoch.
pub(super) fn shown(facts: &Facts) -> String {
    let (mut html, mut bytes) = (String::new(), 0);
    for stage in &facts.stages {
        let Some(folder) = stage.finished.as_ref().map(|finished| finished.path("show")) else { continue };
        for name in names(&folder) {
            let Some(last) = names(&folder.join(&name)).pop() else { continue };
            let epoch = last.trim_end_matches(".npz").trim_start_matches('0').to_string();
            let caption = format!("{}.{name}, epoch {epoch}", stage.name);
            let (pictures, caption) = match drawn(&folder.join(&name).join(&last), &[]) {
                Ok(Some((pictures, more))) => (pictures, format!("{caption}{more}")),
                Ok(None) => continue,
                Err(why) => (Vec::new(), format!("{caption}: {why}")),
            };
            bytes += pictures.iter().map(Picture::bytes).sum::<usize>();
            if bytes > MOST_BYTES {
                return html + &absent("more is left out, so that the page stays small");
            }
            let drawn: String = pictures.iter().map(Picture::html).collect();
            html += &format!("<figure>{drawn}<figcaption>{}</figcaption></figure>\n", text(&caption));
        }
    }
    if html.is_empty() { html } else { format!("<div class=\"row\">\n{html}</div>\n") }
}

/// What a file of one picture shows, and what is to be said of it; `None` where it is no picture. `classes` are those of the foreground, as far as
/// they are known.
fn drawn(path: &Path, classes: &[String]) -> Result<Option<(Vec<Picture>, String)>, String> {
    if path.extension().is_some_and(|ending| ending == "png") {
        let classes = data::read_indices(path).map_err(|error| error.what)?;
        return Ok(Picture::classes(&classes).map(|picture| (vec![picture], String::new())));
    }
    let arrays = npz::read(path).map_err(|error| error.what)?;
    let Some((_, array)) = arrays.into_iter().next() else { return Err("the file holds no array".into()) };
    array_drawn(&array, classes).map_err(|error| error.to_string())
}

fn array_drawn(array: &Tensor, classes: &[String]) -> candle_core::Result<Option<(Vec<Picture>, String)>> {
    let (index, dims) = (!array.dtype().is_float(), array.dims().to_vec());
    let (planes, height, width) = match dims[..] {
        [height, width] => (1, height, width),
        [planes, height, width] if !index => (planes, height, width),
        _ => return Ok(None),
    };
    if planes * height * width == 0 {
        return Ok(None);
    }
    if index {
        let numbers: Vec<u32> = array.to_dtype(DType::U32)?.flatten_all()?.to_vec1()?;
        // There are 256 colours; of more regions than that some look alike.
        let data = numbers.into_iter().map(|number| (number % 256) as u8).collect();
        let picture = Picture::classes(&Grid { height, width, data });
        return Ok(picture.map(|picture| (vec![picture], String::new())));
    }
    let numbers: Vec<f32> = array.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    let plane = |at: usize| &numbers[at * height * width..(at + 1) * height * width];
    let finite = || numbers.iter().copied().filter(|number| number.is_finite());
    let (low, high) = finite().reduce(f32::min).zip(finite().reduce(f32::max)).unwrap_or_default();
    let highest = |at: &usize| plane(*at).iter().copied().filter(|number| number.is_finite()).fold(f32::MIN, f32::max);
    let mut lit: Vec<usize> = (0..planes).filter(|at| plane(*at).iter().any(|number| *number != 0.0)).collect();
    let all = lit.len();
    lit.sort_by(|a, b| highest(b).total_cmp(&highest(a)));
    lit.truncate(MOST_PLANES);
    lit.sort_unstable();
    if lit.is_empty() {
        lit.push(0);
    }
    let pictures = lit
        .iter()
        .filter_map(|at| Picture::heat(&Planes { channels: 1, height, width, data: plane(*at).to_vec() }, low, high));
    let mut caption = format!(", {low:.3} to {high:.3}");
    if planes > 1 {
        let names: Vec<String> = lit.iter().map(|at| map_name(*at, planes, classes)).collect();
        caption += &format!(", {} of {planes} maps", names.join(", "));
        if all > lit.len() {
            caption += &format!(" ({all} are not zero)");
        }
    }
    Ok(Some((pictures.collect(), caption)))
}

/// A map by its class where there is one for each, with or without background; else by its number.
fn map_name(at: usize, planes: usize, classes: &[String]) -> String {
    let foreground = match planes.checked_sub(classes.len()) {
        Some(0) => Some(at),
        Some(1) if at == 0 => return "background".into(),
        Some(1) => Some(at - 1),
        _ => None,
    };
    foreground.and_then(|class| classes.get(class).cloned()).unwrap_or_else(|| format!("map {at}"))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn said(array: &[f32], dims: &[usize]) -> String {
        let array = Tensor::from_slice(array, dims, &Device::Cpu).unwrap();
        match array_drawn(&array, &["cat".into(), "dog".into()]).unwrap() {
            Some((pictures, caption)) => format!("{}{caption}", pictures.len()),
            None => "no picture".into(),
        }
    }

    #[test]
    fn of_many_maps_the_highest_are_shown() {
        assert_eq!(said(&[0.5, 1.0], &[1, 2]), "1, 0.500 to 1.000");
        assert_eq!(said(&[0.0, 0.5, 0.0, 1.0], &[4, 1, 1]), "2, 0.000 to 1.000, map 1, map 3 of 4 maps");
        assert_eq!(
            said(&[1.0, 4.0, 3.0, 2.0, 5.0], &[5, 1, 1]),
            "3, 1.000 to 5.000, map 1, map 2, map 4 of 5 maps (5 are not zero)"
        );
        assert_eq!(said(&[0.0, 0.0], &[2, 1, 1]), "1, 0.000 to 0.000, cat of 2 maps");
        assert_eq!(said(&[0.5, 0.0, 1.0], &[3, 1, 1]), "2, 0.000 to 1.000, background, dog of 3 maps");
        assert_eq!(said(&[f32::NAN, f32::INFINITY], &[1, 2]), "1, 0.000 to 0.000");
        assert_eq!((said(&[1.0], &[1]), said(&[], &[0, 3])), ("no picture".into(), "no picture".into()));
    }
}
