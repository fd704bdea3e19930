//! The product: tiles of output rows, each one matrix product on one worker.

use super::columns::lay_out;
use super::{Geometry, depthwise, winograd};
use crate::kernels::par::for_tasks;
use crate::kernels::product::product;
use crate::kernels::real::{Grid, Out, Real, build};
use crate::kernels::scratch::with_scratch;
use crate::kernels::wide::wide;

/// `x` and `w` as they lie in memory → the result. `w` is `[out, in/groups, kernel, kernel]`.
pub(super) fn forward<R: Real>(x: &[R], w: &[R], bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    if geometry.is_depthwise() {
        return depthwise::forward(x, w, bias, geometry);
    }
    if geometry.suits_winograd() {
        return winograd::forward(x, w, bias, geometry);
    }
    // Each weight row of an output channel lies in one piece.
    multiply(x, w, [geometry.depth(), 1], bias, geometry)
}

/// The product with a weight matrix whose number for output channel `o` of a group and tap `t` lies at
/// `group start + o*steps[0] + t*steps[1]`.
pub(super) fn multiply<R: Real>(
    x: &[R],
    w: &[R],
    steps: [usize; 2],
    bias: Option<&[R]>,
    geometry: &Geometry,
) -> Vec<R> {
    let (group_in, group_out) = (geometry.group_in(), geometry.group_out());
    let (depth, pixels, width) = (geometry.depth(), geometry.output_pixels(), geometry.output[1]);
    let rows_per_tile = geometry.rows_per_tile(depth);
    let tiles = geometry.output[0].div_ceil(rows_per_tile);
    let tile = |out: Out<R>, task: usize| {
        let (task, index) = (task / tiles, task % tiles);
        let (image, group) = (task / geometry.groups, task % geometry.groups);
        let rows = index * rows_per_tile..((index + 1) * rows_per_tile).min(geometry.output[0]);
        let columns = rows.len() * width;
        let planes = &x[(image * geometry.in_channels + group * group_in) * geometry.input_pixels()..];
        let weights = &w[group * group_out * depth..][..group_out * depth];
        let start = (image * geometry.out_channels + group * group_out) * pixels + rows.start * width;
        if let Some(bias) = bias {
            for channel in 0..group_out {
                // SAFETY: this task alone writes these rows of its channels.
                unsafe { out.part(start + channel * pixels, columns) }.fill(bias[group * group_out + channel]);
            }
        }
        // SAFETY: the rows of all channels of a group belong to this task alone; `matrix` is `depth` by `columns`.
        let times = |matrix: &[R], step: usize| unsafe {
            product(
                [group_out, columns, depth],
                Grid::new(out.at(start), pixels, 1),
                bias.is_some(),
                Grid::new(weights.as_ptr(), steps[0], steps[1]),
                Grid::new(matrix.as_ptr(), step, 1),
            );
        };
        if geometry.is_pointwise() {
            times(&planes[rows.start * width..], pixels);
        } else {
            with_scratch(depth * columns, |matrix| {
                wide(
                    #[inline(always)]
                    || lay_out(planes, geometry, 0..group_in, rows, matrix),
                );
                times(matrix, columns);
            });
        }
    };
    let length = geometry.batch * geometry.out_channels * pixels;
    if length == 0 {
        return Vec::new();
    }
    let (tasks, work) = (geometry.batch * geometry.groups * tiles, rows_per_tile * width * depth);
    // SAFETY: the tiles cover the whole result.
    unsafe { build(length, |out| for_tasks(tasks, work, |task| tile(out, task))) }
}
