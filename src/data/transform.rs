//! Joint augmentation: one draw moves a picture, its mask and its maps together.
//!
//! Geometry reaches everything a sample holds, colour the picture only. What is drawn belongs to (seed, place in the recipe,
//! epoch, sample), so it is the same whoever loads the sample and whenever.

use serde::{Deserialize, Serialize};

use super::resample::{Filter, nearest_range, resize_bilinear, resize_nearest, resize_planes, resize_rgb};
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
    /// Both sides times a factor drawn evenly from `factor[0]..factor[1]`.
    RandomScale { factor: [f64; 2] },
    /// Left and right change places with probability `p`.
    RandomFlip { p: f64 },
    /// Brightness, contrast and saturation times `1 ± strength`, hue turned by `± hue` of the circle, in an order drawn anew
    /// each time; the picture must be on the scale 0–255.
    ColorJitter { brightness: f64, contrast: f64, saturation: f64, hue: f64 },
    /// A window of `size` at a random place. Where the picture is smaller it stands at a random place of the window, and
    /// around it is padding: mean colour, 255 in masks, 0 in maps.
    RandomCrop { size: [usize; 2] },
    /// The window of `size` in the middle, padded like [`Transform::RandomCrop`].
    CenterCrop { size: [usize; 2] },
    /// `(x / 255 - mean) / std` a channel; padding becomes exactly 0.
    Standardize { mean: [f64; 3], std: [f64; 3] },
}

/// A transform and where in the recipe it stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Placed {
    pub transform: Transform,
    pub place: u64,
}

impl Transform {
    /// Changes the sample, drawing from `stream`.
    pub fn apply(&self, sample: &mut Sample, stream: &mut Stream) -> Result<(), DataError> {
        let [height, width] = sample.size;
        if height == 0 || width == 0 {
            return Ok(());
        }
        match *self {
            Transform::Resize { long_side } => resize(sample, by_long_side(sample.size, long_side)),
            Transform::RandomResize { long_side: [low, high] } => {
                let long_side = stream.integer(low as i64, high as i64) as usize;
                resize(sample, by_long_side(sample.size, long_side));
            }
            Transform::RandomScale { factor: [low, high] } => {
                let factor = stream.uniform_range(low, high);
                resize(sample, sample.size.map(|side| ((side as f64 * factor).round() as usize).max(1)));
            }
            Transform::RandomFlip { p } => {
                if stream.bernoulli(p) {
                    sample.flip();
                }
            }
            Transform::ColorJitter { brightness, contrast, saturation, hue } => {
                let strengths = [brightness, contrast, saturation, hue];
                let steps = jitter::draw(strengths, stream);
                match sample.image.take() {
                    Some(Picture::Standardized(_)) => {
                        return Err(DataError::argument("colour jitter comes too late: the picture is standardized"));
                    }
                    Some(picture) => {
                        let mut planes = picture.into_planes();
                        steps.iter().for_each(|step| step.apply(&mut planes));
                        sample.image = Some(Picture::Levels(planes));
                    }
                    None => {}
                }
            }
            Transform::RandomCrop { size } => {
                let top = offset(stream, height, size[0]);
                let left = offset(stream, width, size[1]);
                sample.cut(Window { top, left, height: size[0], width: size[1] });
            }
            Transform::CenterCrop { size } => {
                let middle = |side: usize, wanted: usize| (side as isize - wanted as isize).div_euclid(2);
                let (top, left) = (middle(height, size[0]), middle(width, size[1]));
                sample.cut(Window { top, left, height: size[0], width: size[1] });
            }
            Transform::Standardize { mean, std } => standardize(sample, mean, std)?,
        }
        Ok(())
    }

    /// Whether it changes where things are, and not only what they look like.
    pub fn moves(&self) -> bool {
        !matches!(self, Transform::ColorJitter { .. } | Transform::Standardize { .. })
    }

    /// Why no sample can be transformed so, if that is the case.
    pub fn mistake(&self) -> Option<String> {
        let positive = |sizes: &[usize]| sizes.iter().all(|&side| (1..=MAX_SIDE).contains(&side));
        let wrong = match self {
            Transform::Resize { long_side } => !positive(&[*long_side]),
            Transform::RandomResize { long_side } => !positive(long_side) || long_side[0] > long_side[1],
            Transform::RandomScale { factor: [low, high] } => !(*low > 0.0 && low <= high && *high <= 100.0),
            Transform::RandomFlip { p } => !(0.0..=1.0).contains(p),
            Transform::ColorJitter { brightness, contrast, saturation, hue } => {
                ![brightness, contrast, saturation].iter().all(|&&strength| strength.is_finite() && strength >= 0.0)
                    || !(0.0..=0.5).contains(hue)
            }
            Transform::RandomCrop { size } | Transform::CenterCrop { size } => !positive(size),
            Transform::Standardize { mean, std } => {
                !mean.iter().chain(std).all(|value| value.is_finite()) || std.iter().any(|&std| std <= 0.0)
            }
        };
        wrong.then(|| match self {
            Transform::Resize { .. } | Transform::RandomCrop { .. } | Transform::CenterCrop { .. } => {
                format!("a side is a whole number of 1 to {MAX_SIDE} pixels")
            }
            Transform::RandomResize { .. } => {
                format!("`long_side` is a range, low to high, within 1 to {MAX_SIDE} pixels")
            }
            Transform::RandomScale { .. } => "`factor` is a range, low to high, above 0 and up to 100".to_owned(),
            Transform::RandomFlip { .. } => "`p` is a probability, 0 to 1".to_owned(),
            Transform::ColorJitter { .. } => "the strengths of a jitter are 0 and up, `hue` at most 0.5".to_owned(),
            Transform::Standardize { .. } => "`std` is above 0, `mean` and `std` are finite".to_owned(),
        })
    }
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

fn resize(sample: &mut Sample, to: [usize; 2]) {
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
    sample.maps.values_mut().for_each(|planes| *planes = resize_bilinear(planes, to));
    sample.index_maps.values_mut().for_each(|grid| *grid = resize_nearest(grid, to));
    let Rect { top, left, height, width } = sample.valid;
    let (top, bottom) = nearest_range(top, top + height, from[0], to[0]);
    let (left, right) = nearest_range(left, left + width, from[1], to[1]);
    sample.valid = Rect { top, left, height: bottom - top, width: right - left };
    sample.size = to;
}

fn standardize(sample: &mut Sample, mean: [f64; 3], std: [f64; 3]) -> Result<(), DataError> {
    let planes = match sample.image.take() {
        Some(Picture::Standardized(_)) => return Err(DataError::argument("the picture is standardized already")),
        Some(picture) => picture.into_planes(),
        None => return Ok(()),
    };
    let Planes { channels, height, width, mut data } = planes;
    let area = height * width;
    for (channel, plane) in data.chunks_exact_mut(area).enumerate() {
        let (mean, std) = (mean[channel % 3] as f32, std[channel % 3] as f32);
        plane.iter_mut().for_each(|level| *level = (*level / 255.0 - mean) / std);
        if !sample.is_whole() {
            for (at, value) in plane.iter_mut().enumerate() {
                if !sample.is_valid(at / width, at % width) {
                    *value = 0.0;
                }
            }
        }
    }
    sample.image = Some(Picture::Standardized(Planes { channels, height, width, data }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Grid, Rgb};
    use proptest::prelude::*;

    /// A picture whose colours, mask, map and index map all tell where a pixel came from.
    fn sample(height: usize, width: usize) -> Sample {
        let at = |f: &dyn Fn(usize, usize) -> usize| -> Vec<usize> {
            (0..height * width).map(|i| f(i / width, i % width)).collect()
        };
        let place = at(&|y, x| y * width + x);
        Sample {
            id: "a".into(),
            original: [height, width],
            size: [height, width],
            image: Some(Picture::Bytes(Rgb {
                height,
                width,
                data: place.iter().flat_map(|&p| [p as u8, (p >> 8) as u8, 7]).collect(),
            })),
            mask: Some(Grid { height, width, data: place.iter().map(|&p| (p % 200) as u8).collect() }),
            maps: [(
                "m".into(),
                Planes {
                    channels: 2,
                    height,
                    width,
                    data: place.iter().map(|&p| p as f32).chain(place.iter().map(|&p| -(p as f32))).collect(),
                },
            )]
            .into(),
            index_maps: [("i".into(), Grid { height, width, data: place.iter().map(|&p| p as u32).collect() })].into(),
            valid: Rect { top: 0, left: 0, height, width },
            ..Sample::default()
        }
    }

    fn apply(transform: Transform, sample: &mut Sample, seed: u64) {
        transform.apply(sample, &mut Stream::new(seed, 0, 0, 0)).unwrap();
    }

    /// That every part of the sample shows the same pixel everywhere, and padding where it is said to be.
    fn assert_together(sample: &Sample) {
        let Some(Picture::Bytes(image)) = &sample.image else { panic!("bytes") };
        let (mask, map, index) = (sample.mask.as_ref().unwrap(), &sample.maps["m"], &sample.index_maps["i"]);
        assert_eq!([image.height, image.width], sample.size);
        for y in 0..sample.size[0] {
            for x in 0..sample.size[1] {
                let at = y * sample.size[1] + x;
                let pixel = &image.data[3 * at..3 * at + 3];
                if sample.is_valid(y, x) {
                    let place = usize::from(pixel[0]) + 256 * usize::from(pixel[1]);
                    assert_eq!(usize::from(mask.data[at]), place % 200);
                    assert_eq!(index.data[at] as usize, place);
                    assert_eq!((map.plane(0)[at], map.plane(1)[at]), (place as f32, -(place as f32)));
                } else {
                    assert_eq!((pixel, mask.data[at], index.data[at]), (&[124, 116, 104][..], 255, 255));
                    assert_eq!((map.plane(0)[at], map.plane(1)[at]), (0.0, 0.0));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn geometry_moves_everything_together(
            height in 1usize..12, width in 1usize..12, ch in 1usize..14, cw in 1usize..14, seed: u64,
        ) {
            let mut moved = sample(height, width);
            apply(Transform::RandomFlip { p: 0.5 }, &mut moved, seed);
            apply(Transform::RandomCrop { size: [ch, cw] }, &mut moved, seed);
            // Nothing is lost that the window has room for.
            prop_assert_eq!((moved.valid.height, moved.valid.width), (height.min(ch), width.min(cw)));
            apply(Transform::RandomFlip { p: 0.5 }, &mut moved, seed ^ 1);
            apply(Transform::CenterCrop { size: [cw, ch] }, &mut moved, seed);
            assert_together(&moved);
            prop_assert_eq!(moved.size, [cw, ch]);
        }

        #[test]
        fn padding_is_exactly_zero_after_standardizing(height in 1usize..6, width in 1usize..6, seed: u64) {
            let standardize = Transform::Standardize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
            let mut before = sample(height, width);
            apply(Transform::RandomCrop { size: [8, 8] }, &mut before, seed);
            apply(standardize.clone(), &mut before, seed);
            let mut after = sample(height, width);
            apply(standardize, &mut after, seed);
            apply(Transform::RandomCrop { size: [8, 8] }, &mut after, seed);
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn flip_by_hand() {
        let mut flipped = sample(1, 3);
        apply(Transform::RandomFlip { p: 1.0 }, &mut flipped, 0);
        assert_eq!(flipped.mask.unwrap().data, [2, 1, 0]);
        let mut kept = sample(1, 3);
        apply(Transform::RandomFlip { p: 0.0 }, &mut kept, 0);
        assert_eq!(kept, sample(1, 3));
    }

    #[test]
    fn long_sides_and_factors() {
        assert_eq!(by_long_side([100, 50], 30), [30, 15]);
        assert_eq!(by_long_side([50, 101], 30), [15, 30]);
        assert_eq!(by_long_side([1, 1000], 30), [1, 30]);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut resized = sample(6, 12);
            apply(Transform::RandomResize { long_side: [5, 8] }, &mut resized, seed);
            assert_eq!(resized.mask.as_ref().map(|mask| [mask.height, mask.width]), Some(resized.size));
            seen.insert(resized.size[1]);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [5, 6, 7, 8]);
        let mut scaled = sample(10, 20);
        apply(Transform::RandomScale { factor: [1.5, 1.5] }, &mut scaled, 0);
        assert_eq!((scaled.size, scaled.original), ([15, 30], [10, 20]));
    }

    #[test]
    fn standardize_by_hand() {
        let mut one = sample(1, 2);
        one.image = Some(Picture::Bytes(Rgb { height: 1, width: 2, data: vec![0, 51, 255, 255, 102, 0] }));
        apply(Transform::Standardize { mean: [0.5, 0.2, 0.0], std: [0.5, 0.1, 2.0] }, &mut one, 0);
        let planes = one.image.unwrap().into_planes();
        for (got, expected) in planes.data.iter().zip([-1.0, 1.0, 0.0, 2.0, 0.5, 0.0]) {
            assert!((got - expected).abs() < 1e-6, "{:?}", planes.data);
        }
    }

    #[test]
    fn what_comes_too_late_is_refused() {
        let jitter = Transform::ColorJitter { brightness: 0.1, contrast: 0.1, saturation: 0.1, hue: 0.1 };
        let standardize = Transform::Standardize { mean: [0.5; 3], std: [0.5; 3] };
        let mut one = sample(2, 2);
        apply(standardize.clone(), &mut one, 0);
        assert!(jitter.apply(&mut one.clone(), &mut Stream::new(0, 0, 0, 0)).is_err());
        assert!(standardize.apply(&mut one, &mut Stream::new(0, 0, 0, 0)).is_err());
        assert!(Transform::RandomResize { long_side: [9, 5] }.mistake().is_some());
        assert!(jitter.mistake().is_none());
    }
}
