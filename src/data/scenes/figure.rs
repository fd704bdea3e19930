//! What a class looks like: a body that it shares with another class, and a head of its own.
//!
//! Figures live in a plane of their own, x to the right and y down, about two units wide.

/// All classes there are. Two neighbours share a body; the colour is that of the head.
pub(super) const NAMES: [&str; 20] = [
    "ruby_hound",
    "azure_hound",
    "amber_fish",
    "jade_fish",
    "rose_cart",
    "teal_cart",
    "coral_walker",
    "violet_walker",
    "lime_tree",
    "snow_tree",
    "ruby_bull",
    "azure_bull",
    "amber_perch",
    "jade_perch",
    "rose_truck",
    "teal_truck",
    "coral_giant",
    "violet_giant",
    "lime_bush",
    "snow_bush",
];

/// A simple shape.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Part {
    Ellipse {
        centre: [f32; 2],
        radii: [f32; 2],
    },
    /// All points within `radius` of a line from `a` to `b`.
    Capsule {
        a: [f32; 2],
        b: [f32; 2],
        radius: f32,
    },
    Block {
        centre: [f32; 2],
        half: [f32; 2],
        radius: f32,
    },
}

use Part::{Block, Capsule, Ellipse};

impl Part {
    /// Distance to the edge, negative inside; for an ellipse to first order.
    pub fn distance(&self, x: f32, y: f32) -> f32 {
        match *self {
            Ellipse { centre, radii } => {
                let (x, y) = ((x - centre[0]) / radii[0], (y - centre[1]) / radii[1]);
                let length = (x * x + y * y).sqrt();
                let (gx, gy) = (x / radii[0], y / radii[1]);
                let slope = (gx * gx + gy * gy).sqrt();
                if slope > 1e-6 { (length - 1.0) * length / slope } else { -radii[0].min(radii[1]) }
            }
            Capsule { a, b, radius } => {
                let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
                let (px, py) = (x - a[0], y - a[1]);
                let along = ((px * dx + py * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
                let (rx, ry) = (px - along * dx, py - along * dy);
                (rx * rx + ry * ry).sqrt() - radius
            }
            Block { centre, half, radius } => {
                let dx = (x - centre[0]).abs() - half[0] + radius;
                let dy = (y - centre[1]).abs() - half[1] + radius;
                let (ox, oy) = (dx.max(0.0), dy.max(0.0));
                (ox * ox + oy * oy).sqrt() + dx.max(dy).min(0.0) - radius
            }
        }
    }
}

/// How a body is patterned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Texture {
    Stripes,
    Scales,
    Planks,
    Checks,
    Blotches,
    Spots,
}

/// What both classes of a pair have.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Body {
    pub parts: &'static [Part],
    /// Where the head sits, and how large it is.
    pub head: [f32; 2],
    pub head_radius: f32,
    pub texture: Texture,
    pub light: [f32; 3],
    pub dark: [f32; 3],
}

const fn leg(x: f32, foot: f32) -> Part {
    Capsule { a: [x, 0.1], b: [foot, 0.62], radius: 0.085 }
}

const fn disc(x: f32, y: f32, radius: f32) -> Part {
    Ellipse { centre: [x, y], radii: [radius, radius] }
}

const HOUND: &[Part] = &[
    Ellipse { centre: [0.08, 0.0], radii: [0.64, 0.29] },
    leg(-0.38, -0.42),
    leg(-0.2, -0.14),
    leg(0.42, 0.38),
    leg(0.58, 0.66),
    Capsule { a: [-0.45, -0.08], b: [-0.72, -0.4], radius: 0.13 },
    Capsule { a: [0.66, -0.08], b: [0.95, -0.34], radius: 0.055 },
];
const FISH: &[Part] = &[
    Ellipse { centre: [-0.05, 0.0], radii: [0.72, 0.36] },
    Capsule { a: [0.6, 0.0], b: [0.92, -0.28], radius: 0.1 },
    Capsule { a: [0.6, 0.0], b: [0.92, 0.28], radius: 0.1 },
    Capsule { a: [-0.1, -0.3], b: [0.25, -0.47], radius: 0.08 },
    Capsule { a: [0.0, 0.3], b: [0.2, 0.44], radius: 0.07 },
];
const CART: &[Part] = &[
    Block { centre: [0.05, -0.02], half: [0.85, 0.26], radius: 0.1 },
    Block { centre: [0.22, -0.36], half: [0.46, 0.22], radius: 0.12 },
    disc(-0.42, 0.28, 0.2),
    disc(0.55, 0.28, 0.2),
];
const WALKER: &[Part] = &[
    Capsule { a: [0.0, 0.15], b: [0.0, -0.22], radius: 0.27 },
    Capsule { a: [-0.13, 0.3], b: [-0.22, 0.84], radius: 0.1 },
    Capsule { a: [0.13, 0.3], b: [0.22, 0.84], radius: 0.1 },
    Capsule { a: [-0.22, -0.25], b: [-0.52, 0.22], radius: 0.08 },
    Capsule { a: [0.22, -0.25], b: [0.52, 0.22], radius: 0.08 },
];
const TREE: &[Part] = &[
    Ellipse { centre: [0.0, -0.25], radii: [0.52, 0.42] },
    Ellipse { centre: [-0.38, 0.0], radii: [0.32, 0.27] },
    Ellipse { centre: [0.38, 0.0], radii: [0.32, 0.27] },
    Capsule { a: [0.0, 0.1], b: [0.0, 0.82], radius: 0.11 },
];

/// The body of `class`, where there are `classes` of them: neighbours share one, and so do the last three of an odd number.
pub(super) fn body(class: usize, classes: usize) -> Body {
    let pair = (class / 2).min((classes / 2).max(1) - 1);
    let (parts, head, head_radius) = [
        (HOUND, [-0.76, -0.5], 0.27),
        (FISH, [-0.56, -0.01], 0.3),
        (CART, [-0.64, -0.36], 0.26),
        (WALKER, [0.0, -0.66], 0.26),
        (TREE, [0.02, -0.28], 0.27),
    ][pair % 5];
    let (texture, light, dark) = [
        (Texture::Stripes, [206.0, 178.0, 140.0], [104.0, 76.0, 54.0]),
        (Texture::Scales, [172.0, 184.0, 190.0], [84.0, 98.0, 112.0]),
        (Texture::Planks, [176.0, 138.0, 98.0], [96.0, 70.0, 50.0]),
        (Texture::Checks, [196.0, 188.0, 168.0], [92.0, 88.0, 96.0]),
        (Texture::Blotches, [128.0, 140.0, 96.0], [66.0, 78.0, 50.0]),
        (Texture::Spots, [222.0, 212.0, 196.0], [76.0, 64.0, 60.0]),
        (Texture::Stripes, [156.0, 164.0, 140.0], [72.0, 84.0, 74.0]),
        (Texture::Checks, [186.0, 164.0, 166.0], [106.0, 78.0, 82.0]),
        (Texture::Spots, [150.0, 160.0, 178.0], [70.0, 74.0, 96.0]),
        (Texture::Planks, [150.0, 128.0, 120.0], [84.0, 94.0, 60.0]),
    ][pair % 10];
    Body { parts, head, head_radius, texture, light, dark }
}

/// A drawing on the head.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Mark {
    Dot,
    Bar,
    Cross,
    Ring,
    Half,
}

/// What a class has for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub colour: [u8; 3],
    pub ink: [u8; 3],
    pub mark: Mark,
}

pub(super) fn head(class: usize) -> Head {
    let colour = [
        [222, 30, 44],
        [28, 96, 240],
        [252, 190, 16],
        [16, 172, 84],
        [248, 88, 172],
        [0, 194, 198],
        [255, 112, 56],
        [140, 56, 222],
        [172, 232, 32],
        [246, 246, 252],
    ][class % 10];
    let inks = [[255, 240, 200], [250, 250, 255], [20, 30, 90], [255, 236, 60], [60, 0, 60]];
    let marks = [Mark::Dot, Mark::Cross, Mark::Ring, Mark::Bar, Mark::Half];
    let second = class / 10;
    let ink = if class % 10 == 9 { [30, 30, 60] } else { inks[(class + 2 * second) % 5] };
    Head { colour, ink, mark: marks[(class + 2 * second) % 5] }
}

impl Mark {
    /// Whether a point of the head bears ink; `x` and `y` in radii of the head.
    pub fn inked(self, x: f32, y: f32) -> bool {
        let square = x * x + y * y;
        match self {
            Mark::Dot => square < 0.16,
            Mark::Bar => x.abs() < 0.24 && y.abs() < 0.75,
            Mark::Cross => (x.abs() < 0.2 && y.abs() < 0.7) || (y.abs() < 0.2 && x.abs() < 0.7),
            Mark::Ring => (0.14..0.4).contains(&square),
            Mark::Half => y > 0.25 && square < 0.8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        let circle = disc(1.0, 0.0, 0.5);
        assert!((circle.distance(2.0, 0.0) - 0.5).abs() < 1e-6 && circle.distance(1.0, 0.0) < 0.0);
        let capsule = Capsule { a: [0.0, 0.0], b: [2.0, 0.0], radius: 0.5 };
        assert_eq!(
            [capsule.distance(1.0, 1.0), capsule.distance(4.0, 0.0), capsule.distance(1.0, 0.0)],
            [0.5, 1.5, -0.5]
        );
        let block = Block { centre: [0.0, 0.0], half: [2.0, 1.0], radius: 0.0 };
        assert_eq!([block.distance(3.0, 0.0), block.distance(0.0, 0.5), block.distance(5.0, 5.0)], [1.0, -0.5, 5.0]);
    }

    #[test]
    fn heads_are_small_and_touch_their_bodies() {
        for class in (0..20).step_by(2) {
            let body = body(class, 20);
            let inside = |x: f32, y: f32| body.parts.iter().any(|part| part.distance(x, y) < 0.0);
            let on_head = |x: f32, y: f32| {
                let (x, y) = (x - body.head[0], y - body.head[1]);
                x * x + y * y < body.head_radius * body.head_radius
            };
            let points = (0..200 * 200).map(|at| ((at % 200) as f32 / 100.0 - 1.0, (at / 200) as f32 / 100.0 - 1.0));
            let (mut all, mut head, mut both) = (0, 0, 0);
            for (x, y) in points {
                all += usize::from(inside(x, y) || on_head(x, y));
                head += usize::from(on_head(x, y));
                both += usize::from(inside(x, y) && on_head(x, y));
            }
            assert!((0.08..0.25).contains(&(head as f32 / all as f32)), "{}: {head} of {all}", NAMES[class]);
            assert!(both > 0, "{}", NAMES[class]);
        }
    }
}
