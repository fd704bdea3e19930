//! The mean of the largest numbers of each sample: the pooling of online hard-example mining.

use candle_core::{Result, Tensor, WithDType};

use super::par::collect;
use super::real::{Real, contiguous, dispatch, read, tensor};

/// The mean of the `k` largest numbers of each sample: `x[B, …]` → `[B]`.
///
/// # Errors
/// `k` is 0 or more than a sample has.
pub fn top_mean(x: &Tensor, k: usize) -> Result<Tensor> {
    let (samples, size) = samples(x, k)?;
    dispatch!("top_mean", x, R => {
        let flat = contiguous(x)?;
        let numbers = &*read::<R>(&flat)?;
        let mean = |sample: usize| {
            let sample = &numbers[sample * size..][..size];
            let sum: f64 = largest(sample, k).into_iter().map(|at| sample[at as usize].to_f64()).sum();
            R::from_f64(sum / k as f64)
        };
        tensor(collect(samples, size, mean), samples)
    })
}

/// The gradient of [`top_mean`]: `gy[B]` over `k` at the `k` largest numbers of each sample, 0 elsewhere.
pub fn top_mean_grad(gy: &Tensor, x: &Tensor, k: usize) -> Result<Tensor> {
    let (samples, size) = samples(x, k)?;
    if gy.dims() != [samples] {
        candle_core::bail!("top_mean_grad: a gradient of {:?} for {samples} samples", gy.dims());
    }
    dispatch!("top_mean_grad", x, R => {
        let (gy, flat) = (contiguous(gy)?, contiguous(x)?);
        let (gy, numbers) = (&*read::<R>(&gy)?, &*read::<R>(&flat)?);
        let mut gx = vec![R::ZERO; numbers.len()];
        super::par::for_pieces(&mut gx, size, |start, gx| {
            let share = gy[start / size] / R::from_f64(k as f64);
            largest(&numbers[start..start + size], k).into_iter().for_each(|at| gx[at as usize] = share);
        });
        tensor(gx, x.dims())
    })
}

fn samples(x: &Tensor, k: usize) -> Result<(usize, usize)> {
    let Some((&samples, rest)) = x.dims().split_first() else {
        candle_core::bail!("top_mean: a number has no samples");
    };
    let size = rest.iter().product();
    if k == 0 || k > size {
        candle_core::bail!("top_mean: the {k} largest of {size} numbers");
    }
    Ok((samples, size))
}

/// The places of the `k` largest numbers, ascending. Of equal ones the first count; not-a-number is the largest of all.
fn largest<R: Real>(numbers: &[R], k: usize) -> Vec<u32> {
    let mut places: Vec<u32> = (0..numbers.len() as u32).collect();
    places.select_nth_unstable_by(k - 1, |&a, &b| {
        let (x, y) = (numbers[a as usize], numbers[b as usize]);
        // A total order: what does not compare is not a number on one side or both.
        let order = y.partial_cmp(&x).unwrap_or_else(|| y.is_nan().cmp(&x.is_nan()));
        order.then(a.cmp(&b))
    });
    places.truncate(k);
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::kernels::testing::*;

    #[test]
    fn the_largest_of_each_sample() -> Result<()> {
        let x = Tensor::new(&[[1f32, 4.0, 2.0, 3.0], [0.0, -1.0, -2.0, -3.0]], &Device::Cpu)?;
        assert_eq!(top_mean(&x, 2)?.to_vec1::<f32>()?, [3.5, -0.5]);
        assert_eq!(top_mean(&x, 4)?.to_vec1::<f32>()?, [2.5, -1.5]);
        assert!(top_mean(&x, 0).is_err() && top_mean(&x, 5).is_err());
        Ok(())
    }

    #[test]
    fn of_equal_numbers_the_first_count() -> Result<()> {
        let x = Tensor::new(&[[1f64, 5.0, 1.0, 1.0, 1.0]], &Device::Cpu)?;
        let gx = top_mean_grad(&Tensor::new(&[3f64], &Device::Cpu)?, &x, 3)?;
        assert_eq!(gx.to_vec2::<f64>()?, [[1.0, 1.0, 1.0, 0.0, 0.0]]);
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() {
        let x = sample(&[3, 4, 5], 1);
        for k in [1, 7, 20] {
            assert_gradient("top_mean", &x, |x| top_mean(x, k), |x, gy| top_mean_grad(gy, x, k));
        }
    }

    #[test]
    fn same_bits_for_any_workers() {
        let x = cast(&sample(&[4, 10_000], 2), DType::F32);
        assert_same_for_any_workers("top_mean", || top_mean(&x, 2_000));
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden() -> Result<()> {
        let x = Tensor::new(&[[1f32, f32::NAN, 2.0]], &Device::Cpu)?;
        assert!(top_mean(&x, 1)?.to_vec1::<f32>()?[0].is_nan());
        Ok(())
    }
}
