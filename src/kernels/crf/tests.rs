//! The mean field against the field's C++ library, against the exact sums, and against its laws.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::Tensor;
use proptest::prelude::*;

use super::{Error, Kernel, Picture, exact, mean_field, unary};
use crate::kernels::testing::{assert_same_for_any_workers, numbers, sample};

const SPATIAL: Kernel = Kernel::Spatial { sxy: 3.0, weight: 3.0 };

const fn bilateral(sxy: f32, srgb: f32) -> Kernel {
    Kernel::Bilateral { sxy, srgb, weight: 10.0 }
}

/// The arrays of `crf.npz`: see `tests/golden/README.md`.
fn golden() -> HashMap<String, Tensor> {
    let folder = std::env::var_os("WSSS_GOLDEN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    crate::store::npz::read(&folder.join("crf.npz")).expect("golden arrays").into_iter().collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    numbers(tensor).into_iter().map(|x| x as f32).collect()
}

/// Numbers in `0..top`.
fn drawn(count: usize, seed: u64, top: f32) -> Vec<f32> {
    numbers(&sample(&[count], seed)).into_iter().map(|x| (x as f32 + 1.0) / 2.0 * top).collect()
}

fn apart(a: &[f32], b: impl IntoIterator<Item = f32>) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The label with the largest number, of each pixel.
fn largest(q: &[f32], pixels: usize) -> Vec<usize> {
    let label = |pixel: usize| {
        let numbers = q[pixel..].iter().step_by(pixels).enumerate();
        numbers.fold((0, f32::MIN), |best, (label, x)| if *x > best.1 { (label, *x) } else { best }).0
    };
    (0..pixels).map(label).collect()
}

#[test]
fn the_golden_arrays_come_out() {
    let arrays = golden();
    let rgb = numbers(&arrays["in_image"]);
    let (height, width, labels) = (60, 80, 5);
    let pixels = height * width;
    let planes: Vec<f32> = (0..3 * pixels).map(|i| rgb[i % pixels * 3 + i / pixels] as f32).collect();
    let picture = Picture::new(&planes, [3, height, width]).unwrap();
    let scores = floats(&arrays["in_probabilities"]);
    let own: Vec<u32> = largest(&scores, pixels).into_iter().map(|label| label as u32).collect();
    for (name, kernel, steps, logits) in [
        ("psa", bilateral(80.0, 13.0), 10, unary::from_scores(&scores)),
        ("cpn", bilateral(50.0, 13.0), 5, unary::from_scores(&scores)),
        ("irn", bilateral(50.0, 5.0), 10, unary::from_labels(&own, labels, 0.7)),
    ] {
        let energies = numbers(&arrays[&format!("in_{name}_unary")]);
        assert!(apart(&logits, energies.iter().map(|energy| -*energy as f32)) < 2e-6, "{name}");
        let kernels = [SPATIAL, kernel];
        for steps in [1, steps] {
            let expected = |which: &str| floats(&arrays[&format!("out_{name}_i{steps}_{which}")]);
            let found = mean_field(&logits, labels, &picture, &kernels, steps).unwrap();
            assert!(apart(&found, expected("lattice")) < 2e-5, "{name} after {steps} steps");
            assert_eq!(largest(&found, pixels), largest(&expected("lattice"), pixels), "{name} after {steps} steps");
        }
        // All pairs of pixels take seconds: one step of one preset tells whether the sums are right.
        if name == "irn" {
            let found = exact(&logits, labels, &picture, &kernels, 1).unwrap();
            assert!(apart(&floats(&arrays["out_irn_i1_exact"]), found.iter().map(|x| *x as f32)) < 2e-6);
        }
    }
}

#[test]
fn the_lattice_is_close_to_the_exact_sums() {
    // A dark square on a bright ground, and scores that point to it.
    let side = 24;
    let inside = |i: usize| (6..18).contains(&(i % side)) && (6..18).contains(&(i / side % side));
    let colours: Vec<f32> = (0..3 * side * side).map(|i| if inside(i) { 40.0 } else { 200.0 }).collect();
    let noise = drawn(side * side, 5, 0.8);
    let scores: Vec<f32> = (0..side * side).map(|i| if inside(i) { 0.5 + noise[i] / 2.0 } else { noise[i] }).collect();
    let scores = [scores.iter().map(|score| 1.0 - score).collect(), scores].concat();
    let picture = Picture::new(&colours, [3, side, side]).unwrap();
    let (logits, kernels) = (unary::from_scores(&scores), [SPATIAL, bilateral(10.0, 13.0)]);
    let found = mean_field(&logits, 2, &picture, &kernels, 5).unwrap();
    let expected = exact(&logits, 2, &picture, &kernels, 5).unwrap();
    assert!(apart(&found, expected.iter().map(|x| *x as f32)) < 0.05);
    let square: Vec<usize> = (0..side * side).map(|i| usize::from(inside(i))).collect();
    assert_ne!(largest(&logits, side * side), square);
    assert_eq!(largest(&found, side * side), square);
}

#[test]
fn a_picture_of_one_colour_gives_the_spatial_result() {
    let (height, width) = (9, 11);
    let colours = vec![77.0; 3 * height * width];
    let picture = Picture::new(&colours, [3, height, width]).unwrap();
    let logits = drawn(3 * height * width, 1, 4.0);
    let spatial = [Kernel::Spatial { sxy: 5.0, weight: 2.0 }];
    let both = [Kernel::Bilateral { sxy: 5.0, srgb: 13.0, weight: 2.0 }];
    let exactly = |kernels| exact(&logits, 3, &picture, kernels, 4).unwrap();
    assert_eq!(exactly(&spatial), exactly(&both));
    let found = |kernels| mean_field(&logits, 3, &picture, kernels, 4).unwrap();
    // Lattices of two and of five dimensions: not the same sums.
    assert!(apart(&found(&spatial), found(&both)) < 0.05);
}

#[test]
fn grey_stands_for_three_channels() {
    let grey = drawn(12 * 7, 2, 255.0);
    let logits = drawn(4 * 12 * 7, 3, 5.0);
    let kernels = [SPATIAL, bilateral(8.0, 20.0)];
    let run = |numbers: &[f32], channels: usize| {
        mean_field(&logits, 4, &Picture::new(numbers, [channels, 12, 7]).unwrap(), &kernels, 3).unwrap()
    };
    assert_eq!(run(&grey, 1), run(&[&grey[..], &grey, &grey].concat(), 3));
}

#[test]
fn without_steps_or_kernels_or_weight_it_is_the_softmax() {
    let (colours, logits) = (drawn(3 * 35, 4, 255.0), drawn(3 * 35, 6, 9.0));
    let picture = Picture::new(&colours, [3, 5, 7]).unwrap();
    let softmax: Vec<f32> = exact(&logits, 3, &picture, &[], 0).unwrap().into_iter().map(|x| x as f32).collect();
    let silent = [Kernel::Spatial { sxy: 3.0, weight: 0.0 }];
    for (kernels, steps) in [(&[SPATIAL][..], 0), (&[], 7), (&silent, 3)] {
        let found = mean_field(&logits, 3, &picture, kernels, steps).unwrap();
        assert!(apart(&found, softmax.iter().copied()) < 1e-6);
    }
}

#[test]
fn the_same_bits_for_any_number_of_workers() {
    let (height, width, labels) = (150, 300, 21);
    let colours = drawn(3 * height * width, 8, 60.0);
    let picture = Picture::new(&colours, [3, height, width]).unwrap();
    let logits = drawn(labels * height * width, 9, 6.0);
    assert_same_for_any_workers("mean field", || {
        let q = mean_field(&logits, labels, &picture, &[SPATIAL, bilateral(80.0, 13.0)], 3).unwrap();
        Tensor::from_vec(q, (labels, height, width), &candle_core::Device::Cpu)
    });
}

#[test]
fn what_has_no_result_says_so() {
    let colours = [0.0; 12];
    let picture = Picture::new(&colours, [3, 2, 2]).unwrap();
    let run = |logits: &[f32], kernel: Kernel| mean_field(logits, 2, &picture, &[kernel], 1).unwrap_err();
    assert_eq!(run(&[0.0; 7], SPATIAL), Error::Size { numbers: 7, labels: 2, size: [2, 2] });
    for bad in [f32::NAN, f32::INFINITY] {
        let logits = [0.0, 0.0, 0.0, 0.0, 0.0, bad, 0.0, 0.0];
        assert_eq!(run(&logits, SPATIAL), Error::NotANumber { label: 1, row: 0, column: 1 });
    }
    for (sxy, weight) in [(0.0, 1.0), (-3.0, 1.0), (f32::NAN, 1.0), (3.0, -1.0), (3.0, f32::NAN)] {
        assert!(matches!(run(&[0.0; 8], Kernel::Spatial { sxy, weight }), Error::Kernel(_)));
    }
    assert!(matches!(run(&[0.0; 8], Kernel::Spatial { sxy: 1e-7, weight: 1.0 }), Error::TooFine(_)));
    assert!(matches!(Picture::new(&colours, [2, 2, 3]), Err(Error::Channels { .. })));
    assert!(matches!(Picture::new(&[f32::NAN; 3], [3, 1, 1]), Err(Error::Colour)));
}

#[test]
fn a_label_that_cannot_be_stays_so() {
    let picture = Picture::new(&[9.0; 12], [3, 2, 2]).unwrap();
    let logits = [[0.0; 4], [f32::NEG_INFINITY; 4], [1.0; 4]].concat();
    let q = mean_field(&logits, 3, &picture, &[SPATIAL], 5).unwrap();
    assert_eq!(q[4..8], [0.0; 4]);
}

fn any_kernel() -> impl Strategy<Value = Kernel> {
    (1.0f32..90.0, 2.0f32..30.0, 0.0f32..12.0, any::<bool>()).prop_map(|(sxy, srgb, weight, colour)| match colour {
        true => Kernel::Bilateral { sxy, srgb, weight },
        false => Kernel::Spatial { sxy, weight },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Pictures of a single pixel, row or column among them; a single label, none, more than fill four groups.
    #[test]
    fn marginals_sum_to_one_and_follow_their_labels(
        size in prop_oneof![Just([1, 1]), (1usize..40).prop_map(|n| [1, n]), (1usize..40).prop_map(|n| [n, 1]), (1usize..14, 1usize..14).prop_map(|(a, b)| [a, b])],
        labels in prop_oneof![0usize..12, Just(40)],
        kernels in prop::collection::vec(any_kernel(), 0..4),
        steps in 0usize..5,
        seed in any::<u64>(),
    ) {
        let pixels = size[0] * size[1];
        let (colours, logits) = (drawn(3 * pixels, seed, 255.0), drawn(labels * pixels, seed ^ 1, 12.0));
        let picture = Picture::new(&colours, [3, size[0], size[1]]).unwrap();
        let q = mean_field(&logits, labels, &picture, &kernels, steps).unwrap();
        prop_assert_eq!(q.len(), logits.len());
        for pixel in 0..pixels.min(q.len()) {
            let sum: f32 = q[pixel..].iter().step_by(pixels).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5);
        }
        prop_assert!(q.iter().all(|q| (0.0..=1.0).contains(q)));
        // The last label first.
        let turned = |x: &[f32]| -> Vec<f32> { x.chunks(pixels).rev().flatten().copied().collect() };
        let other = mean_field(&turned(&logits), labels, &picture, &kernels, steps).unwrap();
        prop_assert!(apart(&turned(&q), other) < 1e-4);
    }
}
