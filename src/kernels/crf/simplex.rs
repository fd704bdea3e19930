//! The simplex of the permutohedral lattice that a feature lies in (Adams, Baek and Davis, Eurographics 2010, sections 3 and 4).
//!
//! A feature of `D` numbers is put into the plane of `C = D + 1` coordinates whose sum is 0. The vertices around it are told by the nearest
//! lattice point whose coordinates are multiples of `C`, and by the order of what is left over. Rounding takes halves to the even side and
//! equal rests keep their order, as in the code of Krähenbühl and Koltun: so the two agree on every vertex.

use super::math::ROUND;

/// Features worked on side by side.
pub const LANES: usize = 8;

/// A vertex: `D` coordinates of [`BITS`] bits each, two's complement, added up. The last coordinate follows from the others.
/// Vertices that are neighbours differ by constants.
pub type Key = u128;

/// Bits of a coordinate.
const BITS: u32 = 25;

/// Coordinates up to this size have a key of their own and are whole numbers of an `f32`.
pub const REACH: f64 = (1 << 22) as f64;

/// A step of 1 along one axis.
pub const fn step(axis: usize) -> Key {
    1 << (BITS * axis as u32)
}

/// A step of 1 along all `D` axes.
pub fn diagonal<const D: usize>() -> Key {
    (0..D).map(step).sum()
}

/// What coordinate `axis` of a feature is multiplied by, so that blurring a vertex with half of its neighbours comes to a
/// standard deviation of 1.
pub fn scale(axis: usize, dimensions: usize) -> f32 {
    // Rounded where Krähenbühl and Koltun's code rounds: another last place would move pixels to other weights by some 1e-5.
    let deviation = ((2.0f64 / 3.0).sqrt() * (dimensions + 1) as f64) as f32;
    (1.0 / (((axis + 1) * (axis + 2)) as f64).sqrt() * f64::from(deviation)) as f32
}

/// The simplices of [`LANES`] features.
pub struct Simplices<const C: usize> {
    /// The nearest point of multiples of `C`, coordinate by coordinate.
    corner: [[i32; LANES]; C],
    /// The place of each coordinate's rest among the rests, the largest first.
    rank: [[u32; LANES]; C],
    /// The rest of each coordinate, over `C`.
    rest: [[f32; LANES]; C],
}

/// The simplices around features; `features[d][i]` is number `d` of feature `i`, `scales` are those of [`scale`].
#[inline(always)]
pub fn enclose<const D: usize, const C: usize>(features: &[[f32; LANES]; D], scales: &[f32; D]) -> Simplices<C> {
    const { assert!(C == D + 1) };
    let side = C as f32;
    let mut elevated = [[0.0; LANES]; C];
    let mut sum = [0.0; LANES];
    for axis in (1..C).rev() {
        for lane in 0..LANES {
            let scaled = features[axis - 1][lane] * scales[axis - 1];
            elevated[axis][lane] = sum[lane] - axis as f32 * scaled;
            sum[lane] += scaled;
        }
    }
    elevated[0] = sum;

    let mut corner = [[0.0; LANES]; C];
    let mut rest = [[0.0; LANES]; C];
    let mut off = [0.0; LANES];
    for axis in 0..C {
        for lane in 0..LANES {
            let whole = (elevated[axis][lane] * (1.0 / side) + ROUND) - ROUND;
            off[lane] += whole;
            corner[axis][lane] = whole * side;
            rest[axis][lane] = elevated[axis][lane] - corner[axis][lane];
        }
    }
    let mut rank = [[0.0; LANES]; C];
    for one in 0..C {
        for other in one + 1..C {
            for lane in 0..LANES {
                let after = if rest[one][lane] < rest[other][lane] { 1.0 } else { 0.0 };
                rank[one][lane] += after;
                rank[other][lane] += 1.0 - after;
            }
        }
    }
    // Rounding may leave the plane: the coordinates that were rounded furthest go one multiple back.
    let mut result = Simplices { corner: [[0; LANES]; C], rank: [[0; LANES]; C], rest };
    for axis in 0..C {
        for lane in 0..LANES {
            let place = rank[axis][lane] + off[lane];
            let back = (if place < 0.0 { side } else { 0.0 }) - (if place >= side { side } else { 0.0 });
            let corner = corner[axis][lane] + back;
            result.corner[axis][lane] = whole(corner);
            result.rank[axis][lane] = whole(place + back) as u32;
            result.rest[axis][lane] = (elevated[axis][lane] - corner) * (1.0 / side);
        }
    }
    result
}

/// A whole number below 2^22 as an integer.
#[inline(always)]
fn whole(x: f32) -> i32 {
    (x + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}

impl<const C: usize> Simplices<C> {
    /// What tells the simplex of one feature from any other: its nearest point, and the order of its rests.
    #[inline(always)]
    pub fn name(&self, lane: usize) -> (Key, u32) {
        let coordinate = |axis: usize| (i128::from(self.corner[axis][lane]) << (BITS * axis as u32)) as Key;
        let key = (0..C - 1).fold(0, |key: Key, axis| key.wrapping_add(coordinate(axis)));
        (key, (0..C).fold(0, |order, axis| order << 3 | self.rank[axis][lane]))
    }

    /// The keys of the vertices of the simplex `name` of one feature.
    #[inline(always)]
    pub fn vertices(&self, lane: usize, (mut key, _): (Key, u32)) -> [Key; C] {
        let mut leaps = [0; C];
        let mut diagonal: Key = 0;
        for axis in 0..C - 1 {
            leaps[(self.rank[axis][lane] as usize).min(C - 1)] = step(axis).wrapping_mul(C as Key);
            diagonal = diagonal.wrapping_add(step(axis));
        }
        // From one to the next all coordinates grow by 1, and the one with the smallest rest of those left goes back by C.
        let mut keys = [key; C];
        for vertex in 1..C {
            key = key.wrapping_add(diagonal).wrapping_sub(leaps[C - vertex]);
            keys[vertex] = key;
        }
        keys
    }

    /// How much of one feature each vertex takes: barycentric coordinates, their sum is 1.
    #[inline(always)]
    pub fn weights(&self, lane: usize) -> [f32; C] {
        let mut sorted = [0.0; C];
        for axis in 0..C {
            sorted[(self.rank[axis][lane] as usize).min(C - 1)] = self.rest[axis][lane];
        }
        std::array::from_fn(|vertex| match vertex {
            0 => sorted[C - 1] + (1.0 - sorted[0]),
            _ => sorted[C - 1 - vertex] - sorted[C - vertex],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vertex and weight of a feature at the origin, and of one between three vertices of the plane.
    #[test]
    fn a_feature_is_the_mean_of_its_vertices() {
        let scales = [scale(0, 2), scale(1, 2)];
        for (x, y) in [(0.0, 0.0), (0.3, 0.1), (-4.7, 2.2), (100.25, -31.5)] {
            let features = [[x; LANES], [y; LANES]];
            let simplices = enclose::<2, 3>(&features, &scales);
            let (keys, weights) = (simplices.vertices(3, simplices.name(3)), simplices.weights(3));
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5 && weights.iter().all(|w| *w > -1e-5));
            let signed = |bits: u128| ((bits as u32) << (32 - BITS)) as i32 >> (32 - BITS);
            let (a, b) = (x * scales[0], y * scales[1]);
            let mean = |axis: u32| -> f32 {
                let low = |key: Key| key.wrapping_sub(signed(key) as i128 as Key) >> BITS;
                let coordinate = |key: Key| if axis == 0 { signed(key) } else { signed(low(key)) };
                keys.iter().zip(weights).map(|(key, weight)| weight * coordinate(*key) as f32).sum()
            };
            assert!((mean(0) - (a + b)).abs() < 1e-3 && (mean(1) - (b - a)).abs() < 1e-3, "{x} {y}");
        }
    }
}
