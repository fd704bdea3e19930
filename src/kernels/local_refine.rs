//! Pixel-adaptive refinement: maps that become, again and again, means of the pixels around, weighed by how alike the colours are (PAMR).

use candle_core::{Result, Tensor, bail};

use super::par::for_tasks;
use super::real::{Out, Real, contiguous, dispatch, on_cuda, read, tensor};
use super::wide::wide;

/// `maps [B, K, H, W]` after so many rounds over `image [B, C, H, W]`: each pixel becomes the mean of its eight neighbours at each of the
/// distances `dilations`, weighed by the softmax of `-|c_i - c_j| / (0.1 s_i)`, a mean over the channels `c`; `s_i` is the standard deviation
/// of the pixel and its neighbours at all the distances. Beyond the border stands what is at the border.
///
/// # Errors
/// Pictures of another size, no distance, or one of 0.
pub fn local_refine(maps: &Tensor, image: &Tensor, dilations: &[usize], rounds: usize) -> Result<Tensor> {
    let (&[batch, classes, height, width], &[pictures, channels, rows, columns]) = (maps.dims(), image.dims()) else {
        bail!("local_refine: maps of {:?} over pictures of {:?}", maps.dims(), image.dims());
    };
    if (batch, height, width) != (pictures, rows, columns) || maps.dtype() != image.dtype() {
        bail!("local_refine: maps of {:?} over pictures of {:?}", maps.dims(), image.dims());
    }
    let Some(margin) = dilations.iter().max().copied().filter(|_| !dilations.contains(&0)) else {
        bail!("local_refine: distances are at least 1, and there is one");
    };
    on_cuda!(maps, cuda::local_refine::local_refine(maps, image, dilations, rounds));
    let grid = Grid { height, width, margin };
    dispatch!("local_refine", maps, R => {
        let (maps, image) = (contiguous(maps)?, contiguous(image)?);
        let (maps, image) = (&*read::<R>(&maps)?, &*read::<R>(&image)?);
        let mut result = Vec::with_capacity(maps.len());
        for picture in 0..batch {
            let colours = grid.bordered(&image[picture * channels * grid.area()..][..channels * grid.area()]);
            let weights = weights(&grid, &colours, channels, dilations);
            let mut current = maps[picture * classes * grid.area()..][..classes * grid.area()].to_vec();
            for _ in 0..rounds {
                current = round(&grid, &weights, &grid.bordered(&current), classes, dilations);
            }
            result.extend(current);
        }
        tensor(result, &[batch, classes, height, width])
    })
}

/// A picture with a margin on all sides.
struct Grid {
    height: usize,
    width: usize,
    margin: usize,
}

impl Grid {
    fn area(&self) -> usize {
        self.height * self.width
    }

    fn stride(&self) -> usize {
        self.width + 2 * self.margin
    }

    /// A plane with its margin.
    fn room(&self) -> usize {
        self.stride() * (self.height + 2 * self.margin)
    }

    /// Where a row begins within its plane.
    fn row(&self, y: usize) -> usize {
        (y + self.margin) * self.stride() + self.margin
    }

    /// Planes with what is at the border repeated beyond it.
    fn bordered<R: Real>(&self, planes: &[R]) -> Vec<R> {
        let mut result = Vec::with_capacity(planes.len() / self.area().max(1) * self.room());
        for plane in planes.chunks_exact(self.area().max(1)) {
            for y in 0..self.height + 2 * self.margin {
                let row = &plane[y.saturating_sub(self.margin).min(self.height - 1) * self.width..][..self.width];
                result.extend(std::iter::repeat_n(row[0], self.margin));
                result.extend_from_slice(row);
                result.extend(std::iter::repeat_n(row[self.width - 1], self.margin));
            }
        }
        result
    }

    /// From a pixel to its neighbours, distance by distance.
    fn steps(&self, dilations: &[usize]) -> Vec<isize> {
        let around = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];
        let at = |far: &usize| around.map(|(y, x): (isize, isize)| (y * self.stride() as isize + x) * *far as isize);
        dilations.iter().flat_map(at).collect()
    }
}

/// What each neighbour counts: `[H][P][W]`, summing to 1 over the neighbours.
fn weights<R: Real>(grid: &Grid, colours: &[R], channels: usize, dilations: &[usize]) -> Vec<R> {
    let (steps, width) = (grid.steps(dilations), grid.width);
    let mut weights = vec![R::ZERO; grid.area() * steps.len()];
    let out = Out::new(&mut weights);
    // The pixel itself counts once a distance.
    let seen = R::of((steps.len() + dilations.len()) as f64);
    for_tasks(grid.height, width * steps.len() * channels * 4, |y| {
        // SAFETY: rows are apart and within the weights.
        let rows = unsafe { out.part(y * steps.len() * width, steps.len() * width) };
        wide(
            #[inline(always)]
            || {
                for channel in 0..channels {
                    let start = channel * grid.room() + grid.row(y);
                    let here = &colours[start..][..width];
                    let there = |step: isize| &colours[start.wrapping_add_signed(step)..][..width];
                    // Deviations are taken from the pixel itself: nothing is lost where colours are large.
                    let (mut sum, mut squares) = (vec![R::ZERO; width], vec![R::ZERO; width]);
                    for step in &steps {
                        for (((sum, square), a), b) in sum.iter_mut().zip(&mut squares).zip(here).zip(there(*step)) {
                            let apart = *b - *a;
                            *sum += apart;
                            *square += apart * apart;
                        }
                    }
                    // The variance of all that are seen, over their count less one; the pixel itself is 0 apart.
                    for (sum, square) in sum.iter_mut().zip(&squares) {
                        let variance = (*square - *sum * *sum / seen) / (seen - R::ONE);
                        let deviation = Real::sqrt(Real::max(variance, R::ZERO));
                        *sum = R::ONE / (R::of(1e-8) + R::of(0.1) * deviation) / R::of(channels as f64);
                    }
                    for (row, step) in rows.chunks_exact_mut(width).zip(&steps) {
                        for (((weight, a), b), scale) in row.iter_mut().zip(here).zip(there(*step)).zip(&sum) {
                            *weight -= Real::abs(*b - *a) * *scale;
                        }
                    }
                }
            },
        );
        softmax(rows, width);
    });
    weights
}

/// The softmax of each column of the rows.
fn softmax<R: Real>(rows: &mut [R], width: usize) {
    let mut most = vec![R::NEG_INFINITY; width];
    for row in rows.chunks_exact(width) {
        most.iter_mut().zip(row).for_each(|(most, x)| *most = Real::max(*most, *x));
    }
    let mut sum = vec![R::ZERO; width];
    for row in rows.chunks_exact_mut(width) {
        for ((x, most), sum) in row.iter_mut().zip(&most).zip(&mut sum) {
            *x = Real::exp(*x - *most);
            *sum += *x;
        }
    }
    for row in rows.chunks_exact_mut(width) {
        row.iter_mut().zip(&sum).for_each(|(x, sum)| *x /= *sum);
    }
}

/// One mean over the neighbours, all maps.
fn round<R: Real>(grid: &Grid, weights: &[R], maps: &[R], classes: usize, dilations: &[usize]) -> Vec<R> {
    let (steps, width) = (grid.steps(dilations), grid.width);
    let mut result = vec![R::ZERO; classes * grid.area()];
    let out = Out::new(&mut result);
    for_tasks(grid.height, width * steps.len() * classes, |y| {
        let weights = &weights[y * steps.len() * width..][..steps.len() * width];
        for class in 0..classes {
            // SAFETY: rows are apart and within the result.
            let row = unsafe { out.part((class * grid.height + y) * width, width) };
            let start = class * grid.room() + grid.row(y);
            wide(
                #[inline(always)]
                || {
                    for (weights, step) in weights.chunks_exact(width).zip(&steps) {
                        let there = &maps[start.wrapping_add_signed(*step)..][..width];
                        for ((sum, weight), x) in row.iter_mut().zip(weights).zip(there) {
                            *sum += *weight * *x;
                        }
                    }
                },
            );
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, assert_same_for_any_workers, numbers, sample};
    use super::*;
    use candle_core::Device;

    /// The definition, one pixel at a time.
    fn naive(maps: &Tensor, image: &Tensor, dilations: &[usize], rounds: usize) -> Tensor {
        let (_, classes, height, width) = maps.dims4().expect("maps");
        let channels = image.dim(1).expect("channels");
        let colours = numbers(image);
        let mut current = numbers(maps);
        let place = |y: isize, x: isize| {
            y.clamp(0, height as isize - 1) as usize * width + x.clamp(0, width as isize - 1) as usize
        };
        let neighbours = |at: usize, own: bool| -> Vec<usize> {
            let (y, x) = ((at / width) as isize, (at % width) as isize);
            let steps = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dy, dx))).filter(|step| own || *step != (0, 0));
            let steps: Vec<(isize, isize)> = steps.collect();
            let far = |far: &usize| {
                steps.iter().map(|(dy, dx)| place(y + dy * *far as isize, x + dx * *far as isize)).collect::<Vec<_>>()
            };
            dilations.iter().flat_map(far).collect()
        };
        for _ in 0..rounds {
            let mut next = current.clone();
            for at in 0..height * width {
                let mut scores = vec![0.0; 8 * dilations.len()];
                for plane in colours.chunks(height * width) {
                    let seen: Vec<f64> = neighbours(at, true).into_iter().map(|other| plane[other]).collect();
                    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
                    let variance = seen.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (seen.len() as f64 - 1.0);
                    for (score, other) in scores.iter_mut().zip(neighbours(at, false)) {
                        *score -= (plane[at] - plane[other]).abs() / (1e-8 + 0.1 * variance.sqrt()) / channels as f64;
                    }
                }
                let sum: f64 = scores.iter().map(|score| score.exp()).sum();
                for class in 0..classes {
                    let map = &current[class * height * width..];
                    let weighed =
                        scores.iter().zip(neighbours(at, false)).map(|(score, other)| score.exp() / sum * map[other]);
                    next[class * height * width + at] = weighed.sum();
                }
            }
            current = next;
        }
        Tensor::from_vec(current, maps.dims(), &Device::Cpu).expect("maps")
    }

    #[test]
    fn as_defined() -> Result<()> {
        for (size, dilations, rounds) in [([7, 9], &[1, 2][..], 3), ([1, 4], &[1], 2), ([5, 5], &[3, 1], 1)] {
            let (maps, image) = (sample(&[1, 2, size[0], size[1]], 1), sample(&[1, 3, size[0], size[1]], 2));
            let found = local_refine(&maps, &image, dilations, rounds)?;
            assert_close("refined", &found, &naive(&maps, &image, dilations, rounds), 1e-12);
        }
        Ok(())
    }

    #[test]
    fn a_plain_picture_gives_plain_means() -> Result<()> {
        let maps = Tensor::new(&[[[[0f64, 0., 8.], [0., 8., 0.], [0., 0., 0.]]]], &Device::Cpu)?;
        let image = Tensor::ones((1, 1, 3, 3), candle_core::DType::F64, &Device::Cpu)?;
        let found = numbers(&local_refine(&maps, &image, &[1], 1)?);
        assert!((found[4] - 1.0).abs() < 1e-12, "eight neighbours, one of 8: {found:?}");
        Ok(())
    }

    #[test]
    fn equal_bits() {
        let (maps, image) = (sample(&[2, 3, 40, 41], 1), sample(&[2, 3, 40, 41], 2));
        assert_same_for_any_workers("local_refine", || local_refine(&maps, &image, &[1, 2, 4], 4));
    }

    #[test]
    fn other_shapes_are_refused() {
        let says = |maps: &[usize], dilations: &[usize]| {
            let refused = local_refine(&sample(maps, 1), &sample(&[1, 3, 5, 5], 1), dilations, 1);
            refused.expect_err("other shapes").to_string()
        };
        assert!(says(&[1, 2, 5, 6], &[1]).starts_with("local_refine: maps of"));
        assert!(says(&[1, 2, 5, 5], &[]).starts_with("local_refine: distances"));
        assert!(says(&[1, 2, 5, 5], &[1, 0]).starts_with("local_refine: distances"));
    }
}
