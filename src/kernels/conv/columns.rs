//! An image laid out as a matrix with one row a channel and tap and one column an output pixel, and its way back.

use std::ops::Range;

use super::Geometry;
use crate::kernels::real::Real;

/// Writes the columns for `channels` of `planes` and the output `rows`: number `(c, u, v), (r, x)` is what tap `(u, v)` of
/// channel `c` reads for the output at row `r`, column `x`; zero outside the image. `columns` is filled row by row.
///
/// `planes` holds the input planes of one image (of one group), channel 0 first.
#[inline(always)]
pub(super) fn lay_out<R: Real>(
    planes: &[R],
    geometry: &Geometry,
    channels: Range<usize>,
    rows: Range<usize>,
    columns: &mut [R],
) {
    let [height, width] = geometry.input;
    let out_width = geometry.output[1];
    let mut lines = columns.chunks_exact_mut((rows.len() * out_width).max(1));
    for channel in channels {
        let plane = &planes[channel * height * width..][..height * width];
        for u in 0..geometry.kernel[0] {
            for v in 0..geometry.kernel[1] {
                let Some(line) = lines.next() else { return };
                if geometry.stride == [1, 1] && width == out_width {
                    shift_plane(plane, geometry, [u, v], rows.clone(), line);
                } else {
                    lay_out_tap(plane, geometry, [u, v], rows.clone(), line);
                }
            }
        }
    }
}

/// One tap, row by row.
#[inline(always)]
fn lay_out_tap<R: Real>(plane: &[R], geometry: &Geometry, [u, v]: [usize; 2], rows: Range<usize>, line: &mut [R]) {
    let ([_, width], stride) = (geometry.input, geometry.stride[1]);
    let (inside_rows, inside) = (geometry.inside(0, u), geometry.inside(1, v));
    for (row, target) in rows.zip(line.chunks_exact_mut(geometry.output[1])) {
        if !inside_rows.contains(&row) || inside.is_empty() {
            target.fill(R::ZERO);
            continue;
        }
        let source = &plane[geometry.source(0, row, u) as usize * width..][..width];
        let source = &source[geometry.source(1, inside.start, v) as usize..];
        target[..inside.start].fill(R::ZERO);
        target[inside.end..].fill(R::ZERO);
        let target = &mut target[inside.clone()];
        if stride == 1 {
            target.copy_from_slice(&source[..target.len()]);
        } else {
            target.iter_mut().zip(source.iter().step_by(stride)).for_each(|(t, &s)| *t = s);
        }
    }
}

/// One tap of a convolution with stride 1 that keeps the width: the plane moved by a fixed number of pixels, copied at one
/// go; what slid in from a neighbouring row is cleared after.
#[inline(always)]
fn shift_plane<R: Real>(plane: &[R], geometry: &Geometry, [u, v]: [usize; 2], rows: Range<usize>, line: &mut [R]) {
    let width = geometry.input[1];
    let (inside_rows, inside) = (geometry.inside(0, u), geometry.inside(1, v));
    let first = inside_rows.start.clamp(rows.start, rows.end);
    let last = inside_rows.end.clamp(first, rows.end);
    if first == last || inside.is_empty() {
        line.fill(R::ZERO);
        return;
    }
    line[..(first - rows.start) * width].fill(R::ZERO);
    line[(last - rows.start) * width..].fill(R::ZERO);
    let line = &mut line[(first - rows.start) * width..(last - rows.start) * width];
    let shift = geometry.source(0, first, u) * width as isize + geometry.source(1, 0, v);
    // The move may begin before the plane or end behind it, by less than a row.
    let skipped = (-shift).max(0) as usize;
    let start = (shift + skipped as isize) as usize;
    let length = (line.len() - skipped).min(plane.len() - start);
    line[skipped..skipped + length].copy_from_slice(&plane[start..start + length]);
    if inside.len() < width {
        for target in line.chunks_exact_mut(width) {
            target[..inside.start].fill(R::ZERO);
            target[inside.end..].fill(R::ZERO);
        }
    }
}

/// Adds columns back to the pixels that [`lay_out`] reads them from, for the input rows in `band` only. `row_of` gives the
/// address of an input row of a channel.
#[inline(always)]
pub(super) fn add_back<R: Real>(
    columns: &[R],
    geometry: &Geometry,
    channels: usize,
    rows: Range<usize>,
    band: Range<usize>,
    mut row_of: impl FnMut(usize, usize) -> *mut R,
) {
    let width = geometry.input[1];
    let stride = geometry.stride[1];
    let out_width = geometry.output[1];
    let mut lines = columns.chunks_exact((rows.len() * out_width).max(1));
    for channel in 0..channels {
        for u in 0..geometry.kernel[0] {
            for v in 0..geometry.kernel[1] {
                let Some(line) = lines.next() else { return };
                let inside = geometry.inside(1, v);
                if inside.is_empty() {
                    continue;
                }
                let left = geometry.source(1, inside.start, v) as usize;
                for (row, source) in rows.clone().zip(line.chunks_exact(out_width)) {
                    let at = geometry.source(0, row, u);
                    if at < band.start as isize || at >= band.end as isize {
                        continue;
                    }
                    // SAFETY: the caller gives the address of a row of `width` numbers that this task owns.
                    let target = unsafe { std::slice::from_raw_parts_mut(row_of(channel, at as usize), width) };
                    let (target, source) = (&mut target[left..], &source[inside.clone()]);
                    if stride == 1 {
                        target.iter_mut().zip(source).for_each(|(t, &s)| *t += s);
                    } else {
                        target.iter_mut().step_by(stride).zip(source).for_each(|(t, &s)| *t += s);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Conv2d;
    use super::*;

    proptest! {
        /// Each number of the layout is the pixel it names, on both roads.
        #[test]
        fn columns_hold_what_the_taps_read(
            height in 1usize..7, width in 1usize..7, kernel in 1usize..4, stride in 1usize..3, dilation in 1usize..4,
            padding in 0usize..5, keep_width: bool, out_height in 1usize..7, first in 0usize..3,
        ) {
            let output = [out_height, if keep_width { width } else { width + 2 }];
            let conv = Conv2d { stride: [stride; 2], padding: [padding; 2], dilation: [dilation; 2], groups: 1, output };
            let geometry = Geometry::new([1, 2, height, width], [1, 2, kernel, kernel], &conv).unwrap();
            let planes: Vec<f64> = (0..2 * height * width).map(|i| i as f64 + 1.0).collect();
            let rows = first.min(out_height)..out_height;
            let mut columns = vec![f64::NAN; 2 * kernel * kernel * rows.len() * output[1]];
            lay_out(&planes, &geometry, 0..2, rows.clone(), &mut columns);
            let mut found = columns.into_iter();
            for c in 0..2 {
                for (u, v) in (0..kernel).flat_map(|u| (0..kernel).map(move |v| (u, v))) {
                    for (r, x) in rows.clone().flat_map(|r| (0..output[1]).map(move |x| (r, x))) {
                        let (i, j) = (geometry.source(0, r, u), geometry.source(1, x, v));
                        let inside = (0..height as isize).contains(&i) && (0..width as isize).contains(&j);
                        let pixel = if inside { planes[(c * height + i as usize) * width + j as usize] } else { 0.0 };
                        prop_assert_eq!(found.next(), Some(pixel));
                    }
                }
            }
        }
    }
}
