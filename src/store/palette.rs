//! Index maps as PNG files with the palette of the PASCAL VOC development kit: the numbers are the classes, the colours are
//! for people.

use std::path::Path;

use crate::data::Grid;
use crate::files::{self, FileError};

/// The colour of each class number, as the VOC kit draws them: the bits of the number, dealt out to red, green and blue from
/// the highest bit down (`VOCcode/VOClabelcolormap.m`). 255 comes out as the cream of the borders.
pub fn color(class: u8) -> [u8; 3] {
    let mut color = [0; 3];
    for bit in 0..8 {
        // Three bits of the number for each bit of the colour; there are none left after the third.
        let three = u32::from(class) >> (3 * bit).min(31);
        for (channel, value) in color.iter_mut().enumerate() {
            *value |= ((three >> channel & 1) as u8) << (7 - bit);
        }
    }
    color
}

/// Writes class numbers as an 8-bit palette PNG, whole or not at all.
///
/// # Errors
/// A file that cannot be written; a grid without pixels.
pub fn write(path: &Path, grid: &Grid<u8>) -> Result<(), FileError> {
    let palette: Vec<u8> = (0..=255).flat_map(color).collect();
    files::write(path, false, |file| {
        let mut encoder = png::Encoder::new(file, grid.width as u32, grid.height as u32);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(io_error)?;
        writer.write_image_data(&grid.data).map_err(io_error)?;
        writer.finish().map_err(io_error)
    })
}

/// The cause itself where it is one of the disk: it says whether that is full.
pub(super) fn io_error(error: png::EncodingError) -> std::io::Error {
    match error {
        png::EncodingError::IoError(error) => error,
        other => std::io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_of_the_development_kit() {
        // Printed by VOClabelcolormap: aeroplane, person, tvmonitor, the border.
        assert_eq!(color(0), [0, 0, 0]);
        assert_eq!(color(1), [128, 0, 0]);
        assert_eq!(color(15), [192, 128, 128]);
        assert_eq!(color(20), [0, 64, 128]);
        assert_eq!(color(255), [224, 224, 192]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_as_one() {
        let error = std::fs::File::options().write(true).open("/dev/full").map(|full| {
            let mut encoder = png::Encoder::new(full, 1, 1);
            encoder.set_color(png::ColorType::Grayscale);
            encoder.write_header().and_then(|mut writer| writer.write_image_data(&[0])).map_err(io_error)
        });
        if let Ok(Err(error)) = error {
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps/seed/a.png");
        let grid = Grid { height: 2, width: 3, data: vec![0, 1, 20, 255, 7, 200] };
        write(&path, &grid).unwrap();
        assert_eq!(crate::data::read_indices(&path).unwrap(), grid);
    }
}
