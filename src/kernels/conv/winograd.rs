//! 3 × 3 convolutions with stride 1 in four ninths of the products: Winograd's minimal filtering F(2 × 2, 3 × 3), as in Lavin and Gray, "Fast
//! Algorithms for Convolutional Neural Networks", CVPR 2016.
//!
//! Four by four numbers of the image make two by two of the result: `y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`. The products between are sixteen matrix
//! products, one for each place of the transformed tile. The gradient for the input is the same with the kernel turned round, that for the
//! weight is F(3 × 3, 2 × 2) on the same tiles. A dilated convolution is one on each of its interleaved grids.
//!
//! Tiles are worked on in blocks: all channels into tiles, sixteen products, all channels back. Sums go through tiles in the order of the
//! image whatever the block, and blocks follow from the shapes.

use std::ops::Range;

use super::Geometry;
use crate::kernels::par::for_tasks;
use crate::kernels::real::{Grid, Out, Real, build, build_blocks, with_room};
use crate::kernels::scratch::with_scratch;
use crate::kernels::wide::wide;

/// Places of a transformed tile.
const PLACES: usize = 16;
/// Below so many channels on either side, or so few columns, the transforms take longer than the products they save.
const LEAST_CHANNELS: usize = 128;
const LEAST_COLUMNS: usize = 512;
/// Numbers of a block in tiles, both sides together, and columns that make a matrix product worth while.
const BLOCK_NUMBERS: usize = 2 * 1024 * 1024;
const BLOCK_COLUMNS: usize = 128;
/// Rows of a product that one task takes.
const PRODUCT_ROWS: usize = 128;

impl Geometry {
    /// Whether [`forward`] and [`grad_weight`] take less time here than the other roads.
    pub(super) fn suits_winograd(&self) -> bool {
        let few = self.kernel != [3, 3] || self.stride != [1, 1] || self.groups != 1;
        if few || self.in_channels.min(self.out_channels) < LEAST_CHANNELS {
            return false;
        }
        let tiles = Tiles::new(self);
        // Tiles at the edges compute what nobody asks for.
        let computed = 4 * tiles.tops.len() * tiles.across;
        2 * computed <= 3 * self.output_pixels() && tiles.strips() * tiles.across >= LEAST_COLUMNS
    }

    /// Numbers that each of the three takes beside its result: the kernel in tiles, and both sides of a block.
    pub(super) fn winograd_scratch(&self) -> usize {
        let tiles = Tiles::new(self);
        let columns = tiles.block(self) * tiles.across;
        PLACES * (self.in_channels * self.out_channels + (self.in_channels + self.out_channels) * columns)
    }
}

/// How an image is cut into tiles of two by two results. The grids of a dilated convolution are tiled each for itself. A strip is a row of
/// tiles, over all grids of columns; each grid has one column more than tiles, so that neighbours are one number apart everywhere and loops run
/// over many strips at once. What comes out in that column is not used.
struct Tiles {
    batch: usize,
    /// The first of the two result rows of each strip of an image; the other lies `dilation` below, where it is within.
    tops: Vec<usize>,
    /// The strips of each grid of rows, which follow one another.
    tall: Vec<usize>,
    /// For each grid of columns: its first column, its tiles.
    grids: Vec<[usize; 2]>,
    /// Columns of a strip: those of all grids.
    across: usize,
    /// Length of a row of the image with all the border that tiles reach.
    padded: usize,
}

/// Strips of one image and one grid of rows, within a block.
struct Piece {
    image: usize,
    /// The first result row.
    top: usize,
    strips: usize,
    /// Its first column in the block.
    start: usize,
}

impl Tiles {
    fn new(geometry: &Geometry) -> Tiles {
        let [height, width] = geometry.output;
        let [down, side] = geometry.dilation;
        let tiles_of = |length: usize, step: usize, first: usize| (length - first).div_ceil(step).div_ceil(2);
        let tall: Vec<usize> = (0..down.min(height)).map(|first| tiles_of(height, down, first)).collect();
        let tops =
            tall.iter().enumerate().flat_map(|(first, &tall)| (0..tall).map(move |tile| first + 2 * tile * down));
        let grids: Vec<[usize; 2]> = (0..side.min(width)).map(|first| [first, tiles_of(width, side, first)]).collect();
        let across = grids.iter().map(|[_, tiles]| tiles + 1).sum();
        let padded = grids.iter().map(|[first, tiles]| first + side * (2 * tiles + 2)).max().unwrap_or(1);
        Tiles { batch: geometry.batch, tops: tops.collect(), tall, grids, across, padded }
    }

    fn strips(&self) -> usize {
        self.batch * self.tops.len()
    }

    /// Strips of the first block, which is the longest.
    fn block(&self, geometry: &Geometry) -> usize {
        let a_column = PLACES * (geometry.in_channels + geometry.out_channels);
        let columns = (BLOCK_NUMBERS / a_column).max(BLOCK_COLUMNS);
        let blocks = (self.strips() * self.across).div_ceil(columns).max(1);
        self.strips().div_ceil(blocks).max(1)
    }

    /// Strips in blocks, in order.
    fn blocks(&self, geometry: &Geometry) -> impl Iterator<Item = Range<usize>> {
        let (step, end) = (self.block(geometry), self.strips());
        (0..end).step_by(step).map(move |start| start..(start + step).min(end))
    }

    /// The pieces of a block, in order.
    fn pieces(&self, block: Range<usize>) -> Vec<Piece> {
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
    fn grids_of(&self, piece: &Piece) -> impl Iterator<Item = [usize; 3]> {
        self.grids.iter().scan(piece.start, |start, &[first, tiles]| {
            let here = *start;
            *start += piece.strips * (tiles + 1);
            Some([first, tiles, here])
        })
    }

    /// The most numbers that a grid of a piece of a block has in one place of its tiles, with a strip and a column to spare.
    fn most(&self, geometry: &Geometry) -> usize {
        let strips = self.block(geometry).min(self.tall.iter().copied().max().unwrap_or(0));
        (strips + 1) * (self.grids.iter().map(|[_, tiles]| tiles + 1).max().unwrap_or(0)) + 1
    }
}

/// One matrix for each place of a tile.
#[derive(Clone, Copy)]
struct Planes<R> {
    start: Out<R>,
    rows: usize,
    columns: usize,
}

impl<R: Real> Planes<R> {
    /// Numbers from one matrix to the next: not a power of two, or all sixteen would fall into the same lines of a cache.
    fn step(rows: usize, columns: usize) -> usize {
        (rows * columns).next_multiple_of(1024) + 64
    }

    /// Lends `work` sixteen matrices with unspecified content.
    fn lend<T>(rows: usize, columns: usize, work: impl FnOnce(Planes<R>) -> T) -> T {
        with_room(PLACES * Planes::<R>::step(rows, columns), |start| work(Planes { start, rows, columns }))
    }

    /// The same memory for fewer columns.
    fn narrowed(self, columns: usize) -> Planes<R> {
        Planes { columns, ..self }
    }

    /// Where a row begins.
    fn at(self, place: usize, row: usize) -> *mut R {
        debug_assert!(place < PLACES && row <= self.rows);
        // SAFETY: within the memory that was lent.
        unsafe { self.start.at(place * Planes::<R>::step(self.rows, self.columns) + row * self.columns) }
    }

    /// Part of a row.
    ///
    /// # Safety
    /// No other task holds it, and it is written before it is read.
    unsafe fn part<'a>(self, place: usize, row: usize, at: usize, length: usize) -> &'a mut [R] {
        debug_assert!(at + length <= self.columns);
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.at(place, row).add(at), length) }
    }

    /// Matrix `place` from a row on; `turned` has its rows as columns.
    fn grid(self, place: usize, row: usize, turned: bool) -> Grid<*const R> {
        let start = self.at(place, row).cast_const();
        if turned { Grid::new(start, 1, self.columns) } else { Grid::new(start, self.columns, 1) }
    }
}

/// The kernel in tiles, `[place][out][in]`: `G g Gᵀ`. `turned` gives that of the gradient for the input, `[place][in][out]`.
fn kernels<R: Real>(w: &[R], geometry: &Geometry, turned: bool, out: Planes<R>) {
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

/// The input in tiles, `[place][channel][column of the block]`: `Bᵀ d B`.
fn images<R: Real>(x: &[R], tiles: &Tiles, geometry: &Geometry, block: Range<usize>, out: Planes<R>) {
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
                                    let to = unsafe { out.part(4 * place + across, channel, start, length) };
                                    filter(across, numbers, to);
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
fn results<R: Real>(
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
                    let (line, length) = (count + 1, piece.strips * (count + 1));
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
                                        let from = strip * line..strip * line + count;
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

/// A gradient of the result in tiles, `[place][channel][column of the block]`: what `G` is to a kernel of two by two. Nothing in the
/// columns that are no tiles: they take part in sums.
fn gradients<R: Real>(gy: &[R], tiles: &Tiles, geometry: &Geometry, block: Range<usize>, out: Planes<R>) {
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
                    let (line, length) = (count + 1, piece.strips * (count + 1));
                    wide(
                        #[inline(always)]
                        || {
                            for at in 0..2 * piece.strips {
                                copy_row(plane, [height, width], (piece.top + at * down) as isize, 0, row);
                                let (even, odd) = quarters[at % 2 * 2 * most..][..2 * most].split_at_mut(most);
                                let (from, to) = (at / 2 * line, at / 2 * line + count);
                                pull_apart(&row[grid..], side, &mut even[from..to], &mut odd[from..to]);
                                [even[to], odd[to]] = [R::ZERO; 2];
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

/// See [`super::forward`].
pub(super) fn forward<R: Real>(x: &[R], w: &[R], bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    Planes::lend(geometry.out_channels, geometry.in_channels, |tiled_w| {
        kernels(w, geometry, false, tiled_w);
        multiply(x, tiled_w, bias, geometry)
    })
}

/// See [`super::grad_input`], for the geometry of the convolution itself.
pub(super) fn grad_input<R: Real>(gy: &[R], w: &[R], geometry: &Geometry) -> Vec<R> {
    Planes::lend(geometry.in_channels, geometry.out_channels, |tiled_w| {
        kernels(w, geometry, true, tiled_w);
        multiply(gy, tiled_w, None, &geometry.turned())
    })
}

/// The convolution with a kernel in tiles.
fn multiply<R: Real>(x: &[R], tiled_w: Planes<R>, bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    let tiles = Tiles::new(geometry);
    let most = tiles.block(geometry) * tiles.across;
    let all = |y: Out<R>, tiled: Planes<R>, products: Planes<R>| {
        for block in tiles.blocks(geometry) {
            let columns = block.len() * tiles.across;
            let (tiled, products) = (tiled.narrowed(columns), products.narrowed(columns));
            images(x, &tiles, geometry, block.clone(), tiled);
            for_products(outputs, inputs * columns, |place, rows| {
                let out = Grid::new(products.at(place, rows.start), columns, 1);
                // SAFETY: the rows of this place belong to this task; both sides hold all that is read.
                unsafe {
                    R::gemm(
                        [rows.len(), columns, inputs],
                        out,
                        false,
                        tiled_w.grid(place, rows.start, false),
                        tiled.grid(place, 0, false),
                    );
                }
            });
            results(products, bias, &tiles, geometry, block, y);
        }
    };
    let length = geometry.batch * outputs * geometry.output_pixels();
    Planes::lend(inputs, most, |tiled| {
        Planes::lend(outputs, most, |products| {
            // SAFETY: the strips cover the whole result.
            unsafe { build(length, |y| all(y, tiled, products)) }
        })
    })
}

/// See [`super::grad_weight`].
pub(super) fn grad_weight<R: Real>(gy: &[R], x: &[R], geometry: &Geometry) -> Vec<R> {
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    let tiles = Tiles::new(geometry);
    let most = tiles.block(geometry) * tiles.across;
    let all = |sums: Planes<R>, tiled: Planes<R>, tiled_gy: Planes<R>| {
        for block in tiles.blocks(geometry) {
            let (columns, first) = (block.len() * tiles.across, block.start == 0);
            let (tiled, tiled_gy) = (tiled.narrowed(columns), tiled_gy.narrowed(columns));
            images(x, &tiles, geometry, block.clone(), tiled);
            gradients(gy, &tiles, geometry, block, tiled_gy);
            for_products(outputs, inputs * columns, |place, rows| {
                let out = Grid::new(sums.at(place, rows.start), inputs, 1);
                // SAFETY: as in `multiply`; the first block writes all sums.
                unsafe {
                    R::gemm(
                        [rows.len(), inputs, columns],
                        out,
                        !first,
                        tiled_gy.grid(place, rows.start, false),
                        tiled.grid(place, 0, true),
                    );
                }
            });
        }
        weights(sums, geometry)
    };
    Planes::lend(outputs, inputs, |sums| {
        Planes::lend(inputs, most, |tiled| Planes::lend(outputs, most, |tiled_gy| all(sums, tiled, tiled_gy)))
    })
}

/// The gradient of the weight from its tiles.
fn weights<R: Real>(sums: Planes<R>, geometry: &Geometry) -> Vec<R> {
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

/// Calls `product` for each place and each range of rows, side by side. `work` is what a row takes.
fn for_products(rows: usize, work: usize, product: impl Fn(usize, Range<usize>) + Sync) {
    let pieces = rows.div_ceil(PRODUCT_ROWS);
    for_tasks(PLACES * pieces, work, |task| {
        let (place, piece) = (task / pieces, task % pieces);
        product(place, piece * rows / pieces..(piece + 1) * rows / pieces);
    });
}

/// Row `at` of a plane with `left` zeros before it, cut or filled up to the length of `out`; zeros for a row that is not there.
#[inline(always)]
fn copy_row<R: Real>(plane: &[R], [height, width]: [usize; 2], at: isize, left: isize, out: &mut [R]) {
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
fn pull_apart<R: Real>(row: &[R], step: usize, even: &mut [R], odd: &mut [R]) {
    let sides = even.iter_mut().zip(odd);
    if step == 1 {
        sides.zip(row.as_chunks::<2>().0).for_each(|((even, odd), pair)| [*even, *odd] = *pair);
    } else {
        sides.zip(row.chunks(2 * step)).for_each(|((even, odd), both)| [*even, *odd] = [both[0], both[step]]);
    }
}

/// The way back; what does not fit into the row is left out.
#[inline(always)]
fn put_together<R: Real>(even: &[R], odd: &[R], step: usize, row: &mut [R]) {
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

#[inline(always)]
fn each<R: Real>(out: &mut [R], a: &[R], b: &[R], f: impl Fn(R, R) -> R) {
    out.iter_mut().zip(a).zip(b).for_each(|((out, &a), &b)| *out = f(a, b));
}

#[inline(always)]
fn each3<R: Real>(out: &mut [R], a: &[R], b: &[R], c: &[R], f: impl Fn(R, R, R) -> R) {
    out.iter_mut().zip(a).zip(b).zip(c).for_each(|(((out, &a), &b), &c)| *out = f(a, b, c));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Conv2d, backward, forward};
    use super::*;
    use crate::kernels::testing::{numbers, sample};

    /// The road that is taken, and what it gives in f32 beside f64 on the other.
    #[test]
    fn channels_and_pixels_enough() {
        let dims = [2, 128, 40, 38];
        let conv = Conv2d::padded([40, 38], [3; 2], [1; 2], [2; 2], [2; 2], 1);
        let geometry = Geometry::new(dims, [128, 128, 3, 3], &conv).unwrap();
        assert!(geometry.suits_winograd() && geometry.turned().suits_winograd());
        for other in [
            Geometry { kernel: [1, 3], ..geometry.clone() },
            Geometry { stride: [1, 2], ..geometry.clone() },
            Geometry { groups: 2, ..geometry.clone() },
            Geometry { output: [4, 4], ..geometry.clone() },
            Geometry { dilation: [12, 12], output: [15, 15], ..geometry.clone() },
        ] {
            assert!(!other.suits_winograd(), "{other:?}");
        }
    }

    proptest! {
        /// Any picture, whether it suits or not: the numbers of the other roads.
        #[test]
        fn the_numbers_of_the_direct_way(
            batch in 1usize..3, channels in [1usize..4, 1usize..4], input in [1usize..12, 1usize..12],
            padding in [0usize..5, 0usize..5], dilation in [1usize..4, 1usize..4], output in [1usize..12, 1usize..12], biased: bool,
        ) {
            let conv = Conv2d { stride: [1; 2], padding, dilation, groups: 1, output };
            let dims = [batch, channels[0], input[0], input[1]];
            let geometry = Geometry::new(dims, [channels[1], channels[0], 3, 3], &conv).unwrap();
            prop_assert!(!geometry.suits_winograd(), "so few channels take the other road");
            let (x, w) = (numbers(&sample(&dims, 1)), numbers(&sample(&[channels[1], channels[0], 3, 3], 2)));
            let gy = numbers(&sample(&geometry.output_dims(), 3));
            let bias = biased.then(|| numbers(&sample(&[channels[1]], 4)));
            let pairs = [
                (super::forward(&x, &w, bias.as_deref(), &geometry), forward::forward(&x, &w, bias.as_deref(), &geometry)),
                (grad_input(&gy, &w, &geometry), backward::grad_input(&gy, &w, &geometry)),
                (grad_weight(&gy, &x, &geometry), backward::grad_weight(&gy, &x, &geometry)),
            ];
            for (found, expected) in pairs {
                prop_assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    prop_assert!((found - expected).abs() < 1e-12, "{} for {}", found, expected);
                }
            }
        }
    }
}
