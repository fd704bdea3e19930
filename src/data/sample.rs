//! One picture with everything that belongs to it, moved as one: what flips the picture flips its mask and its maps.

use std::collections::BTreeMap;

use super::{Grid, Mask, Rgb, Streams};

/// Float maps, one after the other: `channels · height · width` values.
#[derive(Clone, PartialEq, Debug)]
pub struct Planes {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub data: Vec<f32>,
}

impl Planes {
    /// Three planes of 0–255.
    pub fn from_rgb(image: &Rgb) -> Planes {
        let mut data = Vec::with_capacity(image.data.len());
        for channel in 0..3 {
            data.extend(image.data.iter().skip(channel).step_by(3).map(|&value| f32::from(value)));
        }
        Planes { channels: 3, height: image.height, width: image.width, data }
    }

    /// The values of one channel.
    pub fn plane(&self, channel: usize) -> &[f32] {
        let area = self.height * self.width;
        &self.data[channel * area..(channel + 1) * area]
    }
}

/// The photograph of a sample. Bytes as long as nothing needs more, for resizing bytes is what Pillow does.
#[derive(Clone, PartialEq, Debug)]
pub enum Picture {
    Bytes(Rgb),
    /// Three planes of 0–255, not rounded.
    Levels(Planes),
    /// Three planes with mean and standard deviation taken out.
    Standardized(Planes),
}

impl Picture {
    /// Three planes on whatever scale the picture is on.
    pub fn into_planes(self) -> Planes {
        match self {
            Picture::Bytes(image) => Planes::from_rgb(&image),
            Picture::Levels(planes) | Picture::Standardized(planes) => planes,
        }
    }
}

/// A rectangle of pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rect {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

/// Numbers of any shape.
#[derive(Clone, PartialEq, Debug)]
pub enum Array {
    Float { dims: Vec<usize>, data: Vec<f32> },
    Index { dims: Vec<usize>, data: Vec<u32> },
}

impl Array {
    pub fn dims(&self) -> &[usize] {
        match self {
            Array::Float { dims, .. } | Array::Index { dims, .. } => dims,
        }
    }
}

/// One picture on its way into a batch. Sizes are `[height, width]`.
///
/// S1: image, mask, maps and index maps are all of `size`.
/// S2: outside `valid` there is padding: mean colour (0 once standardized) in the image, 255 in the mask, 0 in maps, or what the
/// recipe states.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sample {
    pub id: String,
    /// The place in the split's list.
    pub index: u64,
    /// As the picture was decoded.
    pub original: [usize; 2],
    /// As it is now.
    pub size: [usize; 2],
    pub image: Option<Picture>,
    pub tags: Option<Vec<bool>>,
    pub mask: Option<Mask>,
    /// Float maps of other stages that move with the picture, by name.
    pub maps: BTreeMap<String, Planes>,
    /// Index maps of other stages that move with the picture, by name.
    pub index_maps: BTreeMap<String, Grid<u32>>,
    /// What other stages saved and nothing moves, by name.
    pub arrays: BTreeMap<String, Array>,
    pub valid: Rect,
    /// Whether the recipe has stated the colour of the picture's padding, which then stays.
    pub coloured: bool,
}

/// A part of the plane that may reach beyond the picture; offsets are of the picture's origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub top: isize,
    pub left: isize,
    pub height: usize,
    pub width: usize,
}

impl Window {
    /// From the picture's origin on.
    pub fn of([height, width]: [usize; 2]) -> Window {
        Window { top: 0, left: 0, height, width }
    }
}

/// The ImageNet mean colour: what padding looks like before the picture is standardized, when it becomes exactly 0.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];

impl Sample {
    /// What `window` shows of the sample; padding where it shows nothing.
    pub(super) fn cut(&mut self, window: Window, streams: &Streams) {
        let from = self.size;
        if (window.top, window.left, [window.height, window.width]) == (0, 0, from) {
            return;
        }
        let cut = |data: &[u8], fill: &[u8]| cut(data, from, window, fill);
        let cut_planes = |planes: &mut Planes, fill: [f32; 3]| {
            let mut data = Vec::with_capacity(planes.channels * window.height * window.width);
            for channel in 0..planes.channels {
                data.extend(self::cut(planes.plane(channel), from, window, &[fill[channel % 3]]));
            }
            *planes = Planes { channels: planes.channels, height: window.height, width: window.width, data };
        };
        let colour = streams.colour();
        self.coloured |= colour.is_some();
        match &mut self.image {
            Some(Picture::Bytes(image)) => {
                let data = cut(&image.data, &colour.unwrap_or(MEAN).map(|level| level.round() as u8));
                *image = Rgb { height: window.height, width: window.width, data };
            }
            Some(Picture::Levels(planes)) => cut_planes(planes, colour.unwrap_or(MEAN)),
            Some(Picture::Standardized(planes)) => cut_planes(planes, colour.unwrap_or_default()),
            None => {}
        }
        if let Some(mask) = &mut self.mask {
            let data = cut(&mask.data, &[streams.class("mask") as u8]);
            *mask = Mask { height: window.height, width: window.width, data };
        }
        self.maps.iter_mut().for_each(|(name, planes)| cut_planes(planes, [streams.real(name); 3]));
        for (name, grid) in &mut self.index_maps {
            let data = self::cut(&grid.data, from, window, &[streams.class(name)]);
            *grid = Grid { height: window.height, width: window.width, data };
        }
        let (top, height) = overlap(self.valid.top, self.valid.height, window.top, window.height);
        let (left, width) = overlap(self.valid.left, self.valid.width, window.left, window.width);
        self.valid = Rect { top, left, height, width };
        self.size = [window.height, window.width];
    }

    /// Left becomes right.
    pub(super) fn flip(&mut self) {
        let width = self.size[1];
        match &mut self.image {
            Some(Picture::Bytes(image)) => {
                for row in image.data.chunks_exact_mut((3 * width).max(1)) {
                    // All bytes turned round, then each pixel's own three turned back.
                    row.reverse();
                    row.chunks_exact_mut(3).for_each(<[u8]>::reverse);
                }
            }
            Some(Picture::Levels(planes) | Picture::Standardized(planes)) => flip(&mut planes.data, width),
            None => {}
        }
        self.mask.iter_mut().for_each(|mask| flip(&mut mask.data, width));
        self.maps.values_mut().for_each(|planes| flip(&mut planes.data, width));
        self.index_maps.values_mut().for_each(|grid| flip(&mut grid.data, width));
        self.valid.left = width - self.valid.left - self.valid.width;
    }

    /// Whether a pixel is of the picture, not of the padding.
    pub fn is_valid(&self, y: usize, x: usize) -> bool {
        let Rect { top, left, height, width } = self.valid;
        (top..top + height).contains(&y) && (left..left + width).contains(&x)
    }

    /// Whether the whole sample is picture.
    pub fn is_whole(&self) -> bool {
        [self.valid.height, self.valid.width] == self.size
    }
}

fn flip<T>(data: &mut [T], width: usize) {
    data.chunks_exact_mut(width.max(1)).for_each(<[T]>::reverse);
}

/// What a window of `length` at `offset` sees of `start .. start + extent`: where in the window, and how much.
fn overlap(start: usize, extent: usize, offset: isize, length: usize) -> (usize, usize) {
    let low = (start as isize - offset).clamp(0, length as isize);
    let high = ((start + extent) as isize - offset).clamp(0, length as isize);
    (low as usize, (high - low).max(0) as usize)
}

/// A window of a grid whose pixels have `fill.len()` values each.
fn cut<T: Copy>(data: &[T], from: [usize; 2], window: Window, fill: &[T]) -> Vec<T> {
    let per = fill.len();
    let (top, rows) = overlap(0, from[0], window.top, window.height);
    let (left, columns) = overlap(0, from[1], window.left, window.width);
    let mut cut: Vec<T> = fill.iter().copied().cycle().take(window.height * window.width * per).collect();
    for row in top..top + rows {
        let source = ((row as isize + window.top) as usize * from[1] + (left as isize + window.left) as usize) * per;
        let target = (row * window.width + left) * per;
        cut[target..target + columns * per].copy_from_slice(&data[source..source + columns * per]);
    }
    cut
}
