//! Normalisation by channel: statistics, the normalised tensor, and the gradients for fixed and for batch statistics.
//!
//! Axis 1 holds the channels; all other axes are summed over. Sums are held in `f64` whatever the numbers are, eight of them
//! side by side, channel by channel, sample by sample, so their order is fixed by the shape. Batch normalisation is
//! [`channel_stats`] followed by [`normalize`]; its gradient through the statistics is [`grad_batch`] (Ioffe and Szegedy,
//! "Batch Normalization", ICML 2015, section 3).

use candle_core::{DType, Result, Tensor, bail};

use super::chain::{self, Link};
use super::par::collect;
use super::real::{Real, build_blocks, contiguous, dispatch, on_cuda, read, tensor};
use super::wide::wide;

/// Sums carried side by side.
const LANES: usize = 8;
/// Numbers that a task should at least handle.
const BLOCK: usize = 16 * 1024;

/// Mean and biased variance of each channel: `[B, C, …]` → `[2, C]`, means first.
pub fn channel_stats(x: &Tensor) -> Result<Tensor> {
    let axes = Axes::of(x)?;
    let count = (axes.batch * axes.plane) as f64;
    if count == 0.0 {
        bail!("norm: no numbers to take the mean of in {:?}", x.dims());
    }
    on_cuda!(x, cuda::norm::channel_stats(x));
    dispatch!("channel_stats", x, R => {
        let flat = contiguous(x)?;
        let numbers = &*read::<R>(&flat)?;
        let stats = axes.each_channel(|channel| {
            // Sums of differences from one of the numbers: what they have in common does not cost digits.
            let origin = numbers[channel * axes.plane].double();
            let [sum, squares] = axes.sums(channel, numbers, numbers, |x, _| {
                let apart = x.double() - origin;
                [apart, apart * apart]
            });
            let shift = sum / count;
            [origin + shift, (squares / count - shift * shift).max(0.0)]
        });
        tensor(stats.into_iter().map(R::of).collect(), (2, axes.channels))
    })
}

/// `(x - mean) / sqrt(var + eps) * weight + bias`, channel by channel: `[B, C, …]` and four times `[C]` → `[B, C, …]`.
pub fn normalize(
    x: &Tensor,
    mean: &Tensor,
    var: &Tensor,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    chain::run(x, &[Link::Channels(Channels::normalize(mean, var, weight, bias, eps)?)])
}

/// The gradient of [`normalize`] for `x` with the statistics held fixed: `gy [B, C, …]` → `[B, C, …]`.
pub fn grad_fixed(gy: &Tensor, var: &Tensor, weight: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    chain::run(gy, &[Link::Channels(Channels::scale(var, weight, eps)?)])
}

/// What [`normalize`] and [`grad_fixed`] do to the numbers of each channel: `(x - mean) * scale + bias` with
/// `scale = weight / sqrt(var + eps)`, and without a mean the product alone.
#[derive(Clone, Debug)]
pub struct Channels {
    pub mean: Option<Tensor>,
    pub var: Tensor,
    pub weight: Option<Tensor>,
    pub bias: Option<Tensor>,
    pub eps: f64,
}

impl Channels {
    /// Of [`normalize`].
    pub fn normalize(
        mean: &Tensor,
        var: &Tensor,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Channels> {
        Channels::new(Some(mean), var, weight, bias, eps)
    }

    /// Of [`grad_fixed`].
    pub fn scale(var: &Tensor, weight: Option<&Tensor>, eps: f64) -> Result<Channels> {
        Channels::new(None, var, weight, None, eps)
    }

    fn new(
        mean: Option<&Tensor>,
        var: &Tensor,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Channels> {
        let channels = one_axis(var)?;
        for (name, tensor) in [("mean", mean), ("weight", weight), ("bias", bias)] {
            expect_one_a_channel(name, channels, tensor)?;
        }
        let [mean, weight, bias] = [mean, weight, bias].map(|tensor| tensor.cloned());
        Ok(Channels { mean, var: var.clone(), weight, bias, eps })
    }

    /// How many channels there are numbers for.
    pub fn count(&self) -> usize {
        self.var.elem_count()
    }

    /// The factor of each channel.
    pub(super) fn factors(&self) -> Result<Vec<f64>> {
        scale(self.count(), &self.var, self.weight.as_ref(), self.eps)
    }

    /// Mean, factor and bias of each channel, where there is a mean.
    pub(super) fn triples(&self) -> Result<Option<Vec<[f64; 3]>>> {
        let Some(mean) = &self.mean else { return Ok(None) };
        let mean = one_a_channel("mean", self.count(), Some(mean), 0.0)?;
        let bias = one_a_channel("bias", self.count(), self.bias.as_ref(), 0.0)?;
        let all = mean.into_iter().zip(self.factors()?).zip(bias);
        Ok(Some(all.map(|((mean, factor), bias)| [mean, factor, bias]).collect()))
    }
}

fn one_axis(var: &Tensor) -> Result<usize> {
    match *var.dims() {
        [channels] => Ok(channels),
        _ => bail!("norm: `var` is {:?}, expected one number for each channel", var.dims()),
    }
}

/// One number a channel; `default` where there is no tensor.
fn one_a_channel(name: &str, channels: usize, of: Option<&Tensor>, default: f64) -> Result<Vec<f64>> {
    expect_one_a_channel(name, channels, of)?;
    of.map_or_else(|| Ok(vec![default; channels]), |numbers| numbers.to_dtype(DType::F64)?.to_vec1())
}

fn expect_one_a_channel(name: &str, channels: usize, of: Option<&Tensor>) -> Result<()> {
    match of {
        Some(numbers) if numbers.dims() != [channels] => {
            bail!("norm: `{name}` is {:?}, expected one number for {channels} channels", numbers.dims())
        }
        _ => Ok(()),
    }
}

/// `weight / sqrt(var + eps)`.
fn scale(channels: usize, var: &Tensor, weight: Option<&Tensor>, eps: f64) -> Result<Vec<f64>> {
    let (var, weight) =
        (one_a_channel("var", channels, Some(var), 1.0)?, one_a_channel("weight", channels, weight, 1.0)?);
    Ok(var.iter().zip(weight).map(|(var, weight)| weight / (var + eps).sqrt()).collect())
}

/// The gradients of [`normalize`] for weight and bias: `[2, C]`, the weight's first.
pub fn grad_affine(gy: &Tensor, x: &Tensor, mean: &Tensor, var: &Tensor, eps: f64) -> Result<Tensor> {
    let axes = Axes::of_both(gy, x)?;
    on_cuda!(gy, cuda::norm::grad_affine(gy, x, mean, var, eps));
    let (mean, scale) = (one_a_channel("mean", axes.channels, Some(mean), 0.0)?, scale(axes.channels, var, None, eps)?);
    dispatch!("normalize", gy, R => {
        let (gy, x) = (contiguous(gy)?, contiguous(x)?);
        let (gradients, numbers) = (&*read::<R>(&gy)?, &*read::<R>(&x)?);
        let sums = axes.each_channel(|channel| {
            let mean = mean[channel];
            let [products, sum] = axes.sums(channel, gradients, numbers, |g, x| {
                [g.double() * (x.double() - mean), g.double()]
            });
            [products * scale[channel], sum]
        });
        tensor(sums.into_iter().map(R::of).collect(), (2, axes.channels))
    })
}

/// The gradient of [`normalize`] for `x` through the batch's own statistics.
///
/// `stats` is [`channel_stats`] of `x`, `affine` is [`grad_affine`] of `gy` and `x`, both `[2, C]`:
/// `gx = weight / sqrt(var + eps) * (gy - mean(gy) - xhat * mean(gy * xhat))`.
pub fn grad_batch(
    gy: &Tensor,
    x: &Tensor,
    stats: &Tensor,
    affine: &Tensor,
    weight: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    let axes = Axes::of_both(gy, x)?;
    if stats.dims() != [2, axes.channels] || affine.dims() != [2, axes.channels] {
        bail!("norm: statistics {:?} and {:?} of {} channels", stats.dims(), affine.dims(), axes.channels);
    }
    on_cuda!(gy, cuda::norm::grad_batch(gy, x, stats, affine, weight, eps));
    let [mean, var] = [stats.get(0)?, stats.get(1)?];
    let [products, sums] =
        [affine.get(0)?, affine.get(1)?].map(|row| one_a_channel("affine", axes.channels, Some(&row), 0.0));
    let (mean, products, sums) = (one_a_channel("mean", axes.channels, Some(&mean), 0.0)?, products?, sums?);
    let (plain, scale) = (scale(axes.channels, &var, None, eps)?, scale(axes.channels, &var, weight, eps)?);
    let count = (axes.batch * axes.plane) as f64;
    dispatch!("normalize", gy, R => {
        let (gy, x) = (contiguous(gy)?, contiguous(x)?);
        let (gradients, numbers) = (&*read::<R>(&gy)?, &*read::<R>(&x)?);
        let gx = axes.each_plane(|channel, at, gx: &mut [R]| {
            let (mean, scale) = (R::of(mean[channel]), R::of(scale[channel]));
            let (level, slope) = (R::of(sums[channel] / count), R::of(plain[channel] * products[channel] / count));
            for ((gx, &g), &x) in gx.iter_mut().zip(&gradients[at..]).zip(&numbers[at..]) {
                *gx = (g - level - (x - mean) * slope) * scale;
            }
        });
        tensor(gx, x.shape())
    })
}

/// The lengths of a tensor as this room sees it.
#[derive(Clone, Copy)]
pub(super) struct Axes {
    pub batch: usize,
    pub channels: usize,
    /// Numbers of a channel in one sample.
    pub plane: usize,
}

impl Axes {
    pub fn of(x: &Tensor) -> Result<Axes> {
        match x.dims() {
            &[batch, channels, ref rest @ ..] => Ok(Axes { batch, channels, plane: rest.iter().product() }),
            _ => bail!("norm: a tensor of {} axes has no channels", x.rank()),
        }
    }

    fn of_both(gy: &Tensor, x: &Tensor) -> Result<Axes> {
        if gy.dims() != x.dims() {
            bail!("norm: the gradient is {:?}, the input {:?}", gy.dims(), x.dims());
        }
        Axes::of(x)
    }

    /// Two numbers for each channel, as the rows of a `[2, C]` tensor.
    fn each_channel(&self, one: impl Fn(usize) -> [f64; 2] + Sync) -> Vec<f64> {
        let pairs = collect(self.channels, self.batch * self.plane, |channel| {
            wide(
                #[inline(always)]
                || one(channel),
            )
        });
        (0..2).flat_map(|row| pairs.iter().map(move |pair| pair[row])).collect()
    }

    /// A tensor of these axes; `one` writes the numbers of one channel of one sample, which begin at the given position.
    fn each_plane<R: Real>(&self, one: impl Fn(usize, usize, &mut [R]) + Sync) -> Vec<R> {
        let plane = self.plane.max(1);
        let length = self.batch * self.channels * self.plane;
        // SAFETY: `one` writes its whole plane.
        unsafe {
            build_blocks(length, BLOCK.div_ceil(plane) * plane, |start, block: &mut [R]| {
                wide(
                    #[inline(always)]
                    || {
                        for (index, out) in block.chunks_exact_mut(plane).enumerate() {
                            let at = start + index * plane;
                            one(at / plane % self.channels, at, out);
                        }
                    },
                )
            })
        }
    }

    /// The sums of `term` over all numbers of a channel in two tensors.
    #[inline(always)]
    fn sums<R: Real>(&self, channel: usize, a: &[R], b: &[R], term: impl Fn(R, R) -> [f64; 2]) -> [f64; 2] {
        let [mut first, mut second] = [[0.0; LANES]; 2];
        let mut rest = [0.0; 2];
        for sample in 0..self.batch {
            let at = (sample * self.channels + channel) * self.plane;
            let (a, b) = (&a[at..at + self.plane], &b[at..at + self.plane]);
            let (mut left, mut right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
            for (a, b) in (&mut left).zip(&mut right) {
                for lane in 0..LANES {
                    let [one, other] = term(a[lane], b[lane]);
                    first[lane] += one;
                    second[lane] += other;
                }
            }
            for (&a, &b) in left.remainder().iter().zip(right.remainder()) {
                let [one, other] = term(a, b);
                rest = [rest[0] + one, rest[1] + other];
            }
        }
        [rest[0] + first.iter().sum::<f64>(), rest[1] + second.iter().sum::<f64>()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, assert_gradient, assert_same_for_any_workers, cast, golden, sample};

    const EPS: f64 = 1e-5;

    fn batch_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let stats = channel_stats(x)?;
        normalize(x, &stats.get(0)?, &stats.get(1)?, Some(weight), Some(bias), EPS)
    }

    fn batch_norm_grad(x: &Tensor, gy: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let stats = channel_stats(x)?;
        let affine = grad_affine(gy, x, &stats.get(0)?, &stats.get(1)?, EPS)?;
        grad_batch(gy, x, &stats, &affine, Some(weight), EPS)
    }

    #[test]
    fn golden_batch_norm() -> Result<()> {
        for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 2e-6)] {
            let case = "batch_norm_train";
            let get = |name: &str| cast(&golden(case, name), dtype);
            let (x, gy, w, b) = (get("x"), get("gy"), get("w"), get("b"));
            assert_close("y", &batch_norm(&x, &w, &b)?, &golden(case, "y"), tolerance);
            assert_close("gx", &batch_norm_grad(&x, &gy, &w)?, &golden(case, "gx"), tolerance);
            let stats = channel_stats(&x)?;
            let affine = grad_affine(&gy, &x, &stats.get(0)?, &stats.get(1)?, EPS)?;
            assert_close("gw", &affine.get(0)?, &golden(case, "gw"), tolerance);
            assert_close("gb", &affine.get(1)?, &golden(case, "gb"), tolerance);
            // 126 numbers a channel; the running variance takes the unbiased one.
            let running = |name: &str, new: Tensor| (get(name) * 0.9)? + (new * 0.1)?;
            let mean = running("running_mean", stats.get(0)?)?;
            assert_close("mean", &mean, &golden(case, "running_mean_after"), tolerance);
            let var = running("running_var", (stats.get(1)? * (126.0 / 125.0))?)?;
            assert_close("var", &var, &golden(case, "running_var_after"), tolerance);

            let case = "batch_norm_eval";
            let get = |name: &str| cast(&golden(case, name), dtype);
            let (x, gy, w, b) = (get("x"), get("gy"), get("w"), get("b"));
            let (mean, var) = (get("running_mean"), get("running_var"));
            assert_close("y", &normalize(&x, &mean, &var, Some(&w), Some(&b), EPS)?, &golden(case, "y"), tolerance);
            assert_close("gx", &grad_fixed(&gy, &var, Some(&w), EPS)?, &golden(case, "gx"), tolerance);
            let affine = grad_affine(&gy, &x, &mean, &var, EPS)?;
            assert_close("gw", &affine.get(0)?, &golden(case, "gw"), tolerance);
            assert_close("gb", &affine.get(1)?, &golden(case, "gb"), tolerance);
        }
        Ok(())
    }

    #[test]
    fn finite_differences() {
        for shape in [&[3, 4, 3, 5][..], &[6, 4]] {
            let (x, w, b) = (sample(shape, 1), sample(&[4], 2), sample(&[4], 3));
            assert_gradient("x", &x, |x| batch_norm(x, &w, &b), |x, gy| batch_norm_grad(x, gy, &w));
            let affine = |gy: &Tensor, row: usize| {
                let stats = channel_stats(&x)?;
                grad_affine(gy, &x, &stats.get(0)?, &stats.get(1)?, EPS)?.get(row)
            };
            assert_gradient("weight", &w, |w| batch_norm(&x, w, &b), |_, gy| affine(gy, 0));
            assert_gradient("bias", &b, |b| batch_norm(&x, &w, b), |_, gy| affine(gy, 1));
        }
    }

    /// A mean a thousand deviations away costs no digits of the variance.
    #[test]
    fn variance_of_numbers_far_from_zero() -> Result<()> {
        let near = sample(&[2, 3, 40, 40], 1);
        let far = cast(&(&near + 1000.0)?, DType::F32);
        let rounded = (cast(&far, DType::F64) - 1000.0)?;
        assert_close("variance", &channel_stats(&far)?.get(1)?, &channel_stats(&rounded)?.get(1)?, 1e-7);
        Ok(())
    }

    #[test]
    fn equal_bits_for_any_number_of_workers() -> Result<()> {
        let (x, gy) = (cast(&sample(&[3, 7, 61, 59], 1), DType::F32), cast(&sample(&[3, 7, 61, 59], 2), DType::F32));
        let stats = assert_same_for_any_workers("stats", || channel_stats(&x));
        let (mean, var) = (stats.get(0)?, stats.get(1)?);
        assert_same_for_any_workers("normalize", || normalize(&x, &mean, &var, None, None, EPS));
        let affine = assert_same_for_any_workers("affine", || grad_affine(&gy, &x, &mean, &var, EPS));
        assert_same_for_any_workers("batch", || grad_batch(&gy, &x, &stats, &affine, None, EPS));
        Ok(())
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() -> Result<()> {
        let (x, three, four) = (sample(&[2, 4, 3], 1), sample(&[3], 2), sample(&[4], 3));
        assert!(normalize(&x, &four, &three, None, None, EPS).is_err());
        assert!(grad_affine(&x.narrow(2, 0, 2)?, &x, &four, &four, EPS).is_err());
        assert!(channel_stats(&four).is_err());
        Ok(())
    }
}
