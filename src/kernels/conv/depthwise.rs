//! Convolutions with one input channel a group, as direct loops: a matrix product would have nothing to share.
//!
//! Each plane is first copied into scratch with all the border that taps reach, so that the loops know no edges.

use super::Geometry;
use crate::kernels::par::for_pieces;
use crate::kernels::real::{Real, build_blocks};
use crate::kernels::scratch::with_scratch;
use crate::kernels::wide::wide;

/// Numbers in one of the four registers that a sum over taps, or a sum over pixels, is held in. Found by trial: at other
/// lengths the compiler keeps the sums in memory.
const TAP_LANES: usize = 8;
const PIXEL_LANES: usize = 16;

/// See [`super::forward`]. A task is one output plane.
pub(super) fn forward<R: Real>(x: &[R], w: &[R], bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    let (pixels, taps) = (geometry.output_pixels(), geometry.taps());
    let length = geometry.batch * geometry.out_channels * pixels;
    let offsets = tap_offsets(geometry);
    // SAFETY: `convolve` writes the whole plane.
    unsafe {
        build_blocks(length, pixels, |start, out: &mut [R]| {
            let (image, channel) = (start / pixels / geometry.out_channels, start / pixels % geometry.out_channels);
            let plane = plane_of(x, geometry, image, channel / geometry.group_out());
            let taps = &w[channel * taps..][..taps];
            let bias = bias.map_or(R::ZERO, |bias| bias[channel]);
            with_scratch(geometry.padded_numbers(), |padded| {
                wide(
                    #[inline(always)]
                    || {
                        pad(plane, geometry, padded);
                        convolve(padded, taps, &offsets, bias, geometry, out);
                    },
                )
            });
        })
    }
}

/// The gradient for the input where a stride is above 1. A task is one input plane.
pub(super) fn scattered<R: Real>(gy: &[R], w: &[R], geometry: &Geometry) -> Vec<R> {
    let (pixels, taps, group_out) = (geometry.output_pixels(), geometry.taps(), geometry.group_out());
    let input_pixels = geometry.input_pixels();
    let offsets = tap_offsets(geometry);
    let step = geometry.padded()[1] * geometry.stride[0];
    // SAFETY: `unpad` writes the whole plane.
    unsafe {
        build_blocks(geometry.batch * geometry.in_channels * input_pixels, input_pixels, |start, out: &mut [R]| {
            let (image, channel) =
                (start / input_pixels / geometry.in_channels, start / input_pixels % geometry.in_channels);
            with_scratch(geometry.padded_numbers(), |padded: &mut [R]| {
                padded.fill(R::ZERO);
                for channel in channel * group_out..(channel + 1) * group_out {
                    let gradient = &gy[(image * geometry.out_channels + channel) * pixels..][..pixels];
                    for (row, gradient) in gradient.chunks_exact(geometry.output[1].max(1)).enumerate() {
                        for (&tap, offset) in w[channel * taps..][..taps].iter().zip(&offsets) {
                            let target = padded[row * step + offset..].iter_mut().step_by(geometry.stride[1]);
                            target.zip(gradient).for_each(|(t, &g)| *t += tap * g);
                        }
                    }
                }
                unpad(padded, geometry, out);
            });
        })
    }
}

/// The gradient for the weight. A task is one output channel; images are summed in order.
pub(super) fn grad_weight<R: Real>(gy: &[R], x: &[R], geometry: &Geometry) -> Vec<R> {
    let (pixels, taps) = (geometry.output_pixels(), geometry.taps());
    let offsets = tap_offsets(geometry);
    let [_, padded_width] = geometry.padded();
    let line = line_length(geometry);
    let mut gw = vec![R::ZERO; geometry.out_channels * taps];
    for_pieces(&mut gw, taps, |start, gw| {
        let channel = start / taps;
        for image in 0..geometry.batch {
            let plane = plane_of(x, geometry, image, channel / geometry.group_out());
            let gradient = &gy[(image * geometry.out_channels + channel) * pixels..][..pixels];
            with_scratch(geometry.padded_numbers() + line, |scratch| {
                let (padded, spread) = scratch.split_at_mut(geometry.padded_numbers());
                wide(
                    #[inline(always)]
                    || {
                        pad(plane, geometry, padded);
                        if geometry.stride == [1, 1] {
                            // The gradient with rows as far apart as the padded ones: the sum of a tap is one long product.
                            spread.fill(R::ZERO);
                            let rows = spread.chunks_mut(padded_width.max(1));
                            rows.zip(gradient.chunks_exact(geometry.output[1].max(1)))
                                .for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
                            for (gw, &offset) in gw.iter_mut().zip(&offsets) {
                                *gw += dot(spread, &padded[offset..]);
                            }
                        } else {
                            let step = padded_width * geometry.stride[0];
                            for (row, gradient) in gradient.chunks_exact(geometry.output[1].max(1)).enumerate() {
                                for (gw, &offset) in gw.iter_mut().zip(&offsets) {
                                    let source = padded[row * step + offset..].iter().step_by(geometry.stride[1]);
                                    *gw += gradient.iter().zip(source).fold(R::ZERO, |sum, (&g, &s)| sum + g * s);
                                }
                            }
                        }
                    },
                )
            });
        }
    });
    gw
}

fn plane_of<'a, R>(x: &'a [R], geometry: &Geometry, image: usize, channel: usize) -> &'a [R] {
    &x[(image * geometry.in_channels + channel) * geometry.input_pixels()..][..geometry.input_pixels()]
}

/// Where each tap reads in the padded plane, for the first output.
fn tap_offsets(geometry: &Geometry) -> Vec<usize> {
    let ([_, width], [kernel_height, kernel_width]) = (geometry.padded(), geometry.kernel);
    let [down, across] = geometry.dilation;
    (0..kernel_height).flat_map(|u| (0..kernel_width).map(move |v| u * down * width + v * across)).collect()
}

/// Length of the line from the first output to the last, when rows are as long as the padded ones.
fn line_length(geometry: &Geometry) -> usize {
    match geometry.output {
        [0, _] | [_, 0] => 0,
        [height, width] => (height - 1) * geometry.padded()[1] + width,
    }
}

/// Copies a plane into its place in the padded one, cut off or filled up with zeros.
#[inline(always)]
fn pad<R: Real>(plane: &[R], geometry: &Geometry, padded: &mut [R]) {
    let ([height, width], [_, padded_width]) = (geometry.input, geometry.padded());
    let [top, left] = geometry.padding;
    for (row, target) in padded.chunks_exact_mut(padded_width.max(1)).enumerate() {
        let at = row as isize - top;
        if at < 0 || at >= height as isize {
            target.fill(R::ZERO);
            continue;
        }
        // Padded columns `start..end` hold pixels.
        let start = left.clamp(0, padded_width as isize) as usize;
        let end = (width as isize + left).clamp(start as isize, padded_width as isize) as usize;
        let source = &plane[at as usize * width..][..width];
        target[..start].fill(R::ZERO);
        target[end..].fill(R::ZERO);
        if end > start {
            target[start..end].copy_from_slice(&source[(start as isize - left) as usize..][..end - start]);
        }
    }
}

/// The part of a padded plane that is the image; zero where the padded plane does not reach.
fn unpad<R: Real>(padded: &[R], geometry: &Geometry, plane: &mut [R]) {
    let ([_, width], [padded_height, padded_width]) = (geometry.input, geometry.padded());
    let [top, left] = geometry.padding;
    for (row, target) in plane.chunks_exact_mut(width.max(1)).enumerate() {
        target.fill(R::ZERO);
        let at = row as isize + top;
        if at < 0 || at >= padded_height as isize {
            continue;
        }
        let source = &padded[at as usize * padded_width..][..padded_width];
        let start = (-left).clamp(0, width as isize) as usize;
        let end = (padded_width as isize - left).clamp(start as isize, width as isize) as usize;
        if end > start {
            target[start..end].copy_from_slice(&source[(start as isize + left) as usize..][..end - start]);
        }
    }
}

/// One output plane from a padded input plane.
#[inline(always)]
fn convolve<R: Real>(padded: &[R], taps: &[R], offsets: &[usize], bias: R, geometry: &Geometry, out: &mut [R]) {
    let ([_, width], [_, padded_width]) = (geometry.output, geometry.padded());
    let [down, across] = geometry.stride;
    for (row, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
        let rows = &padded[row * down * padded_width..];
        if across == 1 && width >= 4 * TAP_LANES {
            // The last block begins early enough to be whole: what it repeats comes out the same.
            for at in (0..width).step_by(4 * TAP_LANES).map(|at| at.min(width - 4 * TAP_LANES)) {
                let [mut first, mut second, mut third, mut fourth] = [[bias; TAP_LANES]; 4];
                for (&tap, &offset) in taps.iter().zip(offsets) {
                    let source = &rows[at + offset..][..4 * TAP_LANES];
                    for i in 0..TAP_LANES {
                        first[i] += tap * source[i];
                        second[i] += tap * source[TAP_LANES + i];
                        third[i] += tap * source[2 * TAP_LANES + i];
                        fourth[i] += tap * source[3 * TAP_LANES + i];
                    }
                }
                for (out, sums) in out[at..].chunks_exact_mut(TAP_LANES).zip([first, second, third, fourth]) {
                    out.copy_from_slice(&sums);
                }
            }
        } else {
            out.fill(bias);
            for (&tap, &offset) in taps.iter().zip(offsets) {
                out.iter_mut().zip(rows[offset..].iter().step_by(across)).for_each(|(o, &s)| *o += tap * s);
            }
        }
    }
}

/// The sum of products over the length of `a`, in four times [`PIXEL_LANES`] sums that are added at the end.
#[inline(always)]
fn dot<R: Real>(a: &[R], b: &[R]) -> R {
    let b = &b[..a.len()];
    let [mut first, mut second, mut third, mut fourth] = [[R::ZERO; PIXEL_LANES]; 4];
    let (mut left, mut right) = (a.chunks_exact(4 * PIXEL_LANES), b.chunks_exact(4 * PIXEL_LANES));
    for (a, b) in (&mut left).zip(&mut right) {
        for i in 0..PIXEL_LANES {
            first[i] += a[i] * b[i];
            second[i] += a[PIXEL_LANES + i] * b[PIXEL_LANES + i];
            third[i] += a[2 * PIXEL_LANES + i] * b[2 * PIXEL_LANES + i];
            fourth[i] += a[3 * PIXEL_LANES + i] * b[3 * PIXEL_LANES + i];
        }
    }
    let mut total = R::ZERO;
    for i in 0..PIXEL_LANES {
        total += (first[i] + second[i]) + (third[i] + fourth[i]);
    }
    left.remainder().iter().zip(right.remainder()).fold(total, |total, (&a, &b)| total + a * b)
}
