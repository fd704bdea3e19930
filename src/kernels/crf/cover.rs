//! What does not change from step to step: which vertices each pixel touches and how much, and which vertices are neighbours.
//!
//! Vertices of all kernels are rows of one table of values, from 1 on; row 0 stays 0 and stands for neighbours that no pixel
//! touches. In a tile a vertex has a slot: an index of 16 bits is enough there, and what pixels add up in slots is merged row by row in the order of the
//! tiles, so that no two tasks add into the same number.

use std::ops::Range;

use super::simplex::{Key, LANES, diagonal, enclose, scale, step};
use super::table::Table;
use super::tiles::{Tile, tiles};
use super::{Error, Kernel, Picture};
use crate::kernels::par::{collect, for_pieces};
use crate::kernels::real::Out;
use crate::kernels::wide::wide;

/// Vertices whose neighbours are looked up in one go.
const PIECE: usize = 4096;

pub struct Cover {
    pub tiles: Vec<Tile>,
    /// Vertices that a pixel touches, of all kernels.
    pub corners: usize,
    /// Of each pixel, tile by tile, the slots that it touches, …
    pub slots: Vec<u16>,
    /// … and how much of it each takes.
    pub weights: Vec<f32>,
    /// The row of each slot, tile by tile.
    pub rows: Vec<u32>,
    pub lattices: Vec<Lattice>,
    /// The slots of row `r`, in the order of the tiles: `members[begins[r]..begins[r + 1]]`.
    pub begins: Vec<u32>,
    pub members: Vec<u32>,
}

/// The vertices of one kernel.
pub struct Lattice {
    /// Its first row, and how many there are.
    pub first: usize,
    pub count: usize,
    /// Vertices of a simplex.
    pub corners: usize,
    /// For each axis, the rows before and after each vertex.
    pub neighbours: Vec<Vec<[u32; 2]>>,
    /// What all sums are multiplied by: what blurring adds, made up for.
    pub scale: f32,
}

impl Cover {
    /// Of a picture and its kernels.
    ///
    /// # Errors
    /// There are more vertices than numbers for them.
    pub fn new(picture: &Picture, kernels: &[Kernel]) -> Result<Cover, Error> {
        let corners = kernels.iter().map(Kernel::corners).sum::<usize>();
        let size = [picture.height, picture.width];
        let pixels = picture.height * picture.width;
        if pixels.checked_mul(corners).is_none_or(|entries| entries >= u32::MAX as usize) {
            return Err(Error::TooLarge);
        }
        let mut build = Build {
            picture,
            tiles: tiles(size, corners.max(1)),
            corners,
            slots: vec![0; pixels * corners],
            weights: vec![0.0; pixels * corners],
            touched: Vec::new(),
            rows: 1,
            column: 0,
        };
        build.touched.resize(build.tiles.len(), Vec::new());
        let lattices = kernels.iter().map(|kernel| match kernel {
            Kernel::Spatial { .. } => build.lattice::<2, 3>(kernel),
            Kernel::Bilateral { .. } => build.lattice::<5, 6>(kernel),
        });
        let lattices = lattices.collect();
        Ok(build.finish(lattices))
    }

    /// The number of rows, row 0 among them.
    pub fn row_count(&self) -> usize {
        self.begins.len() - 1
    }

    /// Where the slots and weights of a tile's pixels are.
    pub fn entries_of(&self, tile: &Tile) -> Range<usize> {
        tile.pixels().start * self.corners..tile.pixels().end * self.corners
    }

    /// The slots and weights of a tile's pixels.
    pub fn entries(&self, tile: &Tile) -> (&[u16], &[f32]) {
        let range = self.entries_of(tile);
        (&self.slots[range.clone()], &self.weights[range])
    }
}

struct Build<'a> {
    picture: &'a Picture<'a>,
    tiles: Vec<Tile>,
    corners: usize,
    slots: Vec<u16>,
    weights: Vec<f32>,
    /// The rows that each tile touches, by slot.
    touched: Vec<Vec<u32>>,
    /// Rows given away so far.
    rows: usize,
    /// Where in a pixel's entries those of the next kernel begin.
    column: usize,
}

impl Build<'_> {
    fn lattice<const D: usize, const C: usize>(&mut self, kernel: &Kernel) -> Lattice {
        let (slots, weights) = (Out::new(&mut self.slots), Out::new(&mut self.weights));
        let (corners, column) = (self.corners, self.column);
        let (picture, tiles, touched) = (self.picture, &self.tiles, &self.touched);
        // Tiles number their vertices side by side; only these, not all pixels, are then numbered one after the other.
        let seen = collect(tiles.len(), 1 << 20, |number| {
            let tile = &tiles[number];
            let (start, length) = (tile.pixels().start * corners, tile.pixels().len() * corners);
            // SAFETY: tiles have no pixel in common.
            let (slots, weights) = unsafe { (slots.part(start, length), weights.part(start, length)) };
            let entries = slots.chunks_exact_mut(corners).zip(weights.chunks_exact_mut(corners));
            let entries = entries.map(|(slots, weights)| (&mut slots[column..], &mut weights[column..]));
            wide(
                #[inline(always)]
                || touch::<D, C>(picture, kernel, tile, touched[number].len(), entries),
            )
        });
        let first = self.rows;
        let mut table = Table::new();
        for (keys, touched) in seen.iter().zip(&mut self.touched) {
            touched.extend(keys.iter().map(|key| first as u32 + table.number(*key)));
        }
        let count = table.keys().len();
        let row = |key: Key| table.find(key).map_or(0, |number| first as u32 + number);
        let neighbours = (0..C).map(|axis| {
            let leap = if axis < D { step(axis).wrapping_mul(C as Key) } else { 0 };
            let apart = diagonal::<D>().wrapping_sub(leap);
            let mut pairs = vec![[0; 2]; count];
            for_pieces(&mut pairs, PIECE, |start, pairs| {
                for (pair, key) in pairs.iter_mut().zip(&table.keys()[start..]) {
                    *pair = [row(key.wrapping_sub(apart)), row(key.wrapping_add(apart))];
                }
            });
            pairs
        });
        let neighbours = neighbours.collect();
        self.rows += count;
        self.column += C;
        Lattice { first, count, corners: C, neighbours, scale: 1.0 / (1.0 + 0.5f32.powi(D as i32)) }
    }

    fn finish(self, lattices: Vec<Lattice>) -> Cover {
        let mut tiles = self.tiles;
        let mut begins = vec![0; self.rows + 1];
        let mut next = 0;
        for (tile, touched) in tiles.iter_mut().zip(&self.touched) {
            tile.slots = next..next + touched.len();
            next = tile.slots.end;
            touched.iter().for_each(|row| begins[*row as usize + 1] += 1);
        }
        (0..self.rows).for_each(|row| begins[row + 1] += begins[row]);
        let rows = self.touched.concat();
        let mut free: Vec<u32> = begins.clone();
        let mut members = vec![0; rows.len()];
        for (slot, row) in rows.iter().enumerate() {
            let place = &mut free[*row as usize];
            members[*place as usize] = slot as u32;
            *place += 1;
        }
        Cover {
            tiles,
            corners: self.corners,
            slots: self.slots,
            weights: self.weights,
            rows,
            lattices,
            begins,
            members,
        }
    }
}

/// Writes slots, counted from `base`, and weights of the pixels of a tile; gives the vertices in the order of their slots.
#[inline(always)]
fn touch<'a, const D: usize, const C: usize>(
    picture: &Picture,
    kernel: &Kernel,
    tile: &Tile,
    base: usize,
    mut entries: impl Iterator<Item = (&'a mut [u16], &'a mut [f32])>,
) -> Vec<Key> {
    let scales: [f32; D] = std::array::from_fn(|axis| scale(axis, D));
    let mut table = Table::new();
    // Neighbours often lie in the same simplex.
    let (mut before, mut found) = (None, [0; C]);
    for y in tile.rows.clone() {
        for x in tile.columns.clone().step_by(LANES) {
            let lanes = LANES.min(tile.columns.end - x);
            let features = features::<D>(picture, kernel, y, x, lanes);
            let simplices = enclose::<D, C>(&features, &scales);
            for (lane, (slots, weights)) in (0..lanes).zip(&mut entries) {
                let name = simplices.name(lane);
                if before != Some(name) {
                    before = Some(name);
                    found = simplices.vertices(lane, name).map(|key| (base + table.number(key) as usize) as u16);
                }
                slots[..C].copy_from_slice(&found);
                weights[..C].copy_from_slice(&simplices.weights(lane));
            }
        }
    }
    table.into_keys()
}

/// The features of up to [`LANES`] pixels of a row from `x` on, over the deviations of the kernel.
#[inline(always)]
fn features<const D: usize>(picture: &Picture, kernel: &Kernel, y: usize, x: usize, lanes: usize) -> [[f32; LANES]; D] {
    let mut features = [[0.0; LANES]; D];
    let (sxy, srgb) = kernel.deviations();
    features[0] = std::array::from_fn(|lane| (x + lane) as f32 / sxy);
    features[1] = [y as f32 / sxy; LANES];
    for (channel, feature) in features[2..].iter_mut().enumerate() {
        let row = &picture.channel(channel)[y * picture.width + x..][..lanes];
        for (feature, colour) in feature.iter_mut().zip(row) {
            *feature = colour / srgb;
        }
    }
    features
}
