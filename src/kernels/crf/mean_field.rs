//! The mean field of a fully connected CRF with Potts compatibility (Krähenbühl and Koltun, NIPS 2011, algorithm 1).
//!
//! A step is one visit of the tiles and one round of the filter. For each pixel the messages of all kernels are read and added to its logits, the softmax
//! of that is taken, and the result handed back to the filter: between steps it is held nowhere else.

use super::cover::Cover;
use super::filter::{BLOCK, Filter, Group, Visit};
use super::math::exp;
use super::simplex::LANES;
use super::tiles::Tile;
use super::{Error, Kernel, Picture, check};
use crate::kernels::par::for_tasks;
use crate::kernels::real::Out;
use crate::kernels::scratch::with_scratch;
use crate::kernels::wide::wide;

/// Rows of a picture's logits that are kept, in groups of labels: 128 MiB.
const MOST_GROUPS: usize = 4 * 1024 * 1024;

/// Stands for minus infinity, with which no difference can be taken; also the logit of the lanes without a label.
const LEAST: f32 = -1e30;

/// The marginals `Q` of the labels of each pixel after `steps` steps, as `[labels, height, width]` in row-major order.
///
/// `logits` are the negative unary energies in the same order, on any scale that the weights of the kernels fit. `Q` begins as their softmax; a step
/// adds to them, for each kernel, its weight times `n ⊙ K (n ⊙ Q)` with `n = 1 / sqrt(K 1)`, a pixel counting as its own neighbour, and takes the softmax
/// again. `K` is applied by the permutohedral lattice. The same numbers come out for any number of workers.
///
/// # Errors
/// The logits are not as many as the picture asks for; some are not a number, or infinite (minus infinity is allowed); the picture or the kernels are
/// out of bounds.
pub fn mean_field(
    logits: &[f32],
    labels: usize,
    picture: &Picture,
    kernels: &[Kernel],
    steps: usize,
) -> Result<Vec<f32>, Error> {
    check(logits, labels, picture, kernels)?;
    // Without a message there is nothing to repeat.
    let (kernels, steps) = if steps == 0 || kernels.is_empty() { (&[][..], 0) } else { (kernels, steps) };
    if logits.is_empty() {
        return Ok(Vec::new());
    }
    let mut cover = Cover::new(picture, kernels)?;
    normalise(&mut cover, kernels);
    // Of a large picture they would be what takes most memory.
    let keep = picture.height * picture.width * labels.div_ceil(LANES) <= MOST_GROUPS;
    Ok(run(&cover, logits, &Planes { labels, size: [picture.height, picture.width] }, steps, keep))
}

/// Multiplies the weights of each pixel by its norm, so that splatting and slicing normalise on the way, and the scales by the
/// weights of the kernels.
fn normalise(cover: &mut Cover, kernels: &[Kernel]) {
    let mut weights = std::mem::take(&mut cover.weights);
    let all = Out::new(&mut weights);
    let mut filter = Filter::new(cover, 1);
    let entries = |tile: &Tile| {
        let range = cover.entries_of(tile);
        // SAFETY: tiles have no pixel in common.
        (&cover.slots[range.clone()], unsafe { all.part(range.start, range.len()) })
    };
    filter.visit(|tile, visit| {
        let (slots, weights) = entries(tile);
        for (slot, weight) in slots.iter().zip(weights) {
            visit.sums[*slot as usize].0[0] += *weight;
        }
    });
    filter.spread();
    filter.visit(|tile, visit| {
        let (mut slots, mut weights) = entries(tile);
        // Kernel after kernel, pixel after pixel.
        for lattice in cover.lattices.iter().cycle() {
            let Some((own, others)) = weights.split_at_mut_checked(lattice.corners) else { break };
            let values = slots.iter().map(|slot| visit.values[*slot as usize].0[0]);
            let norm = own.iter().zip(values).map(|(weight, value)| *weight * value).sum::<f32>();
            let norm = 1.0 / (norm + 1e-20).sqrt();
            own.iter_mut().for_each(|weight| *weight *= norm);
            (slots, weights) = (&slots[lattice.corners..], others);
        }
    });
    cover.weights = weights;
    cover.lattices.iter_mut().zip(kernels).for_each(|(lattice, kernel)| lattice.scale *= kernel.weight());
}

/// Where the rows of all logits are not to be kept, those of a tile are made anew at each visit.
fn run(cover: &Cover, logits: &[f32], planes: &Planes, steps: usize, keep: bool) -> Vec<f32> {
    let groups = planes.labels.div_ceil(LANES);
    let all = keep.then(|| planes.rows(cover, logits, groups));
    let mut result = vec![0.0; planes.labels * planes.size[0] * planes.size[1]];
    let out = Out::new(&mut result);
    let mut filter = Filter::new(cover, groups);
    for step in 0..=steps {
        let visit = |tile: &Tile, visit: Visit, logits: &[Group]| {
            wide(
                #[inline(always)]
                || {
                    let (slots, weights) = cover.entries(tile);
                    let mut first = 0;
                    for logits in logits.chunks(BLOCK * groups) {
                        let rows = &mut visit.rows[..logits.len()];
                        let count = logits.len() / groups;
                        let range = first * cover.corners..(first + count) * cover.corners;
                        let entries =
                            Entries { corners: cover.corners, slots: &slots[range.clone()], weights: &weights[range] };
                        rows.copy_from_slice(logits);
                        if step > 0 {
                            entries.slice(visit.values, groups, rows);
                        }
                        softmax(rows, groups);
                        if step < steps {
                            entries.splat(visit.sums, groups, rows);
                        } else {
                            planes.write(tile, first, rows, groups, out);
                        }
                        first += count;
                    }
                },
            );
        };
        filter.visit(|tile, room| match &all {
            Some(rows) => visit(tile, room, &rows[tile.pixels().start * groups..tile.pixels().end * groups]),
            None => with_scratch(tile.pixels().len() * groups, |rows: &mut [Group]| {
                rows.fill(Group([LEAST; LANES]));
                planes.rows_of(tile, logits, groups, rows);
                visit(tile, room, rows);
            }),
        });
        if step < steps {
            filter.spread();
        }
    }
    result
}

/// The softmax of each row. Stage by stage over all rows: no row waits for the one before, and every loop becomes vectors.
#[inline(always)]
fn softmax(rows: &mut [Group], groups: usize) {
    let mut tops = [0.0; BLOCK];
    for (top, row) in tops.iter_mut().zip(rows.chunks_exact(groups)) {
        *top = fold(row, |a, b| if a > b { a } else { b });
    }
    for (top, row) in tops.iter().zip(rows.chunks_exact_mut(groups)) {
        for group in row {
            let logits = *group;
            *group = Group(std::array::from_fn(|lane| exp(logits.0[lane] - top)));
        }
    }
    let mut scales = [1.0; BLOCK];
    for (sum, row) in scales.iter_mut().zip(rows.chunks_exact(groups)) {
        *sum = fold(row, |a, b| a + b);
    }
    for sum in &mut scales {
        *sum = 1.0 / *sum;
    }
    for (scale, row) in scales.iter().zip(rows.chunks_exact_mut(groups)) {
        for group in row {
            let powers = *group;
            *group = Group(std::array::from_fn(|lane| powers.0[lane] * scale));
        }
    }
}

/// All numbers of a row in one: group by group, then the upper half of the lanes with the lower, and again.
#[inline(always)]
fn fold(row: &[Group], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut x = row[0].0;
    for group in &row[1..] {
        x = std::array::from_fn(|lane| f(x[lane], group.0[lane]));
    }
    let x: [f32; 4] = std::array::from_fn(|lane| f(x[lane], x[lane + 4]));
    f(f(x[0], x[2]), f(x[1], x[3]))
}

/// Which slots the pixels of a block touch, and how much: `corners` entries a pixel.
struct Entries<'a> {
    corners: usize,
    slots: &'a [u16],
    weights: &'a [f32],
}

impl Entries<'_> {
    /// Adds to each row what its pixel reads of the values.
    #[inline(always)]
    fn slice(&self, values: &[Group], groups: usize, rows: &mut [Group]) {
        let mut from = 0;
        while from < groups {
            // Several groups at once, as many as the registers hold.
            from += match groups - from {
                1 => self.slice_groups::<1>(values, groups, from, rows),
                2 => self.slice_groups::<2>(values, groups, from, rows),
                3 => self.slice_groups::<3>(values, groups, from, rows),
                _ => self.slice_groups::<4>(values, groups, from, rows),
            };
        }
    }

    #[inline(always)]
    fn slice_groups<const N: usize>(&self, values: &[Group], groups: usize, from: usize, rows: &mut [Group]) -> usize {
        for (pixel, row) in rows.chunks_exact_mut(groups).enumerate() {
            let (slots, weights) = self.of(pixel);
            let row = some::<N>(row, from);
            let mut sums = *row;
            for (slot, weight) in slots.iter().zip(weights) {
                let values = values[*slot as usize * groups + from..].first_chunk::<N>().expect("a row of values");
                for (sum, value) in sums.iter_mut().zip(values) {
                    for lane in 0..LANES {
                        sum.0[lane] += weight * value.0[lane];
                    }
                }
            }
            *row = sums;
        }
        N
    }

    /// Adds each row to the slots of its pixel.
    #[inline(always)]
    fn splat(&self, sums: &mut [Group], groups: usize, rows: &mut [Group]) {
        let mut from = 0;
        while from < groups {
            from += match groups - from {
                1 => self.splat_groups::<1>(sums, groups, from, rows),
                2 => self.splat_groups::<2>(sums, groups, from, rows),
                3 => self.splat_groups::<3>(sums, groups, from, rows),
                _ => self.splat_groups::<4>(sums, groups, from, rows),
            };
        }
    }

    #[inline(always)]
    fn splat_groups<const N: usize>(
        &self,
        sums: &mut [Group],
        groups: usize,
        from: usize,
        rows: &mut [Group],
    ) -> usize {
        for (pixel, row) in rows.chunks_exact_mut(groups).enumerate() {
            let (slots, weights) = self.of(pixel);
            let row = *some::<N>(row, from);
            for (slot, weight) in slots.iter().zip(weights) {
                let place = some::<N>(sums, *slot as usize * groups + from);
                // Read as a whole and written as a whole: else each number waits for the one before.
                let mut sums = *place;
                for (sum, value) in sums.iter_mut().zip(&row) {
                    for lane in 0..LANES {
                        sum.0[lane] += weight * value.0[lane];
                    }
                }
                *place = sums;
            }
        }
        N
    }

    #[inline(always)]
    fn of(&self, pixel: usize) -> (&[u16], &[f32]) {
        let range = pixel * self.corners..(pixel + 1) * self.corners;
        (&self.slots[range.clone()], &self.weights[range])
    }
}

/// `N` groups from `from` on.
#[inline(always)]
fn some<const N: usize>(groups: &mut [Group], from: usize) -> &mut [Group; N] {
    groups[from..].first_chunk_mut::<N>().expect("a row of groups")
}

/// How labels lie in the arrays outside: a plane a label.
struct Planes {
    labels: usize,
    size: [usize; 2],
}

impl Planes {
    /// Rows of labels, pixels tile by tile.
    fn rows(&self, cover: &Cover, numbers: &[f32], groups: usize) -> Vec<Group> {
        let [height, width] = self.size;
        let mut rows = vec![Group([LEAST; LANES]); height * width * groups];
        let out = Out::new(&mut rows);
        for_tasks(cover.tiles.len(), 1 << 20, |number| {
            let tile = &cover.tiles[number];
            // SAFETY: tiles have no pixel in common.
            let rows = unsafe { out.part(tile.pixels().start * groups, tile.pixels().len() * groups) };
            self.rows_of(tile, numbers, groups, rows);
        });
        rows
    }

    /// Those of one tile; lanes without a label stay as they are.
    fn rows_of(&self, tile: &Tile, numbers: &[f32], groups: usize, rows: &mut [Group]) {
        let [height, width] = self.size;
        for (rows, run) in rows.chunks_exact_mut(tile.columns.len() * groups).zip(tile.runs(width)) {
            for label in 0..self.labels {
                let plane = &numbers[label * height * width..][run.clone()];
                for (row, number) in rows.chunks_exact_mut(groups).zip(plane) {
                    row[label / LANES].0[label % LANES] = number.max(LEAST);
                }
            }
        }
    }

    /// Writes the rows of the pixels of a tile from `first` on.
    #[inline(always)]
    fn write(&self, tile: &Tile, first: usize, rows: &[Group], groups: usize, out: Out<f32>) {
        let [height, width] = self.size;
        for (pixel, row) in (first..).zip(rows.chunks_exact(groups)) {
            let (y, x) = (pixel / tile.columns.len(), pixel % tile.columns.len());
            let place = (tile.rows.start + y) * width + tile.columns.start + x;
            let numbers = row.iter().flat_map(|group| group.0).take(self.labels);
            for (label, number) in numbers.enumerate() {
                // SAFETY: a number of this plane, at a pixel of this tile alone.
                unsafe { *out.at(label * height * width + place) = number };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_or_made_anew() {
        let (labels, size) = (11, [150, 140]);
        let noise = |count: usize, scale: f32| -> Vec<f32> {
            (0..count as u32).map(|i| i.wrapping_mul(2654435761) as f32 / 2f32.powi(32) * scale).collect()
        };
        let (colours, logits) = (noise(3 * 150 * 140, 255.0), noise(labels * 150 * 140, 3.0));
        let picture = Picture::new(&colours, [3, 150, 140]).unwrap();
        let kernels = [Kernel::Bilateral { sxy: 30.0, srgb: 40.0, weight: 4.0 }];
        let mut cover = Cover::new(&picture, &kernels).unwrap();
        normalise(&mut cover, &kernels);
        let of = |keep| run(&cover, &logits, &Planes { labels, size }, 2, keep);
        assert_eq!(of(true), of(false));
    }
}
