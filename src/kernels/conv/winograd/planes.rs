//! The matrices that the products between the transforms are made of.

use super::PLACES;
use crate::kernels::par::for_tasks;
use crate::kernels::product::turn;
use crate::kernels::real::{Grid, Out, Real, with_room};
use crate::kernels::scratch::with_scratch;

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

    /// The same from the memory that a worker keeps.
    pub fn lend_near<T>(rows: usize, columns: usize, work: impl FnOnce(Planes<R>) -> T) -> T {
        with_scratch(PLACES * Planes::<R>::step(rows, columns), |numbers| {
            work(Planes { start: Out::new(numbers), rows, columns })
        })
    }

    /// Writes each matrix turned: its columns become rows of `to`, which has as many rows or more.
    pub fn turn_into(self, to: Planes<R>) {
        for_tasks(PLACES, self.rows * self.columns, |place| {
            // SAFETY: this task alone writes the matrix, and nobody writes the one that is read.
            unsafe {
                let to = std::slice::from_raw_parts_mut(to.at(place, 0), self.rows * self.columns);
                turn(self.at(place, 0), self.columns, [self.rows, self.columns], to);
            }
        });
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

    /// Matrix `place` from a row on.
    pub fn grid(self, place: usize, row: usize) -> Grid<*const R> {
        Grid::new(self.at(place, row).cast_const(), self.columns, 1)
    }
}
