//! Pictures as they stand in the page: scaled down, and embedded as PNG.

use crate::data::resample::{Filter, resize_area, resize_nearest, resize_rgb};
use crate::data::{Grid, Planes, Rgb};
use crate::store::{heat, palette};

/// The longer side, in pixels: six pictures of a few maps each fit on a screen, and a map takes some ten kilobytes.
const LONGEST_SIDE: usize = 192;

/// A picture to embed: PNG bytes and the size it is shown at.
pub(super) struct Picture {
    png: Vec<u8>,
    shown: [usize; 2],
}

impl Picture {
    /// A photograph; `None` where it has no pixels.
    pub fn photograph(image: &Rgb) -> Option<Picture> {
        let [height, width] = fitting([image.height, image.width])?;
        let small = resize_rgb(image, [height, width], Filter::Bilinear);
        Picture::new([height, width], png::ColorType::Rgb, None, &small.data)
    }

    /// Class numbers, in the colours of PASCAL VOC.
    pub fn classes(classes: &Grid<u8>) -> Option<Picture> {
        let to = fitting([classes.height, classes.width])?;
        let small = resize_nearest(classes, to);
        Picture::new(to, png::ColorType::Indexed, Some((0..=255).flat_map(palette::color).collect()), &small.data)
    }

    /// A real map, black at `low` and white at `high`. 256 colours of the ramp are enough for the eye and take a third of the room.
    pub fn heat(map: &Planes, low: f32, high: f32) -> Option<Picture> {
        let to = fitting([map.height, map.width])?;
        let small = resize_area(map, to);
        let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
        // What is no number becomes 0, as everywhere.
        let levels: Vec<u8> = small.data.iter().map(|value| ((value - low) * scale).round() as u8).collect();
        let ramp = (0..=255u8).flat_map(|level| heat::color(f32::from(level) / 255.0)).collect();
        Picture::new(to, png::ColorType::Indexed, Some(ramp), &levels)
    }

    fn new(size: [usize; 2], color: png::ColorType, palette: Option<Vec<u8>>, data: &[u8]) -> Option<Picture> {
        let (mut png, [height, width]) = (Vec::new(), size);
        let mut encoder = png::Encoder::new(&mut png, width as u32, height as u32);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        if let Some(palette) = palette {
            encoder.set_palette(palette);
        }
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(data).ok()?;
        writer.finish().ok()?;
        // Small pictures are shown larger, so that a map on a coarse grid is as large as its photograph.
        let longest = height.max(width);
        let shown = [height, width].map(|side| (side * LONGEST_SIDE / longest).max(1));
        Some(Picture { png, shown })
    }

    /// What it takes of the page, in bytes.
    pub fn bytes(&self) -> usize {
        self.png.len().div_ceil(3) * 4
    }

    pub fn html(&self) -> String {
        let [height, width] = self.shown;
        format!(
            "<img width=\"{width}\" height=\"{height}\" alt=\"\" src=\"data:image/png;base64,{}\">",
            base64(&self.png)
        )
    }
}

/// The size at which the longer side is no longer than it may be.
fn fitting([height, width]: [usize; 2]) -> Option<[usize; 2]> {
    let longest = height.max(width);
    if height * width == 0 {
        return None;
    }
    let scale = |side: usize| if longest > LONGEST_SIDE { (side * LONGEST_SIDE / longest).max(1) } else { side };
    Some([scale(height), scale(width)])
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * at) & 63]);
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        pairs.into_iter().for_each(|(bytes, text)| assert_eq!(base64(bytes.as_bytes()), text));
        assert_eq!(base64(&[0xff, 0xef, 0xbe]), "/+++");
    }

    #[test]
    fn large_ones_shrink_and_small_ones_are_shown_larger() {
        assert_eq!(fitting([375, 500]), Some([144, 192]));
        assert_eq!(fitting([1, 5000]), Some([1, 192]));
        assert_eq!((fitting([12, 16]), fitting([0, 5])), (Some([12, 16]), None));
        let small = Picture::classes(&Grid { height: 12, width: 16, data: vec![3; 192] }).unwrap();
        assert!(
            small.html().starts_with("<img width=\"192\" height=\"144\" alt=\"\" src=\"data:image/png;base64,iVBOR")
        );
        assert!(small.html().ends_with("\">") && small.bytes() < 1500);
    }

    #[test]
    fn colours_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let read = |picture: Picture| {
            let path = folder.path().join("a.png");
            std::fs::write(&path, &picture.png).unwrap();
            crate::data::read_rgb(&path).unwrap().data
        };
        let map = Planes { channels: 1, height: 1, width: 3, data: vec![2.0, 4.0, f32::NAN] };
        assert_eq!(read(Picture::heat(&map, 2.0, 4.0).unwrap()), [[0; 3], [255; 3], [0; 3]].concat());
        let classes = Grid { height: 1, width: 2, data: vec![1, 255] };
        assert_eq!(read(Picture::classes(&classes).unwrap()), [128, 0, 0, 224, 224, 192]);
        let photograph = Rgb { height: 1, width: 1, data: vec![1, 2, 3] };
        assert_eq!(read(Picture::photograph(&photograph).unwrap()), [1, 2, 3]);
    }
}
