//! Small data sets for tests: a temporary folder, pictures and masks written into it, and the photographs of a machine that
//! has some.

use std::path::{Path, PathBuf};

use super::DataError;

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
        write_jpeg(&self.place(name), height, width, |y, x| [(y * 9) as u8, (x * 9) as u8, (x * y) as u8]);
    }

    pub fn mask(&self, name: &str, height: usize, width: usize, value: impl Fn(usize, usize) -> u8) {
        let data: Vec<u8> =
            (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| value(y, x)).collect();
        let kind = png::ColorType::Indexed;
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
