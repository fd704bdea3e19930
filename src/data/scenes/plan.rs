//! What stands where in one picture: the draws, before any pixel.

use super::figure::{Body, Head, body, head};
use crate::random::Stream;

/// The place of scenes among the places that draw; recipes count theirs from 0.
const PLACE: u64 = u64::MAX - 1;

/// The chance that a picture is set before the background of its first class.
const CO_OCCURRENCE: f64 = 0.65;

/// A figure in the picture.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// From 0.
    pub class: usize,
    pub body: Body,
    pub head: Head,
    /// Where the figure's origin is, in pixels.
    pub centre: [f32; 2],
    /// Pixels a unit of the figure's plane.
    pub scale: f32,
    /// Cosine and sine of the tilt.
    pub turn: [f32; 2],
    pub mirrored: bool,
    /// A factor a channel on the body's colours.
    pub tint: [f32; 3],
    /// Where its texture begins.
    pub phase: f32,
    pub grain: u32,
}

impl Figure {
    /// A pixel position on the figure's plane.
    pub fn to_plane(&self, x: f32, y: f32) -> [f32; 2] {
        let (dx, dy) = ((x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale);
        let [cos, sin] = self.turn;
        let across = cos * dx + sin * dy;
        [if self.mirrored { -across } else { across }, cos * dy - sin * dx]
    }

    /// A point of the figure's plane in pixels.
    fn to_pixels(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let x = if self.mirrored { -x } else { x };
        let [cos, sin] = self.turn;
        [self.centre[0] + self.scale * (cos * x - sin * y), self.centre[1] + self.scale * (sin * x + cos * y)]
    }

    /// Distance to the edge in pixels, negative inside: of the whole figure and of its head.
    pub fn distances(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (dx, dy) = (x - self.body.head[0], y - self.body.head[1]);
        let head = (dx * dx + dy * dy).sqrt() - self.body.head_radius;
        let whole = self.body.parts.iter().fold(head, |least, part| least.min(part.distance(x, y)));
        [whole * self.scale, head * self.scale]
    }

    /// Whether `front` hides the middle of this one's head.
    fn head_hidden_by(&self, front: &Figure) -> bool {
        let [x, y] = self.to_pixels(self.body.head);
        front.distances(front.to_plane(x, y))[0] < self.body.head_radius * self.scale * 0.7
    }

    fn head_outside(&self, [height, width]: [usize; 2]) -> bool {
        let ([x, y], margin) = (self.to_pixels(self.body.head), self.body.head_radius * self.scale);
        x < margin || y < margin || x > width as f32 - margin || y > height as f32 - margin
    }
}

/// A blade of reed in the foreground, from the bottom edge up; background to the mask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reed {
    pub foot: [f32; 2],
    pub tip: [f32; 2],
    pub radius: f32,
}

/// Everything one picture shows.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub size: [usize; 2],
    /// Which of the backgrounds.
    pub background: usize,
    /// Where the ground begins, in pixels from the top.
    pub horizon: f32,
    /// Factors a channel on the whole picture.
    pub light: [f32; 3],
    /// From back to front.
    pub figures: Vec<Figure>,
    pub reeds: Vec<Reed>,
    /// For the noise of ground, sky and sensor.
    pub grain: u32,
}

impl Scene {
    /// Picture `number` of a data set.
    pub fn new(size: [usize; 2], classes: usize, seed: u64, number: u64) -> Scene {
        let mut draws = Draws(Stream::new(seed, PLACE, 0, number));
        let count = match draws.0.uniform() {
            one if one < 0.5 => 1,
            two if two < 0.85 => 2,
            _ => 3,
        };
        let mut figures: Vec<Figure> = Vec::with_capacity(count);
        for _ in 0..count {
            let figure = draws.figure(size, classes, count, &figures);
            figures.push(figure);
        }
        let preferred = figures[0].class;
        let background = match draws.0.bernoulli(CO_OCCURRENCE) {
            true => preferred % BACKGROUNDS,
            false => draws.0.integer(0, classes.clamp(4, BACKGROUNDS) as i64 - 1) as usize,
        };
        // What stands lower stands nearer.
        figures.sort_by(|a, b| a.foot().total_cmp(&b.foot()));
        let horizon = size[0] as f32 * draws.between(0.15, 0.5);
        let brightness = draws.between(0.82, 1.12);
        let light = [(); 3].map(|()| brightness * draws.between(0.96, 1.04));
        let reeds = if draws.0.bernoulli(0.25) { draws.0.integer(2, 5) } else { 0 };
        let reeds = (0..reeds).map(|_| draws.reed(size)).collect();
        Scene { size, background, horizon, light, figures, reeds, grain: draws.0.next_u32() }
    }
}

/// How many backgrounds there are to choose from.
pub(super) const BACKGROUNDS: usize = 10;

struct Draws(Stream);

impl Draws {
    /// Between `low` and `high`, on a grid of 2⁻¹⁶ of their distance.
    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.0.next_u32() >> 16) as f32 * (1.0 / 65536.0)
    }

    /// A figure whose head can be seen: of up to 24 tries the first that hides no head and crowds no figure, else the
    /// least crowded.
    fn figure(&mut self, size: [usize; 2], classes: usize, count: usize, others: &[Figure]) -> Figure {
        let class = self.0.integer(0, classes as i64 - 1) as usize;
        let mut best: Option<(f32, Figure)> = None;
        for _ in 0..24 {
            let figure = self.place(size, class, classes, count);
            let crowd = others.iter().map(|other| figure.crowds(other)).fold(0.0f32, f32::max);
            let hidden = others.iter().any(|other| match figure.foot() < other.foot() {
                true => figure.head_hidden_by(other),
                false => other.head_hidden_by(&figure),
            });
            let cost = crowd + if hidden || figure.head_outside(size) { 10.0 } else { 0.0 };
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, figure));
            }
            if cost < 0.6 {
                break;
            }
        }
        best.expect("there is at least one try").1
    }

    fn place(&mut self, [height, width]: [usize; 2], class: usize, classes: usize, count: usize) -> Figure {
        let side = height.min(width) as f32;
        // Half the figure's width: figures among others are smaller.
        let scale = side * if count == 1 { self.between(0.28, 0.5) } else { self.between(0.21, 0.35) };
        let reach = |side: usize| (0.62 * scale, side as f32 - 0.62 * scale);
        let ((left, right), (top, bottom)) = (reach(width), reach(height));
        let half_angle = self.between(-0.2, 0.2);
        let norm = 1.0 + half_angle * half_angle;
        let shade = self.between(0.88, 1.12);
        Figure {
            class,
            body: body(class, classes),
            head: head(class),
            centre: [self.between(left, right), self.between(top, bottom)],
            scale,
            turn: [(1.0 - half_angle * half_angle) / norm, 2.0 * half_angle / norm],
            mirrored: self.0.bernoulli(0.5),
            tint: [(); 3].map(|()| shade * self.between(0.93, 1.07)),
            phase: self.between(0.0, 8.0),
            grain: self.0.next_u32(),
        }
    }

    fn reed(&mut self, [height, width]: [usize; 2]) -> Reed {
        let (height, width) = (height as f32, width as f32);
        let foot = self.between(0.0, width);
        let tip = [foot + self.between(-0.12, 0.12) * width, height * self.between(0.25, 0.7)];
        Reed { foot: [foot, height + 4.0], tip, radius: width * self.between(0.008, 0.018) }
    }
}

impl Figure {
    fn foot(&self) -> f32 {
        self.centre[1] + 0.6 * self.scale
    }

    /// How much two figures are in each other's way: 0 when apart, 1 when on one spot.
    fn crowds(&self, other: &Figure) -> f32 {
        let (dx, dy) = (self.centre[0] - other.centre[0], self.centre[1] - other.centre[1]);
        (1.0 - (dx * dx + dy * dy).sqrt() / (0.85 * (self.scale + other.scale))).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_goes_there_and_back() {
        let scene = Scene::new([96, 96], 6, 3, 1);
        for figure in &scene.figures {
            let [x, y] = figure.to_pixels([0.3, -0.4]);
            let [back, again] = figure.to_plane(x, y);
            assert!((back - 0.3).abs() < 1e-4 && (again + 0.4).abs() < 1e-4);
        }
    }

    #[test]
    fn heads_are_seldom_out_of_sight_and_backgrounds_tell_of_classes() {
        let (mut figures, mut lost, mut home) = (0, 0, 0);
        for number in 0..500 {
            let scene = Scene::new([96, 96], 6, 0, number);
            for (at, figure) in scene.figures.iter().enumerate() {
                let hidden = scene.figures[at + 1..].iter().any(|front| figure.head_hidden_by(front));
                figures += 1;
                lost += usize::from(hidden || figure.head_outside(scene.size));
            }
            home += usize::from(scene.figures.iter().any(|figure| figure.class == scene.background));
        }
        assert!(lost * 50 < figures, "{lost} of {figures} heads cannot be seen");
        // 0.65 of the pictures by intent, and some by chance.
        assert!((330..430).contains(&home), "{home} of 500 pictures show a class before its own background");
    }
}
