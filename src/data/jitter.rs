//! Colour jitter on pictures of 0–255: what torchvision's `ColorJitter` does to float images, at 255 times the scale.

use super::Planes;
use crate::random::Stream;

/// One of the four changes, with what was drawn for it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Step {
    /// All levels times a factor.
    Brightness(f32),
    /// The distance to the picture's mean grey times a factor.
    Contrast(f32),
    /// The distance to a pixel's own grey times a factor.
    Saturation(f32),
    /// Turns the hue by a part of the circle.
    Hue(f32),
    /// Adds to hue (a part of the circle), saturation (of 1) and value (of 255).
    Hsv([f32; 3]),
}

/// Factors drawn evenly from `max(0, 1 - strength) .. 1 + strength`, the turn from `-hue .. hue`, and an order of the four.
/// A strength of 0 leaves its step out.
pub(super) fn draw(strengths: [f64; 4], stream: &mut Stream) -> Vec<Step> {
    let mut factor = |strength: f64| stream.uniform_range((1.0 - strength).max(0.0), 1.0 + strength) as f32;
    let [brightness, contrast, saturation, hue] = strengths;
    let mut steps = [
        (brightness, Step::Brightness(factor(brightness))),
        (contrast, Step::Contrast(factor(contrast))),
        (saturation, Step::Saturation(factor(saturation))),
        (hue, Step::Hue(stream.uniform_range(-hue, hue) as f32)),
    ];
    stream.shuffle(&mut steps);
    steps.into_iter().filter(|(strength, _)| *strength > 0.0).map(|(_, step)| step).collect()
}

impl Step {
    pub fn apply(self, planes: &mut Planes) {
        match self {
            Step::Brightness(factor) => planes.data.iter_mut().for_each(|level| *level = bound(*level * factor)),
            Step::Contrast(factor) => {
                let mean = mean_grey(planes) * (1.0 - factor);
                planes.data.iter_mut().for_each(|level| *level = bound(*level * factor + mean));
            }
            Step::Saturation(factor) => each_pixel(planes, |pixel| {
                let grey = grey(pixel) * (1.0 - factor);
                pixel.map(|level| bound(level * factor + grey))
            }),
            Step::Hue(turn) => each_pixel(planes, |pixel| {
                let [hue, saturation, value] = to_hsv(pixel);
                from_hsv([(hue + turn).rem_euclid(1.0), saturation, value])
            }),
            Step::Hsv([turn, more, brighter]) => each_pixel(planes, |pixel| {
                let [hue, saturation, value] = to_hsv(pixel);
                from_hsv([(hue + turn).rem_euclid(1.0), (saturation + more).clamp(0.0, 1.0), bound(value + brighter)])
            }),
        }
    }
}

fn bound(level: f32) -> f32 {
    level.clamp(0.0, 255.0)
}

fn grey([red, green, blue]: [f32; 3]) -> f32 {
    0.2989 * red + 0.587 * green + 0.114 * blue
}

fn mean_grey(planes: &Planes) -> f32 {
    let (red, green, blue) = (planes.plane(0), planes.plane(1), planes.plane(2));
    let pixels = red.iter().zip(green).zip(blue);
    let sum: f64 = pixels.map(|((&red, &green), &blue)| f64::from(grey([red, green, blue]))).sum();
    (sum / red.len().max(1) as f64) as f32
}

fn each_pixel(planes: &mut Planes, change: impl Fn([f32; 3]) -> [f32; 3]) {
    let area = planes.height * planes.width;
    let (red, rest) = planes.data.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        [*red, *green, *blue] = change([*red, *green, *blue]);
    }
}

/// Hue and saturation in 0..=1, value on the scale of the input.
fn to_hsv([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let spread = most - least;
    if spread == 0.0 {
        return [0.0, 0.0, most];
    }
    let [r, g, b] = [red, green, blue].map(|level| (most - level) / spread);
    let sixths = if red == most {
        b - g
    } else if green == most {
        2.0 + r - b
    } else {
        4.0 + g - r
    };
    [(sixths / 6.0).rem_euclid(1.0), spread / most, most]
}

fn from_hsv([hue, saturation, value]: [f32; 3]) -> [f32; 3] {
    let sixths = hue * 6.0;
    let sector = sixths.floor();
    let part = sixths - sector;
    let low = value * (1.0 - saturation);
    let falling = value * (1.0 - saturation * part);
    let rising = value * (1.0 - saturation * (1.0 - part));
    match sector as i32 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(step: Step, pixels: [[f32; 3]; 2]) -> [[f32; 3]; 2] {
        let data = (0..3).flat_map(|channel| pixels.map(|pixel| pixel[channel])).collect();
        let mut planes = Planes { channels: 3, height: 1, width: 2, data };
        step.apply(&mut planes);
        [0, 1].map(|x| [0, 1, 2].map(|channel| planes.plane(channel)[x]))
    }

    #[test]
    fn each_step_by_hand() {
        let pixels = [[100.0, 100.0, 100.0], [200.0, 0.0, 50.0]];
        assert_eq!(after(Step::Brightness(1.5), pixels), [[150.0; 3], [255.0, 0.0, 75.0]]);
        // Greys 99.99 and 65.48, mean 82.735; half of it stays beside half of each level.
        let contrast = after(Step::Contrast(0.5), pixels);
        assert!((contrast[0][0] - 91.3675).abs() < 1e-3 && (contrast[1][2] - 66.3675).abs() < 1e-3, "{contrast:?}");
        let grey = after(Step::Saturation(0.0), pixels);
        assert!((grey[1][0] - 65.48).abs() < 1e-3 && grey[1][0] == grey[1][1], "{grey:?}");
        // A third of the circle takes red to green.
        let turned = after(Step::Hue(1.0 / 3.0), [[255.0, 0.0, 0.0], [9.0, 9.0, 9.0]]);
        assert!((turned[0][1] - 255.0).abs() < 1e-3 && turned[0][0].abs() < 1e-2, "{turned:?}");
        assert_eq!(turned[1], [9.0; 3]);
        // Half the saturation of a pure red is a pink; a grey has no hue to be saturated with but red's.
        let moved = after(Step::Hsv([0.0, -0.5, -55.0]), [[255.0, 0.0, 0.0], [30.0, 30.0, 30.0]]);
        assert!((moved[0][0] - 200.0).abs() < 1e-3 && (moved[0][1] - 100.0).abs() < 1e-3, "{moved:?}");
        assert_eq!(moved[1], [0.0; 3]);
    }

    #[test]
    fn strength_zero_draws_no_step() {
        let steps = draw([0.0, 0.3, 0.0, 0.0], &mut Stream::new(1, 0, 0, 0));
        assert!(matches!(steps[..], [Step::Contrast(factor)] if (0.7..1.3).contains(&factor)), "{steps:?}");
        assert!(draw([0.0; 4], &mut Stream::new(1, 0, 0, 0)).is_empty());
    }

    #[test]
    fn every_order_is_drawn() {
        let order = |seed| {
            let steps = draw([0.3, 0.3, 0.3, 0.1], &mut Stream::new(seed, 0, 0, 0));
            steps.iter().map(std::mem::discriminant).collect::<Vec<_>>()
        };
        let orders: std::collections::HashSet<_> = (0..300).map(order).collect();
        assert_eq!(orders.len(), 24);
    }

    proptest! {
        #[test]
        fn no_turn_changes_nothing_and_levels_stay_in_range(
            pixel in prop::array::uniform3(0u8..=255), turn in -0.5f32..0.5,
        ) {
            let pixel = pixel.map(f32::from);
            let same = from_hsv(to_hsv(pixel));
            for (a, b) in same.iter().zip(pixel) {
                prop_assert!((a - b).abs() < 1e-3, "{:?} {:?}", same, pixel);
            }
            let turned = after(Step::Hue(turn), [pixel; 2])[0];
            for level in turned {
                prop_assert!((-1e-3..=255.001).contains(&level), "{:?}", turned);
            }
        }
    }
}
