//! What kernel tests share: golden arrays, comparison, finite differences, equal bits for any number of workers.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use candle_core::{DType, Device, Result, Tensor};

/// The arrays of `tests/golden/layers.safetensors`, or of the file of that name in the folder `WSSS_GOLDEN`.
fn golden_arrays() -> &'static HashMap<String, Tensor> {
    static ARRAYS: OnceLock<HashMap<String, Tensor>> = OnceLock::new();
    ARRAYS.get_or_init(|| {
        let folder = std::env::var_os("WSSS_GOLDEN")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
        let file = folder.join("layers.safetensors");
        candle_core::safetensors::load(&file, &Device::Cpu)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    })
}

/// The golden array `case.name` as it was stored: inputs `f32`, results `f64`.
pub fn golden(case: &str, name: &str) -> Tensor {
    try_golden(case, name).unwrap_or_else(|| panic!("there is no golden array `{case}.{name}`"))
}

/// The golden array `case.name`, where the case has one of that name.
pub fn try_golden(case: &str, name: &str) -> Option<Tensor> {
    golden_arrays().get(&format!("{case}.{name}")).cloned()
}

/// The names of the cases that begin with `prefix`, sorted; at least one.
pub fn golden_cases(prefix: &str) -> Vec<String> {
    let mut cases: Vec<String> = golden_arrays()
        .keys()
        .filter(|name| name.starts_with(prefix))
        .filter_map(|name| name.split_once('.').map(|(case, _)| case.to_string()))
        .collect();
    cases.sort();
    cases.dedup();
    assert!(!cases.is_empty(), "no golden case begins with `{prefix}`");
    cases
}

/// The tensor in another number type.
pub fn cast(tensor: &Tensor, dtype: DType) -> Tensor {
    tensor.to_dtype(dtype).expect("a cast between number types")
}

/// Asserts equal shapes, and numbers apart by at most `tolerance` times the largest magnitude expected (or 1).
#[track_caller]
pub fn assert_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.dims(), expected.dims(), "{what}: shape");
    let (found, expected) = (numbers(found), numbers(expected));
    let scale = expected.iter().fold(1.0, |largest: f64, x| largest.max(x.abs()));
    for (position, (f, e)) in found.iter().zip(&expected).enumerate() {
        let apart = (f - e).abs();
        assert!(apart <= tolerance * scale, "{what}: {f} instead of {e} at {position}, off by {apart:.2e}");
    }
}

/// All numbers of a tensor, row by row.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    cast(tensor, DType::F64).flatten_all().and_then(|flat| flat.to_vec1()).expect("numbers of a tensor")
}

/// Numbers in -1..1 that look random and never change: `f64`, of the given shape, another row for each `seed`.
pub fn sample(shape: &[usize], seed: u64) -> Tensor {
    let count = shape.iter().product::<usize>();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let data: Vec<f64> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state ^ (state >> 29)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        })
        .collect();
    Tensor::from_vec(data, shape, &Device::Cpu).expect("as many numbers as the shape has")
}

/// Checks a gradient against central differences in `f64`.
///
/// `f` maps `x` to a tensor `y`; `grad` maps `(x, gy)` to the gradient of `sum(y * gy)`. Exact for what is linear or
/// quadratic in `x`; elsewhere the error of the difference quotient (step 1e-5: about 1e-9) is allowed for.
#[track_caller]
pub fn assert_gradient(
    what: &str,
    x: &Tensor,
    f: impl Fn(&Tensor) -> Result<Tensor>,
    grad: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) {
    assert_eq!(x.dtype(), DType::F64, "{what}: finite differences are taken in f64");
    let gy = sample(f(x).expect(what).dims(), 77);
    let found = grad(x, &gy).expect(what);
    assert_eq!(found.dims(), x.dims(), "{what}: shape of the gradient");
    let weigh = |data: Vec<f64>| -> f64 {
        let y = f(&Tensor::from_vec(data, x.shape(), &Device::Cpu).expect(what)).expect(what);
        numbers(&y).iter().zip(numbers(&gy)).map(|(y, g)| y * g).sum()
    };
    let (at, step) = (numbers(x), 1e-5);
    let expected: Vec<f64> = (0..at.len())
        .map(|i| {
            let moved = |by: f64| at.iter().enumerate().map(|(j, &v)| if i == j { v + by } else { v }).collect();
            (weigh(moved(step)) - weigh(moved(-step))) / (2.0 * step)
        })
        .collect();
    let expected = Tensor::from_vec(expected, x.shape(), &Device::Cpu).expect(what);
    assert_close(what, &found, &expected, 1e-8);
}

/// Runs a kernel with one, two and five workers and asserts equal bits; gives the result.
#[track_caller]
pub fn assert_same_for_any_workers(what: &str, kernel: impl Fn() -> Result<Tensor> + Sync) -> Tensor {
    let bits = |tensor: &Tensor| -> Vec<u64> { numbers(tensor).iter().map(|x| x.to_bits()).collect() };
    let run = |workers: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build().expect("a pool of threads");
        pool.install(&kernel).expect(what)
    };
    let alone = run(1);
    for workers in [2, 5] {
        assert!(bits(&run(workers)) == bits(&alone), "{what}: other bits with {workers} workers");
    }
    alone
}

#[test]
fn samples_spread_over_their_range() {
    let numbers = numbers(&sample(&[1000], 3));
    let mean = numbers.iter().sum::<f64>() / 1000.0;
    assert!(mean.abs() < 0.1 && numbers.iter().all(|x| (-1.0..1.0).contains(x)));
    assert!(numbers.iter().any(|x| *x > 0.95) && numbers.iter().any(|x| *x < -0.95));
}
