//! Real maps as pictures: from black over red and yellow to white, several side by side.

use std::path::Path;

use super::palette::io_error;
use crate::files::{self, FileError};

/// The colour of a number between 0 and 1; what is none is black.
pub fn color(value: f32) -> [u8; 3] {
    let part = |from: f32| ((3.0 * value - from).clamp(0.0, 1.0) * 255.0).round() as u8;
    [part(0.0), part(1.0), part(2.0)]
}

/// Planes of one size, row by row.
pub struct Planes<'a> {
    pub height: usize,
    pub width: usize,
    pub planes: Vec<&'a [f32]>,
}

/// Writes an RGB PNG, whole or not at all: black is `low`, white is `high`.
///
/// # Errors
/// A file that cannot be written; planes without pixels.
pub fn write(path: &Path, planes: &Planes, low: f32, high: f32) -> Result<(), FileError> {
    let Planes { height, width, planes } = planes;
    let scale = if high > low { 1.0 / (high - low) } else { 0.0 };
    let mut data = Vec::with_capacity(3 * height * width * planes.len());
    for row in 0..*height {
        for plane in planes {
            plane[row * width..(row + 1) * width].iter().for_each(|value| data.extend(color((value - low) * scale)));
        }
    }
    files::write(path, false, |file| {
        let mut encoder = png::Encoder::new(file, (width * planes.len()) as u32, *height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(io_error)?;
        writer.write_image_data(&data).map_err(io_error)?;
        writer.finish().map_err(io_error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_black_to_white_side_by_side() {
        assert_eq!(color(0.0), [0, 0, 0]);
        assert_eq!(color(1.0 / 3.0), [255, 0, 0]);
        assert_eq!(color(1.0), [255, 255, 255]);
        assert_eq!((color(-1.0), color(9.0), color(f32::NAN)), ([0; 3], [255; 3], [0; 3]));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let planes = Planes { height: 2, width: 1, planes: vec![&[2.0, 4.0], &[4.0, 2.0]] };
        write(&path, &planes, 2.0, 4.0).unwrap();
        let picture = crate::data::read_rgb(&path).unwrap();
        assert_eq!((picture.height, picture.width), (2, 2));
        assert_eq!(picture.data, [[0; 3], [255; 3], [255; 3], [0; 3]].concat());
    }
}
