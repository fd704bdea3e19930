//! Gaussian filtering of all labels of a picture at once on the lattices of a [`Cover`]: splat, blur, slice.
//!
//! A row of values holds a number for each label, in groups of [`LANES`]. Slicing and splatting are done by whoever visits the tiles, so that what is
//! read for a pixel can be changed and handed back in one go.

use super::cover::Cover;
use super::simplex::LANES;
use super::tiles::Tile;
use crate::kernels::par::{for_pieces, for_tasks};
use crate::kernels::real::Out;
use crate::kernels::scratch::{Plain, with_scratch};
use crate::kernels::wide::wide;

/// Values of eight labels. Aligned, so that none crosses a cache line.
#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
pub struct Group(pub [f32; LANES]);

// SAFETY: floats, aligned to half a line.
unsafe impl Plain for Group {}

/// Rows that a visitor has room for.
pub const BLOCK: usize = 32;

/// Rows that are merged or blurred in one go.
const ROWS: usize = 1024;

/// Values by row, and the sums of the tiles.
pub struct Filter<'a> {
    cover: &'a Cover,
    /// Groups of a row.
    groups: usize,
    /// What pixels have added up, by slot.
    sums: Vec<Group>,
    /// Values by row, and as much for blurring.
    values: [Vec<Group>; 2],
}

/// What a visitor of a tile works on, by slot of the tile: `groups` entries a slot.
pub struct Visit<'a> {
    /// Values that came out of the filter.
    pub values: &'a [Group],
    /// Sums that go into it; 0 when the visit begins.
    pub sums: &'a mut [Group],
    /// Room for [`BLOCK`] rows, with unspecified content.
    pub rows: &'a mut [Group],
}

impl<'a> Filter<'a> {
    /// For rows of `groups` groups.
    pub fn new(cover: &'a Cover, groups: usize) -> Filter<'a> {
        let zeros = |rows: usize| vec![Group::default(); rows * groups];
        let rows = cover.row_count();
        Filter { cover, groups, sums: zeros(cover.rows.len()), values: [zeros(rows), zeros(rows)] }
    }

    /// Calls `work` for every tile, side by side.
    pub fn visit(&mut self, work: impl Fn(&Tile, Visit) + Sync) {
        let (cover, groups, values) = (self.cover, self.groups, &self.values[0]);
        let sums = Out::new(&mut self.sums);
        for_tasks(cover.tiles.len(), 1 << 20, |number| {
            let tile = &cover.tiles[number];
            let slots = tile.slots.clone();
            // SAFETY: tiles have no slot in common.
            let sums = unsafe { sums.part(slots.start * groups, slots.len() * groups) };
            sums.fill(Group::default());
            with_scratch((slots.len() + BLOCK) * groups, |room: &mut [Group]| {
                let (local, rows) = room.split_at_mut(slots.len() * groups);
                wide(
                    #[inline(always)]
                    || {
                        for (local, row) in local.chunks_exact_mut(groups).zip(&cover.rows[slots]) {
                            let row = &values[*row as usize * groups..][..groups];
                            for (local, value) in local.iter_mut().zip(row) {
                                *local = *value;
                            }
                        }
                    },
                );
                work(tile, Visit { values: local, sums, rows });
            });
        });
    }

    /// Makes values of the sums: merged, scaled, blurred along each axis.
    pub fn spread(&mut self) {
        for number in 0..self.cover.lattices.len() {
            self.merge(number);
            self.blur(number);
        }
    }

    /// Adds up the sums of each row in the order of its tiles. An odd number of axes begins in the other half, so that blurring ends in the first.
    fn merge(&mut self, number: usize) {
        let (cover, groups, sums) = (self.cover, self.groups, &self.sums);
        let lattice = &cover.lattices[number];
        let into = &mut self.values[lattice.neighbours.len() % 2];
        let own = lattice.first * groups..(lattice.first + lattice.count) * groups;
        for_pieces(&mut into[own], ROWS * groups, |start, rows| {
            wide(
                #[inline(always)]
                || {
                    for (row, values) in (lattice.first + start / groups..).zip(rows.chunks_exact_mut(groups)) {
                        let members = &cover.members[cover.begins[row] as usize..cover.begins[row + 1] as usize];
                        for (group, value) in values.iter_mut().enumerate() {
                            let mut sum = Group::default();
                            for member in members {
                                let part = sums[*member as usize * groups + group];
                                for lane in 0..LANES {
                                    sum.0[lane] += part.0[lane];
                                }
                            }
                            for lane in 0..LANES {
                                sum.0[lane] *= lattice.scale;
                            }
                            *value = sum;
                        }
                    }
                },
            );
        });
    }

    /// Adds to each vertex half of both its neighbours, axis by axis.
    fn blur(&mut self, number: usize) {
        let groups = self.groups;
        let lattice = &self.cover.lattices[number];
        let [first, second] = &mut self.values;
        let odd = lattice.neighbours.len() % 2 == 1;
        let (mut from, mut into) = if odd { (second, first) } else { (first, second) };
        let own = lattice.first * groups..(lattice.first + lattice.count) * groups;
        for pairs in &lattice.neighbours {
            let old = &from[..];
            for_pieces(&mut into[own.clone()], ROWS * groups, |start, rows| {
                wide(
                    #[inline(always)]
                    || {
                        let own = old[own.start + start..].chunks_exact(groups);
                        let pairs = &pairs[start / groups..];
                        for ((values, own), [before, after]) in rows.chunks_exact_mut(groups).zip(own).zip(pairs) {
                            let before = &old[*before as usize * groups..][..groups];
                            let after = &old[*after as usize * groups..][..groups];
                            for (((value, own), before), after) in values.iter_mut().zip(own).zip(before).zip(after) {
                                let mut sum = *own;
                                for lane in 0..LANES {
                                    sum.0[lane] += 0.5 * (before.0[lane] + after.0[lane]);
                                }
                                *value = sum;
                            }
                        }
                    },
                );
            });
            std::mem::swap(&mut from, &mut into);
        }
    }
}
