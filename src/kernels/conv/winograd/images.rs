//! Images and gradients into tiles, and results back from tiles.

use std::ops::Range;

use super::super::Geometry;
use super::super::scratch::with_scratch;
use super::PLACES;
use super::planes::Planes;
use super::rows::{each, each3};
use super::tiles::{Tiles, copy_row, pull_apart, put_together};
use crate::kernels::par::for_tasks;
use crate::kernels::real::{Out, Real};
use crate::kernels::wide::wide;

/// The input in tiles, `[place][channel][column of the block]`: `Bᵀ d B`.
pub fn images<R: Real>(x: &[R], tiles: &Tiles, geometry: &Geometry, block: Range<usize>, out: Planes<R>) {
    let ([height, width], [top, left], [down, side]) = (geometry.input, geometry.padding, geometry.dilation);
    let (channels, most, pieces) = (geometry.in_channels, tiles.most(geometry), tiles.pieces(block));
    for_tasks(channels, out.columns * PLACES, |channel| {
        with_scratch(tiles.padded + 6 * most, |scratch: &mut [R]| {
            let (row, scratch) = scratch.split_at_mut(tiles.padded);
            // Even and odd columns of even rows, the same of odd rows, and what a row of `Bᵀ` makes of them.
            let (quarters, combined) = scratch.split_at_mut(4 * most);
            let (even, odd) = combined.split_at_mut(most);
            for piece in &pieces {
                let plane = &x[(piece.image * channels + channel) * height * width..][..height * width];
                for [grid, count, start] in tiles.grids_of(piece) {
                    // With one more than there are tiles, neighbours are one number apart everywhere, and loops run over all strips at once.
                    let (line, length) = (count + 1, piece.strips * (count + 1));
                    wide(
                        #[inline(always)]
                        || {
                            for at in 0..2 * (piece.strips + 1) {
                                copy_row(plane, [height, width], (piece.top + at * down) as isize - top, left, row);
                                let (even, odd) = quarters[at % 2 * 2 * most..][..2 * most].split_at_mut(most);
                                let to = at / 2 * line..(at / 2 + 1) * line;
                                pull_apart(&row[grid..], side, &mut even[to.clone()], &mut odd[to]);
                            }
                            let quarter = |parity: usize, from: usize| &quarters[parity * most + from..][..length];
                            for place in 0..4 {
                                for (parity, to) in [&mut *even, &mut *odd].into_iter().enumerate() {
                                    let (upper, lower) = (parity, parity + 2);
                                    let numbers = [
                                        quarter(upper, 0),
                                        quarter(lower, 0),
                                        quarter(upper, line),
                                        quarter(lower, line),
                                    ];
                                    filter(place, numbers, &mut to[..length]);
                                    // The number behind the last is read and not used.
                                    to[length] = R::ZERO;
                                }
                                let numbers = [&even[..length], &odd[..length], &even[1..=length], &odd[1..=length]];
                                for across in 0..4 {
                                    // SAFETY: this task alone writes the tiles of its channel.
                                    let to =
                                        unsafe { out.part(4 * place + across, channel, start, piece.strips * count) };
                                    for (strip, to) in to.chunks_exact_mut(count).enumerate() {
                                        filter(across, numbers.map(|row| &row[strip * line..][..count]), to);
                                    }
                                }
                            }
                        },
                    )
                }
            }
        })
    });
}

/// A row of `Bᵀ` applied to four rows of numbers.
#[inline(always)]
fn filter<R: Real>(place: usize, [a, b, c, d]: [&[R]; 4], out: &mut [R]) {
    match place {
        0 => each(
            out,
            a,
            c,
            #[inline(always)]
            |a, c| a - c,
        ),
        1 => each(
            out,
            b,
            c,
            #[inline(always)]
            |b, c| b + c,
        ),
        2 => each(
            out,
            c,
            b,
            #[inline(always)]
            |c, b| c - b,
        ),
        _ => each(
            out,
            b,
            d,
            #[inline(always)]
            |b, d| b - d,
        ),
    }
}

/// The result from its tiles, `[place][channel][column of the block]`: `Aᵀ m A`, and the bias.
pub fn results<R: Real>(
    products: Planes<R>,
    bias: Option<&[R]>,
    tiles: &Tiles,
    geometry: &Geometry,
    block: Range<usize>,
    y: Out<R>,
) {
    let ([height, width], [down, side]) = (geometry.output, geometry.dilation);
    let (channels, most, pieces) = (geometry.out_channels, tiles.most(geometry), tiles.pieces(block));
    for_tasks(channels, products.columns * PLACES, |channel| {
        let bias = bias.map_or(R::ZERO, |bias| bias[channel]);
        with_scratch(6 * most, |scratch: &mut [R]| {
            let (sums, sides) = scratch.split_at_mut(4 * most);
            let (even, odd) = sides.split_at_mut(most);
            for piece in &pieces {
                let plane = (piece.image * channels + channel) * height * width;
                for [grid, count, start] in tiles.grids_of(piece) {
                    let length = piece.strips * count;
                    wide(
                        #[inline(always)]
                        || {
                            for lower in 0..2 {
                                for (across, sum) in sums.chunks_exact_mut(most).enumerate() {
                                    // SAFETY: the products are done, and nobody writes them meanwhile.
                                    let [a, b, c] = [0, 1, 2].map(|place| unsafe {
                                        &*products.part(4 * (lower + place) + across, channel, start, length)
                                    });
                                    add(lower, a, b, c, R::ZERO, &mut sum[..length]);
                                }
                                let sum = |across: usize| &sums[across * most..][..length];
                                add(0, sum(0), sum(1), sum(2), bias, &mut even[..length]);
                                add(1, sum(1), sum(2), sum(3), bias, &mut odd[..length]);
                                for strip in 0..piece.strips {
                                    let at = piece.top + (2 * strip + lower) * down;
                                    if at < height {
                                        // SAFETY: this task alone writes the rows of its channel.
                                        let row = unsafe { y.part(plane + at * width, width) };
                                        let from = strip * count..(strip + 1) * count;
                                        put_together(&even[from.clone()], &odd[from], side, &mut row[grid..]);
                                    }
                                }
                            }
                        },
                    )
                }
            }
        })
    });
}

/// A row of `Aᵀ` applied to those three rows of numbers that it does not leave out: 1 1 1 0 or 0 1 -1 -1.
#[inline(always)]
fn add<R: Real>(row: usize, a: &[R], b: &[R], c: &[R], bias: R, out: &mut [R]) {
    if row == 0 {
        each3(
            out,
            a,
            b,
            c,
            #[inline(always)]
            |a, b, c| a + b + c + bias,
        );
    } else {
        each3(
            out,
            a,
            b,
            c,
            #[inline(always)]
            |a, b, c| a - b - c + bias,
        );
    }
}

/// A gradient of the result in tiles, `[place][channel][column of the block]`: what `G` is to a kernel of two by two.
pub fn gradients<R: Real>(gy: &[R], tiles: &Tiles, geometry: &Geometry, block: Range<usize>, out: Planes<R>) {
    let ([height, width], [down, side]) = (geometry.output, geometry.dilation);
    let (channels, most, pieces) = (geometry.out_channels, tiles.most(geometry), tiles.pieces(block));
    for_tasks(channels, out.columns * PLACES, |channel| {
        with_scratch(tiles.padded + 6 * most, |scratch: &mut [R]| {
            let (row, scratch) = scratch.split_at_mut(tiles.padded);
            let (quarters, combined) = scratch.split_at_mut(4 * most);
            let (even, odd) = combined.split_at_mut(most);
            for piece in &pieces {
                let plane = &gy[(piece.image * channels + channel) * height * width..][..height * width];
                for [grid, count, start] in tiles.grids_of(piece) {
                    let length = piece.strips * count;
                    wide(
                        #[inline(always)]
                        || {
                            for at in 0..2 * piece.strips {
                                copy_row(plane, [height, width], (piece.top + at * down) as isize, 0, row);
                                let (even, odd) = quarters[at % 2 * 2 * most..][..2 * most].split_at_mut(most);
                                let to = at / 2 * count..(at / 2 + 1) * count;
                                pull_apart(&row[grid..], side, &mut even[to.clone()], &mut odd[to]);
                            }
                            let quarter = |at: usize| &quarters[at * most..][..length];
                            for place in 0..4 {
                                spread(place, quarter(0), quarter(2), &mut even[..length]);
                                spread(place, quarter(1), quarter(3), &mut odd[..length]);
                                for across in 0..4 {
                                    // SAFETY: this task alone writes the tiles of its channel.
                                    let to = unsafe { out.part(4 * place + across, channel, start, length) };
                                    spread(across, &even[..length], &odd[..length], to);
                                }
                            }
                        },
                    )
                }
            }
        })
    });
}

/// Two numbers at one of the four points of the transform.
#[inline(always)]
fn spread<R: Real>(place: usize, a: &[R], b: &[R], out: &mut [R]) {
    let half = R::of(0.5);
    match place {
        0 => out.copy_from_slice(a),
        1 => each(
            out,
            a,
            b,
            #[inline(always)]
            |a, b| half * (a + b),
        ),
        2 => each(
            out,
            a,
            b,
            #[inline(always)]
            |a, b| half * (a - b),
        ),
        _ => out.copy_from_slice(b),
    }
}
