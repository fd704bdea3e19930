//! A random walk over the pixels of a grid, along the affinities of pairs (AffinityNet, IRN).
//!
//! The walk's matrix `T` is that of `W^β` (element by element; a pixel's affinity to itself is 1) with every column over its sum, and the
//! result is `S T^n`. `W` is never written out: of each pixel there are the few affinities to the pixels around it, and a product with `T` is
//! one pass over them. Nor are there `n` passes: [`polynomial`] needs about `6 √n`.

use candle_core::{Result, Tensor, bail};

use super::pairs::Pairs;
use super::par::{collect, for_tasks};
use super::real::{Out, Real, contiguous, dispatch, read, tensor};
use super::wide::wide;

mod polynomial;

use polynomial::polynomial;

/// The numbers that are worked on at once.
const LANES: usize = 16;

/// `scores [B, K, h, w]` after `steps` steps along `affinity [B, P, h, w]` (see [`super::pairs`]); a map of zeros stays one and costs nothing.
///
/// Every result is a mean of the map's own numbers. It differs from that of `steps` products by less than rounding.
///
/// # Errors
/// Other shapes than these, a number of planes that is that of no radius.
pub fn random_walk(scores: &Tensor, affinity: &Tensor, beta: f64, steps: usize) -> Result<Tensor> {
    let (&[batch, classes, height, width], &[pictures, planes, rows, columns]) = (scores.dims(), affinity.dims())
    else {
        bail!("random_walk: `[B, K, h, w]` along `[B, P, h, w]`, not {:?} along {:?}", scores.dims(), affinity.dims());
    };
    if (batch, height, width) != (pictures, rows, columns) || scores.dtype() != affinity.dtype() {
        bail!("random_walk: maps of {:?} along pairs of {:?}", scores.dims(), affinity.dims());
    }
    let Some(pairs) = Pairs::of_count(planes) else { bail!("random_walk: {planes} planes are those of no radius") };
    let area = height * width;
    dispatch!("random_walk", scores, R => {
        let (scores, affinity) = (contiguous(scores)?, contiguous(affinity)?);
        let (scores, affinity) = (&*read::<R>(&scores)?, &*read::<R>(&affinity)?);
        let terms = polynomial(steps, R::EPSILON.double() / 8.0);
        let matrices = collect(batch, planes * area, |sample| {
            Matrix::new(&affinity[sample * planes * area..][..planes * area], pairs, [height, width], R::of(beta))
        });
        let mut result = scores.to_vec();
        // Up to three maps walk together: each affinity is read once for all of them.
        let present: Vec<usize> = (0..batch * classes).filter(|map| scores[map * area..][..area].iter().any(|x| *x != R::ZERO)).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for of_picture in present.chunk_by(|a, b| a / classes == b / classes) {
            groups.extend(of_picture.chunks(of_picture.len().div_ceil(2).min(3)).map(<[usize]>::to_vec));
        }
        let out = Out::new(&mut result);
        for_tasks(groups.len(), terms.len() * planes * area, |group| {
            let maps = &groups[group];
            let matrix = &matrices[maps[0] / classes];
            // SAFETY: each map is in one group, and all are within the result.
            let map = |n: usize| unsafe { out.part(maps[n] * area, area) };
            match maps.len() {
                1 => matrix.walk([map(0)], &terms),
                2 => matrix.walk([map(0), map(1)], &terms),
                _ => matrix.walk([map(0), map(1), map(2)], &terms),
            }
        });
        tensor(result, &[batch, classes, height, width])
    })
}

/// `W^β` of a picture and the inverse of its column sums.
///
/// Rows lie in memory one after another with a margin between them as wide as the longest step, and a margin before the first and after the
/// last: so a step leads the same way from every pixel, and out of the grid to a zero.
struct Matrix<R> {
    size: [usize; 2],
    /// From one row to the next.
    stride: usize,
    /// Before the first row, and after the last.
    margin: usize,
    /// From the first row on, in whole [`LANES`].
    length: usize,
    /// From a pixel to the second of its pair, a step a plane.
    shifts: Vec<usize>,
    /// Planes, each with a margin before.
    weights: Vec<R>,
    /// 0 between the rows.
    inverse: Vec<R>,
}

impl<R: Real> Matrix<R> {
    fn new(affinity: &[R], pairs: Pairs, [height, width]: [usize; 2], beta: R) -> Matrix<R> {
        let reach = pairs.radius - 1;
        let (stride, steps) = (width + reach, pairs.steps());
        let margin = reach * stride + reach;
        let length = (height * stride).next_multiple_of(LANES);
        let mut weights = vec![R::ZERO; steps.len() * (margin + length)];
        let mut sums = vec![R::ZERO; length];
        (0..height).for_each(|y| sums[y * stride..][..width].fill(R::ONE));
        let mut shifts = Vec::with_capacity(steps.len());
        for (number, &(dy, dx)) in steps.iter().enumerate() {
            let shift = (dy * stride).wrapping_add_signed(dx);
            let plane = &mut weights[number * (margin + length) + margin..][..length];
            // A pair whose second pixel is not on the grid is none.
            let (left, right) = (dx.min(0).unsigned_abs(), dx.max(0) as usize);
            for y in 0..height.saturating_sub(dy) {
                for x in left..width.saturating_sub(right) {
                    let weight = affinity[(number * height + y) * width + x].powf(beta);
                    // No affinity is none for any β; 0^0 would be 1.
                    if affinity[(number * height + y) * width + x] != R::ZERO {
                        let at = y * stride + x;
                        plane[at] = weight;
                        sums[at] += weight;
                        sums[at + shift] += weight;
                    }
                }
            }
            shifts.push(shift);
        }
        let inverse = sums.into_iter().map(|sum| if sum == R::ZERO { R::ZERO } else { R::ONE / sum }).collect();
        Matrix { size: [height, width], stride, margin, length, shifts, weights, inverse }
    }

    /// Replaces maps by the sum of `terms[k]` times `C_k(T)` applied to them, `C_k` the Chebyshev polynomials.
    fn walk<const G: usize>(&self, maps: [&mut [R]; G], terms: &[f64]) {
        let [height, width] = self.size;
        let room = 2 * self.margin + self.length;
        let bounds: [(R, R); G] = std::array::from_fn(|g| range(maps[g]));
        let mut current: [Vec<R>; G] = std::array::from_fn(|g| {
            let mut numbers = vec![R::ZERO; room];
            for y in 0..height {
                numbers[self.margin + y * self.stride..][..width].copy_from_slice(&maps[g][y * width..][..width]);
            }
            numbers
        });
        let mut before: [Vec<R>; G] = std::array::from_fn(|_| vec![R::ZERO; room]);
        let first = R::of(terms[0]);
        let mut sum: [Vec<R>; G] = std::array::from_fn(|g| current[g].iter().map(|x| *x * first).collect());
        for (k, term) in terms.iter().enumerate().skip(1) {
            // C_1 = T, and from there C_{k+1} = 2 T C_k - C_{k-1}.
            let (twice, less) = if k == 1 { (R::ONE, R::ZERO) } else { (R::ONE + R::ONE, R::ONE) };
            self.step([twice, less, R::of(*term)], &current, &mut before, &mut sum);
            std::mem::swap(&mut current, &mut before);
        }
        for (g, map) in maps.into_iter().enumerate() {
            let (low, high) = bounds[g];
            for y in 0..height {
                let row = &sum[g][self.margin + y * self.stride..][..width];
                // Means of the map's numbers but for rounding.
                map[y * width..][..width]
                    .iter_mut()
                    .zip(row)
                    .for_each(|(out, x)| *out = if x.is_nan() { *x } else { Real::min(Real::max(*x, low), high) });
            }
        }
    }

    /// `before = twice · (current T) - less · before`, and `term` times that is added to `sum`.
    fn step<const G: usize>(
        &self,
        [twice, less, term]: [R; 3],
        current: &[Vec<R>; G],
        before: &mut [Vec<R>; G],
        sum: &mut [Vec<R>; G],
    ) {
        let (margin, plane) = (self.margin, self.margin + self.length);
        let largest = self.shifts.iter().max().copied().unwrap_or(0);
        assert!(largest <= margin && self.weights.len() == self.shifts.len() * plane, "margins as wide as the steps");
        assert!(current.iter().all(|numbers| numbers.len() == plane + margin), "maps with both margins");
        wide(
            #[inline(always)]
            || {
                for at in (0..self.length).step_by(LANES) {
                    // A pixel stays where it is with the weight 1.
                    let mut sums = [[R::ZERO; LANES]; G];
                    for g in 0..G {
                        sums[g] = load(&current[g], margin + at);
                    }
                    for (number, &shift) in self.shifts.iter().enumerate() {
                        let weight = number * plane + margin + at;
                        // SAFETY: a shift is at most the margin that stands before every plane and on both sides of the maps.
                        let (to, back): ([R; LANES], [R; LANES]) = unsafe {
                            (load_unchecked(&self.weights, weight), load_unchecked(&self.weights, weight - shift))
                        };
                        for g in 0..G {
                            // To the second pixel of its own pair, and back from it to the first of another's.
                            // SAFETY: as above.
                            let (ahead, behind): ([R; LANES], [R; LANES]) = unsafe {
                                (
                                    load_unchecked(&current[g], margin + at + shift),
                                    load_unchecked(&current[g], margin + at - shift),
                                )
                            };
                            for lane in 0..LANES {
                                sums[g][lane] += to[lane] * ahead[lane];
                            }
                            for lane in 0..LANES {
                                sums[g][lane] += back[lane] * behind[lane];
                            }
                        }
                    }
                    let inverse = load(&self.inverse, at);
                    for g in 0..G {
                        let before = &mut before[g][margin + at..][..LANES];
                        let sum = &mut sum[g][margin + at..][..LANES];
                        for lane in 0..LANES {
                            let next = twice * (sums[g][lane] * inverse[lane]) - less * before[lane];
                            before[lane] = next;
                            sum[lane] += term * next;
                        }
                    }
                }
            },
        );
    }
}

#[inline(always)]
fn load<R: Real>(numbers: &[R], at: usize) -> [R; LANES] {
    let mut lanes = [R::ZERO; LANES];
    lanes.copy_from_slice(&numbers[at..at + LANES]);
    lanes
}

/// # Safety
/// There are [`LANES`] numbers from `at` on.
#[inline(always)]
unsafe fn load_unchecked<R: Real>(numbers: &[R], at: usize) -> [R; LANES] {
    // SAFETY: as the caller promises; the array may lie anywhere.
    unsafe { numbers.as_ptr().add(at).cast::<[R; LANES]>().read_unaligned() }
}

fn range<R: Real>(map: &[R]) -> (R, R) {
    map.iter().fold((R::INFINITY, R::NEG_INFINITY), |(low, high), x| (Real::min(low, *x), Real::max(high, *x)))
}

#[cfg(test)]
mod tests;
