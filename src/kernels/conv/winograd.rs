//! 3 × 3 convolutions with stride 1 in four ninths of the products: Winograd's minimal filtering F(2 × 2, 3 × 3), as in Lavin and Gray, "Fast
//! Algorithms for Convolutional Neural Networks", CVPR 2016.
//!
//! Four by four numbers of the image make two by two of the result: `y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`. The products between are sixteen matrix
//! products, one for each place of the transformed tile. The gradient for the input is the same with the kernel turned round, that for the
//! weight is F(3 × 3, 2 × 2) on the same tiles. A dilated convolution is one on each of its interleaved grids.
//!
//! Tiles are worked on in blocks: all channels into tiles, sixteen products, all channels back. Sums go through tiles in the order of the
//! image whatever the block, and blocks follow from the shapes.

mod images;
mod kernels;
mod planes;
mod rows;
mod tiles;

use std::ops::Range;

use super::Geometry;
use crate::kernels::par::for_tasks;
use crate::kernels::product::product;
use crate::kernels::real::{Grid, Out, Real, build, build_blocks};
use images::{gradients, images, results};
use kernels::{Kernel, weights};
use planes::Planes;
use tiles::Tiles;

/// Places of a transformed tile.
const PLACES: usize = 16;
/// Below so many channels on either side, or so few columns, the transforms take longer than the products they save.
const LEAST_CHANNELS: usize = 64;
const LEAST_COLUMNS: usize = 128;
/// Numbers of a block in tiles, both sides together, and columns that make a matrix product worth while.
const BLOCK_NUMBERS: usize = 2 * 1024 * 1024;
const BLOCK_COLUMNS: usize = 128;
/// Rows of a product that one task takes, and those whose tiles stay in a core's own cache between a kernel and its products.
const PRODUCT_ROWS: usize = 128;
const KERNEL_ROWS: usize = 32;
/// From so many output channels on there are pieces of so many rows for several cores, and tiles of a kernel too large to be near by themselves.
const NEAR_OUTPUTS: usize = 256;

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

    /// Numbers that forward and input gradient take beside their result: the kernel in tiles, and both sides of a block.
    pub(super) fn winograd_scratch(&self) -> usize {
        let tiles = Tiles::new(self);
        let columns = tiles.block(self) * tiles.across;
        PLACES * (self.in_channels * self.out_channels + (self.in_channels + self.out_channels) * columns)
    }

    /// Numbers that the weight gradient takes beside its result: as before, and the images of a block once more, turned.
    pub(super) fn winograd_weight_scratch(&self) -> usize {
        let tiles = Tiles::new(self);
        self.winograd_scratch() + PLACES * self.in_channels * tiles.block(self) * tiles.across
    }
}

/// See [`super::forward`].
pub(super) fn forward<R: Real>(x: &[R], w: &[R], bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    multiply(x, Kernel { w, turned: false }, bias, geometry)
}

/// See [`super::grad_input`], for the geometry of the convolution itself.
pub(super) fn grad_input<R: Real>(gy: &[R], w: &[R], geometry: &Geometry) -> Vec<R> {
    multiply(gy, Kernel { w, turned: true }, None, &geometry.turned())
}

fn multiply<R: Real>(x: &[R], kernel: Kernel<R>, bias: Option<&[R]>, geometry: &Geometry) -> Vec<R> {
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    let tiles = Tiles::new(geometry);
    let most = tiles.block(geometry) * tiles.across;
    // `times` multiplies the kernel in tiles by a block of the image in tiles.
    let all = |y: Out<R>, tiled: Planes<R>, products: Planes<R>, times: &dyn Fn(Planes<R>, Planes<R>)| {
        for block in tiles.blocks(geometry) {
            let columns = block.len() * tiles.across;
            let (tiled, products) = (tiled.narrowed(columns), products.narrowed(columns));
            images(x, &tiles, geometry, block.clone(), tiled);
            times(tiled, products);
            results(products, bias, &tiles, geometry, block, y);
        }
    };
    let one = |tiled: Planes<R>, products: Planes<R>, place: usize, rows: Range<usize>, lhs: Grid<*const R>| {
        let out = Grid::new(products.at(place, rows.start), products.columns, 1);
        // SAFETY: the rows of this place belong to the task that calls; both sides hold all that is read.
        unsafe { product([rows.len(), tiled.columns, inputs], out, false, lhs, tiled.grid(place, 0)) }
    };
    // For one block, rows of a large kernel are brought into tiles just before they are used, while they are near.
    let by_rows = |tiled: Planes<R>, products: Planes<R>| {
        for_tasks(outputs.div_ceil(KERNEL_ROWS), KERNEL_ROWS * inputs * tiled.columns, |piece| {
            let rows = piece * KERNEL_ROWS..((piece + 1) * KERNEL_ROWS).min(outputs);
            Planes::lend_near(rows.len(), inputs, |tiled_w| {
                rows.clone().for_each(|row| kernel.tile(geometry, row, tiled_w, row - rows.start));
                (0..PLACES).for_each(|place| one(tiled, products, place, rows.clone(), tiled_w.grid(place, 0)));
            });
        });
    };
    let length = geometry.batch * outputs * geometry.output_pixels();
    let made = |times: &(dyn Fn(Planes<R>, Planes<R>) + Sync)| {
        Planes::lend(inputs, most, |tiled| {
            Planes::lend(outputs, most, |products| {
                // SAFETY: the strips cover the whole result.
                unsafe { build(length, |y| all(y, tiled, products, times)) }
            })
        })
    };
    if tiles.in_one_block(geometry) && outputs >= NEAR_OUTPUTS {
        return made(&by_rows);
    }
    Planes::lend(outputs, inputs, |tiled_w| {
        for_tasks(outputs, inputs * PLACES, |row| kernel.tile(geometry, row, tiled_w, row));
        made(&|tiled, products| {
            for_places(outputs, inputs * tiled.columns, |place, rows| {
                let lhs = tiled_w.grid(place, rows.start);
                one(tiled, products, place, rows, lhs);
            });
        })
    })
}

/// See [`super::grad_weight`].
pub(super) fn grad_weight<R: Real>(gy: &[R], x: &[R], geometry: &Geometry) -> Vec<R> {
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    let tiles = Tiles::new(geometry);
    let most = tiles.block(geometry) * tiles.across;
    let length = outputs * inputs * 9;
    // Gradients and images of a block in tiles, the latter with their channels side by side, as the products read them.
    let lay_out = |block: Range<usize>, [tiled, turned, tiled_gy]: [Planes<R>; 3]| {
        let columns = block.len() * tiles.across;
        let (tiled, tiled_gy) = (tiled.narrowed(columns), tiled_gy.narrowed(columns));
        images(x, &tiles, geometry, block.clone(), tiled);
        gradients(gy, &tiles, geometry, block, tiled_gy);
        tiled.turn_into(turned);
        (tiled_gy, columns)
    };
    let one = |sums: *mut R, tiled_gy: Planes<R>, turned: Planes<R>, place: usize, rows: Range<usize>, more: bool| {
        let (out, lhs) = (Grid::new(sums, inputs, 1), tiled_gy.grid(place, rows.start));
        // SAFETY: the rows of this place belong to the task that calls; both sides hold all that is read.
        unsafe { product([rows.len(), inputs, tiled_gy.columns], out, more, lhs, turned.grid(place, 0)) }
    };
    let all = |planes: [Planes<R>; 3]| {
        if tiles.in_one_block(geometry) && outputs >= NEAR_OUTPUTS {
            let (tiled_gy, _) = lay_out(0..tiles.strips(), planes);
            // SAFETY: each piece of the gradient is written whole.
            return unsafe {
                build_blocks(length, KERNEL_ROWS * inputs * 9, |start, out: &mut [R]| {
                    let (first, count) = (start / 9 / inputs, out.len() / 9 / inputs);
                    Planes::lend_near(count, inputs, |sums| {
                        for place in 0..PLACES {
                            one(sums.at(place, 0), tiled_gy, planes[1], place, first..first + count, false);
                        }
                        for (row, out) in out.chunks_exact_mut(9 * inputs).enumerate() {
                            weights(sums, row, out);
                        }
                    });
                })
            };
        }
        Planes::lend(outputs, inputs, |sums| {
            for block in tiles.blocks(geometry) {
                let more = block.start > 0;
                let (tiled_gy, columns) = lay_out(block, planes);
                for_places(outputs, inputs * columns, |place, rows| {
                    one(sums.at(place, rows.start), tiled_gy, planes[1], place, rows, more);
                });
            }
            // SAFETY: each row of weights is written whole.
            unsafe { build_blocks(length, inputs * 9, |start, out| weights(sums, start / 9 / inputs, out)) }
        })
    };
    Planes::lend(inputs, most, |tiled| {
        Planes::lend(most, inputs, |turned| Planes::lend(outputs, most, |tiled_gy| all([tiled, turned, tiled_gy])))
    })
}

/// Calls `product` for each place and each range of rows, side by side. `work` is what a row takes.
fn for_places(rows: usize, work: usize, product: impl Fn(usize, Range<usize>) + Sync) {
    let pieces = rows.div_ceil(PRODUCT_ROWS);
    for_tasks(PLACES * pieces, work, |task| {
        let (place, piece) = (task / pieces, task % pieces);
        product(place, piece * rows / pieces..(piece + 1) * rows / pieces);
    });
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
