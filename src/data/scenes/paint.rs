//! Scenes to pixels: edges of colours are smooth, edges of masks are exact at pixel centres.

use super::figure::{Part, Texture};
use super::plan::{BACKGROUNDS, Figure, Reed, Scene};
use crate::data::{Mask, Rgb};

type Colour = [f32; 3];

pub(super) fn picture(scene: &Scene) -> Rgb {
    let [height, width] = scene.size;
    let mut pixels = backdrop(scene);
    for figure in &scene.figures {
        each_pixel(figure, scene.size, |at, place, distances| {
            let cover = (0.5 - distances[0]).clamp(0.0, 1.0);
            if cover > 0.0 {
                pixels[at] = mix(pixels[at], figure_colour(figure, place, distances), cover);
            }
        });
    }
    let reed = GROUNDS[scene.background].dark.map(|level| level * 0.7);
    each_reed_pixel(scene, |at, cover| pixels[at] = mix(pixels[at], reed, cover));
    let mut data = Vec::with_capacity(3 * height * width);
    for (at, pixel) in pixels.iter().enumerate() {
        // The sensor's noise: a triangle of ±4 levels.
        let bits = hash(at as u32, 0x5eed, scene.grain);
        let noise = ((bits & 0xff) as f32 + (bits >> 8 & 0xff) as f32 - 255.0) * (4.0 / 255.0);
        data.extend(
            [0, 1, 2].map(|channel| (pixel[channel] * scene.light[channel] + noise + 0.5).clamp(0.0, 255.0) as u8),
        );
    }
    Rgb { height, width, data }
}

pub(super) fn mask(scene: &Scene) -> Mask {
    let [height, width] = scene.size;
    let mut data = vec![0u8; height * width];
    for figure in &scene.figures {
        each_pixel(figure, scene.size, |at, _, distances| {
            if distances[0] < 0.0 {
                data[at] = figure.class as u8 + 1;
            }
        });
    }
    each_reed_pixel(scene, |at, cover| {
        if cover > 0.5 {
            data[at] = 0;
        }
    });
    Mask { height, width, data }
}

/// Calls `draw` with the index, the place on the figure's plane, and the distances of every pixel a figure may reach.
fn each_pixel(figure: &Figure, [height, width]: [usize; 2], mut draw: impl FnMut(usize, [f32; 2], [f32; 2])) {
    // No part of a figure is further than this from its origin, in units of its plane.
    let reach = 1.12 * figure.scale + 1.0;
    let range = |centre: f32, side: usize| {
        let low = (centre - reach).max(0.0) as usize;
        low..((centre + reach + 1.0).max(0.0) as usize).min(side)
    };
    for y in range(figure.centre[1], height) {
        for x in range(figure.centre[0], width) {
            let place = figure.to_plane(x as f32 + 0.5, y as f32 + 0.5);
            draw(y * width + x, place, figure.distances(place));
        }
    }
}

fn each_reed_pixel(scene: &Scene, mut draw: impl FnMut(usize, f32)) {
    let [height, width] = scene.size;
    for &Reed { foot, tip, radius } in &scene.reeds {
        let blade = Part::Capsule { a: foot, b: tip, radius };
        let (low, high) = (foot[0].min(tip[0]) - radius - 1.0, foot[0].max(tip[0]) + radius + 2.0);
        for y in (tip[1] - radius - 1.0).max(0.0) as usize..height {
            for x in low.max(0.0) as usize..(high.max(0.0) as usize).min(width) {
                let cover = (0.5 - blade.distance(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    draw(y * width + x, cover);
                }
            }
        }
    }
}

fn figure_colour(figure: &Figure, [x, y]: [f32; 2], [whole, head]: [f32; 2]) -> Colour {
    let soft = 1.0 / figure.scale;
    let share = pattern(figure, x, y, soft);
    let body: Colour = std::array::from_fn(|channel| {
        blend(figure.body.dark[channel], figure.body.light[channel], share) * figure.tint[channel]
    });
    // Lit from above, and darker towards the edge.
    let rim = (1.0 + whole * 0.5).clamp(0.0, 1.0) * 0.35;
    let lit = (1.0 - 0.28 * y) * (1.0 - rim);
    let body = body.map(|level| level * lit);
    let on_head = (0.5 - head).clamp(0.0, 1.0);
    if on_head == 0.0 {
        return body;
    }
    let radius = figure.body.head_radius;
    let (hx, hy) = ((x - figure.body.head[0]) / radius, (y - figure.body.head[1]) / radius);
    // Four points a pixel decide how much of it is ink.
    let step = 0.25 * soft / radius;
    let inked = [(-step, -step), (step, -step), (-step, step), (step, step)]
        .iter()
        .filter(|(dx, dy)| figure.head.mark.inked(hx + dx, hy + dy))
        .count();
    let face = mix(figure.head.colour.map(f32::from), figure.head.ink.map(f32::from), inked as f32 * 0.25);
    let rim = (1.0 + head * 0.6).clamp(0.0, 1.0) * 0.45;
    mix(body, face.map(|level| level * (1.0 - rim)), on_head)
}

/// How light a body is at a point: 0 dark, 1 light; `soft` is the size of a pixel on the plane.
fn pattern(figure: &Figure, x: f32, y: f32, soft: f32) -> f32 {
    let edge = |value: f32, per_unit: f32| (value / (soft * per_unit).max(0.02) + 0.5).clamp(0.0, 1.0);
    let phase = figure.phase;
    match figure.body.texture {
        Texture::Stripes => {
            edge(wave(x * 3.2 + y * 0.8 + phase + 0.3 * noise(x * 3.0, y * 3.0, figure.grain)) - 0.5, 6.4)
        }
        Texture::Scales => {
            let row = (y * 6.0 + phase).floor();
            let (u, v) = (part(x * 5.0 + 0.5 * row) - 0.5, part(y * 6.0 + phase));
            edge(0.45 - (u * u + v * v * 0.6), 6.0) * 0.75 + 0.25 * v
        }
        Texture::Planks => {
            let row = (y * 5.0 + phase).floor();
            let joint = (part(y * 5.0 + phase) - 0.5).abs().max((part(x * 1.3 + 0.37 * row) - 0.5).abs() - 0.02);
            edge(0.4 - joint, 5.0) * (0.65 + 0.35 * noise(x * 2.0, row * 3.7, figure.grain))
        }
        Texture::Checks => edge((wave(x * 2.6 + phase) - 0.5) * (wave(y * 2.6 + phase) - 0.5) * 2.0, 3.0),
        Texture::Blotches => edge(noise(x * 5.0 + phase, y * 5.0, figure.grain) - 0.5, 6.0),
        Texture::Spots => {
            let (column, row) = ((x * 4.0 + phase).floor(), (y * 4.0).floor());
            let bits = hash(column as i32 as u32, row as i32 as u32, figure.grain);
            let middle = [bits & 0xff, bits >> 8 & 0xff].map(|bits| 0.3 + 0.4 * bits as f32 / 255.0);
            let (dx, dy) = (part(x * 4.0 + phase) - middle[0], part(y * 4.0) - middle[1]);
            edge((dx * dx + dy * dy).sqrt() - 0.27, 4.0)
        }
    }
}

/// What lies below the horizon, and what above.
struct Ground {
    light: Colour,
    dark: Colour,
    /// Waves of the noise a picture's width, across and down.
    waves: [f32; 2],
    sky_top: Colour,
    sky_low: Colour,
    /// How much of the ground's kind of noise the sky has.
    clouds: f32,
}

const fn ground(light: Colour, dark: Colour, waves: [f32; 2], sky_top: Colour, sky_low: Colour, clouds: f32) -> Ground {
    Ground { light, dark, waves, sky_top, sky_low, clouds }
}

/// Muted on purpose: the strong colours belong to heads.
#[rustfmt::skip]
const GROUNDS: [Ground; BACKGROUNDS] = [
    ground([126.0, 158.0,  86.0], [ 74.0, 108.0,  52.0], [26.0, 34.0], [150.0, 182.0, 208.0], [206.0, 216.0, 220.0], 10.0), // meadow
    ground([118.0, 152.0, 176.0], [ 62.0,  98.0, 128.0], [ 6.0, 40.0], [176.0, 190.0, 200.0], [220.0, 222.0, 216.0], 14.0), // water
    ground([216.0, 192.0, 146.0], [178.0, 150.0, 108.0], [ 5.0, 14.0], [186.0, 196.0, 200.0], [226.0, 212.0, 188.0],  4.0), // desert
    ground([124.0, 122.0, 120.0], [ 84.0,  84.0,  88.0], [40.0, 40.0], [150.0, 144.0, 140.0], [168.0, 158.0, 150.0], 22.0), // street
    ground([232.0, 236.0, 242.0], [196.0, 206.0, 220.0], [ 7.0, 12.0], [150.0, 164.0, 184.0], [212.0, 216.0, 224.0],  6.0), // snow
    ground([112.0,  96.0,  70.0], [ 66.0,  58.0,  42.0], [22.0, 26.0], [ 48.0,  70.0,  50.0], [ 84.0, 104.0,  74.0], 34.0), // forest
    ground([168.0, 128.0,  92.0], [124.0,  90.0,  62.0], [ 3.0, 46.0], [176.0, 160.0, 148.0], [190.0, 174.0, 160.0],  8.0), // room
    ground([ 84.0,  76.0,  92.0], [ 48.0,  44.0,  60.0], [12.0, 18.0], [ 96.0,  78.0, 118.0], [196.0, 148.0, 130.0],  8.0), // dusk
    ground([158.0, 154.0, 148.0], [106.0, 102.0, 100.0], [ 9.0,  9.0], [126.0, 132.0, 138.0], [168.0, 170.0, 170.0], 26.0), // rock
    ground([208.0, 184.0, 112.0], [158.0, 130.0,  70.0], [48.0,  8.0], [140.0, 170.0, 200.0], [214.0, 214.0, 204.0], 10.0), // wheat
];

fn backdrop(scene: &Scene) -> Vec<Colour> {
    let [height, width] = scene.size;
    let ground = &GROUNDS[scene.background];
    let unit = 1.0 / height.min(width) as f32;
    let mut pixels = Vec::with_capacity(height * width);
    for y in 0..height {
        let down = y as f32 + 0.5 - scene.horizon;
        let below = (down + 0.5).clamp(0.0, 1.0);
        let depth = (-down / scene.horizon).clamp(0.0, 1.0);
        // The ground's grain is finer towards the horizon, and runs towards its middle.
        let near = (0.35 + down.max(0.0) / (height as f32 - scene.horizon)).min(1.0);
        for x in 0..width {
            let (u, v) = (x as f32 * unit, y as f32 * unit);
            let coarse = noise(u * 4.0, v * 4.0, scene.grain);
            let earth = if below > 0.0 {
                let across = u - 0.5 * width as f32 * unit;
                let fine = noise(across * ground.waves[0] / near, v * ground.waves[1] / near, scene.grain ^ 1);
                mix(ground.dark, ground.light, 0.7 * fine + 0.3 * coarse)
            } else {
                [0.0; 3]
            };
            let sky = if below < 1.0 {
                let cloud = ground.clouds * 2.0 * (coarse - 0.5);
                mix(ground.sky_low, ground.sky_top, depth).map(|level| level + cloud)
            } else {
                [0.0; 3]
            };
            pixels.push(mix(sky, earth, below));
        }
    }
    pixels
}

fn blend(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}

fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| blend(a[channel], b[channel], share))
}

/// What is left of a number above the next lower whole one.
fn part(x: f32) -> f32 {
    x - x.floor()
}

/// A triangle wave between 0 and 1, one period a unit.
fn wave(x: f32) -> f32 {
    (2.0 * part(x) - 1.0).abs()
}

/// Smooth noise between 0 and 1, one independent value a unit of the plane.
fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - column), ease(y - row));
    let (column, row) = (column as i32 as u32, row as i32 as u32);
    let value = |dx: u32, dy: u32| {
        (hash(column.wrapping_add(dx), row.wrapping_add(dy), seed) >> 8) as f32 * (1.0 / 16_777_216.0)
    };
    blend(blend(value(0, 0), value(1, 0), u), blend(value(0, 1), value(1, 1), u), v)
}

/// Bits that look drawn, for two numbers and a seed: multiply and fold, as in one lane of Philox, twice.
fn hash(a: u32, b: u32, seed: u32) -> u32 {
    let fold = |x: u32, by: u32| {
        let product = u64::from(x) * u64::from(by);
        (product >> 32) as u32 ^ product as u32
    };
    let first = fold(a ^ 0x9E37_79B9, 0xD251_1F53) ^ seed;
    fold(fold(first.wrapping_add(b).wrapping_add(0xBB67_AE85), 0xCD9E_8D57) ^ seed.rotate_left(16), 0xD251_1F53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_spread_and_smooth() {
        let values: Vec<f32> =
            (0..10_000).map(|at| noise((at % 100) as f32 + 0.5, (at / 100) as f32 + 0.5, 7)).collect();
        let mean = values.iter().sum::<f32>() / 1e4;
        // The mean of four even values has a standard deviation of 0.144; of 10,000 of these (each corner counts four times), 0.003.
        assert!((mean - 0.5).abs() < 0.015, "{mean}");
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!((noise(3.999, 2.0, 7) - noise(4.001, 2.0, 7)).abs() < 0.01);
    }

    #[test]
    fn no_figure_reaches_further_than_is_looked_at() {
        for class in (0..20).step_by(2) {
            let body = super::super::figure::body(class, 20);
            for at in 0..400 {
                let side = at as f32 / 100.0 - 2.0;
                for (x, y) in [(side, 1.12), (side, -1.12), (1.12, side), (-1.12, side)] {
                    if x * x + y * y >= 1.12 * 1.12 {
                        assert!(body.parts.iter().all(|part| part.distance(x, y) > 0.0), "class {class} at {x}, {y}");
                    }
                }
            }
        }
    }
}
