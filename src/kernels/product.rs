//! Matrix products on the calling thread, whatever the order of their sides in memory.
//!
//! The crate `gemm` packs the right side of a product into columns that lie side by side. Where each column lies in one piece, as that of a product over pixels
//! does, its packing goes number by number and takes longer than the product itself: three quarters of the time with 64 rows. Such a side is first turned
//! here, panel by panel, in blocks that stay in registers.

use super::real::{Grid, Real};
use super::scratch::with_scratch;
use super::wide::wide;

/// Rows and columns of a panel that is turned at a time; it fits into a core's own cache.
const PANEL: usize = 512;
/// Numbers that a product with a turned right side of `k` by `n` lays out at a time.
pub fn panel_numbers(n: usize, k: usize) -> usize {
    n.min(PANEL) * k.min(PANEL)
}

/// Below so many rows, columns or numbers in a sum, the product itself is too small to gain.
const LEAST: usize = 16;
/// Rows and columns of a block that is turned in registers.
const BLOCK: usize = 16;

/// `out = lhs * rhs`, or `out += lhs * rhs` with `accumulate`, for `m` by `k` times `k` by `n`. The order of the sums follows from the sizes and
/// the strides alone.
///
/// # Safety
/// As for [`Real::gemm`].
pub unsafe fn product<R: Real>(
    [m, n, k]: [usize; 3],
    out: Grid<*mut R>,
    accumulate: bool,
    lhs: Grid<*const R>,
    rhs: Grid<*const R>,
) {
    if rhs.row != 1 || rhs.column == 1 || m.min(n).min(k) < LEAST {
        // SAFETY: as the caller promises.
        return unsafe { R::gemm([m, n, k], out, accumulate, lhs, rhs) };
    }
    let columns = n.min(PANEL);
    with_scratch(panel_numbers(n, k), |panel: &mut [R]| {
        for first in (0..k).step_by(PANEL) {
            let depth = PANEL.min(k - first);
            for column in (0..n).step_by(columns) {
                let columns = columns.min(n - column);
                // SAFETY: the panel is within the right side, and the rows and columns that go with it within the other two.
                unsafe {
                    turn(rhs.start.add(first + column * rhs.column), rhs.column, [columns, depth], panel);
                    R::gemm(
                        [m, columns, depth],
                        Grid { start: out.start.add(column * out.column), ..out },
                        accumulate || first > 0,
                        Grid { start: lhs.start.add(first * lhs.column), ..lhs },
                        Grid::new(panel.as_ptr(), columns, 1),
                    );
                }
            }
        }
    });
}

/// The matrix of `rows` by `columns` whose rows begin `step` apart, turned: its columns one after the other.
///
/// # Safety
/// All that is read is valid.
pub unsafe fn turn<R: Real>(from: *const R, step: usize, [rows, columns]: [usize; 2], to: &mut [R]) {
    let to = &mut to[..rows * columns];
    let whole = |length: usize| length / BLOCK * BLOCK;
    wide(
        #[inline(always)]
        || {
            // SAFETY: rows and columns are within the matrix, and so are their places in `to`.
            unsafe {
                for row in (0..whole(rows)).step_by(BLOCK) {
                    for column in (0..whole(columns)).step_by(BLOCK) {
                        block(from.add(row * step + column), step, to.as_mut_ptr().add(column * rows + row), rows);
                    }
                    rest(from, step, row..row + BLOCK, whole(columns)..columns, to, rows);
                }
                rest(from, step, whole(rows)..rows, 0..columns, to, rows);
            }
        },
    );
}

/// A block of full size, which the compiler turns in registers.
#[inline(always)]
unsafe fn block<R: Real>(from: *const R, from_step: usize, to: *mut R, to_step: usize) {
    let mut block = [[R::ZERO; BLOCK]; BLOCK];
    for (row, numbers) in block.iter_mut().enumerate() {
        for (column, number) in numbers.iter_mut().enumerate() {
            // SAFETY: as for `turn`.
            *number = unsafe { *from.add(row * from_step + column) };
        }
    }
    for column in 0..BLOCK {
        for (row, numbers) in block.iter().enumerate() {
            // SAFETY: as for `turn`.
            unsafe { *to.add(column * to_step + row) = numbers[column] };
        }
    }
}

#[inline(always)]
unsafe fn rest<R: Real>(
    from: *const R,
    step: usize,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    to: &mut [R],
    to_step: usize,
) {
    for row in rows {
        for column in columns.clone() {
            // SAFETY: as for `turn`.
            to[column * to_step + row] = unsafe { *from.add(row * step + column) };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{numbers, sample};

    proptest! {
        /// Sizes on both sides of all limits, each side turned or not: the sums by their definition.
        #[test]
        fn any_order_of_both_sides(
            m in 1usize..40, n in prop_oneof![1usize..40, 500usize..540], k in prop_oneof![1usize..40, 500usize..540],
            turned in any::<[bool; 2]>(), accumulate: bool,
        ) {
            let (a, b) = (numbers(&sample(&[m * k], 1)), numbers(&sample(&[k * n], 2)));
            let grid = |numbers: &[f64], [rows, columns]: [usize; 2], turned: bool| {
                if turned { Grid::new(numbers.as_ptr(), 1, rows) } else { Grid::new(numbers.as_ptr(), columns, 1) }
            };
            let mut out = vec![0.5; m * n];
            let (lhs, rhs) = (grid(&a, [m, k], turned[0]), grid(&b, [k, n], turned[1]));
            // SAFETY: the grids are those of the three vectors.
            unsafe { product([m, n, k], Grid::new(out.as_mut_ptr(), n, 1), accumulate, lhs, rhs) };
            let at = |numbers: &[f64], [rows, columns]: [usize; 2], turned: bool, row: usize, column: usize| {
                if turned { numbers[column * rows + row] } else { numbers[row * columns + column] }
            };
            for row in 0..m {
                for column in 0..n {
                    let sum: f64 = (0..k).map(|i| at(&a, [m, k], turned[0], row, i) * at(&b, [k, n], turned[1], i, column)).sum();
                    let expected = sum + if accumulate { 0.5 } else { 0.0 };
                    prop_assert!((out[row * n + column] - expected).abs() < 1e-12);
                }
            }
        }
    }
}
