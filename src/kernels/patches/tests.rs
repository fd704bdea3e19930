use candle_core::Device;
use proptest::prelude::*;

use super::super::testing::{assert_same_for_any_workers, numbers, sample};
use super::*;

fn slic_of(segments: usize) -> Slic {
    Slic { segments, compactness: 10.0, iterations: 5, lab: true }
}

fn streams(samples: &[u64]) -> Vec<Stream> {
    samples.iter().map(|&sample| Stream::new(3, 1, 0, sample)).collect()
}

#[test]
fn equal_bits() {
    let image = sample(&[2, 3, 70, 90], 1);
    assert_same_for_any_workers("slic", || slic(&image, &slic_of(40)));
    let how = Felzenszwalb { scale: 100.0, sigma: 0.8, min_size: 10, most: 50 };
    let patches = assert_same_for_any_workers("felzenszwalb", || felzenszwalb(&image, &how));
    assert!(numbers(&count(&patches, DType::F64).expect("patches")).iter().all(|count| *count <= 50.0));
    assert_same_for_any_workers("mean", || mean(&image, &patches));
}

#[test]
fn a_picture_of_one_colour_is_cut_into_even_patches() -> Result<()> {
    let plain = Tensor::ones((1, 3, 40, 60), DType::F32, &Device::Cpu)?;
    let patches = slic(&plain, &slic_of(6))?;
    assert_eq!(numbers(&count(&patches, DType::F64)?), [6.0]);
    let labels = patches.flatten_all()?.to_vec1::<u32>()?;
    for patch in 0..6 {
        let pixels = labels.iter().filter(|label| **label == patch).count();
        // A pixel in the middle between two centres goes to the first, so that those are a row or a column larger.
        assert!((361..=441).contains(&pixels), "{patch}: {pixels}");
    }
    let one = felzenszwalb(&plain, &Felzenszwalb { scale: 1.0, sigma: 0.8, min_size: 20, most: 9 })?;
    assert_eq!(numbers(&count(&one, DType::F64)?), [1.0]);
    Ok(())
}

#[test]
fn cells_at_the_edge_may_be_smaller() -> Result<()> {
    let cells = grid(&[2, 3], &Tensor::new(&[0u32, 1], &Device::Cpu)?, [3, 5])?;
    assert_eq!(
        cells.to_vec3::<u32>()?,
        [[[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]], [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]]
    );
    Ok(())
}

/// 2,000 pictures of 10 patches: what is hidden is a share of p, or what drawing again leaves of it.
#[test]
fn shares_are_those_of_the_draw() -> Result<()> {
    let patches = grid(&[1], &Tensor::zeros(2000, DType::U32, &Device::Cpu)?, [2, 5])?;
    let samples: Vec<u64> = (0..2000).collect();
    let share = |hiding: Hiding, p: f64| -> Result<f64> {
        let hidden = numbers(&hide(&patches, 12, p, hiding, &streams(&samples), DType::F64)?);
        assert!(hidden.chunks(12).all(|row| row[10..] == [0.0, 0.0]), "there are ten patches");
        Ok(hidden.iter().sum::<f64>() / 20_000.0)
    };
    // Standard errors of at most 0.0035; five of them are allowed.
    assert!((share(Hiding::Each, 0.3)? - 0.3).abs() < 0.018);
    assert_eq!((share(Hiding::Each, 0.0)?, share(Hiding::Each, 1.0)?), (0.0, 1.0));
    // Five draws from eleven numbers.
    let expected = 1.0 - (10.0f64 / 11.0).powi(5);
    assert!((share(Hiding::WithReplacement, 0.5)? - expected).abs() < 0.018, "{expected}");
    Ok(())
}

#[test]
fn means_are_even_over_a_patch() -> Result<()> {
    let x = Tensor::new(&[[[[1f64, 3., 5., 7.]]]], &Device::Cpu)?;
    let patches = Tensor::new(&[[[0u32, 0, 1, 0]]], &Device::Cpu)?;
    let third = 11.0 / 3.0;
    assert_eq!(numbers(&mean(&x, &patches)?), [third, third, 5.0, third]);
    Ok(())
}

#[test]
fn what_is_no_picture_is_refused() {
    let says = |dims: &[usize]| slic(&sample(dims, 1), &slic_of(4)).expect_err("no picture").to_string();
    assert!(says(&[3, 4, 4]).starts_with("slic: pictures of"));
    assert!(says(&[1, 5, 4, 4]).starts_with("slic: pictures have up to three channels"));
}

/// Whether all pixels of each patch can be reached from one another, and numbers follow the first pixels.
fn connected(labels: &[u32], [height, width]: [usize; 2]) -> bool {
    let mut seen = vec![false; labels.len()];
    let mut next = 0;
    for first in 0..labels.len() {
        if seen[first] {
            continue;
        }
        if labels[first] != next {
            return false;
        }
        next += 1;
        let mut open = vec![first];
        seen[first] = true;
        while let Some(at) = open.pop() {
            let (y, x) = (at / width, at % width);
            let beside = [
                (y > 0, at.wrapping_sub(width)),
                (y + 1 < height, at + width),
                (x > 0, at.wrapping_sub(1)),
                (x + 1 < width, at + 1),
            ];
            for (_, other) in beside.into_iter().filter(|(inside, _)| *inside) {
                if !seen[other] && labels[other] == labels[at] {
                    seen[other] = true;
                    open.push(other);
                }
            }
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn superpixels_are_connected_and_bounded(height in 1usize..24, width in 1usize..24, segments in 1usize..40, seed in 0u64..99) {
        let (image, how) = (sample(&[1, 3, height, width], seed), slic_of(segments));
        let patches = slic(&image, &how).expect("a picture");
        let labels = patches.flatten_all().and_then(|flat| flat.to_vec1::<u32>()).expect("numbers");
        prop_assert!(connected(&labels, [height, width]), "{labels:?}");
        prop_assert!(of(&labels) as usize <= how.most());
    }
}
