//! Joint augmentation: one draw moves a picture, its mask and its maps together.
//!
//! Geometry reaches everything a sample holds, colour the picture only. What is drawn belongs to (seed, place in the recipe,
//! epoch, sample), so it is the same whoever loads the sample and whenever.

mod streams;

pub use streams::{Method, Streams};

use serde::{Deserialize, Serialize};

use super::resample::{Filter, nearest_range, resize_nearest, resize_planes, resize_rgb};
use super::sample::{Picture, Rect, Window};
use super::{DataError, Planes, Sample, jitter};
use crate::random::Stream;

/// One step of augmentation. Sizes are `[height, width]` in pixels.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "transform")]
pub enum Transform {
    /// The longer side becomes `long_side`, the other follows.
    Resize { long_side: usize },
    /// The longer side becomes a whole number drawn evenly from `long_side[0]..=long_side[1]`.
    RandomResize { long_side: [usize; 2] },
    /// The longer side is brought within `long_side[0]..=long_side[1]`, the other follows.
    ClampLongSide { long_side: [usize; 2] },
    /// Both sides times a factor drawn evenly from `factor[0]..factor[1]`.
    RandomScale { factor: [f64; 2] },
    /// Both sides times one of the factors, each as likely.
    RandomScaleOf { factors: Vec<f64> },
    /// Left and right change places with probability `p`.
    RandomFlip { p: f64 },
    /// Brightness, contrast and saturation times `1 ± strength`, hue turned by `± hue` of the circle, in an order drawn anew
    /// each time; the picture must be on the scale 0–255.
    ColorJitter { brightness: f64, contrast: f64, saturation: f64, hue: f64 },
    /// Whole numbers drawn evenly from `±hue` (in 180ths of the circle), `±saturation` and `±value` (in 255ths) are added to
    /// hue, saturation and value; the picture must be on the scale 0–255.
    HsvJitter { hue: usize, saturation: usize, value: usize },
    /// A window of `size` at a random place. Where the picture is smaller it stands at a random place of the window, and
    /// around it is padding: mean colour, 255 in masks, 0 in maps.
    RandomCrop { size: [usize; 2] },
    /// The window of `size` in the middle, padded like [`Transform::RandomCrop`].
    CenterCrop { size: [usize; 2] },
    /// The window of `size` that begins where the picture begins, padded at the right and below.
    TopLeftCrop { size: [usize; 2] },
    /// At least of `size`: padded at the right and below; a larger picture stays as it is.
    PadTo { size: [usize; 2] },
    /// Both sides grow to a multiple, padded at the right and below.
    PadToMultiple { multiple: [usize; 2] },
    /// `(x / 255 - mean) / std` a channel; padding becomes exactly 0.
    Standardize { mean: [f64; 3], std: [f64; 3] },
    /// `x - mean` a channel on the scale 0–255, the channels in the order blue, green, red where `bgr`; padding becomes exactly 0.
    SubtractMean { mean: [f64; 3], bgr: bool },
}

/// A transform and where in the recipe it stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Placed {
    pub transform: Transform,
    pub place: u64,
    /// What it does differently to some streams.
    #[serde(default, skip_serializing_if = "Streams::is_empty")]
    pub streams: Streams,
}

impl Placed {
    pub fn new(transform: Transform, place: u64) -> Placed {
        Placed { transform, place, streams: Streams::default() }
    }
}

impl Transform {
    /// Changes the sample, drawing from `stream`.
    pub fn apply(&self, sample: &mut Sample, streams: &Streams, stream: &mut Stream) -> Result<(), DataError> {
        let [height, width] = sample.size;
        if height == 0 || width == 0 {
            return Ok(());
        }
        let by_factor = |factor: f64| sample.size.map(|side| ((side as f64 * factor).round() as usize).max(1));
        match self {
            Transform::Resize { long_side } => {
                let to = by_long_side(sample.size, *long_side);
                resize(sample, to, streams);
            }
            Transform::RandomResize { long_side: [low, high] } => {
                let long_side = stream.integer(*low as i64, *high as i64) as usize;
                resize(sample, by_long_side(sample.size, long_side), streams);
            }
            Transform::ClampLongSide { long_side: [low, high] } => {
                let to = by_long_side(sample.size, height.max(width).clamp(*low, *high));
                resize(sample, to, streams);
            }
            Transform::RandomScale { factor: [low, high] } => {
                let to = by_factor(stream.uniform_range(*low, *high));
                resize(sample, to, streams);
            }
            Transform::RandomScaleOf { factors } => {
                let drawn = stream.integer(0, factors.len().max(1) as i64 - 1) as usize;
                let to = by_factor(factors.get(drawn).copied().unwrap_or(1.0));
                resize(sample, to, streams);
            }
            Transform::RandomFlip { p } => {
                if stream.bernoulli(*p) {
                    sample.flip();
                }
            }
            Transform::ColorJitter { brightness, contrast, saturation, hue } => {
                let steps = jitter::draw([*brightness, *contrast, *saturation, *hue], stream);
                recolour(sample, &steps)?;
            }
            Transform::HsvJitter { hue, saturation, value } => {
                let mut draw = |most: usize| stream.integer(-(most as i64), most as i64) as f32;
                let shift = jitter::Step::Hsv([draw(*hue) / 180.0, draw(*saturation) / 255.0, draw(*value)]);
                recolour(sample, &[shift])?;
            }
            Transform::RandomCrop { size } => {
                let top = offset(stream, height, size[0]);
                let left = offset(stream, width, size[1]);
                sample.cut(Window { top, left, height: size[0], width: size[1] }, streams);
            }
            Transform::CenterCrop { size } => {
                let middle = |side: usize, wanted: usize| (side as isize - wanted as isize).div_euclid(2);
                let (top, left) = (middle(height, size[0]), middle(width, size[1]));
                sample.cut(Window { top, left, height: size[0], width: size[1] }, streams);
            }
            Transform::TopLeftCrop { size } => sample.cut(Window::of(*size), streams),
            Transform::PadTo { size } => {
                sample.cut(Window::of([height.max(size[0]), width.max(size[1])]), streams);
            }
            Transform::PadToMultiple { multiple } => {
                let grown = [height.next_multiple_of(multiple[0]), width.next_multiple_of(multiple[1])];
                sample.cut(Window::of(grown), streams);
            }
            Transform::Standardize { mean, std } => {
                let of = |channel: usize| (mean[channel] as f32, std[channel] as f32);
                normalize(sample, [0, 1, 2], |level, channel| {
                    let (mean, std) = of(channel);
                    (level / 255.0 - mean) / std
                })?;
            }
            Transform::SubtractMean { mean, bgr } => {
                let order = if *bgr { [2, 1, 0] } else { [0, 1, 2] };
                normalize(sample, order, |level, channel| level - mean[channel] as f32)?;
            }
        }
        Ok(())
    }

    /// Whether it changes where things are, and not only what they look like.
    pub fn moves(&self) -> bool {
        !self.colours()
    }

    /// Whether it changes colours alone.
    pub fn colours(&self) -> bool {
        matches!(self, Transform::ColorJitter { .. } | Transform::HsvJitter { .. }) || self.normalizes()
    }

    /// Whether it takes the picture from 0–255 to the scale that networks want.
    pub fn normalizes(&self) -> bool {
        matches!(self, Transform::Standardize { .. } | Transform::SubtractMean { .. })
    }

    /// Whether it brings the picture to another scale.
    pub fn resizes(&self) -> bool {
        use Transform::*;
        matches!(
            self,
            Resize { .. } | RandomResize { .. } | ClampLongSide { .. } | RandomScale { .. } | RandomScaleOf { .. }
        )
    }

    /// Whether there may be padding around the picture afterwards.
    pub fn pads(&self) -> bool {
        use Transform::*;
        matches!(self, RandomCrop { .. } | CenterCrop { .. } | TopLeftCrop { .. } | PadTo { .. } | PadToMultiple { .. })
    }

    /// Why no sample can be transformed so, if that is the case.
    pub fn mistake(&self) -> Option<String> {
        use Transform::*;
        let positive = |sizes: &[usize]| sizes.iter().all(|&side| (1..=MAX_SIDE).contains(&side));
        let finite = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite());
        let scale = |factor: &f64| *factor > 0.0 && *factor <= 100.0;
        let (wrong, rule) = match self {
            Resize { long_side } => (!positive(&[*long_side]), side()),
            RandomCrop { size } | CenterCrop { size } | TopLeftCrop { size } | PadTo { size } => {
                (!positive(size), side())
            }
            PadToMultiple { multiple } => (!positive(multiple), side()),
            RandomResize { long_side } | ClampLongSide { long_side } => (
                !positive(long_side) || long_side[0] > long_side[1],
                format!("`long_side` is a range, low to high, within 1 to {MAX_SIDE} pixels"),
            ),
            RandomScale { factor: [low, high] } => (
                !(scale(low) && scale(high) && low <= high),
                "`factor` is a range, low to high, above 0 and up to 100".to_owned(),
            ),
            RandomScaleOf { factors } => (
                factors.is_empty() || !factors.iter().all(scale),
                "`factor` is a list of at least one factor, above 0 and up to 100".to_owned(),
            ),
            RandomFlip { p } => (!(0.0..=1.0).contains(p), "`p` is a probability, 0 to 1".to_owned()),
            ColorJitter { brightness, contrast, saturation, hue } => {
                let strengths = [*brightness, *contrast, *saturation];
                let wrong = !finite(&strengths) || strengths.iter().any(|strength| *strength < 0.0);
                let rule = "the strengths of a jitter are 0 and up, `hue` at most 0.5".to_owned();
                (wrong || !(0.0..=0.5).contains(hue), rule)
            }
            HsvJitter { hue, saturation, value } => (
                *hue > 90 || (*saturation).max(*value) > 255,
                "`hue` is at most 90 of the circle's 180, `saturation` and `value` at most 255".to_owned(),
            ),
            Standardize { mean, std } => (
                !finite(mean) || !finite(std) || std.iter().any(|&std| std <= 0.0),
                "`std` is above 0, `mean` and `std` are finite".to_owned(),
            ),
            SubtractMean { mean, .. } => (!finite(mean), "`mean` is finite".to_owned()),
        };
        wrong.then_some(rule)
    }
}

fn side() -> String {
    format!("a side is a whole number of 1 to {MAX_SIDE} pixels")
}

/// Longer sides than this are a slip of the pen.
const MAX_SIDE: usize = 1 << 15;

/// A size with the longer side `long_side`, the other rounded, one half up.
fn by_long_side([height, width]: [usize; 2], long_side: usize) -> [usize; 2] {
    let long = height.max(width);
    [height, width].map(|side| ((2 * side * long_side + long) / (2 * long)).max(1))
}

/// Where along one axis a window of `wanted` begins: within the picture, or before it where the picture is smaller.
fn offset(stream: &mut Stream, side: usize, wanted: usize) -> isize {
    let slack = side as i64 - wanted as i64;
    let drawn = stream.integer(0, slack.abs()) as isize;
    if slack >= 0 { drawn } else { -drawn }
}

fn resize(sample: &mut Sample, to: [usize; 2], streams: &Streams) {
    let from = sample.size;
    if from == to {
        return;
    }
    sample.image = sample.image.take().map(|picture| match picture {
        Picture::Bytes(image) => Picture::Bytes(resize_rgb(&image, to, Filter::Bicubic)),
        Picture::Levels(planes) => {
            let mut planes = resize_planes(&planes, to, Filter::Bicubic);
            planes.data.iter_mut().for_each(|level| *level = level.clamp(0.0, 255.0));
            Picture::Levels(planes)
        }
        Picture::Standardized(planes) => Picture::Standardized(resize_planes(&planes, to, Filter::Bicubic)),
    });
    sample.mask.iter_mut().for_each(|mask| *mask = resize_nearest(mask, to));
    sample.maps.iter_mut().for_each(|(name, planes)| *planes = streams.method(name).resize(planes, to));
    sample.index_maps.values_mut().for_each(|grid| *grid = resize_nearest(grid, to));
    let Rect { top, left, height, width } = sample.valid;
    let (top, bottom) = nearest_range(top, top + height, from[0], to[0]);
    let (left, right) = nearest_range(left, left + width, from[1], to[1]);
    sample.valid = Rect { top, left, height: bottom - top, width: right - left };
    sample.size = to;
}

/// Changes the colours of a picture that is still on the scale 0–255.
fn recolour(sample: &mut Sample, steps: &[jitter::Step]) -> Result<(), DataError> {
    match sample.image.take() {
        Some(Picture::Standardized(_)) => {
            Err(DataError::argument("colour jitter comes too late: the picture is standardized"))
        }
        Some(picture) => {
            let mut planes = picture.into_planes();
            steps.iter().for_each(|step| step.apply(&mut planes));
            sample.image = Some(Picture::Levels(planes));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Puts the channels into `order` and each level through `scale(level, channel)`. Padding becomes exactly 0, unless the recipe
/// has given it a colour.
fn normalize(sample: &mut Sample, order: [usize; 3], scale: impl Fn(f32, usize) -> f32) -> Result<(), DataError> {
    let planes = match sample.image.take() {
        Some(Picture::Standardized(_)) => return Err(DataError::argument("the picture is standardized already")),
        Some(picture) => picture.into_planes(),
        None => return Ok(()),
    };
    let (height, width) = (planes.height, planes.width);
    let keep_padding = sample.is_whole() || sample.coloured;
    let mut data = Vec::with_capacity(planes.data.len());
    for (channel, from) in order.into_iter().enumerate() {
        data.extend(planes.plane(from).iter().enumerate().map(|(at, level)| {
            let kept = keep_padding || sample.is_valid(at / width, at % width);
            if kept { scale(*level, channel) } else { 0.0 }
        }));
    }
    sample.image = Some(Picture::Standardized(Planes { channels: 3, height, width, data }));
    Ok(())
}

#[cfg(test)]
mod tests;
