//! Kernels into tiles, and the gradient of a kernel back from tiles.

use super::super::Geometry;
use super::super::scratch::with_scratch;
use super::PLACES;
use super::planes::Planes;
use super::rows::each3;
use crate::kernels::par::for_tasks;
use crate::kernels::real::{Real, build_blocks};
use crate::kernels::wide::wide;

/// The kernel in tiles, `[place][out][in]`: `G g Gᵀ`. `turned` gives that of the gradient for the input, `[place][in][out]`.
pub fn kernels<R: Real>(w: &[R], geometry: &Geometry, turned: bool, out: Planes<R>) {
    // From one row of the result to the next, and from one column to the next, in kernels.
    let [down, side] = if turned { [1, geometry.in_channels] } else { [geometry.in_channels, 1] };
    let columns = out.columns;
    for_tasks(out.rows, columns * PLACES, |row| {
        with_scratch(21 * columns, |scratch: &mut [R]| {
            let (taps, lines) = scratch.split_at_mut(9 * columns);
            wide(
                #[inline(always)]
                || {
                    for column in 0..columns {
                        let kernel = &w[(row * down + column * side) * 9..][..9];
                        for (tap, &number) in kernel.iter().enumerate() {
                            taps[if turned { 8 - tap } else { tap } * columns + column] = number;
                        }
                    }
                    let part = |numbers: &[R], at: usize| unsafe {
                        std::slice::from_raw_parts(numbers[at * columns..].as_ptr(), columns)
                    };
                    for line in 0..3 {
                        let [a, b, c] = [0, 1, 2].map(|tap| part(taps, 3 * line + tap));
                        for place in 0..4 {
                            weigh(place, a, b, c, &mut lines[(4 * line + place) * columns..][..columns]);
                        }
                    }
                    for across in 0..4 {
                        let [a, b, c] = [0, 1, 2].map(|line| part(lines, 4 * line + across));
                        for place in 0..4 {
                            // SAFETY: this task alone writes its row.
                            weigh(place, a, b, c, unsafe { out.part(4 * place + across, row, 0, columns) });
                        }
                    }
                },
            )
        })
    })
}

/// A row of `G` applied to three rows of numbers.
#[inline(always)]
fn weigh<R: Real>(place: usize, a: &[R], b: &[R], c: &[R], out: &mut [R]) {
    let half = R::of(0.5);
    match place {
        0 => out.copy_from_slice(a),
        1 => each3(
            out,
            a,
            b,
            c,
            #[inline(always)]
            |a, b, c| half * (a + c + b),
        ),
        2 => each3(
            out,
            a,
            b,
            c,
            #[inline(always)]
            |a, b, c| half * (a + c - b),
        ),
        _ => out.copy_from_slice(c),
    }
}

/// The gradient of the weight from its tiles.
pub fn weights<R: Real>(sums: Planes<R>, geometry: &Geometry) -> Vec<R> {
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    // Rows of the transform back: 1 1 1 0, 0 1 -1 0, 0 1 1 -1.
    let line = |[a, b, c, d]: [R; 4]| [a + b + c, b - c, b + c - d];
    // SAFETY: each row of weights is written whole.
    unsafe {
        build_blocks(outputs * inputs * 9, inputs * 9, |start, out: &mut [R]| {
            let rows: [&[R]; PLACES] = std::array::from_fn(|place| &*sums.part(place, start / 9 / inputs, 0, inputs));
            wide(
                #[inline(always)]
                || {
                    for (at, taps) in out.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                        let columns =
                            [0, 1, 2, 3].map(|across| line([0, 4, 8, 12].map(|down| rows[down + across][at])));
                        for down in 0..3 {
                            taps[3 * down..][..3].copy_from_slice(&line(columns.map(|column| column[down])));
                        }
                    }
                },
            )
        })
    }
}
