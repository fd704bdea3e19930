//! Every part of a sample moves with every other.

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
    transform.apply(sample, &Streams::default(), &mut Stream::new(seed, 0, 0, 0)).unwrap();
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
    let refused = |transform: &Transform| {
        transform.apply(&mut one.clone(), &Streams::default(), &mut Stream::new(0, 0, 0, 0)).is_err()
    };
    assert!(refused(&jitter) && refused(&standardize));
    assert!(Transform::RandomResize { long_side: [9, 5] }.mistake().is_some());
    assert!(jitter.mistake().is_none());
}

/// Every number of padding, stream by stream: picture, mask, map, index map.
fn padding(sample: &Sample) -> Vec<[f32; 4]> {
    let planes = sample.image.clone().unwrap().into_planes();
    let area = sample.size[0] * sample.size[1];
    let outside = (0..area).filter(|at| !sample.is_valid(at / sample.size[1], at % sample.size[1]));
    let (mask, map, index) = (sample.mask.as_ref().unwrap(), &sample.maps["m"], &sample.index_maps["i"]);
    outside.map(|at| [planes.data[at], f32::from(mask.data[at]), map.data[at], index.data[at] as f32]).collect()
}

#[test]
fn streams_are_filled_as_stated() {
    let fill = [("image", vec![9.0]), ("mask", vec![0.0]), ("m", vec![0.5]), ("i", vec![3.0])];
    let fill = fill.map(|(name, numbers)| (name.to_owned(), numbers)).into();
    let streams = Streams { fill, ..Streams::default() };
    let mut one = sample(2, 3);
    let crop = Transform::TopLeftCrop { size: [3, 4] };
    crop.apply(&mut one, &streams, &mut Stream::new(0, 0, 0, 0)).unwrap();
    let expected: Vec<[f32; 4]> = vec![[9.0, 0.0, 0.5, 3.0]; 6];
    assert_eq!((padding(&one), one.valid), (expected, Rect { top: 0, left: 0, height: 2, width: 3 }));
    // A stated colour is a colour: it is standardized like one.
    apply(Transform::Standardize { mean: [0.0; 3], std: [1.0; 3] }, &mut one, 0);
    assert!(padding(&one).iter().all(|[level, ..]| (level - 9.0 / 255.0).abs() < 1e-6));
}

#[test]
fn pads_grow_at_the_right_and_below() {
    let mut one = sample(3, 5);
    apply(Transform::PadTo { size: [4, 4] }, &mut one, 0);
    assert_eq!((one.size, one.valid), ([4, 5], Rect { top: 0, left: 0, height: 3, width: 5 }));
    apply(Transform::PadToMultiple { multiple: [4, 4] }, &mut one, 0);
    assert_eq!(one.size, [4, 8]);
    assert_together(&one);
    apply(Transform::TopLeftCrop { size: [2, 6] }, &mut one, 0);
    assert_eq!((one.size, one.valid), ([2, 6], Rect { top: 0, left: 0, height: 2, width: 5 }));
    assert_together(&one);
}

#[test]
fn a_long_side_is_clamped_and_a_scale_is_one_of_the_list() {
    for (size, long_side, expected) in [([6, 12], [5, 8], [4, 8]), ([2, 4], [6, 8], [3, 6]), ([3, 7], [5, 8], [3, 7])] {
        let mut one = sample(size[0], size[1]);
        apply(Transform::ClampLongSide { long_side }, &mut one, 0);
        assert_eq!(one.size, expected);
    }
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut one = sample(4, 8);
        apply(Transform::RandomScaleOf { factors: vec![0.5, 1.0, 1.5] }, &mut one, seed);
        seen.insert(one.size);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [[2, 4], [4, 8], [6, 12]]);
}

#[test]
fn maps_are_resized_as_stated() {
    let resized = |method: Option<Method>| {
        let mut one = sample(2, 4);
        let method = method.map(|method| ("m".to_owned(), method)).into_iter().collect();
        let streams = Streams { method, ..Streams::default() };
        let transform = Transform::Resize { long_side: 2 };
        transform.apply(&mut one, &streams, &mut Stream::new(0, 0, 0, 0)).unwrap();
        one.maps["m"].plane(0).to_vec()
    };
    assert_eq!(resized(Some(Method::Area)), [2.5, 4.5]);
    assert_eq!(resized(Some(Method::Nearest)), [5.0, 7.0]);
    assert_eq!(resized(None), resized(Some(Method::Bilinear)));
}

#[test]
fn the_mean_is_subtracted_in_the_order_of_the_channels() {
    let mut one = sample(1, 1);
    one.image = Some(Picture::Bytes(Rgb { height: 1, width: 1, data: vec![10, 20, 30] }));
    let mut other = one.clone();
    apply(Transform::SubtractMean { mean: [1.0, 2.0, 3.0], bgr: true }, &mut one, 0);
    apply(Transform::SubtractMean { mean: [1.0, 2.0, 3.0], bgr: false }, &mut other, 0);
    assert_eq!(one.image.unwrap().into_planes().data, [29.0, 18.0, 7.0]);
    assert_eq!(other.image.unwrap().into_planes().data, [9.0, 18.0, 27.0]);
}

#[test]
fn hsv_is_shifted_by_whole_numbers() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut one = sample(1, 1);
        one.image = Some(Picture::Bytes(Rgb { height: 1, width: 1, data: vec![100, 100, 100] }));
        apply(Transform::HsvJitter { hue: 0, saturation: 0, value: 2 }, &mut one, seed);
        seen.insert(one.image.unwrap().into_planes().data[0] as u32);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [98, 99, 100, 101, 102]);
}
