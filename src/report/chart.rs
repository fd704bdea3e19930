//! Line charts as SVG: axes with round ticks, one line a series, a legend.

use super::html::text;

/// Points beyond this many are thinned out: a line of 360 units cannot show more.
const MOST_POINTS: usize = 400;

/// Series beyond this many are counted, not drawn: there are as many colours.
pub(super) const MOST_SERIES: usize = 8;

/// In units of the picture; it is scaled to the width that the page has.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 34.0;

pub(super) struct Chart<'a> {
    pub title: &'a str,
    /// What is counted from left to right.
    pub across: &'a str,
    /// Whether only whole numbers stand there.
    pub whole: bool,
    pub series: Vec<Series>,
}

pub(super) struct Series {
    pub name: String,
    /// From left to right. Where there is no number, the line has a gap.
    pub points: Vec<(f64, Option<f64>)>,
}

/// The chart as a `<figure>`; nothing where there is no number to show.
pub(super) fn draw(chart: &Chart) -> String {
    let shown = &chart.series[..chart.series.len().min(MOST_SERIES)];
    let points = || shown.iter().flat_map(|series| series.points.iter().filter_map(|(x, y)| Some((*x, finite(*y)?))));
    let (Some(x), Some(y)) =
        (Axis::new(points().map(|(x, _)| x), chart.whole), Axis::upwards(points().map(|(_, y)| y)))
    else {
        return String::new();
    };
    let place = Place { x: &x, y: &y };
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n", text(chart.title));
    for tick in y.ticks() {
        let (at, right) = (unit(place.y(tick)), unit(WIDTH - RIGHT));
        svg += &format!(
            "<path class=\"grid\" d=\"M{LEFT} {at}H{right}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
            unit(LEFT - 5.0),
            unit(place.y(tick) + 3.5),
            y.label(tick)
        );
    }
    for tick in x.ticks() {
        let (at, bottom) = (unit(place.x(tick)), HEIGHT - BOTTOM);
        svg += &format!(
            "<path class=\"grid\" d=\"M{at} {bottom}v4\"/><text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            unit(bottom + 15.0),
            x.label(tick)
        );
    }
    svg += &format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
        unit((LEFT + WIDTH - RIGHT) / 2.0),
        unit(HEIGHT - 5.0),
        text(chart.across)
    );
    shown.iter().enumerate().for_each(|(at, series)| svg += &place.line(at, series));
    let mut legend = String::new();
    for (at, series) in shown.iter().enumerate() {
        legend += &format!("<span class=\"key k{at}\">{}</span> ", text(&series.name));
    }
    if chart.series.len() > MOST_SERIES {
        legend += &format!("and {} more ", chart.series.len() - MOST_SERIES);
    }
    format!(
        "<figure class=\"chart\"><b>{}</b>\n{svg}</svg>\n<figcaption>{}</figcaption></figure>\n",
        text(chart.title),
        legend.trim_end()
    )
}

/// Where a point lies in the picture.
struct Place<'a> {
    x: &'a Axis,
    y: &'a Axis,
}

impl Place<'_> {
    fn x(&self, x: f64) -> f64 {
        LEFT + self.x.part(x) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.part(y) * (HEIGHT - TOP - BOTTOM)
    }

    /// A line with gaps; a point between two gaps is a dot.
    fn line(&self, at: usize, series: &Series) -> String {
        let (mut path, mut dots) = (String::new(), String::new());
        let points: Vec<Option<(f64, f64)>> =
            thinned(&series.points).map(|(x, y)| Some((self.x(x), self.y(finite(y)?)))).collect();
        for run in points.split(|point| point.is_none()) {
            let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
            if let [(x, y)] = run[..] {
                dots += &format!("<circle class=\"s{at}\" cx=\"{}\" cy=\"{}\" r=\"2.5\"/>", unit(x), unit(y));
                continue;
            }
            for (place, (x, y)) in run.into_iter().enumerate() {
                path += &format!("{}{} {}", if place == 0 { "M" } else { "L" }, unit(x), unit(y));
            }
        }
        match path.is_empty() {
            true => format!("{dots}\n"),
            false => format!("<path class=\"s{at}\" d=\"{path}\"/>{dots}\n"),
        }
    }
}

/// Every so many points, and the last one.
fn thinned(points: &[(f64, Option<f64>)]) -> impl Iterator<Item = (f64, Option<f64>)> {
    let (every, last) = (points.len().div_ceil(MOST_POINTS).max(1), points.len().saturating_sub(1));
    points.iter().enumerate().filter(move |(at, _)| at % every == 0 || *at == last).map(|(_, point)| *point)
}

/// What an axis reaches from and to, and how far its ticks are apart: 1, 2 or 5 of a power of ten.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// Just as far as the numbers reach; `None` where there are none.
    fn new(numbers: impl Iterator<Item = f64>, whole: bool) -> Option<Axis> {
        let (low, high) = range(numbers)?;
        let (low, high) = if low < high { (low, high) } else { (low - margin(low), high + margin(high)) };
        let step = round_step((high - low) / 5.0);
        Some(Axis { low, high, step: if whole { step.max(1.0) } else { step } })
    }

    /// From tick to tick. Zero belongs to it where the numbers come down to the lower half of what is above zero.
    fn upwards(numbers: impl Iterator<Item = f64>) -> Option<Axis> {
        let (low, high) = range(numbers)?;
        let low = if low > 0.0 && low < high / 2.0 { 0.0 } else { low };
        let axis = Axis::new([low, high].into_iter(), false)?;
        let (low, high) = ((axis.low / axis.step).floor() * axis.step, (axis.high / axis.step).ceil() * axis.step);
        Some(Axis { low, high, ..axis })
    }

    fn part(&self, number: f64) -> f64 {
        (number - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        // Multiples of the step, so that none gathers the dust of a sum; a hair beyond the ends, which are such multiples as well.
        let (first, last) =
            ((self.low / self.step - 1e-6).ceil() as i64, (self.high / self.step + 1e-6).floor() as i64);
        let step = self.step;
        (first..=last).map(move |tick| tick as f64 * step)
    }

    fn label(&self, tick: f64) -> String {
        let decimals = -(self.step.log10() + 1e-6).floor();
        match decimals {
            _ if tick == 0.0 => "0".into(),
            ..=0.0 if tick.abs() < 1e6 => format!("{tick:.0}"),
            0.0..=4.0 => format!("{tick:.*}", decimals as usize),
            _ => format!("{tick:.1e}"),
        }
    }
}

fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers.fold(None, |range, number| {
        let (low, high) = range.unwrap_or((number, number));
        Some((low.min(number), high.max(number)))
    })
}

/// What is added around a number that stands alone.
fn margin(number: f64) -> f64 {
    if number == 0.0 { 0.5 } else { number.abs() / 2.0 }
}

/// The smallest round number that is not below.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let times = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= least * (1.0 - 1e-9)).unwrap_or(10.0);
    times * power
}

/// A number that a chart has a place for: the distance of two of them is a number as well.
fn finite(number: Option<f64>) -> Option<f64> {
    number.filter(|number| number.abs() < 1e300)
}

/// A length to a tenth: nothing smaller is seen.
fn unit(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn chart(series: Vec<(&str, Vec<Option<f64>>)>) -> String {
        let series = series.into_iter().map(|(name, values)| Series {
            name: name.into(),
            points: values.into_iter().enumerate().map(|(at, value)| (at as f64 + 1.0, value)).collect(),
        });
        draw(&Chart { title: "loss", across: "epoch", whole: true, series: series.collect() })
    }

    fn ticks(numbers: &[f64]) -> String {
        let axis = Axis::upwards(numbers.iter().copied()).unwrap();
        axis.ticks().map(|tick| axis.label(tick)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(&[0.62, 0.29]), "0 0.2 0.4 0.6 0.8");
        assert_eq!(ticks(&[0.62, 0.49]), "0.45 0.50 0.55 0.60 0.65");
        assert_eq!(ticks(&[-3.0, 12.0]), "-5 0 5 10 15");
        assert_eq!(ticks(&[1e-6, 9e-6]), "0 2.0e-6 4.0e-6 6.0e-6 8.0e-6 1.0e-5");
        assert_eq!(ticks(&[7.0]), "2 4 6 8 10 12");
        assert_eq!(ticks(&[0.0]), "-0.6 -0.4 -0.2 0 0.2 0.4 0.6");
        assert_eq!(ticks(&[1e9, 5e9]), "0 1.0e9 2.0e9 3.0e9 4.0e9 5.0e9");
        let epochs = Axis::new([1.0, 2.0, 3.0].into_iter(), true).unwrap();
        assert_eq!(epochs.ticks().map(|tick| epochs.label(tick)).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn two_lines_one_with_a_gap() {
        expect![[r#"
            <figure class="chart"><b>loss</b>
            <svg viewBox="0 0 360 200" role="img" aria-label="loss">
            <path class="grid" d="M46 166H348"/><text x="41" y="169.5" text-anchor="end">0</text>
            <path class="grid" d="M46 127H348"/><text x="41" y="130.5" text-anchor="end">0.2</text>
            <path class="grid" d="M46 88H348"/><text x="41" y="91.5" text-anchor="end">0.4</text>
            <path class="grid" d="M46 49H348"/><text x="41" y="52.5" text-anchor="end">0.6</text>
            <path class="grid" d="M46 10H348"/><text x="41" y="13.5" text-anchor="end">0.8</text>
            <path class="grid" d="M46 166v4"/><text x="46" y="181" text-anchor="middle">1</text>
            <path class="grid" d="M197 166v4"/><text x="197" y="181" text-anchor="middle">2</text>
            <path class="grid" d="M348 166v4"/><text x="348" y="181" text-anchor="middle">3</text>
            <text x="197" y="195" text-anchor="middle">epoch</text>
            <path class="s0" d="M46 10L197 88L348 127"/>
            <circle class="s1" cx="46" cy="68.5" r="2.5"/>
            </svg>
            <figcaption><span class="key k0">cls</span> <span class="key k1">a&lt;b</span></figcaption></figure>
        "#]]
        .assert_eq(&chart(vec![
            ("cls", vec![Some(0.8), Some(0.4), Some(0.2)]),
            ("a<b", vec![Some(0.5), None, Some(f64::NAN)]),
        ]));
    }

    #[test]
    fn much_is_thinned_and_nothing_is_nothing() {
        assert_eq!(chart(vec![]), "");
        assert_eq!(chart(vec![("off", vec![None, Some(f64::INFINITY)])]), "");
        let long = chart(vec![("long", (0..10_000).map(|at| Some(at as f64)).collect())]);
        assert!(long.matches('L').count() <= MOST_POINTS && long.contains("L348 "), "{}", long.len());
        let many = chart((0..10).map(|_| ("one", vec![Some(1.0), Some(2.0)])).collect());
        assert!(many.contains("and 2 more</figcaption>") && many.matches("class=\"s").count() == MOST_SERIES, "{many}");
        assert!(chart(vec![("far", vec![Some(f64::MAX), Some(f64::MIN), Some(1.0)])]).contains("circle"));
    }
}
