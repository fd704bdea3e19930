//! Numbers by rank: the mean of the largest of each sample (online hard-example mining), where they stand, means weighed by rank.

use candle_core::{Result, Tensor, WithDType};

use super::par::collect;
use super::real::{Real, contiguous, dispatch, on_cuda, read, tensor};

/// The mean of the `k` largest numbers of each sample: `x[B, …]` → `[B]`.
///
/// # Errors
/// `k` is 0 or more than a sample has.
pub fn top_mean(x: &Tensor, k: usize) -> Result<Tensor> {
    let (samples, size) = samples(x, k)?;
    on_cuda!(x, cuda::topk::top_mean(x, k, samples, size));
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
    on_cuda!(x, cuda::topk::top_mean_grad(gy, x, k, samples, size));
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

/// 1 at the `k` largest numbers of each sample, 0 elsewhere.
pub fn top_mask(x: &Tensor, k: usize) -> Result<Tensor> {
    let (_samples, size) = samples(x, k)?;
    on_cuda!(x, cuda::topk::top_mask(x, k, _samples, size));
    dispatch!("top_mask", x, R => {
        let flat = contiguous(x)?;
        let numbers = &*read::<R>(&flat)?;
        let mut mask = vec![R::ZERO; numbers.len()];
        super::par::for_pieces(&mut mask, size, |start, mask| {
            largest(&numbers[start..start + size], k).into_iter().for_each(|at| mask[at as usize] = R::ONE);
        });
        tensor(mask, x.dims())
    })
}

/// The mean of each plane of `x [.., H, W]`, weighed by `decay` to the power of the rank, 0 for the largest number.
pub fn rank_mean(x: &Tensor, decay: f64) -> Result<Tensor> {
    let (planes, size) = planes(x)?;
    on_cuda!(x, cuda::rank::mean(x, decay, by_rank(decay, size)[0], [planes, size]));
    dispatch!("rank_mean", x, R => {
        let flat = contiguous(x)?;
        let numbers = &*read::<R>(&flat)?;
        let weights = by_rank(decay, size);
        let mean = |plane: usize| {
            let plane = &numbers[plane * size..][..size];
            let sum: f64 = ranked(plane).into_iter().zip(&weights).map(|(at, weight)| plane[at as usize].double() * weight).sum();
            R::of(sum)
        };
        tensor(collect(planes, size, mean), &x.dims()[..x.rank() - 2])
    })
}

/// The gradient of [`rank_mean`]: `gy` times the weight of each number's rank.
pub fn rank_mean_grad(gy: &Tensor, x: &Tensor, decay: f64) -> Result<Tensor> {
    let (planes, size) = planes(x)?;
    if gy.elem_count() != planes {
        candle_core::bail!("rank_mean_grad: a gradient of {:?} for {planes} planes", gy.dims());
    }
    on_cuda!(x, cuda::rank::mean_grad(gy, x, decay, by_rank(decay, size)[0], [planes, size]));
    dispatch!("rank_mean_grad", x, R => {
        let (gy, flat) = (contiguous(gy)?, contiguous(x)?);
        let (gy, numbers) = (&*read::<R>(&gy)?, &*read::<R>(&flat)?);
        let weights = by_rank(decay, size);
        let mut gx = vec![R::ZERO; numbers.len()];
        super::par::for_pieces(&mut gx, size, |start, gx| {
            let gy = gy[start / size].double();
            for (at, weight) in ranked(&numbers[start..start + size]).into_iter().zip(&weights) {
                gx[at as usize] = R::of(gy * weight);
            }
        });
        tensor(gx, x.dims())
    })
}

fn planes(x: &Tensor) -> Result<(usize, usize)> {
    match x.dims() {
        [leading @ .., height, width] if height * width > 0 => Ok((leading.iter().product(), height * width)),
        dims => candle_core::bail!("rank_mean: {dims:?} has no planes"),
    }
}

/// Weights that sum to 1, `decay` times smaller from one to the next. The first is 1 before that, also where `decay` is 0.
fn by_rank(decay: f64, count: usize) -> Vec<f64> {
    let weights: Vec<f64> = std::iter::successors(Some(1.0), |weight| Some(weight * decay)).take(count).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// All places, the largest number first; as in [`largest`].
fn ranked<R: Real>(numbers: &[R]) -> Vec<u32> {
    let mut places: Vec<u32> = (0..numbers.len() as u32).collect();
    places.sort_unstable_by(|&a, &b| before(numbers, a, b));
    places
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
    places.select_nth_unstable_by(k - 1, |&a, &b| before(numbers, a, b));
    places.truncate(k);
    places.sort_unstable();
    places
}

/// The larger number first, of equal ones the first.
fn before<R: Real>(numbers: &[R], a: u32, b: u32) -> std::cmp::Ordering {
    let (x, y) = (numbers[a as usize], numbers[b as usize]);
    // A total order: what does not compare is not a number on one side or both.
    let order = y.partial_cmp(&x).unwrap_or_else(|| y.is_nan().cmp(&x.is_nan()));
    order.then(a.cmp(&b))
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
    fn a_mask_has_as_many_ones_as_were_asked_for() -> Result<()> {
        let x = Tensor::new(&[[1f32, 4.0, 4.0, 3.0], [0.0, 0.0, 0.0, 0.0]], &Device::Cpu)?;
        assert_eq!(top_mask(&x, 2)?.to_vec2::<f32>()?, [[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]]);
        Ok(())
    }

    #[test]
    fn ranks_weigh() -> Result<()> {
        let x = Tensor::new(&[[[[1f64, 4.0], [2.0, 3.0]]]], &Device::Cpu)?;
        // (4 + 3/2 + 2/4 + 1/8) / (1 + 1/2 + 1/4 + 1/8)
        assert_close("half", &rank_mean(&x, 0.5)?, &Tensor::new(&[[6.125f64 / 1.875]], &Device::Cpu)?, 1e-15);
        assert_eq!(rank_mean(&x, 0.0)?.to_vec2::<f64>()?, [[4.0]]);
        assert_eq!(rank_mean(&x, 1.0)?.to_vec2::<f64>()?, [[2.5]]);
        let x = sample(&[2, 3, 4, 5], 3);
        for decay in [0.0, 0.9, 1.0] {
            assert_gradient("rank_mean", &x, |x| rank_mean(x, decay), |x, gy| rank_mean_grad(gy, x, decay));
        }
        Ok(())
    }

    #[test]
    fn same_bits_for_any_workers() {
        let x = cast(&sample(&[4, 10_000], 2), DType::F32);
        assert_same_for_any_workers("top_mean", || top_mean(&x, 2_000));
        let x = x.reshape((4, 4, 50, 50)).expect("as many numbers");
        assert_same_for_any_workers("rank_mean", || rank_mean(&x, 0.99));
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden() -> Result<()> {
        let x = Tensor::new(&[[1f32, f32::NAN, 2.0]], &Device::Cpu)?;
        assert!(top_mean(&x, 1)?.to_vec1::<f32>()?[0].is_nan());
        Ok(())
    }
}
