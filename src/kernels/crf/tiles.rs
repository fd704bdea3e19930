//! A picture cut into rectangles, each with numbers of its own for the vertices that its pixels touch.
//!
//! What a tile reads and adds up fits a core's cache, and tiles are worked on side by side. They follow from the size of the
//! picture and the number of kernels alone.

use std::ops::Range;

/// Columns of a tile: wide enough that rows are read in long runs.
const WIDTH: usize = 128;

/// Most pixels of a tile.
const PIXELS: usize = 16 * 1024;

/// A rectangle of the picture.
pub struct Tile {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    /// Its first pixel, where pixels are counted tile by tile.
    first: usize,
    /// Its slots, a slot for each vertex that it touches, kernel after kernel.
    pub slots: Range<usize>,
}

impl Tile {
    /// Its pixels, counted tile by tile and in a tile row by row.
    pub fn pixels(&self) -> Range<usize> {
        self.first..self.first + self.rows.len() * self.columns.len()
    }

    /// Where the rows of the tile begin and end in a plane of the picture, `width` wide.
    pub fn runs(&self, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let columns = self.columns.clone();
        self.rows.clone().map(move |row| row * width + columns.start..row * width + columns.end)
    }
}

/// The tiles of a picture whose pixels touch `corners` vertices each, at least one. A tile has at most 2^16 slots.
pub fn tiles([height, width]: [usize; 2], corners: usize) -> Vec<Tile> {
    let most = ((1 << 16) / corners).clamp(1, PIXELS);
    let across = WIDTH.min(most);
    let down = most / across;
    let mut tiles: Vec<Tile> = Vec::new();
    for top in (0..height).step_by(down) {
        for left in (0..width).step_by(across) {
            let first = tiles.last().map_or(0, |tile| tile.pixels().end);
            let (bottom, right) = ((top + down).min(height), (left + across).min(width));
            tiles.push(Tile { rows: top..bottom, columns: left..right, first, slots: 0..0 });
        }
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::tiles;

    #[test]
    fn tiles_hold_every_pixel_once() {
        for (size, corners) in [([1, 1], 9), ([300, 1], 9), ([70, 300], 9), ([3, 5], 60_000)] {
            let mut seen = vec![0; size[0] * size[1]];
            let mut next = 0;
            for tile in tiles(size, corners) {
                assert_eq!(tile.pixels().start, next);
                next = tile.pixels().end;
                assert!(tile.pixels().len() * corners <= 1 << 16);
                tile.runs(size[1]).for_each(|run| seen[run].iter_mut().for_each(|times| *times += 1));
            }
            assert!(seen.iter().all(|times| *times == 1));
        }
    }
}
