//! The matrices that the products between the transforms are made of.

use super::PLACES;
use crate::kernels::real::{Grid, Out, Real, with_room};

/// One matrix for each place of a tile.
#[derive(Clone, Copy)]
pub struct Planes<R> {
    start: Out<R>,
    pub rows: usize,
    pub columns: usize,
}

impl<R: Real> Planes<R> {
    /// Numbers from one matrix to the next: not a power of two, or all sixteen would fall into the same lines of a cache.
    pub fn step(rows: usize, columns: usize) -> usize {
        (rows * columns).next_multiple_of(1024) + 64
    }

    /// Lends `work` sixteen matrices with unspecified content.
    pub fn lend<T>(rows: usize, columns: usize, work: impl FnOnce(Planes<R>) -> T) -> T {
        with_room(PLACES * Planes::<R>::step(rows, columns), |start| work(Planes { start, rows, columns }))
    }

    /// The same memory for fewer columns.
    pub fn narrowed(self, columns: usize) -> Planes<R> {
        Planes { columns, ..self }
    }

    /// Where a row begins.
    pub fn at(self, place: usize, row: usize) -> *mut R {
        debug_assert!(place < PLACES && row <= self.rows);
        // SAFETY: within the memory that was lent.
        unsafe { self.start.at(place * Planes::<R>::step(self.rows, self.columns) + row * self.columns) }
    }

    /// Part of a row.
    ///
    /// # Safety
    /// No other task holds it, and it is written before it is read.
    pub unsafe fn part<'a>(self, place: usize, row: usize, at: usize, length: usize) -> &'a mut [R] {
        debug_assert!(at + length <= self.columns);
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.at(place, row).add(at), length) }
    }

    /// Matrix `place` from a row on; `turned` has its rows as columns.
    pub fn grid(self, place: usize, row: usize, turned: bool) -> Grid<*const R> {
        let start = self.at(place, row).cast_const();
        if turned { Grid::new(start, 1, self.columns) } else { Grid::new(start, self.columns, 1) }
    }
}
