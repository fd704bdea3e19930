//! How alike the two pixels of a pair are: `exp(-mean over channels of |f_i - f_j|)`, with what its gradients are made of.

use candle_core::{Result, Tensor, bail};

use super::{Pairs, along, planes};
use crate::kernels::par::for_tasks;
use crate::kernels::real::{Out, Real, contiguous, dispatch, on_cuda, read, tensor};
use crate::kernels::wide::wide;

/// The affinity of each pair of `x [B, C, h, w]`: `[B, P, h, w]`, above 0 to 1, 0 where there is no pair.
///
/// # Errors
/// A radius that is out of range, another rank.
pub fn affinity(x: &Tensor, pairs: Pairs) -> Result<Tensor> {
    table(x, x, pairs, false)
}

/// How the distance of each pair changes when the features move along `v`: the mean over channels of `sign(f_i - f_j) (v_i - v_j)`.
/// Along the features themselves it is the distance.
pub fn distance_along(x: &Tensor, v: &Tensor, pairs: Pairs) -> Result<Tensor> {
    table(x, v, pairs, true)
}

/// The directional derivative of each pair's distance: `plain`, or the affinity of it.
fn table(x: &Tensor, v: &Tensor, pairs: Pairs, plain: bool) -> Result<Tensor> {
    pairs.check()?;
    let [batch, channels, height, width] = planes("affinity", x)?;
    if v.dims() != x.dims() {
        bail!("affinity: features of {:?} that move along {:?}", x.dims(), v.dims());
    }
    on_cuda!(x, cuda::pairs::table(x, v, pairs, plain));
    let last = |distance: f64| if plain { distance } else { (-distance).exp() };
    let steps = pairs.steps();
    dispatch!("affinity", x, R => {
        let (x, v) = (contiguous(x)?, contiguous(v)?);
        let (x, v) = (&*read::<R>(&x)?, &*read::<R>(&v)?);
        let share = R::of(1.0 / channels.max(1) as f64);
        let mut result = vec![R::ZERO; batch * steps.len() * height * width];
        let out = Out::new(&mut result);
        // A task has one row of all planes, so that the rows of features it needs stay near.
        for_tasks(batch * height, steps.len() * width * channels, |task| {
            let (sample, y) = (task / height, task % height);
            let features = sample * channels * height * width;
            wide(#[inline(always)] || {
                for channel in 0..channels {
                    let plane = features + channel * height * width;
                    for (number, &step) in steps.iter().enumerate() {
                        let (rows, columns) = pairs.sources(step, [height, width]);
                        if !rows.contains(&y) || columns.is_empty() {
                            continue;
                        }
                        let from = plane + y * width + columns.start;
                        let to = from.wrapping_add_signed(along(step, width));
                        let at = ((sample * steps.len() + number) * height + y) * width + columns.start;
                        // SAFETY: within the table; no other task has this row of this picture.
                        let sums = unsafe { out.part(at, columns.len()) };
                        let here = x[from..].iter().zip(&v[from..]);
                        let there = x[to..].iter().zip(&v[to..]);
                        for ((sum, (&a, &moved)), (&b, &other)) in sums.iter_mut().zip(here).zip(there) {
                            *sum += sign(a - b) * (moved - other);
                        }
                    }
                }
            });
            for (number, &step) in steps.iter().enumerate() {
                let (rows, columns) = pairs.sources(step, [height, width]);
                if rows.contains(&y) && !columns.is_empty() {
                    let at = ((sample * steps.len() + number) * height + y) * width + columns.start;
                    // SAFETY: as above.
                    let sums = unsafe { out.part(at, columns.len()) };
                    sums.iter_mut().for_each(|sum| *sum = R::of(last((*sum * share).double())));
                }
            }
        });
        tensor(result, &[batch, steps.len(), height, width])
    })
}

/// The gradient of each pair's distance by the features: of `g [B, P, h, w]`, `[B, C, h, w]`.
pub fn distance_grad(g: &Tensor, x: &Tensor, pairs: Pairs) -> Result<Tensor> {
    pairs.check()?;
    let [batch, channels, height, width] = planes("affinity", x)?;
    let steps = pairs.steps();
    if g.dims() != [batch, steps.len(), height, width] {
        bail!("affinity: a gradient of {:?} for pairs of {:?}", g.dims(), x.dims());
    }
    on_cuda!(x, cuda::pairs::distance_grad(g, x, pairs));
    dispatch!("affinity", x, R => {
        let (g, x) = (contiguous(g)?, contiguous(x)?);
        let (g, x) = (&*read::<R>(&g)?, &*read::<R>(&x)?);
        let share = R::of(1.0 / channels.max(1) as f64);
        let area = height * width;
        let mut result = vec![R::ZERO; x.len()];
        let out = Out::new(&mut result);
        for_tasks(batch * channels, steps.len() * area, |task| {
            let sample = task / channels;
            let x = &x[task * area..][..area];
            // SAFETY: planes are apart and within the result.
            let gx = unsafe { out.part(task * area, area) };
            wide(#[inline(always)] || {
                for (number, &step) in steps.iter().enumerate() {
                    let g = &g[(sample * steps.len() + number) * area..][..area];
                    let (rows, columns) = pairs.sources(step, [height, width]);
                    for y in rows.filter(|_| !columns.is_empty()) {
                        let from = y * width + columns.start;
                        let to = from.wrapping_add_signed(along(step, width));
                        let (g, a, b) = (&g[from..][..columns.len()], &x[from..][..columns.len()], &x[to..][..columns.len()]);
                        for ((gx, g), (&a, &b)) in gx[from..].iter_mut().zip(g).zip(a.iter().zip(b)) {
                            *gx += *g * sign(a - b) * share;
                        }
                        for ((gx, g), (&a, &b)) in gx[to..].iter_mut().zip(g).zip(a.iter().zip(b)) {
                            *gx -= *g * sign(a - b) * share;
                        }
                    }
                }
            });
        });
        tensor(result, &[batch, channels, height, width])
    })
}

/// -1, 0 or 1.
#[inline(always)]
fn sign<R: Real>(x: R) -> R {
    if x > R::ZERO {
        R::ONE
    } else if x < R::ZERO {
        -R::ONE
    } else {
        R::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{assert_close, assert_gradient, assert_same_for_any_workers, sample};
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn by_hand() -> Result<()> {
        let x = Tensor::new(&[[[[0f64, 1., 3.]], [[0., 1., 1.]]]], &Device::Cpu)?;
        let found = affinity(&x, Pairs { radius: 3, all: true })?.flatten_all()?.to_vec1::<f64>()?;
        let e = |distance: f64| (-distance).exp();
        assert_eq!(found[..6], [e(1.0), e(1.0), 0.0, e(2.0), 0.0, 0.0], "one to the right, two to the right");
        assert!(found[6..].iter().all(|x| *x == 0.0), "no rows below");
        Ok(())
    }

    #[test]
    fn gradients() {
        for pairs in [Pairs { radius: 3, all: false }, Pairs { radius: 2, all: true }] {
            let (x, v) = (sample(&[2, 3, 5, 7], 1), sample(&[2, 3, 5, 7], 2));
            assert_gradient("distance", &x, |x| distance_along(x, x, pairs), |x, g| distance_grad(g, x, pairs));
            assert_gradient("along", &v, |v| distance_along(&x, v, pairs), |_, g| distance_grad(g, &x, pairs));
        }
    }

    #[test]
    fn equal_bits() -> Result<()> {
        let pairs = Pairs { radius: 5, all: false };
        let x = sample(&[1, 40, 30, 33], 3);
        let wide = affinity(&x, pairs)?;
        let narrow = x.to_dtype(DType::F32)?;
        let found = assert_same_for_any_workers("affinity", || affinity(&narrow, pairs));
        assert_close("f32", &found, &wide, 1e-6);
        assert_same_for_any_workers("gradient", || distance_grad(&found, &narrow, pairs));
        Ok(())
    }
}
