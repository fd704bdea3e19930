//! The shapes of one convolution and how it is cut into blocks. Blocks follow from the shapes alone, never from the number of
//! workers, so that sums are taken in the same order everywhere.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};

use super::Conv2d;
use crate::kernels::product::panel_numbers;

/// Numbers in a tile of columns that fit well into a core's own cache.
const TILE_NUMBERS: usize = 256 * 1024;
/// Below so many columns a matrix product is mostly overhead.
const TILE_COLUMNS: usize = 256;
/// Weights of an output channel that one task sums, and those of a kernel of one tap.
const WEIGHT_COLUMNS: usize = 512;
const PLAIN_COLUMNS: usize = 128;
/// Tasks that keep a middling machine busy.
const ENOUGH_TASKS: usize = 16;
/// Numbers in all partial weight gradients together.
const PARTIAL_NUMBERS: usize = 4 * 1024 * 1024;
/// Pixels that a partial weight gradient should at least sum over.
const SLICE_PIXELS: usize = 2048;

/// All lengths of one convolution. Padding may be negative here: then the convolution reads from inside the image.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub batch: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    pub groups: usize,
    pub input: [usize; 2],
    pub output: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub padding: [isize; 2],
}

impl Geometry {
    pub fn new(input: [usize; 4], weight: [usize; 4], conv: &Conv2d) -> Result<Geometry> {
        let [batch, in_channels, height, width] = input;
        let [out_channels, group_channels, kernel_height, kernel_width] = weight;
        let groups = conv.groups;
        if groups == 0 || conv.stride.contains(&0) || conv.dilation.contains(&0) {
            bail!("conv2d: stride, dilation and groups are at least 1");
        }
        if group_channels * groups != in_channels || !out_channels.is_multiple_of(groups) {
            bail!(
                "conv2d: a weight [{out_channels}, {group_channels}, {kernel_height}, {kernel_width}] in {groups} groups \
                 does not fit {in_channels} channels"
            );
        }
        if weight.contains(&0) {
            bail!("conv2d: a weight {weight:?} is empty");
        }
        Ok(Geometry {
            batch,
            in_channels,
            out_channels,
            groups,
            input: [height, width],
            output: conv.output,
            kernel: [kernel_height, kernel_width],
            stride: conv.stride,
            dilation: conv.dilation,
            padding: conv.padding.map(|padding| padding as isize),
        })
    }

    /// Refuses a gradient that does not have the shape of the result.
    pub fn check_output(&self, gy: &Tensor) -> Result<()> {
        if gy.dims() != self.output_dims() {
            bail!("conv2d: the gradient is {:?}, the result {:?}", gy.dims(), self.output_dims());
        }
        Ok(())
    }

    pub fn input_dims(&self) -> [usize; 4] {
        [self.batch, self.in_channels, self.input[0], self.input[1]]
    }

    pub fn output_dims(&self) -> [usize; 4] {
        [self.batch, self.out_channels, self.output[0], self.output[1]]
    }

    /// The convolution that maps the gradient of the result to the gradient of the input, with the kernel turned round and
    /// the channels of each group swapped. Only for stride 1.
    pub fn turned(&self) -> Geometry {
        debug_assert_eq!(self.stride, [1, 1]);
        let reach = |axis: usize| (self.dilation[axis] * (self.kernel[axis] - 1)) as isize;
        Geometry {
            in_channels: self.out_channels,
            out_channels: self.in_channels,
            input: self.output,
            output: self.input,
            padding: [reach(0) - self.padding[0], reach(1) - self.padding[1]],
            ..self.clone()
        }
    }

    /// Whether the gradient for the input is best had from [`Geometry::turned`]. That lays out all taps of the output
    /// channels, scattering those of the input channels: for an image of three channels far fewer.
    pub fn turns_well(&self) -> bool {
        self.stride == [1, 1] && 2 * self.group_in() >= self.group_out()
    }

    /// Input channels of a group.
    pub fn group_in(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels of a group.
    pub fn group_out(&self) -> usize {
        self.out_channels / self.groups
    }

    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Products in the sum of one output number.
    pub fn depth(&self) -> usize {
        self.group_in() * self.taps()
    }

    pub fn input_pixels(&self) -> usize {
        self.input[0] * self.input[1]
    }

    pub fn output_pixels(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Whether input and output pixels are the same: a 1×1 kernel that skips nothing.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] && self.input == self.output
    }

    /// One input channel a group.
    pub fn is_depthwise(&self) -> bool {
        self.group_in() == 1 && self.groups > 1
    }

    /// The outputs along `axis` for which the tap reads inside the image.
    pub fn inside(&self, axis: usize, tap: usize) -> Range<usize> {
        let ahead = self.padding[axis] - (tap * self.dilation[axis]) as isize; // pixels before the image at output 0
        let stride = self.stride[axis] as isize;
        let first_not_below = |pixel: isize| (pixel + ahead).max(0).unsigned_abs().div_ceil(stride.unsigned_abs());
        let output = self.output[axis];
        let low = first_not_below(0).min(output);
        low..first_not_below(self.input[axis] as isize).min(output).max(low)
    }

    /// The pixel along `axis` that a tap reads for an output; may lie outside.
    pub fn source(&self, axis: usize, output: usize, tap: usize) -> isize {
        (output * self.stride[axis] + tap * self.dilation[axis]) as isize - self.padding[axis]
    }

    /// Output rows that are laid out at a time, when each output pixel has `depth` numbers.
    pub fn rows_per_tile(&self, depth: usize) -> usize {
        let width = self.output[1].max(1);
        let in_cache = TILE_NUMBERS / (depth * width).max(1);
        let height = self.output[0].max(1);
        even(height, in_cache.max(TILE_COLUMNS.div_ceil(width)).clamp(1, height))
    }

    /// Output and input channels that one task of a weight gradient takes. Where nothing is laid out, output channels can be shared out too.
    pub fn weight_block(&self) -> [usize; 2] {
        let most = if self.taps() == 1 { PLAIN_COLUMNS } else { WEIGHT_COLUMNS.div_ceil(self.taps()) };
        let input = even(self.group_in(), most.min(self.group_in()));
        if !self.is_pointwise() {
            return [self.group_out(), input];
        }
        let shares = ENOUGH_TASKS.div_ceil(self.groups * self.group_in().div_ceil(input));
        [even(self.group_out(), self.group_out().div_ceil(shares).max(PLAIN_COLUMNS.min(self.group_out()))), input]
    }

    /// Tasks of a weight gradient that sum over the same rows.
    pub fn weight_blocks(&self) -> usize {
        let [output, input] = self.weight_block();
        self.groups * self.group_out().div_ceil(output) * self.group_in().div_ceil(input)
    }

    /// Parts into which a weight gradient's sum over images and rows is cut, each summed by itself.
    pub fn weight_slices(&self) -> usize {
        let weights = self.out_channels * self.depth();
        let pixels = self.batch * self.output_pixels();
        ENOUGH_TASKS
            .div_ceil(self.weight_blocks())
            .min(PARTIAL_NUMBERS / weights.max(1))
            .min(pixels / SLICE_PIXELS)
            .clamp(1, (self.batch * self.output[0]).max(1))
    }

    /// Input rows and channels that one task of a scattered input gradient owns.
    pub fn scatter_block(&self) -> (usize, usize) {
        let channels = TILE_COLUMNS.div_ceil(self.taps()).min(self.group_in());
        let tasks = self.batch * self.groups * self.group_in().div_ceil(channels);
        // Neighbouring bands compute the rows under their common border twice: bands are high against the kernel.
        let reach = self.dilation[0] * (self.kernel[0] - 1);
        let bands = ENOUGH_TASKS.div_ceil(tasks.max(1)).min(self.input[0] / (8 * reach.max(1))).max(1);
        (self.input[0].div_ceil(bands).max(1), channels)
    }

    /// Numbers that one worker lays out for the product.
    pub fn forward_scratch(&self) -> usize {
        if self.is_depthwise() {
            self.depthwise_scratch()
        } else if self.is_pointwise() {
            0
        } else if self.suits_winograd() {
            self.winograd_scratch()
        } else {
            self.tile_numbers(self.depth())
        }
    }

    /// Numbers that one worker lays out for the gradient of the input, and the turned kernel.
    pub fn grad_input_scratch(&self) -> usize {
        if self.is_pointwise() {
            0
        } else if self.stride == [1, 1] && self.turned().suits_winograd() {
            self.turned().winograd_scratch()
        } else if self.is_depthwise() {
            self.depthwise_scratch()
        } else if self.turns_well() {
            self.out_channels * self.depth() + self.turned().forward_scratch()
        } else {
            self.tile_numbers(self.scatter_block().1 * self.taps())
        }
    }

    /// Numbers that one worker lays out for the gradient of the weight, and all partial sums but the first.
    pub fn grad_weight_scratch(&self) -> usize {
        if self.is_depthwise() {
            return self.depthwise_scratch();
        }
        if self.suits_winograd() {
            return self.winograd_weight_scratch();
        }
        let tile = if self.is_pointwise() { 0 } else { self.tile_numbers(self.weight_block()[1] * self.taps()) };
        let lines = self.weight_block()[1] * self.taps();
        let panel = panel_numbers(lines, self.rows_per_tile(lines) * self.output[1]);
        tile + panel + (self.weight_slices() - 1) * self.out_channels * self.depth()
    }

    fn tile_numbers(&self, depth: usize) -> usize {
        self.rows_per_tile(depth) * self.output[1] * depth
    }

    /// Size of an input plane with all the border that taps reach: `[rows, columns]`.
    pub fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            self.output[axis].saturating_sub(1) * self.stride[axis] + reach
        })
    }
}

/// The size of equal blocks, none above `most`, that cover `length`.
fn even(length: usize, most: usize) -> usize {
    length.div_ceil(length.div_ceil(most))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn inside_is_where_the_source_is_in_the_image(
            input in 1usize..9, output in 0usize..9, kernel in 1usize..5,
            stride in 1usize..4, dilation in 1usize..4, padding in 0usize..6,
        ) {
            let conv = Conv2d { stride: [stride; 2], padding: [padding; 2], dilation: [dilation; 2], groups: 1, output: [output; 2] };
            let geometry = Geometry::new([1, 1, input, input], [1, 1, kernel, kernel], &conv).unwrap();
            for tap in 0..kernel {
                let inside = geometry.inside(0, tap);
                for at in 0..output {
                    let source = geometry.source(0, at, tap);
                    prop_assert_eq!(inside.contains(&at), (0..input as isize).contains(&source));
                }
            }
        }
    }

    #[test]
    fn working_memory_is_bounded_whatever_the_picture() -> Result<()> {
        for side in [28, 112, 448] {
            let (input, weight) = ([16, 512, side, side], [512, 512, 3, 3]);
            // 512 channels, 3×3: 4608 numbers a pixel; 256 pixels and less than one more row at a time, or 2^18 numbers.
            let (tile, weights, panel) = (4608 * (256 + side) * 4, 512 * 4608 * 4, panel_numbers(512, 512) * 4);
            let conv = Conv2d::padded([side; 2], [3; 2], [2; 2], [1; 2], [1; 2], 1);
            assert!(conv.forward_scratch(input, weight, 4)? <= tile);
            assert!(conv.grad_input_scratch(input, weight, 4)? <= tile + weights);
            assert!(conv.grad_weight_scratch(input, weight, 4)? <= tile + panel + PARTIAL_NUMBERS * 4);
            // In tiles: sixteen numbers for nine weights, and for each channel on both sides of 128 tiles and less than one more row.
            let (tiled, turned) = (16 * (512 * 512 + 1024 * (128 + side)) * 4, 16 * 512 * (128 + side) * 4);
            let conv = Conv2d::padded([side; 2], [3; 2], [1; 2], [1; 2], [1; 2], 1);
            assert!(conv.forward_scratch(input, weight, 4)? <= tiled);
            assert!(conv.grad_input_scratch(input, weight, 4)? <= tiled);
            assert!(conv.grad_weight_scratch(input, weight, 4)? <= tiled + turned);
        }
        Ok(())
    }
}
