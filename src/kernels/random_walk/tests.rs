use candle_core::{DType, Device};
use proptest::prelude::*;

use super::super::testing::{assert_close, assert_same_for_any_workers, numbers, sample};
use super::*;

/// The matrix itself, column-normalised: `N x N`.
fn dense(affinity: &[f64], pairs: Pairs, [height, width]: [usize; 2], beta: f64) -> Vec<Vec<f64>> {
    let area = height * width;
    let mut matrix = vec![vec![0.0; area]; area];
    (0..area).for_each(|i| matrix[i][i] = 1.0);
    for (number, (dy, dx)) in pairs.steps().into_iter().enumerate() {
        for y in 0..height {
            for x in 0..width {
                let (other_y, other_x) = (y + dy, x as isize + dx);
                let affinity = affinity[(number * height + y) * width + x];
                if other_y < height && (0..width as isize).contains(&other_x) && affinity != 0.0 {
                    let (i, j) = (y * width + x, other_y * width + other_x as usize);
                    matrix[i][j] = affinity.powf(beta);
                    matrix[j][i] = matrix[i][j];
                }
            }
        }
    }
    let sums: Vec<f64> = (0..area).map(|j| matrix.iter().map(|row| row[j]).sum()).collect();
    matrix.iter_mut().for_each(|row| row.iter_mut().zip(&sums).for_each(|(entry, sum)| *entry /= sum));
    matrix
}

fn affinities(dims: [usize; 4], seed: u64) -> Tensor {
    sample(&dims, seed).affine(0.5, 0.5).and_then(|tensor| tensor.powf(0.3)).expect("affinities")
}

/// One product at a time with the whole matrix.
fn naive(scores: &Tensor, affinity: &Tensor, beta: f64, steps: usize) -> Tensor {
    let (_, classes, height, width) = scores.dims4().expect("maps");
    let pairs = Pairs::of_count(affinity.dim(1).expect("planes")).expect("a radius");
    let matrix = dense(&numbers(affinity), pairs, [height, width], beta);
    let mut maps = numbers(scores);
    for map in maps.chunks_mut(height * width) {
        for _ in 0..steps {
            let next: Vec<f64> = (0..map.len()).map(|j| (0..map.len()).map(|i| map[i] * matrix[i][j]).sum()).collect();
            map.copy_from_slice(&next);
        }
    }
    Tensor::from_vec(maps, (1, classes, height, width), &Device::Cpu).expect("maps")
}

#[test]
fn as_many_products_with_the_whole_matrix() {
    for (size, classes, planes, steps) in [
        ([6, 9], 5, 34, 0),
        ([6, 9], 5, 34, 1),
        ([9, 7], 2, 12, 7),
        ([9, 20], 1, 34, 256),
        ([1, 5], 4, 4, 300),
        ([1, 1], 1, 34, 64),
    ] {
        let scores = sample(&[1, classes, size[0], size[1]], 1);
        let affinity = affinities([1, planes, size[0], size[1]], 2);
        let expected = naive(&scores, &affinity, 3.0, steps);
        assert_close("f64", &random_walk(&scores, &affinity, 3.0, steps).expect("it walks"), &expected, 1e-13);
        let narrow = |tensor: &Tensor| tensor.to_dtype(DType::F32).expect("a cast");
        let found = random_walk(&narrow(&scores), &narrow(&affinity), 3.0, steps).expect("it walks");
        assert_close("f32", &found, &expected, 2e-5);
    }
}

#[test]
fn no_affinity_leads_nowhere() -> Result<()> {
    let scores = Tensor::new(&[[[[1f64, 0., 0.5]]]], &Device::Cpu)?;
    // A wall between the first and the others.
    let affinity = Tensor::new(&[[[[0f64, 1., 0.]], [[0.; 3]], [[0.; 3]], [[0.; 3]]]], &Device::Cpu)?;
    for beta in [0.0, 8.0] {
        assert_eq!(numbers(&random_walk(&scores, &affinity, beta, 9)?), [1.0, 0.25, 0.25]);
    }
    Ok(())
}

#[test]
fn equal_bits() {
    let (scores, affinity) = (sample(&[2, 5, 30, 37], 3), affinities([2, 34, 30, 37], 4));
    let found = assert_same_for_any_workers("f64", || random_walk(&scores, &affinity, 8.0, 256));
    // A map walks the same whoever walks with it.
    let alone = random_walk(&scores.narrow(1, 4, 1).expect("a map"), &affinity, 8.0, 256).expect("it walks");
    assert_eq!(numbers(&alone), numbers(&found.narrow(1, 4, 1).expect("a map")));
}

#[test]
fn other_shapes_are_refused() {
    let says = |scores: &[usize], affinity: &[usize]| {
        random_walk(&sample(scores, 1), &sample(affinity, 1), 8.0, 4).expect_err("other shapes").to_string()
    };
    assert!(says(&[1, 2, 5, 5], &[1, 34, 5, 6]).starts_with("random_walk: maps of"));
    assert!(says(&[1, 2, 5, 5], &[1, 33, 5, 5]).starts_with("random_walk: 33 planes"));
    assert!(says(&[2, 5, 5], &[1, 34, 5, 5]).starts_with("random_walk: `[B, K, h, w]`"));
}

proptest! {
    /// Columns that sum to 1: what all pixels agree on stays, no pixel leaves the range of its map, and probabilities stay such.
    #[test]
    fn the_matrix_is_column_stochastic(height in 1usize..9, width in 1usize..9, steps in 0usize..40, seed in 0u64..1000) {
        let affinity = affinities([1, 12, height, width], seed);
        let matrix = dense(&numbers(&affinity), Pairs { radius: 3, all: true }, [height, width], 8.0);
        for j in 0..height * width {
            let column: f64 = matrix.iter().map(|row| row[j]).sum();
            prop_assert!((column - 1.0).abs() < 1e-12);
        }
        let dims = [1, 1, height, width];
        let constant = Tensor::full(0.3, &dims, &Device::Cpu).expect("a map");
        let walked = random_walk(&constant, &affinity, 8.0, steps).expect("it walks");
        prop_assert!(numbers(&walked).iter().all(|x| *x == 0.3), "{:?}", numbers(&walked));
        let first = sample(&dims, seed + 1).affine(0.5, 0.5).expect("a map");
        let both = Tensor::cat(&[&first, &first.affine(-1.0, 1.0).expect("a map")], 1).expect("maps");
        let walked = random_walk(&both, &affinity, 8.0, steps).expect("it walks");
        prop_assert!(numbers(&walked.sum(1).expect("a sum")).iter().all(|sum| (sum - 1.0).abs() < 1e-12));
        let (low, high) = range(&numbers(&first));
        let found = numbers(&walked.narrow(1, 0, 1).expect("a map"));
        prop_assert!(found.iter().all(|x| (low..=high).contains(x)));
    }
}
