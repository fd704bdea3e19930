//! Convolutions with one input channel a group, as direct loops: a matrix product would have nothing to share.
//!
//! A plane is first copied into scratch with all the border that taps reach, so that the loops know no edges, and parted by the stride: rows and
//! columns that one tap reads one after the other lie side by side. Then each tap reads a whole plane at a fixed distance, and the result is one
//! long line with rows as far apart as those of the parts. What stands between its rows is not used.

use std::ops::Range;

use super::Geometry;
use super::scratch::with_scratch;
use crate::kernels::par::for_pieces;
use crate::kernels::real::{Real, build_blocks};
use crate::kernels::wide::wide;

/// Numbers in a register, and registers that a loop over taps keeps its sums in. Found by trial.
const LANES: usize = 8;
const BLOCK: usize = 4 * LANES;
/// Taps whose sums over pixels are taken at a time.
const TAPS: usize = 3;
/// Numbers of a line that are worked on at a time: they stay in the nearest cache.
const BAND: usize = 2048;

impl Geometry {
    /// Numbers that one worker takes for any of the three: a padded plane and a result as a line.
    pub(super) fn depthwise_scratch(&self) -> usize {
        let parts = Parts::new(self);
        2 * parts.room() + parts.numbers()
    }
}

/// See [`super::forward`]. A task is one output plane.
pub(super) fn forward<R: Real>(x: &[R], w: &[R], bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    let (pixels, taps, [_, width]) = (geometry.output_pixels(), geometry.taps(), geometry.output);
    let parts = Parts::new(geometry);
    let places: Vec<usize> = parts.taps.iter().map(|tap| tap.part * parts.numbers() + tap.offset).collect();
    let rows = (BAND / parts.width).max(1);
    let band = (rows * parts.width).next_multiple_of(BLOCK);
    // SAFETY: the bands cover the whole plane, and each of their rows is written.
    unsafe {
        build_blocks(geometry.batch * geometry.out_channels * pixels, pixels, |start, out: &mut [R]| {
            let (image, channel) = (start / pixels / geometry.out_channels, start / pixels % geometry.out_channels);
            let plane = plane_of(x, geometry, image, channel / geometry.group_out());
            let taps = &w[channel * taps..][..taps];
            let bias = bias.map_or(R::ZERO, |bias| bias[channel]);
            with_scratch(parts.room() + band, |scratch| {
                let (parted, line) = scratch.split_at_mut(parts.room());
                wide(
                    #[inline(always)]
                    || {
                        parts.part(plane, geometry, parted);
                        for (index, out) in out.chunks_mut((rows * width).max(1)).enumerate() {
                            let line = &mut line[..(out.len() / width * parts.width).next_multiple_of(BLOCK)];
                            line.fill(bias);
                            add_taps(&parted[index * rows * parts.width..], taps, &places, line);
                            for (to, from) in out.chunks_exact_mut(width).zip(line.chunks(parts.width)) {
                                to.copy_from_slice(&from[..width]);
                            }
                        }
                    },
                )
            });
        })
    }
}

/// The gradient for the input. A task is one input plane: each part of it is what the taps that read that part bring back.
pub(super) fn grad_input<R: Real>(gy: &[R], w: &[R], geometry: &Geometry) -> Vec<R> {
    let (taps, input_pixels) = (geometry.taps(), geometry.input_pixels());
    let parts = Parts::new(geometry);
    let mut order: Vec<usize> = (0..taps).collect();
    order.sort_by_key(|&tap| parts.taps[tap].part);
    // Before the first output stand as many zeros as the farthest tap reaches, so that nothing is read from before the line.
    let reach = parts.taps.iter().map(|tap| tap.offset).max().unwrap_or(0);
    let places: Vec<usize> = order.iter().map(|&tap| reach - parts.taps[tap].offset).collect();
    let line = parts.numbers().next_multiple_of(BLOCK);
    // SAFETY: `unpart` writes the whole plane.
    unsafe {
        build_blocks(geometry.batch * geometry.in_channels * input_pixels, input_pixels, |start, out: &mut [R]| {
            let (image, channel) =
                (start / input_pixels / geometry.in_channels, start / input_pixels % geometry.in_channels);
            with_scratch(taps + reach + line + parts.count() * line, |scratch: &mut [R]| {
                let (sorted, scratch) = scratch.split_at_mut(taps);
                let (spread, parted) = scratch.split_at_mut(reach + line);
                wide(
                    #[inline(always)]
                    || {
                        spread[..reach].fill(R::ZERO);
                        parted.fill(R::ZERO);
                        for channel in channel * geometry.group_out()..(channel + 1) * geometry.group_out() {
                            parts.spread(gradient_of(gy, geometry, image, channel), geometry, &mut spread[reach..]);
                            sorted.iter_mut().zip(&order).for_each(|(to, &tap)| *to = w[channel * taps + tap]);
                            let mut next = 0;
                            for (part, parted) in parted.chunks_exact_mut(line).enumerate() {
                                let readers = next..next
                                    + order[next..].iter().take_while(|&&tap| parts.taps[tap].part == part).count();
                                next = readers.end;
                                add_taps(spread, &sorted[readers.clone()], &places[readers], parted);
                            }
                        }
                        parts.unpart(parted, line, geometry, out);
                    },
                );
            });
        })
    }
}

/// The gradient for the weight. A task is one output channel; images are summed in order.
pub(super) fn grad_weight<R: Real>(gy: &[R], x: &[R], geometry: &Geometry) -> Vec<R> {
    let taps = geometry.taps();
    let parts = Parts::new(geometry);
    let places: Vec<usize> = parts.taps.iter().map(|tap| tap.part * parts.numbers() + tap.offset).collect();
    let line = parts.numbers().next_multiple_of(LANES);
    let mut gw = vec![R::ZERO; geometry.out_channels * taps];
    for_pieces(&mut gw, taps, |start, gw| {
        let channel = start / taps;
        for image in 0..geometry.batch {
            let plane = plane_of(x, geometry, image, channel / geometry.group_out());
            let gradient = gradient_of(gy, geometry, image, channel);
            with_scratch(parts.room() + line, |scratch: &mut [R]| {
                let (parted, spread) = scratch.split_at_mut(parts.room());
                wide(
                    #[inline(always)]
                    || {
                        parts.part(plane, geometry, parted);
                        parts.spread(gradient, geometry, spread);
                        // Up to the last output: behind it, taps reach into what is no part of the plane.
                        let spread = &spread[..parts.used(geometry).next_multiple_of(LANES)];
                        for (gw, places) in gw.chunks_mut(TAPS).zip(places.chunks(TAPS)) {
                            let mut sums = [R::ZERO; TAPS];
                            match *places {
                                [a, b, c] => sums = dots(spread, [&parted[a..], &parted[b..], &parted[c..]]),
                                _ => {
                                    for (sum, &place) in sums.iter_mut().zip(places) {
                                        [*sum] = dots(spread, [&parted[place..]]);
                                    }
                                }
                            }
                            gw.iter_mut().zip(sums).for_each(|(gw, sum)| *gw += sum);
                        }
                    },
                )
            });
        }
    });
    gw
}

/// A padded plane parted by the stride: the rows and columns with equal remainders.
struct Parts {
    /// Rows and columns of a part; all parts are equally large.
    height: usize,
    width: usize,
    stride: [usize; 2],
    /// For each tap, row by row of the kernel, where it reads for the first output.
    taps: Vec<Tap>,
}

struct Tap {
    part: usize,
    /// Within the part.
    offset: usize,
}

impl Parts {
    fn new(geometry: &Geometry) -> Parts {
        let (stride, padded) = (geometry.stride, geometry.padded());
        let [height, width] = [0, 1].map(|axis| padded[axis].div_ceil(stride[axis]).max(1));
        let at = |axis: usize, tap: usize| {
            (tap * geometry.dilation[axis] % stride[axis], tap * geometry.dilation[axis] / stride[axis])
        };
        let taps = (0..geometry.taps()).map(|tap| {
            let ((row, down), (column, across)) = (at(0, tap / geometry.kernel[1]), at(1, tap % geometry.kernel[1]));
            Tap { part: row * stride[1] + column, offset: down * width + across }
        });
        Parts { height, width, stride, taps: taps.collect() }
    }

    /// How many there are.
    fn count(&self) -> usize {
        self.stride[0] * self.stride[1]
    }

    /// Numbers of one part.
    fn numbers(&self) -> usize {
        self.height * self.width
    }

    /// Numbers of all parts, and those that loops over whole blocks may read behind the last one.
    fn room(&self) -> usize {
        self.count() * self.numbers() + self.width + BLOCK
    }

    /// From the first output to the last.
    fn used(&self, geometry: &Geometry) -> usize {
        match geometry.output {
            [0, _] | [_, 0] => 0,
            [height, width] => (height - 1) * self.width + width,
        }
    }

    /// Copies a plane into its parts, cut off or filled up with zeros; zeros behind the last one too.
    #[inline(always)]
    fn part<R: Real>(&self, plane: &[R], geometry: &Geometry, parted: &mut [R]) {
        parted[self.count() * self.numbers()..].fill(R::ZERO);
        let rows = parted.chunks_exact_mut(self.width).take(self.count() * self.height);
        for (index, target) in rows.enumerate() {
            let (part, row) = (index / self.height, index % self.height);
            let (first_row, first) = (part / self.stride[1], part % self.stride[1]);
            let at = (row * self.stride[0] + first_row) as isize - geometry.padding[0];
            let held = self.held(first, geometry);
            if at < 0 || at >= geometry.input[0] as isize || held.is_empty() {
                target.fill(R::ZERO);
                continue;
            }
            let source = &plane[at as usize * geometry.input[1]..][..geometry.input[1]];
            let source = &source[self.column(held.start, first, geometry)..];
            target[..held.start].fill(R::ZERO);
            target[held.end..].fill(R::ZERO);
            let target = &mut target[held];
            match self.stride[1] {
                1 => target.copy_from_slice(&source[..target.len()]),
                stride => target.iter_mut().zip(source.iter().step_by(stride)).for_each(|(t, &s)| *t = s),
            }
        }
    }

    /// The plane of which these are the parts, `line` numbers from one to the next; zero where no part reaches.
    #[inline(always)]
    fn unpart<R: Real>(&self, parted: &[R], line: usize, geometry: &Geometry, plane: &mut [R]) {
        for (row, target) in plane.chunks_exact_mut(geometry.input[1].max(1)).enumerate() {
            target.fill(R::ZERO);
            let at = row as isize + geometry.padding[0];
            if at < 0 || at >= (self.height * self.stride[0]) as isize {
                continue;
            }
            let (first_row, row) = (at as usize % self.stride[0], at as usize / self.stride[0]);
            for first in 0..self.stride[1] {
                let held = self.held(first, geometry);
                if held.is_empty() {
                    continue;
                }
                let source = &parted[(first_row * self.stride[1] + first) * line + row * self.width..][held.clone()];
                let target = &mut target[self.column(held.start, first, geometry)..];
                match self.stride[1] {
                    1 => target[..source.len()].copy_from_slice(source),
                    stride => target.iter_mut().step_by(stride).zip(source).for_each(|(t, &s)| *t = s),
                }
            }
        }
    }

    /// A gradient with its rows as far apart as those of a part, zeros between and behind.
    #[inline(always)]
    fn spread<R: Real>(&self, gradient: &[R], geometry: &Geometry, line: &mut [R]) {
        let width = geometry.output[1];
        let mut from = gradient.chunks_exact(width.max(1));
        for to in line.chunks_mut(self.width) {
            match from.next() {
                Some(from) => {
                    to[..width].copy_from_slice(from);
                    to[width..].fill(R::ZERO);
                }
                None => to.fill(R::ZERO),
            }
        }
    }

    /// The columns of the parts that begin at padded column `first` which hold pixels.
    fn held(&self, first: usize, geometry: &Geometry) -> Range<usize> {
        let stride = self.stride[1] as isize;
        let not_before = |pixel: isize| {
            let column = pixel + geometry.padding[1] - first as isize;
            column.max(0).unsigned_abs().div_ceil(stride.unsigned_abs()).min(self.width)
        };
        let start = not_before(0);
        start..not_before(geometry.input[1] as isize).max(start)
    }

    /// The pixel that `column` of such a part holds.
    fn column(&self, column: usize, first: usize, geometry: &Geometry) -> usize {
        ((column * self.stride[1] + first) as isize - geometry.padding[1]) as usize
    }
}

fn plane_of<'a, R>(x: &'a [R], geometry: &Geometry, image: usize, channel: usize) -> &'a [R] {
    &x[(image * geometry.in_channels + channel) * geometry.input_pixels()..][..geometry.input_pixels()]
}

fn gradient_of<'a, R>(gy: &'a [R], geometry: &Geometry, image: usize, channel: usize) -> &'a [R] {
    &gy[(image * geometry.out_channels + channel) * geometry.output_pixels()..][..geometry.output_pixels()]
}

/// Adds what each tap reads from its place on. `line` is a multiple of [`BLOCK`] long.
#[inline(always)]
fn add_taps<R: Real>(source: &[R], taps: &[R], places: &[usize], line: &mut [R]) {
    for (index, line) in line.chunks_exact_mut(BLOCK).enumerate() {
        let [mut first, mut second, mut third, mut fourth] = [[R::ZERO; LANES]; 4];
        for i in 0..LANES {
            first[i] = line[i];
            second[i] = line[LANES + i];
            third[i] = line[2 * LANES + i];
            fourth[i] = line[3 * LANES + i];
        }
        for (&tap, &place) in taps.iter().zip(places) {
            let source = &source[index * BLOCK + place..][..BLOCK];
            for i in 0..LANES {
                first[i] += tap * source[i];
                second[i] += tap * source[LANES + i];
                third[i] += tap * source[2 * LANES + i];
                fourth[i] += tap * source[3 * LANES + i];
            }
        }
        for (out, sums) in line.chunks_exact_mut(LANES).zip([first, second, third, fourth]) {
            out.copy_from_slice(&sums);
        }
    }
}

/// The sums of products of `a` with each of `others` over the length of `a`, a multiple of [`LANES`].
#[inline(always)]
fn dots<R: Real, const N: usize>(a: &[R], others: [&[R]; N]) -> [R; N] {
    let others = others.map(|other| &other[..a.len()]);
    let mut sums = [[R::ZERO; LANES]; N];
    for at in (0..a.len() / LANES).map(|block| block * LANES) {
        for n in 0..N {
            for i in 0..LANES {
                sums[n][i] += a[at + i] * others[n][at + i];
            }
        }
    }
    sums.map(|sums| sums.iter().fold(R::ZERO, |total, &sum| total + sum))
}
