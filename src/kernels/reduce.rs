//! Folding axes away: sums, means, extremes, and where an extreme lies.
//!
//! Sums are taken in f64 over pieces whose size depends on the shape alone, and pieces are added in order: the same bits for
//! any number of workers. Not-a-number wins every extreme. Of equal extremes the first in row-major order counts.

use candle_core::{Result, Tensor, WithDType};

use super::par::{PIECE, collect, for_pieces};
use super::real::{Real, contiguous, dispatch, on_cuda, read, tensor};
use super::walk::row_major;

/// What many numbers become one by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduce {
    Sum,
    Mean,
    Max,
    Min,
}

/// `x` folded over `axes` (each once, counted from 0); with `keep` they stay as axes of length 1.
///
/// # Errors
/// An axis that `x` does not have; an extreme over no numbers. The mean of no numbers is not-a-number.
pub fn reduce(how: Reduce, x: &Tensor, axes: &[usize], keep: bool) -> Result<Tensor> {
    let folding = Folding::new(x.dims(), axes)?;
    let count: usize = axes.iter().map(|&axis| x.dims()[axis]).product();
    if count == 0 && matches!(how, Reduce::Max | Reduce::Min) {
        candle_core::bail!("there is no extreme of no numbers");
    }
    on_cuda!(x, cuda::reduce::reduce(how, x, axes, &folding.dims(keep)));
    dispatch!("reduce", x, R => {
        let x = contiguous(x)?;
        let x = &*read::<R>(&x)?;
        let y = match how {
            Reduce::Sum => folding.fold(x, 0.0, |a, b| a + b),
            Reduce::Mean => {
                let mut y = folding.fold(x, 0.0, |a, b| a + b);
                y.iter_mut().for_each(|y| *y /= count as f64);
                y
            }
            Reduce::Max => folding.fold(x, f64::NEG_INFINITY, |a, b| if b > a || b.is_nan() { b } else { a }),
            Reduce::Min => folding.fold(x, f64::INFINITY, |a, b| if b < a || b.is_nan() { b } else { a }),
        };
        tensor(y.into_iter().map(R::from_f64).collect::<Vec<R>>(), folding.dims(keep))
    })
}

/// The gradient of [`reduce`] by `Max` or `Min` over `axes`: each number of `gy` (shaped with or without the folded axes) goes to
/// the first extreme of its numbers, all others get 0.
pub fn extreme_grad(how: Reduce, gy: &Tensor, x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let folding = Folding::new(x.dims(), axes)?;
    if gy.elem_count() != folding.rows.len() * folding.columns() {
        candle_core::bail!("a gradient of shape {:?} for a fold of {:?} over {axes:?}", gy.dims(), x.dims());
    }
    on_cuda!(x, cuda::reduce::extreme_grad(how, gy, x, axes));
    let dims = x.dims().to_vec();
    dispatch!("extreme_grad", x, R => {
        let (gy, x) = (contiguous(gy)?, contiguous(x)?);
        let (gy, x) = (&*read::<R>(&gy)?, &*read::<R>(&x)?);
        let mut gx = vec![R::ZERO; x.len()];
        for (at, &g) in folding.first_extreme(x, how == Reduce::Max).into_iter().zip(gy) {
            gx[at] = g;
        }
        tensor(gx, dims)
    })
}

/// The place along `axis` of the first maximum, as u32; the axis goes away.
pub fn argmax(x: &Tensor, axis: usize) -> Result<Tensor> {
    let folding = Folding::new(x.dims(), &[axis])?;
    if x.dims()[axis] == 0 {
        candle_core::bail!("there is no maximum of no numbers");
    }
    on_cuda!(x, cuda::reduce::argmax(x, axis, &folding.dims(false)));
    let (length, stride) = (x.dims()[axis], row_major(x.dims())[axis] as usize);
    dispatch!("argmax", x, R => {
        let x = contiguous(x)?;
        let places = folding.first_extreme(&read::<R>(&x)?, true);
        tensor(places.into_iter().map(|at| (at / stride % length) as u32).collect::<Vec<u32>>(), folding.dims(false))
    })
}

/// The row-major position of the first number that is infinite or not a number.
pub fn first_non_finite(x: &Tensor) -> Result<Option<usize>> {
    on_cuda!(
        x,
        match cuda::reduce::all_finite(x)? {
            true => Ok(None),
            false => first_non_finite(&x.to_device(&candle_core::Device::Cpu)?),
        }
    );
    dispatch!("first_non_finite", x, R => {
        let x = contiguous(x)?;
        let x = &*read::<R>(&x)?;
        // Without an early exit the inner loop runs on vectors; only a bad piece is looked at twice.
        let good = |piece: &[R]| piece.iter().fold(true, |good, v| good & v.is_finite());
        let pieces = collect(x.len().div_ceil(PIECE), PIECE, |piece| good(&x[piece * PIECE..x.len().min((piece + 1) * PIECE)]));
        let Some(bad) = pieces.iter().position(|good| !good) else { return Ok(None) };
        Ok(x[bad * PIECE..].iter().position(|v| !v.is_finite()).map(|inside| bad * PIECE + inside))
    })
}

/// How the axes of a tensor fall into those kept and those folded. Neighbours of a kind are one axis, and the innermost of
/// them, of `width` numbers, is where the loops run.
struct Folding {
    dims: Vec<usize>,
    is_folded: Vec<bool>,
    /// Offsets of the kept axes, without the innermost.
    rows: Vec<usize>,
    /// Offsets of the folded axes, without the innermost, in row-major order.
    runs: Vec<usize>,
    width: usize,
    inner_folded: bool,
}

impl Folding {
    fn new(dims: &[usize], axes: &[usize]) -> Result<Folding> {
        let mut is_folded = vec![false; dims.len()];
        for &axis in axes {
            match is_folded.get_mut(axis) {
                Some(folded) if !*folded => *folded = true,
                _ => candle_core::bail!("the axes {axes:?} of a tensor of {} axes", dims.len()),
            }
        }
        let mut groups: Vec<(usize, usize, bool)> = Vec::new();
        for (axis, stride) in row_major(dims).into_iter().enumerate().filter(|(axis, _)| dims[*axis] != 1) {
            match groups.last_mut() {
                Some(group) if group.2 == is_folded[axis] => *group = (group.0 * dims[axis], stride as usize, group.2),
                _ => groups.push((dims[axis], stride as usize, is_folded[axis])),
            }
        }
        let (width, _, inner_folded) = groups.pop().unwrap_or((1, 1, true));
        let offsets = |folded: bool| {
            groups.iter().filter(|group| group.2 == folded).fold(vec![0], |offsets, &(length, stride, _)| {
                offsets.iter().flat_map(|offset| (0..length).map(move |i| offset + i * stride)).collect()
            })
        };
        let (rows, runs) = (offsets(false), offsets(true));
        Ok(Folding { dims: dims.to_vec(), is_folded, rows, runs, width, inner_folded })
    }

    /// The shape of the result.
    fn dims(&self, keep: bool) -> Vec<usize> {
        let axes = self.dims.iter().zip(&self.is_folded);
        if keep {
            axes.map(|(&length, &folded)| if folded { 1 } else { length }).collect()
        } else {
            axes.filter(|(_, folded)| !**folded).map(|(&length, _)| length).collect()
        }
    }

    /// Results to a row.
    fn columns(&self) -> usize {
        if self.inner_folded { 1 } else { self.width }
    }

    fn fold<T: Real>(&self, x: &[T], identity: f64, join: impl Fn(f64, f64) -> f64 + Sync + Copy) -> Vec<f64> {
        if self.inner_folded { self.fold_inner(x, identity, join) } else { self.fold_outer(x, identity, join) }
    }

    /// Each result is made of runs of neighbours.
    fn fold_inner<T: Real>(&self, x: &[T], identity: f64, join: impl Fn(f64, f64) -> f64 + Sync + Copy) -> Vec<f64> {
        let work = self.runs.len() * self.width;
        if work <= PIECE {
            return collect(self.rows.len(), work, |row| {
                let runs = self.runs.iter().map(|run| &x[self.rows[row] + run..][..self.width]);
                runs.fold(identity, |total, run| join(total, fold_run(run, identity, join)))
            });
        }
        let cuts = self.width.div_ceil(PIECE);
        let segment = |number: usize| {
            let (run, cut) = (self.runs[number / cuts], number % cuts * PIECE);
            run + cut..run + self.width.min(cut + PIECE)
        };
        let segments = self.runs.len() * cuts;
        let together = (PIECE / self.width).max(1);
        let pieces = segments.div_ceil(together);
        let partial = collect(self.rows.len() * pieces, PIECE, |task| {
            let (row, piece) = (self.rows[task / pieces], task % pieces);
            let numbers = piece * together..segments.min((piece + 1) * together);
            numbers.fold(identity, |total, number| {
                let segment = segment(number);
                join(total, fold_run(&x[row + segment.start..row + segment.end], identity, join))
            })
        });
        partial.chunks(pieces).map(|row| row.iter().fold(identity, |total, &part| join(total, part))).collect()
    }

    /// Results are neighbours, and so are their terms: whole rows are joined. The folded axes are cut into planes of results, which
    /// are joined last.
    fn fold_outer<T: Real>(&self, x: &[T], identity: f64, join: impl Fn(f64, f64) -> f64 + Sync + Copy) -> Vec<f64> {
        let plane = self.rows.len() * self.width;
        let together = (PIECE / self.width.max(1)).max(64);
        let planes = self.runs.len().div_ceil(together).max(1);
        let mut totals = vec![identity; planes * plane];
        let piece = plane.min((PIECE / together.min(self.runs.len().max(1))).max(1024));
        for_pieces(&mut totals, piece.max(1), |start, totals| {
            let mut done = 0;
            while done < totals.len() {
                let place = start + done;
                let (row, column) = (place / self.width % self.rows.len(), place % self.width);
                let runs = self.runs.chunks(together).nth(place / plane).unwrap_or_default();
                let count = (self.width - column).min(totals.len() - done);
                let totals = &mut totals[done..done + count];
                for run in runs {
                    let terms = &x[self.rows[row] + run + column..][..count];
                    totals.iter_mut().zip(terms).for_each(|(total, term)| *total = join(*total, term.to_f64()));
                }
                done += count;
            }
        });
        let rest = totals.split_off(plane);
        for part in rest.chunks(plane.max(1)) {
            totals.iter_mut().zip(part).for_each(|(total, &part)| *total = join(*total, part));
        }
        totals
    }

    /// The offset of each result's first extreme.
    fn first_extreme<T: Real>(&self, x: &[T], largest: bool) -> Vec<usize> {
        let better = |new: T, old: T| match largest {
            true => new > old || (new.is_nan() && !old.is_nan()),
            false => new < old || (new.is_nan() && !old.is_nan()),
        };
        if self.inner_folded {
            return collect(self.rows.len(), self.runs.len() * self.width, |row| {
                let mut best = self.rows[row];
                for run in &self.runs {
                    let start = self.rows[row] + run;
                    for at in start..start + self.width {
                        if better(x[at], x[best]) {
                            best = at;
                        }
                    }
                }
                best
            });
        }
        let mut best = vec![0; self.rows.len() * self.width];
        for_pieces(&mut best, (PIECE / self.runs.len().max(1)).max(256), |start, best| {
            for (inside, best) in best.iter_mut().enumerate() {
                *best = self.rows[(start + inside) / self.width] + (start + inside) % self.width;
            }
            for run in &self.runs {
                for (inside, best) in best.iter_mut().enumerate() {
                    let at = self.rows[(start + inside) / self.width] + (start + inside) % self.width + run;
                    if better(x[at], x[*best]) {
                        *best = at;
                    }
                }
            }
        });
        best
    }
}

/// Eight partial results side by side, so that the loop runs on vectors; joined in order.
fn fold_run<T: Real>(run: &[T], identity: f64, join: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [identity; 8];
    let (eights, rest) = run.as_chunks::<8>();
    for eight in eights {
        lanes.iter_mut().zip(eight).for_each(|(lane, v)| *lane = join(*lane, v.to_f64()));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, v)| *lane = join(*lane, v.to_f64()));
    lanes.into_iter().fold(identity, join)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use candle_core::{DType, Device};

    use super::*;
    use crate::kernels::testing::*;

    const AXES: [&[usize]; 9] = [&[0, 1, 2, 3], &[0], &[1], &[3], &[0, 2, 3], &[2, 3], &[0, 1], &[1, 3], &[0, 2]];

    /// Numbers that become one, in row-major order, with their places.
    type Group = [(usize, f64)];

    /// The numbers folded into each result.
    fn groups(x: &Tensor, axes: &[usize]) -> Vec<Vec<(usize, f64)>> {
        let strides = row_major(x.dims());
        let mut groups: BTreeMap<Vec<usize>, Vec<(usize, f64)>> = BTreeMap::new();
        for (place, number) in numbers(x).into_iter().enumerate() {
            let kept = (0..x.rank()).filter(|axis| !axes.contains(axis));
            let key = kept.map(|axis| place / strides[axis] as usize % x.dims()[axis]).collect();
            groups.entry(key).or_default().push((place, number));
        }
        groups.into_values().collect()
    }

    /// Shapes with long and short runs, on both sides of the size at which work is cut.
    fn inputs() -> Vec<Tensor> {
        [&[2usize, 3, 4, 5] as &[usize], &[3, 70, 9, 11], &[1, 2, 1, 40_000], &[300, 2, 31, 3]]
            .into_iter()
            .enumerate()
            .map(|(seed, dims)| sample(dims, seed as u64))
            .collect()
    }

    #[test]
    fn any_axes() -> Result<()> {
        for x in inputs() {
            for axes in AXES {
                let groups = groups(&x, axes);
                let expect = |what: &str, how: Reduce, of: &dyn Fn(&Group) -> f64| -> Result<()> {
                    let y = numbers(&reduce(how, &x, axes, false)?);
                    assert_eq!(y.len(), groups.len());
                    for (y, group) in y.iter().zip(&groups) {
                        let expected = of(group);
                        assert!((y - expected).abs() <= 1e-9, "{what} {axes:?} of {:?}: {y}, not {expected}", x.dims());
                    }
                    Ok(())
                };
                let sum = |group: &Group| group.iter().map(|(_, v)| v).sum::<f64>();
                expect("sum", Reduce::Sum, &sum)?;
                expect("mean", Reduce::Mean, &|group| sum(group) / group.len() as f64)?;
                expect("max", Reduce::Max, &|group| group.iter().fold(f64::MIN, |m, (_, v)| m.max(*v)))?;
                expect("min", Reduce::Min, &|group| group.iter().fold(f64::MAX, |m, (_, v)| m.min(*v)))?;
            }
        }
        Ok(())
    }

    #[test]
    fn the_first_extreme_takes_the_whole_gradient() -> Result<()> {
        // Whole numbers: many ties.
        let x = (sample(&[6, 5, 4, 7], 9) * 3.0)?.floor()?;
        for how in [Reduce::Max, Reduce::Min] {
            for axes in AXES {
                let y = reduce(how, &x, axes, true)?;
                let gy = sample(y.dims(), 4);
                let mut expected = vec![0.0; x.elem_count()];
                for ((group, y), g) in groups(&x, axes).iter().zip(numbers(&y)).zip(numbers(&gy)) {
                    let first = group.iter().find(|(_, v)| *v == y).expect("the extreme is one of the numbers");
                    expected[first.0] = g;
                }
                assert_eq!(numbers(&extreme_grad(how, &gy, &x, axes)?), expected, "{how:?} {axes:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn argmax_is_the_first_maximum() -> Result<()> {
        let x = Tensor::new(&[[1f32, 3.0, 3.0], [2.0, 0.0, 5.0]], &Device::Cpu)?;
        assert_eq!(argmax(&x, 1)?.to_vec1::<u32>()?, [1, 2]);
        assert_eq!(argmax(&x, 0)?.to_vec1::<u32>()?, [1, 0, 1]);
        let nan = Tensor::new(&[1f32, f32::NAN, 3.0], &Device::Cpu)?;
        assert_eq!(argmax(&nan, 0)?.to_scalar::<u32>()?, 1);
        assert!(reduce(Reduce::Max, &nan, &[0], false)?.to_scalar::<f32>()?.is_nan());
        Ok(())
    }

    #[test]
    fn as_pytorch() -> Result<()> {
        let (x, gy) = (golden("channel_max", "x"), golden("channel_max", "gy"));
        assert_close("channel_max", &reduce(Reduce::Max, &x, &[1], false)?, &golden("channel_max", "y"), 0.0);
        assert_close("channel_max", &extreme_grad(Reduce::Max, &gy, &x, &[1])?, &golden("channel_max", "gx"), 0.0);
        Ok(())
    }

    #[test]
    fn long_sums_of_f32_are_exact_to_the_last_bit() -> Result<()> {
        // A running f32 sum of a tenth goes wrong in the third digit here.
        let x = Tensor::full(0.1f32, (1, 3_000_000), &Device::Cpu)?;
        assert_eq!(reduce(Reduce::Sum, &x, &[1], false)?.to_vec1::<f32>()?, [(0.1f32 as f64 * 3e6) as f32]);
        Ok(())
    }

    #[test]
    fn same_bits_for_any_workers() {
        for x in inputs() {
            let x = cast(&x, DType::F32);
            for axes in AXES {
                assert_same_for_any_workers("sum", || reduce(Reduce::Sum, &x, axes, false));
            }
        }
    }

    #[test]
    fn nothing_to_fold() -> Result<()> {
        let empty = Tensor::zeros((2, 0), DType::F64, &Device::Cpu)?;
        assert_eq!(numbers(&reduce(Reduce::Sum, &empty, &[1], false)?), [0.0, 0.0]);
        assert!(reduce(Reduce::Max, &empty, &[1], false).is_err() && argmax(&empty, 1).is_err());
        assert!(numbers(&reduce(Reduce::Sum, &empty, &[0], false)?).is_empty());
        let x = sample(&[2, 3], 1);
        assert_eq!(numbers(&reduce(Reduce::Sum, &x, &[], false)?), numbers(&x));
        assert!(reduce(Reduce::Sum, &x, &[2], false).is_err() && reduce(Reduce::Sum, &x, &[0, 0], false).is_err());
        Ok(())
    }

    #[test]
    fn the_first_bad_number_is_found() -> Result<()> {
        let mut numbers = vec![1f32; 100_000];
        let found = |numbers: &[f32]| first_non_finite(&Tensor::new(numbers, &Device::Cpu)?);
        assert_eq!(found(&numbers)?, None);
        (numbers[99_999], numbers[70_001]) = (f32::NAN, f32::NEG_INFINITY);
        assert_eq!(found(&numbers)?, Some(70_001));
        Ok(())
    }
}
