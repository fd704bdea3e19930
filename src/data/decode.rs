//! Files to pixels: photographs as RGB bytes, masks as the indices they hold (never as the colours of their palette).
//!
//! A file that is cut short or damaged is an error: no decoder may fill in grey for what is not there.

use std::path::Path;

use png::{BitDepth, ColorType};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{DataError, Grid};

/// A picture as decoded: `3 · height · width` bytes, row by row, R G B.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rgb {
    pub height: usize,
    pub width: usize,
    pub data: Vec<u8>,
}

/// A map of class numbers; 255 stands for "not known".
pub type Mask = Grid<u8>;

/// The index that belongs to no class: ignored by losses and metrics.
pub const IGNORE: u8 = 255;

/// Reads a JPEG or PNG photograph; which of the two is told by its first bytes. Grey becomes RGB, transparency is dropped,
/// 16 bits become 8.
pub fn read_rgb(path: &Path) -> Result<Rgb, DataError> {
    let bytes = read(path)?;
    match bytes.as_slice() {
        [0xFF, 0xD8, ..] => jpeg(path, &bytes),
        [0x89, b'P', b'N', b'G', ..] => png_rgb(path, &bytes),
        [] => Err(DataError::broken(path, "is empty")),
        _ => Err(DataError::broken(path, "is neither a JPEG nor a PNG picture")),
    }
}

/// Height and width of a JPEG or PNG photograph, by its header alone.
pub fn read_size(path: &Path) -> Result<[usize; 2], DataError> {
    let bytes = read(path)?;
    let size = match bytes.as_slice() {
        [0xFF, 0xD8, ..] => {
            let mut decoder = JpegDecoder::new(ZCursor::new(bytes.as_slice()));
            let header = decoder.decode_headers().map_err(|error| error.to_string());
            header.map(|()| decoder.info().map(|info| [usize::from(info.height), usize::from(info.width)]))
        }
        [0x89, b'P', b'N', b'G', ..] => {
            let reader = png::Decoder::new(std::io::Cursor::new(bytes.as_slice())).read_info();
            let reader = reader.map_err(|error| error.to_string());
            reader.map(|reader| Some([reader.info().height as usize, reader.info().width as usize]))
        }
        _ => Err("neither a JPEG nor a PNG picture".to_owned()),
    };
    match size {
        Ok(Some(size)) => Ok(size),
        Ok(None) => Err(DataError::broken(path, "has a header without a size")),
        Err(error) => Err(DataError::broken(path, format!("has no readable header: {error}"))),
    }
}

/// Reads an index map from a palette or grey PNG of 1, 2, 4 or 8 bits: the stored numbers as they are.
///
/// `classes` counts the background. A value outside `0..classes` other than 255 is refused.
pub fn read_mask(path: &Path, classes: usize) -> Result<Mask, DataError> {
    let mask = read_indices(path)?;
    let mut seen = [false; 256];
    mask.data.iter().for_each(|&value| seen[usize::from(value)] = true);
    match (classes..usize::from(IGNORE)).find(|&value| seen[value]) {
        None => Ok(mask),
        Some(value) => Err(DataError::invalid(
            path,
            format!(
                "holds the index {value}; {classes} classes, background included, allow 0 to {} and 255",
                classes - 1
            ),
        )),
    }
}

/// Reads an index map whatever its values.
pub fn read_indices(path: &Path) -> Result<Mask, DataError> {
    let bytes = read(path)?;
    if !bytes.starts_with(b"\x89PNG") {
        let what = if bytes.is_empty() { "is empty" } else { "is not a PNG file, so it cannot be an index map" };
        return Err(DataError::broken(path, what));
    }
    let (info, data) = decode_png(path, &bytes, png::Transformations::IDENTITY)?;
    let bits = match (info.color_type, info.bit_depth) {
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::One) => 1,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Two) => 2,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Four) => 4,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Eight) => 8,
        (ColorType::Indexed | ColorType::Grayscale, BitDepth::Sixteen) => {
            return Err(DataError::invalid(path, "has 16 bits a pixel; an index map has 8 at most"));
        }
        _ => {
            return Err(DataError::invalid(path, "is a colour picture, expected an index map")
                .help("save class numbers as a palette or grey PNG"));
        }
    };
    let (width, height) = (info.width as usize, info.height as usize);
    Ok(Grid { height, width, data: unpack(&data, info.line_size, width, height, bits) })
}

/// Rows of 1, 2, 4 or 8-bit numbers, each row beginning on a byte, to one number a byte.
fn unpack(data: &[u8], line: usize, width: usize, height: usize, bits: usize) -> Vec<u8> {
    let mut unpacked = Vec::with_capacity(width * height);
    for row in data.chunks_exact(line.max(1)).take(height) {
        match bits {
            8 => unpacked.extend_from_slice(&row[..width]),
            _ => {
                let (each, mask) = (8 / bits, (1u8 << bits) - 1);
                unpacked.extend((0..width).map(|x| (row[x / each] >> (8 - bits - bits * (x % each))) & mask));
            }
        }
    }
    unpacked
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map_err(|error| DataError::io(path, &error))
}

fn jpeg(path: &Path, bytes: &[u8]) -> Result<Rgb, DataError> {
    // Strict, for otherwise the decoder paints grey where the data ends early. It looks for that at the start of each row
    // of blocks only, so the end marker is looked for as well.
    if !ends_properly(bytes) {
        return Err(DataError::broken(path, "is cut short: the JPEG data has no end marker"));
    }
    let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let data = decoder.decode().map_err(|error| DataError::broken(path, format!("is not a whole JPEG: {error}")))?;
    let (width, height) =
        decoder.info().map(|info| (usize::from(info.width), usize::from(info.height))).unwrap_or_default();
    if data.len() != 3 * width * height || data.is_empty() {
        return Err(DataError::broken(path, "is a JPEG of a kind that cannot be turned into RGB"));
    }
    Ok(Rgb { height, width, data })
}

/// Whether an end-of-image marker follows the first scan. Markers before it (a thumbnail has its own) do not count; inside
/// a scan, 0xFF is followed by 0 unless it is a marker.
fn ends_properly(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xFF, marker]) = bytes.get(at..at + 2) {
        if marker == 0xDA {
            return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
        }
        let standalone = marker == 0xFF || marker == 0x01 || (0xD0..=0xD8).contains(&marker);
        at += match (standalone, bytes.get(at + 2..at + 4)) {
            (true, _) if marker == 0xFF => 1,
            (true, _) => 2,
            (false, Some(&[high, low])) => 2 + usize::from(u16::from_be_bytes([high, low])),
            (false, _) => return false,
        };
    }
    // Something else stands between the segments: the decoder will say what.
    at < bytes.len() && bytes.windows(2).any(|pair| pair == [0xFF, 0xD9])
}

fn png_rgb(path: &Path, bytes: &[u8]) -> Result<Rgb, DataError> {
    let (info, data) = decode_png(path, bytes, png::Transformations::normalize_to_color8())?;
    let (width, height) = (info.width as usize, info.height as usize);
    let data: Vec<u8> = match info.color_type {
        ColorType::Rgb => data,
        ColorType::Rgba => data.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        ColorType::GrayscaleAlpha => data.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
        ColorType::Grayscale | ColorType::Indexed => data.iter().flat_map(|&grey| [grey; 3]).collect(),
    };
    Ok(Rgb { height, width, data })
}

fn decode_png(
    path: &Path,
    bytes: &[u8],
    transformations: png::Transformations,
) -> Result<(png::OutputInfo, Vec<u8>), DataError> {
    let broken = |error: png::DecodingError| match error {
        png::DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DataError::broken(path, "is cut short: the PNG data ends too early")
        }
        error => DataError::broken(path, format!("is not a whole PNG: {error}")),
    };
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(transformations);
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().ok_or_else(|| DataError::broken(path, "is a PNG too large to hold"))?;
    let mut data = vec![0; size];
    let info = reader.next_frame(&mut data).map_err(broken)?;
    data.truncate(info.buffer_size());
    Ok((info, data))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::data::testing::{Tree, write_jpeg, write_png};

    fn png_of(color: ColorType, depth: BitDepth, width: u32, rows: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mask.png");
        let line = rows.len() / 2;
        assert_eq!(line * 2, rows.len(), "two rows");
        write_png(&path, color, depth, width, 2, rows);
        (dir, path)
    }

    #[test]
    fn a_size_is_told_by_the_header() {
        let tree = Tree::new();
        tree.jpeg("a.jpg", 6, 9);
        tree.mask("b.png", 4, 5, |_, _| 0);
        tree.text("c.jpg", "not a picture");
        assert_eq!(read_size(&tree.root().join("a.jpg")).unwrap(), [6, 9]);
        assert_eq!(read_size(&tree.root().join("b.png")).unwrap(), [4, 5]);
        assert_eq!(read_size(&tree.root().join("c.jpg")).unwrap_err().kind, crate::data::Kind::Broken);
    }

    #[test]
    fn indices_of_every_depth() {
        let (_dir, path) = png_of(ColorType::Indexed, BitDepth::One, 10, &[0b1010_0000, 0b0100_0000, 0, 0b1000_0000]);
        let mask = read_mask(&path, 2).unwrap();
        assert_eq!((mask.height, mask.width), (2, 10));
        assert_eq!(mask.data, [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let (_dir, path) = png_of(ColorType::Indexed, BitDepth::Two, 3, &[0b0001_1000, 0b1100_0000]);
        assert_eq!(read_mask(&path, 4).unwrap().data, [0, 1, 2, 3, 0, 0]);
        let (_dir, path) = png_of(ColorType::Indexed, BitDepth::Four, 3, &[0x12, 0x30, 0xF0, 0x50]);
        assert_eq!(read_mask(&path, 16).unwrap().data, [1, 2, 3, 15, 0, 5]);
        let (_dir, path) = png_of(ColorType::Grayscale, BitDepth::Eight, 3, &[0, 1, 255, 2, 0, 0]);
        assert_eq!(read_mask(&path, 3).unwrap().data, [0, 1, 255, 2, 0, 0]);
    }

    #[test]
    fn an_impossible_index_is_named_with_the_range() {
        let (_dir, path) = png_of(ColorType::Indexed, BitDepth::Eight, 2, &[0, 6, 7, 255]);
        let error = read_mask(&path, 7).unwrap_err();
        assert_eq!(error.kind, crate::data::Kind::Invalid);
        assert_eq!(error.what, "holds the index 7; 7 classes, background included, allow 0 to 6 and 255");
        assert!(error.to_string().contains("mask.png: "), "{error}");
    }

    #[test]
    fn a_colour_picture_is_no_mask() {
        let (_dir, path) = png_of(ColorType::Rgb, BitDepth::Eight, 1, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(read_mask(&path, 7).unwrap_err().what, "is a colour picture, expected an index map");
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jpg");
        write_jpeg(&path, 40, 56, |y, x| [(y * 5) as u8, (x * 4) as u8, ((x * y) % 251) as u8]);
        let whole = std::fs::read(&path).unwrap();
        let picture = read_rgb(&path).unwrap();
        assert_eq!((picture.height, picture.width, picture.data.len()), (40, 56, 3 * 40 * 56));
        for kept in [whole.len() / 2, whole.len() * 3 / 4, whole.len() - 40, whole.len() - 3, whole.len() - 2, 20, 3, 2]
        {
            std::fs::write(&path, &whole[..kept]).unwrap();
            let error = read_rgb(&path).unwrap_err();
            assert_eq!(error.kind, crate::data::Kind::Broken, "{kept} bytes kept");
            assert_eq!(error.file.as_deref(), Some(path.as_path()));
        }
    }

    #[test]
    fn a_png_cut_in_half_is_an_error() {
        let (_dir, path) = png_of(ColorType::Rgb, BitDepth::Eight, 8, &(0..48).collect::<Vec<u8>>());
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read_rgb(&path).unwrap().data, (0..48).collect::<Vec<u8>>());
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(read_rgb(&path).unwrap_err().kind, crate::data::Kind::Broken);
        assert_eq!(read_mask(&path, 3).unwrap_err().kind, crate::data::Kind::Broken);
    }

    #[test]
    fn grey_becomes_rgb() {
        let (_dir, path) = png_of(ColorType::Grayscale, BitDepth::Eight, 2, &[9, 8, 7, 6]);
        assert_eq!(read_rgb(&path).unwrap().data, [9, 9, 9, 8, 8, 8, 7, 7, 7, 6, 6, 6]);
    }
}
