//! Resizing, by what is resized: photographs as Pillow does it (bicubic, antialiased, bit for bit), index maps by the nearest
//! entry, float maps bilinearly.
//!
//! Sizes are `[height, width]`.

use super::{Grid, Planes, Rgb};

/// The kernel of a separable filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filter {
    /// Keys' cubic with a = -0.5.
    Bicubic,
    /// The triangle.
    Bilinear,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Filter::Bicubic => 2.0,
            Filter::Bilinear => 1.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Filter::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Filter::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Filter::Bilinear if x < 1.0 => 1.0 - x,
            _ => 0.0,
        }
    }
}

/// For each output position the first input position and the weights from there on.
struct Taps {
    first: Vec<usize>,
    weights: Vec<Vec<f64>>,
}

impl Taps {
    /// The filter is widened by the factor of a reduction, its weights sum to one.
    fn new(filter: Filter, from: usize, to: usize) -> Taps {
        let scale = from as f64 / to as f64;
        let widened = scale.max(1.0);
        let support = filter.support() * widened;
        let (mut first, mut weights) = (Vec::with_capacity(to), Vec::with_capacity(to));
        for out in 0..to {
            let centre = (out as f64 + 0.5) * scale;
            let low = (centre - support + 0.5).max(0.0) as usize;
            let high = ((centre + support + 0.5) as usize).min(from);
            let mut row: Vec<f64> =
                (low..high).map(|x| filter.weight((x as f64 - centre + 0.5) * (1.0 / widened))).collect();
            let sum: f64 = row.iter().sum();
            if sum != 0.0 {
                row.iter_mut().for_each(|weight| *weight /= sum);
            }
            first.push(low);
            weights.push(row);
        }
        Taps { first, weights }
    }

    /// Weights in units of 2⁻²², rounded away from zero at one half.
    fn fixed(&self) -> Vec<Vec<i32>> {
        let fix = |weight: &f64| (weight * f64::from(1 << BITS) + 0.5f64.copysign(*weight)) as i32;
        self.weights.iter().map(|row| row.iter().map(fix).collect()).collect()
    }
}

/// The fixed point of Pillow's weights: 32 bits less 8 of a pixel less 2 of headroom.
const BITS: u32 = 22;

fn clip(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// A photograph at another size, as `PIL.Image.resize` gives it.
///
/// Each pass rounds to bytes, so their order matters: columns first where the height shrinks and the width grows (the
/// cheaper way round, and Pillow's since version 13), rows first everywhere else.
pub fn resize_rgb(image: &Rgb, to: [usize; 2], filter: Filter) -> Rgb {
    let [height, width] = to;
    if height < image.height && width > image.width {
        return rows(&columns(image, height, filter), width, filter);
    }
    columns(&rows(image, width, filter), height, filter)
}

fn rows(image: &Rgb, width: usize, filter: Filter) -> Rgb {
    if width == image.width {
        return image.clone();
    }
    let taps = Taps::new(filter, image.width, width);
    let weights = taps.fixed();
    let mut data = Vec::with_capacity(3 * image.height * width);
    for row in image.data.chunks_exact(3 * image.width) {
        for (first, weights) in taps.first.iter().zip(&weights) {
            let mut sum = [1i32 << (BITS - 1); 3];
            for (pixel, weight) in row[3 * first..].chunks_exact(3).zip(weights) {
                for (sum, &value) in sum.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            data.extend(sum.map(clip));
        }
    }
    Rgb { height: image.height, width, data }
}

fn columns(image: &Rgb, height: usize, filter: Filter) -> Rgb {
    if height == image.height {
        return image.clone();
    }
    let taps = Taps::new(filter, image.height, height);
    let line = 3 * image.width;
    let mut data = Vec::with_capacity(height * line);
    let mut sums = vec![0i32; line];
    for (&first, weights) in taps.first.iter().zip(&taps.fixed()) {
        sums.fill(1 << (BITS - 1));
        for (row, weight) in image.data[first * line..].chunks_exact(line).zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        data.extend(sums.iter().map(|&sum| clip(sum)));
    }
    Rgb { height, width: image.width, data }
}

/// The same filter on real numbers, without rounding and without clipping.
pub fn resize_planes(planes: &Planes, to: [usize; 2], filter: Filter) -> Planes {
    let [height, width] = to;
    let across = Taps::new(filter, planes.width, width);
    let down = Taps::new(filter, planes.height, height);
    let mut data = Vec::with_capacity(planes.channels * height * width);
    let mut middle = vec![0f32; planes.height * width];
    for plane in planes.data.chunks_exact((planes.height * planes.width).max(1)) {
        for (row, out) in plane.chunks_exact(planes.width).zip(middle.chunks_exact_mut(width)) {
            for ((first, weights), out) in across.first.iter().zip(&across.weights).zip(out) {
                *out = row[*first..].iter().zip(weights).map(|(value, weight)| value * *weight as f32).sum();
            }
        }
        for (first, weights) in down.first.iter().zip(&down.weights) {
            let start = data.len();
            data.resize(start + width, 0f32);
            for (row, weight) in middle[first * width..].chunks_exact(width).zip(weights) {
                for (out, value) in data[start..].iter_mut().zip(row) {
                    *out += value * *weight as f32;
                }
            }
        }
    }
    Planes { channels: planes.channels, height, width, data }
}

/// The input position that output position `out` takes: `floor((out + 0.5) · from / to)`.
fn nearest(out: usize, from: usize, to: usize) -> usize {
    ((2 * out + 1) * from / (2 * to)).min(from - 1)
}

/// An index map at another size; no value appears that was not there.
pub fn resize_nearest<T: Copy>(grid: &Grid<T>, to: [usize; 2]) -> Grid<T> {
    let [height, width] = to;
    let across: Vec<usize> = (0..width).map(|x| nearest(x, grid.width, width)).collect();
    let mut data = Vec::with_capacity(height * width);
    for y in 0..height {
        let row = &grid.data[nearest(y, grid.height, height) * grid.width..][..grid.width];
        data.extend(across.iter().map(|&x| row[x]));
    }
    Grid { height, width, data }
}

/// The output positions whose nearest input position lies in `start..end`, as `start..end`.
pub(super) fn nearest_range(start: usize, end: usize, from: usize, to: usize) -> (usize, usize) {
    let at = |edge: usize| (0..to).find(|&out| nearest(out, from, to) >= edge).unwrap_or(to);
    (at(start), if end >= from { to } else { at(end) })
}

/// A float map at another size: bilinear between pixel centres, edges repeated, no antialiasing (`align_corners = false`).
pub fn resize_bilinear(planes: &Planes, to: [usize; 2]) -> Planes {
    let [height, width] = to;
    let across: Vec<_> = (0..width).map(|x| between(x, planes.width, width)).collect();
    let mut data = Vec::with_capacity(planes.channels * height * width);
    for plane in planes.data.chunks_exact((planes.height * planes.width).max(1)) {
        for y in 0..height {
            let (above, below, down) = between(y, planes.height, height);
            let above = &plane[above * planes.width..][..planes.width];
            let below = &plane[below * planes.width..][..planes.width];
            data.extend(across.iter().map(|&(left, right, right_share)| {
                let mix = |row: &[f32]| row[left] * (1.0 - right_share) + row[right] * right_share;
                mix(above) * (1.0 - down) + mix(below) * down
            }));
        }
    }
    Planes { channels: planes.channels, height, width, data }
}

/// A float map at another size, each value one that was there.
pub fn resize_planes_nearest(planes: &Planes, to: [usize; 2]) -> Planes {
    let [height, width] = to;
    let mut data = Vec::with_capacity(planes.channels * height * width);
    for channel in 0..planes.channels {
        let grid = Grid { height: planes.height, width: planes.width, data: planes.plane(channel).to_vec() };
        data.extend(resize_nearest(&grid, to).data);
    }
    Planes { channels: planes.channels, height, width, data }
}

/// A float map at another size, each value the mean of the input pixels that it touches.
pub fn resize_area(planes: &Planes, to: [usize; 2]) -> Planes {
    let [height, width] = to;
    let touched = |out: usize, from: usize, to: usize| out * from / to..((out + 1) * from).div_ceil(to);
    let mut data = Vec::with_capacity(planes.channels * height * width);
    for plane in planes.data.chunks_exact((planes.height * planes.width).max(1)) {
        for y in 0..height {
            let rows = touched(y, planes.height, height);
            for x in 0..width {
                let columns = touched(x, planes.width, width);
                let row = |row: usize| &plane[row * planes.width..][columns.clone()];
                let sum: f32 = rows.clone().flat_map(row).sum();
                data.push(sum / (rows.len() * columns.len()) as f32);
            }
        }
    }
    Planes { channels: planes.channels, height, width, data }
}

/// The two input positions around an output position and the share of the second.
fn between(out: usize, from: usize, to: usize) -> (usize, usize, f32) {
    let at = ((out as f32 + 0.5) * (from as f32 / to as f32) - 0.5).max(0.0);
    let low = (at as usize).min(from - 1);
    (low, (low + 1).min(from - 1), at - low as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> safetensors::SafeTensors<'static> {
        safetensors::SafeTensors::deserialize(include_bytes!("../../tests/golden/pillow.safetensors")).unwrap()
    }

    fn picture(name: &str) -> Rgb {
        let golden = golden();
        let tensor = golden.tensor(name).unwrap();
        Rgb { height: tensor.shape()[0], width: tensor.shape()[1], data: tensor.data().to_vec() }
    }

    #[test]
    fn pillow_bit_for_bit() {
        for (word, filter) in [("bicubic", Filter::Bicubic), ("bilinear", Filter::Bilinear)] {
            for size in ["48x40", "11x9", "13x31"] {
                let name = format!("pillow_{word}_24x20_to_{size}");
                let expected = picture(&format!("{name}.y"));
                let got = resize_rgb(&picture(&format!("{name}.x")), [expected.height, expected.width], filter);
                assert_eq!(got, expected, "{name}");
            }
        }
    }

    #[test]
    fn pillow_nearest() {
        for size in ["48x40", "13x31"] {
            let name = format!("pillow_nearest_24x20_to_{size}");
            let (input, expected) = (picture(&format!("{name}.x")), picture(&format!("{name}.y")));
            let grid = |image: &Rgb| Grid {
                height: image.height,
                width: image.width,
                data: image.data.chunks_exact(3).map(<[u8]>::to_vec).collect::<Vec<_>>(),
            };
            let (input, expected) = (grid(&input), grid(&expected));
            let positions = Grid { height: 24, width: 20, data: (0..480).collect() };
            let taken = resize_nearest(&positions, [expected.height, expected.width]);
            let got: Vec<_> = taken.data.iter().map(|&position: &usize| input.data[position].clone()).collect();
            assert_eq!(got, expected.data, "{name}");
        }
    }

    #[test]
    fn real_numbers_agree_with_bytes_up_to_rounding() {
        // Half the contrast, for bytes are clipped between the passes as well.
        let mut input = picture("pillow_bicubic_24x20_to_11x9.x");
        input.data.iter_mut().for_each(|level| *level = *level / 2 + 64);
        let planes = Planes::from_rgb(&input);
        for to in [[11, 9], [48, 40]] {
            let bytes = Planes::from_rgb(&resize_rgb(&input, to, Filter::Bicubic));
            let real = resize_planes(&planes, to, Filter::Bicubic);
            // Half a level a pass; the second pass can amplify the first one's by the sum of absolute weights (1.27).
            let worst =
                bytes.data.iter().zip(&real.data).map(|(a, b)| (a - b.clamp(0.0, 255.0)).abs()).fold(0.0, f32::max);
            assert!(worst <= 0.5 + 0.5 * 1.27 + 0.01, "{worst}");
        }
    }

    #[test]
    fn bilinear_by_hand() {
        let map = Planes { channels: 1, height: 1, width: 2, data: vec![0.0, 4.0] };
        // Centres of four pixels over two: -0.25 → 0, 0.25, 0.75, 1.25 → 1.
        assert_eq!(resize_bilinear(&map, [1, 4]).data, [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(resize_bilinear(&map, [2, 1]).data, [2.0, 2.0]);
    }

    #[test]
    fn area_and_nearest_by_hand() {
        let map = Planes { channels: 1, height: 2, width: 3, data: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0] };
        // Two columns of three touch one and a half each: the middle one belongs to both.
        assert_eq!(resize_area(&map, [1, 2]).data, [2.0, 3.0]);
        assert_eq!(resize_area(&map, [2, 1]).data, [1.0, 4.0]);
        assert_eq!(resize_area(&map, [2, 6]).data[..6], [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(resize_planes_nearest(&map, [1, 1]).data, [4.0]);
    }

    #[test]
    fn a_range_is_where_its_pixels_went() {
        for (from, to) in [(7, 3), (3, 7), (5, 5), (10, 4)] {
            for start in 0..from {
                for end in start + 1..=from {
                    let inside: Vec<usize> =
                        (0..to).filter(|&out| (start..end).contains(&nearest(out, from, to))).collect();
                    let (low, high) = nearest_range(start, end, from, to);
                    assert_eq!(inside, (low..high).collect::<Vec<_>>(), "{start}..{end} of {from} to {to}");
                }
            }
        }
    }
}
