//! The two gradients of a convolution.

use std::ops::Range;

use super::columns::{add_back, lay_out};
use super::{Geometry, depthwise, forward, winograd};
use crate::kernels::par::{PIECE, for_pieces, for_tasks};
use crate::kernels::product::product;
use crate::kernels::real::{Grid, Out, Real, build, build_blocks};
use crate::kernels::scratch::with_scratch;
use crate::kernels::wide::wide;

/// The gradient for the input.
pub(super) fn grad_input<R: Real>(gy: &[R], w: &[R], geometry: &Geometry) -> Vec<R> {
    if geometry.is_pointwise() {
        forward::multiply(gy, w, [1, geometry.depth()], None, &geometry.turned())
    } else if geometry.stride == [1, 1] && geometry.turned().suits_winograd() {
        winograd::grad_input(gy, w, geometry)
    } else if geometry.is_depthwise() {
        depthwise::grad_input(gy, w, geometry)
    } else if geometry.turns_well() {
        forward::forward(gy, &turned_kernel(w, geometry), None, &geometry.turned())
    } else {
        scattered(gy, w, geometry)
    }
}

/// The kernel of [`Geometry::turned`]: in each group, input and output channels swapped and the taps in reverse.
fn turned_kernel<R: Real>(w: &[R], geometry: &Geometry) -> Vec<R> {
    let (group_in, group_out, taps) = (geometry.group_in(), geometry.group_out(), geometry.taps());
    let (depth, block) = (geometry.depth(), group_out * taps);
    // SAFETY: `out` is one whole row of the turned kernel (or all of an empty one), and each of its taps is written.
    unsafe {
        build_blocks(w.len(), block, |start, out: &mut [R]| {
            let (group, channel) = (start / block / group_in, start / block % group_in);
            for (o, out) in out.chunks_exact_mut(taps).enumerate() {
                let source = &w[(group * group_out + o) * depth + channel * taps..][..taps];
                out.iter_mut().zip(source.iter().rev()).for_each(|(out, &tap)| *out = tap);
            }
        })
    }
}

/// For strides above 1 and for few input channels: the product gives what each tap sends back, which is added to the pixels it came from. A task owns
/// a band of rows of a block of channels.
fn scattered<R: Real>(gy: &[R], w: &[R], geometry: &Geometry) -> Vec<R> {
    let (group_in, group_out) = (geometry.group_in(), geometry.group_out());
    let (depth, taps, pixels, width) =
        (geometry.depth(), geometry.taps(), geometry.output_pixels(), geometry.output[1]);
    let (band_rows, block) = geometry.scatter_block();
    let (bands, blocks) = (geometry.input[0].div_ceil(band_rows), group_in.div_ceil(block));
    let mut gx = vec![R::ZERO; geometry.input_dims().iter().product()];
    let out = Out::new(&mut gx);
    for_tasks(geometry.batch * geometry.groups * blocks * bands, band_rows * width * block * taps, |task| {
        let (task, band) = (task / bands, task % bands);
        let (task, index) = (task / blocks, task % blocks);
        let (image, group) = (task / geometry.groups, task % geometry.groups);
        let channels = index * block..((index + 1) * block).min(group_in);
        let band = band * band_rows..((band + 1) * band_rows).min(geometry.input[0]);
        let first_plane = image * geometry.in_channels + group * group_in + channels.start;
        let weights = &w[group * group_out * depth + channels.start * taps..];
        let gradients = &gy[(image * geometry.out_channels + group * group_out) * pixels..];
        let lines = channels.len() * taps;
        let reached = rows_reaching(geometry, &band);
        let step = geometry.rows_per_tile(lines);
        for start in reached.clone().step_by(step) {
            let rows = start..(start + step).min(reached.end);
            let columns = rows.len() * width;
            with_scratch(lines * columns, |matrix: &mut [R]| {
                // SAFETY: `matrix` is `lines` by `columns`; the weights are read transposed, `depth` apart.
                unsafe {
                    product(
                        [lines, columns, group_out],
                        Grid::new(matrix.as_mut_ptr(), columns, 1),
                        false,
                        Grid::new(weights.as_ptr(), 1, depth),
                        Grid::new(gradients[rows.start * width..].as_ptr(), pixels, 1),
                    );
                }
                // SAFETY: the rows of `band` of these planes belong to this task alone.
                let row_of = |channel: usize, row: usize| unsafe {
                    out.at((first_plane + channel) * geometry.input_pixels() + row * geometry.input[1])
                };
                wide(
                    #[inline(always)]
                    || add_back(matrix, geometry, channels.len(), rows, band.clone(), row_of),
                );
            });
        }
    });
    gx
}

/// The output rows of which some tap reads a row of `band`.
fn rows_reaching(geometry: &Geometry, band: &Range<usize>) -> Range<usize> {
    let stride = geometry.stride[0] as isize;
    let reach = (geometry.dilation[0] * (geometry.kernel[0] - 1)) as isize;
    let not_below = |row: isize| row.max(0).unsigned_abs().div_ceil(stride.unsigned_abs()).min(geometry.output[0]);
    let first = not_below(band.start as isize + geometry.padding[0] - reach);
    first..not_below(band.end as isize + geometry.padding[0]).max(first)
}

/// The gradient for the weight: `[out, in/groups, kernel]`. A task owns a block of output and input channels in one slice of the sum
/// over images and rows; the slices are added in order.
pub(super) fn grad_weight<R: Real>(gy: &[R], x: &[R], geometry: &Geometry) -> Vec<R> {
    if geometry.is_depthwise() {
        return depthwise::grad_weight(gy, x, geometry);
    }
    if geometry.suits_winograd() {
        return winograd::grad_weight(gy, x, geometry);
    }
    let weights = geometry.out_channels * geometry.depth();
    let [outputs, inputs] = geometry.weight_block();
    let (blocks, slices) = (geometry.weight_blocks(), geometry.weight_slices());
    // Rows of all images, one after the other, are cut into equal slices.
    let rows = geometry.batch * geometry.output[0];
    let across = geometry.group_in().div_ceil(inputs);
    let down = geometry.group_out().div_ceil(outputs);
    if rows * geometry.output[1] == 0 {
        return vec![R::ZERO; weights];
    }
    let work = inputs * geometry.taps() * rows * geometry.output[1] / slices;
    let task = |out: Out<R>, task: usize| {
        let (slice, block) = (task / blocks, task % blocks);
        let (row, column) = (block / across % down, block % across);
        let block = WeightBlock {
            group: block / across / down,
            outputs: row * outputs..((row + 1) * outputs).min(geometry.group_out()),
            inputs: column * inputs..((column + 1) * inputs).min(geometry.group_in()),
            rows: slice * rows / slices..(slice + 1) * rows / slices,
        };
        // SAFETY: tasks differ in slice or block, and so in the weights they write.
        block.sum(gy, x, geometry, unsafe { out.at(slice * weights) });
    };
    // SAFETY: the blocks of each slice cover all weights, and no slice is without rows.
    let mut partial =
        unsafe { build(slices * weights, |out| for_tasks(slices * blocks, work, |number| task(out, number))) };
    if slices > 1 {
        let (sum, rest) = partial.split_at_mut(weights);
        for_pieces(sum, PIECE, |start, sum| {
            for slice in rest.chunks_exact(weights) {
                let addend = &slice[start..];
                wide(
                    #[inline(always)]
                    || sum.iter_mut().zip(addend).for_each(|(s, &a)| *s += a),
                );
            }
        });
        partial.truncate(weights);
    }
    partial
}

/// What one task of [`grad_weight`] sums: some weights of a group, over some rows, counted through all images.
struct WeightBlock {
    group: usize,
    outputs: Range<usize>,
    inputs: Range<usize>,
    rows: Range<usize>,
}

impl WeightBlock {
    /// Writes the sums into the gradient that begins at `out`.
    fn sum<R: Real>(&self, gy: &[R], x: &[R], geometry: &Geometry, out: *mut R) {
        let (depth, taps, pixels, width) =
            (geometry.depth(), geometry.taps(), geometry.output_pixels(), geometry.output[1]);
        let [height, _] = geometry.output;
        let lines = self.inputs.len() * taps;
        let first_output = self.group * geometry.group_out() + self.outputs.start;
        let step = geometry.rows_per_tile(lines);
        let mut accumulate = false;
        let mut next = self.rows.start;
        while next < self.rows.end {
            let (image, first) = (next / height, next % height);
            let tile = first..(first + step).min(height).min(first + self.rows.end - next);
            next += tile.len();
            let columns = tile.len() * width;
            let planes =
                &x[(image * geometry.in_channels + self.group * geometry.group_in()) * geometry.input_pixels()..];
            let gradients = &gy[(image * geometry.out_channels + first_output) * pixels + tile.start * width..];
            // SAFETY: the block of weights is the caller's; `matrix` is `lines` by `columns` and is read transposed.
            let times = |matrix: &[R], step: usize| unsafe {
                product(
                    [self.outputs.len(), lines, columns],
                    Grid::new(out.add(first_output * depth + self.inputs.start * taps), depth, 1),
                    accumulate,
                    Grid::new(gradients.as_ptr(), pixels, 1),
                    Grid::new(matrix.as_ptr(), 1, step),
                );
            };
            if geometry.is_pointwise() {
                times(&planes[self.inputs.start * pixels + tile.start * width..], pixels);
            } else {
                with_scratch(lines * columns, |matrix| {
                    wide(
                        #[inline(always)]
                        || lay_out(planes, geometry, self.inputs.clone(), tile, matrix),
                    );
                    times(matrix, columns);
                });
            }
            accumulate = true;
        }
    }
}
