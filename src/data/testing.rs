//! Small data sets for tests: a temporary folder, pictures and masks written into it, and the photographs of a machine that
//! has some.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{DataError, Dataset, Mask, Rgb};

/// A temporary folder, gone when it is dropped.
pub(crate) struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    pub fn new() -> Tree {
        Tree { dir: tempfile::tempdir().unwrap() }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    fn place(&self, name: &str) -> PathBuf {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub fn text(&self, name: &str, text: &str) {
        std::fs::write(self.place(name), text).unwrap();
    }

    pub fn jpeg(&self, name: &str, height: usize, width: usize) {
        // No two names have the same picture.
        let tint = name.bytes().fold(0, |tint: u8, byte| tint.wrapping_mul(31).wrapping_add(byte));
        write_jpeg(&self.place(name), height, width, |y, x| [(y * 9) as u8, (x * 9) as u8, (x * y) as u8 ^ tint]);
    }

    pub fn mask(&self, name: &str, height: usize, width: usize, value: impl Fn(usize, usize) -> u8) {
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| value(y, x)).collect();
        let kind = png::ColorType::Indexed;
        write_png(&self.place(name), kind, png::BitDepth::Eight, width as u32, height as u32, &data);
    }

    pub fn grey(&self, name: &str, height: usize, width: usize, value: impl Fn(usize, usize) -> u8) {
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| value(y, x)).collect();
        let kind = png::ColorType::Grayscale;
        write_png(&self.place(name), kind, png::BitDepth::Eight, width as u32, height as u32, &data);
    }

    /// Drops the second half of a file.
    pub fn cut(&self, name: &str) {
        let bytes = std::fs::read(self.place(name)).unwrap();
        std::fs::write(self.place(name), &bytes[..bytes.len() / 2]).unwrap();
    }

    /// `file: what; help` with the file relative to this folder.
    pub fn tell(&self, error: &DataError) -> String {
        let file =
            error.file.as_deref().map(|file| file.strip_prefix(self.root()).unwrap_or(file).display().to_string());
        let help = error.help.as_ref().map(|help| format!("; {help}"));
        format!("{}: {}{}", file.unwrap_or_default(), error.what, help.unwrap_or_default())
    }
}

pub(crate) fn write_jpeg(path: &Path, height: usize, width: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) {
    let data: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).flat_map(|(y, x)| pixel(y, x)).collect();
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 90)
        .encode(&data, width as u16, height as u16, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    std::fs::write(path, bytes).unwrap();
}

pub(crate) fn write_png(
    path: &Path,
    color: png::ColorType,
    depth: png::BitDepth,
    width: u32,
    height: u32,
    rows: &[u8],
) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette((0..=255u8).flat_map(|i| [i, 255 - i, i / 2]).take(3 << depth as u8).collect::<Vec<u8>>());
    }
    encoder.write_header().unwrap().write_image_data(rows).unwrap();
}

/// The folder `name` of real photographs below the one that `WSSS_DATA` names; a test without it says so and passes.
pub(crate) fn real(name: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("WSSS_DATA").map(|folder| PathBuf::from(folder).join(name)).filter(|root| root.is_dir());
    if root.is_none() {
        println!("skipped: WSSS_DATA names no folder with `{name}`");
    }
    root
}

/// How often something was decoded.
#[derive(Default)]
pub(crate) struct Counts {
    images: AtomicUsize,
    masks: AtomicUsize,
}

impl Counts {
    pub fn images(&self) -> usize {
        self.images.load(Ordering::SeqCst)
    }

    pub fn masks(&self) -> usize {
        self.masks.load(Ordering::SeqCst)
    }
}

/// A data set in memory that counts what is asked of it: pictures `p0`, `p1`, … of `side` × `side + index % 7`, three classes.
pub(crate) struct Counted {
    names: Vec<String>,
    classes: Vec<String>,
    side: usize,
    broken: Option<usize>,
    counts: Arc<Counts>,
}

impl Counted {
    pub fn whole(pictures: usize, side: usize) -> (Arc<dyn Dataset>, Arc<Counts>) {
        Counted::make(pictures, side, None)
    }

    /// With one picture that cannot be decoded.
    pub fn broken(pictures: usize, side: usize, broken: usize) -> (Arc<dyn Dataset>, Arc<Counts>) {
        Counted::make(pictures, side, Some(broken))
    }

    fn make(pictures: usize, side: usize, broken: Option<usize>) -> (Arc<dyn Dataset>, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let names = (0..pictures).map(|index| format!("p{index}")).collect();
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        (Arc::new(Counted { names, classes, side, broken, counts: counts.clone() }), counts)
    }

    fn width(&self, index: usize) -> usize {
        if self.broken.is_some() { self.side } else { self.side + index % 7 }
    }
}

impl Dataset for Counted {
    fn name(&self) -> &str {
        "counted"
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn splits(&self) -> Vec<&str> {
        vec!["train"]
    }

    fn len(&self, split: &str) -> Option<usize> {
        (split == "train").then_some(self.names.len())
    }

    fn id(&self, _: &str, index: usize) -> &str {
        &self.names[index]
    }

    fn tags(&self, _: &str, index: usize) -> Result<Vec<bool>, DataError> {
        Ok((0..3).map(|class| index % 3 == class).collect())
    }

    fn image(&self, _: &str, index: usize) -> Result<Rgb, DataError> {
        self.counts.images.fetch_add(1, Ordering::SeqCst);
        if self.broken == Some(index) {
            return Err(DataError::argument(format!("p{index} is broken")));
        }
        let (height, width) = (self.side, self.width(index));
        Ok(Rgb { height, width, data: (0..3 * height * width).map(|at| (at * 7 + index * 31) as u8).collect() })
    }

    fn mask(&self, _: &str, index: usize) -> Result<Option<Mask>, DataError> {
        self.counts.masks.fetch_add(1, Ordering::SeqCst);
        let (height, width) = (self.side, self.width(index));
        Ok(Some(Mask { height, width, data: (0..height * width).map(|at| (at % 4) as u8).collect() }))
    }

    fn fingerprint(&self) -> Result<String, DataError> {
        Ok("counted".to_owned())
    }
}
