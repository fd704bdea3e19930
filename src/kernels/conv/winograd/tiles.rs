//! Which tiles there are, and how rows of an image are read into them and written from them.

use std::ops::Range;

use super::super::Geometry;
use super::{BLOCK_COLUMNS, BLOCK_NUMBERS, PLACES};
use crate::kernels::real::Real;

/// How an image is cut into tiles of two by two results. The grids of a dilated convolution are tiled each for itself. A strip is a row of
/// tiles, over all grids of columns.
pub struct Tiles {
    pub batch: usize,
    /// The first of the two result rows of each strip of an image; the other lies `dilation` below, where it is within.
    pub tops: Vec<usize>,
    /// The strips of each grid of rows, which follow one another.
    pub tall: Vec<usize>,
    /// For each grid of columns: its first column, its tiles.
    pub grids: Vec<[usize; 2]>,
    /// Columns of a strip: those of all grids.
    pub across: usize,
    /// Length of a row of the image with all the border that tiles reach.
    pub padded: usize,
}

/// Strips of one image and one grid of rows, within a block.
pub struct Piece {
    pub image: usize,
    /// The first result row.
    pub top: usize,
    pub strips: usize,
    /// Its first column in the block.
    pub start: usize,
}

impl Tiles {
    pub fn new(geometry: &Geometry) -> Tiles {
        let [height, width] = geometry.output;
        let [down, side] = geometry.dilation;
        let tiles_of = |length: usize, step: usize, first: usize| (length - first).div_ceil(step).div_ceil(2);
        let tall: Vec<usize> = (0..down.min(height)).map(|first| tiles_of(height, down, first)).collect();
        let tops =
            tall.iter().enumerate().flat_map(|(first, &tall)| (0..tall).map(move |tile| first + 2 * tile * down));
        let grids: Vec<[usize; 2]> = (0..side.min(width)).map(|first| [first, tiles_of(width, side, first)]).collect();
        let across = grids.iter().map(|[_, tiles]| tiles).sum();
        let padded = grids.iter().map(|[first, tiles]| first + side * (2 * tiles + 2)).max().unwrap_or(1);
        Tiles { batch: geometry.batch, tops: tops.collect(), tall, grids, across, padded }
    }

    pub fn strips(&self) -> usize {
        self.batch * self.tops.len()
    }

    /// Strips of the first block, which is the longest.
    pub fn block(&self, geometry: &Geometry) -> usize {
        let a_column = PLACES * (geometry.in_channels + geometry.out_channels);
        let columns = (BLOCK_NUMBERS / a_column).max(BLOCK_COLUMNS);
        let blocks = (self.strips() * self.across).div_ceil(columns).max(1);
        self.strips().div_ceil(blocks).max(1)
    }

    /// Strips in blocks, in order.
    pub fn blocks(&self, geometry: &Geometry) -> impl Iterator<Item = Range<usize>> {
        let (step, end) = (self.block(geometry), self.strips());
        (0..end).step_by(step).map(move |start| start..(start + step).min(end))
    }

    /// Whether the first block is the only one.
    pub fn in_one_block(&self, geometry: &Geometry) -> bool {
        self.block(geometry) >= self.strips()
    }

    /// The pieces of a block, in order.
    pub fn pieces(&self, block: Range<usize>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut first = 0;
        for image in 0..self.batch {
            for &tall in &self.tall {
                let (from, to) = (first.max(block.start), (first + tall).min(block.end));
                if from < to {
                    let (top, start) = (self.tops[from % self.tops.len()], (from - block.start) * self.across);
                    pieces.push(Piece { image, top, strips: to - from, start });
                }
                first += tall;
            }
        }
        pieces
    }

    /// The grids of columns of a piece: the first column, the tiles, the first column in the block.
    pub fn grids_of(&self, piece: &Piece) -> impl Iterator<Item = [usize; 3]> {
        self.grids.iter().scan(piece.start, |start, &[first, tiles]| {
            let here = *start;
            *start += piece.strips * tiles;
            Some([first, tiles, here])
        })
    }

    /// The most numbers that a grid of a piece of a block has in one place of its tiles, with a strip and a column to spare.
    pub fn most(&self, geometry: &Geometry) -> usize {
        let strips = self.block(geometry).min(self.tall.iter().copied().max().unwrap_or(0));
        (strips + 1) * (self.grids.iter().map(|[_, tiles]| tiles + 1).max().unwrap_or(0)) + 1
    }
}

/// Row `at` of a plane with `left` zeros before it, cut or filled up to the length of `out`; zeros for a row that is not there.
#[inline(always)]
pub fn copy_row<R: Real>(plane: &[R], [height, width]: [usize; 2], at: isize, left: isize, out: &mut [R]) {
    if at < 0 || at >= height as isize {
        return out.fill(R::ZERO);
    }
    let source = &plane[at as usize * width..][..width];
    let start = left.clamp(0, out.len() as isize) as usize;
    let end = (width as isize + left).clamp(start as isize, out.len() as isize) as usize;
    out[..start].fill(R::ZERO);
    out[end..].fill(R::ZERO);
    if end > start {
        out[start..end].copy_from_slice(&source[(start as isize - left) as usize..][..end - start]);
    }
}

/// Every second number of a grid of columns, and those between.
#[inline(always)]
pub fn pull_apart<R: Real>(row: &[R], step: usize, even: &mut [R], odd: &mut [R]) {
    let sides = even.iter_mut().zip(odd);
    if step == 1 {
        sides.zip(row.as_chunks::<2>().0).for_each(|((even, odd), pair)| [*even, *odd] = *pair);
    } else {
        sides.zip(row.chunks(2 * step)).for_each(|((even, odd), both)| [*even, *odd] = [both[0], both[step]]);
    }
}

/// The way back; what does not fit into the row is left out.
#[inline(always)]
pub fn put_together<R: Real>(even: &[R], odd: &[R], step: usize, row: &mut [R]) {
    if step == 1 {
        let (pairs, rest) = row.as_chunks_mut::<2>();
        let whole = pairs.len();
        pairs.iter_mut().zip(even.iter().zip(odd)).for_each(|(pair, (&even, &odd))| *pair = [even, odd]);
        if let [last] = rest {
            *last = even[whole];
        }
    } else {
        for ((&even, &odd), both) in even.iter().zip(odd).zip(row.chunks_mut(2 * step)) {
            both[0] = even;
            if let Some(number) = both.get_mut(step) {
                *number = odd;
            }
        }
    }
}
