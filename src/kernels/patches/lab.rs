//! CIE Lab of pictures, as SLIC measures colour.

use std::sync::OnceLock;

use crate::kernels::par::for_pieces;
use crate::kernels::real::Out;
use crate::kernels::wide::wide;

/// A picture's red, green and blue, from 0 to 1 as sRGB, as Lab (D65, 2°): lightness from 0 to 100.
///
/// The two curves are read from tables: what comes out is off by less than 0.001.
pub fn lab(rgb: [&[f32]; 3]) -> [Vec<f32>; 3] {
    let (light, root) = curves();
    let area = rgb[0].len();
    let mut planes = [0; 3].map(|_| vec![0f32; area]);
    let out = planes.each_mut().map(|plane| Out::new(plane));
    // The pieces of a vector of nothing: what is written are the planes.
    for_pieces(&mut vec![(); area], 8 * 1024, |start, piece| {
        // SAFETY: pieces are apart and within the planes.
        let [l, a, b] = out.map(|plane| unsafe { plane.part(start, piece.len()) });
        let [reds, greens, blues] = rgb.map(|plane| &plane[start..start + piece.len()]);
        wide(
            #[inline(always)]
            || {
                let colours = reds.iter().zip(greens).zip(blues);
                for (((l, a), b), ((&red, &green), &blue)) in l.iter_mut().zip(a).zip(b).zip(colours) {
                    let (red, green, blue) = (light.at(red), light.at(green), light.at(blue));
                    let x = root
                        .at((0.412453 / 0.95047) * red + (0.357580 / 0.95047) * green + (0.180423 / 0.95047) * blue);
                    let y = root.at(0.212671 * red + 0.715160 * green + 0.072169 * blue);
                    let z = root
                        .at((0.019334 / 1.08883) * red + (0.119193 / 1.08883) * green + (0.950227 / 1.08883) * blue);
                    (*l, *a, *b) = (116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z));
                }
            },
        );
    });
    planes
}

/// A curve over 0..=1 as straight pieces.
///
/// As long again as it needs to be, so that a masked place is within it and need not be checked.
struct Curve(Box<[[f32; 2]; 2 * PIECES]>);

const PIECES: usize = 8192;

impl Curve {
    fn new(f: fn(f64) -> f64) -> Curve {
        let value = |n: usize| f(n as f64 / PIECES as f64);
        let mut pieces = Box::new([[0.0; 2]; 2 * PIECES]);
        for (n, piece) in pieces[..=PIECES].iter_mut().enumerate() {
            *piece = [value(n) as f32, (value(n + 1) - value(n)) as f32];
        }
        Curve(pieces)
    }

    #[inline(always)]
    fn at(&self, x: f32) -> f32 {
        // What is outside is taken as the end it is beyond.
        let place = x.clamp(0.0, 1.0) * PIECES as f32;
        let piece = place as i32;
        let [value, rise] = self.0[piece as usize & (2 * PIECES - 1)];
        value + rise * (place - piece as f32)
    }
}

/// From sRGB to light, and from light to what the eye makes of it.
fn curves() -> &'static (Curve, Curve) {
    static CURVES: OnceLock<(Curve, Curve)> = OnceLock::new();
    CURVES.get_or_init(|| {
        let light = |x: f64| if x > 0.04045 { ((x + 0.055) / 1.055).powf(2.4) } else { x / 12.92 };
        let root = |x: f64| if x > 0.008856 { x.cbrt() } else { 7.787 * x + 16.0 / 116.0 };
        (Curve::new(light), Curve::new(root))
    })
}

#[cfg(test)]
mod tests {
    use super::lab;

    /// The colours of the sRGB cube's corners have known values.
    #[test]
    fn known_colours() {
        let colours = [
            ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            ([1.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
            ([0.0, 1.0, 0.0], [87.74, -86.18, 83.18]),
            ([0.0, 0.0, 1.0], [32.30, 79.19, -107.86]),
            ([0.2, 0.4, 0.6], [42.01, -0.15, -32.85]),
        ];
        for (rgb, expected) in colours {
            let [r, g, b] = &rgb.map(|x| [x]);
            let found = lab([r, g, b]).map(|plane: Vec<f32>| plane[0]);
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected as f32).abs() < 0.02, "{rgb:?}: {found} instead of {expected}");
            }
        }
    }
}
