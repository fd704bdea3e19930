//! SLIC superpixels: k-means of colour and place, each centre looking no further than twice the distance between centres.

use std::ops::Range;

use super::connect::connect;
use super::lab::lab;
use crate::kernels::par::{self, for_tasks};
use crate::kernels::real::Out;
use crate::kernels::wide::wide;

/// How a picture is cut into patches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Slic {
    /// About how many there are; at least 1.
    pub segments: usize,
    /// How much place counts against colour: in Lab, a distance of this much is as far as the next centre.
    pub compactness: f64,
    /// Rounds of k-means.
    pub iterations: usize,
    /// Whether colours are compared in Lab, or as they stand.
    pub lab: bool,
}

impl Slic {
    /// Patches are fewer than this: what would be one more goes to a neighbour.
    pub fn most(&self) -> usize {
        4 * self.segments.max(1)
    }
}

/// The patch of each pixel of `planes [C][H·W]`, numbered from 0 row by row; each patch is connected.
///
/// The picture is first brought to 0..1 by its smallest and largest number, so that its scale does not matter (and a standardized picture may
/// stand here as it is). With `lab` and another number of planes than three, they are compared as they stand.
pub fn slic(planes: &[&[f32]], [height, width]: [usize; 2], how: &Slic) -> Vec<u32> {
    if height * width == 0 {
        return Vec::new();
    }
    let colours = colours(planes, how);
    let (mut centres, [down, right]) = grid([height, width], how.segments.max(1), colours.len());
    let mut labels = vec![NONE; height * width];
    let mut sums = vec![Sum::default(); height.div_ceil(BAND) * centres.len()];
    let reach = [2 * down, 2 * right];
    // A distance of `compactness` is as far as the next centre. Far beyond what colours differ by, more is the same.
    let weight = (how.compactness as f32 / down.max(right) as f32).powi(2).min(1e9);
    for _ in 0..how.iterations.max(1) {
        let near = Near { centres: &centres, reach, weight };
        assign(&colours, [height, width], &near, &mut labels, &mut sums);
        for number in 0..centres.len() {
            let mut sum = Sum::default();
            sums.iter().skip(number).step_by(centres.len()).for_each(|band| sum.add(band));
            if sum.pixels > 0.0 {
                centres[number] = sum.mean();
            }
        }
    }
    let mean = height * width / centres.len();
    connect(
        &labels,
        [height, width],
        [(height * width) as f64 / centres.len() as f64 * 0.5, 3.0 * mean as f64].map(|n| n as usize),
        how.most(),
    )
}

/// Planes as they are compared: Lab, or brought to 0..1.
fn colours(planes: &[&[f32]], how: &Slic) -> Vec<Vec<f32>> {
    let (low, high) = extent(planes);
    let scale = if high > low { 1.0 / (high - low) } else { 1.0 };
    let unit = |plane: &&[f32]| -> Vec<f32> {
        par::map(plane, |x| {
            let unit = (x - low) * scale;
            if x.is_finite() { unit } else { 0.0 }
        })
    };
    let colours: Vec<Vec<f32>> = planes.iter().map(unit).collect();
    match (&colours[..], how.lab) {
        ([red, green, blue], true) => lab([red, green, blue]).into(),
        _ => colours,
    }
}

/// The smallest and the largest number, those that are not finite left out.
fn extent(planes: &[&[f32]]) -> (f32, f32) {
    const LANES: usize = 16;
    let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let mut take = |numbers: &[f32]| {
        for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(numbers) {
            let finite = x.is_finite();
            *low = if finite & (x < *low) { x } else { *low };
            *high = if finite & (x > *high) { x } else { *high };
        }
    };
    for plane in planes {
        let (whole, rest) = plane.as_chunks::<LANES>();
        wide(
            #[inline(always)]
            || whole.iter().for_each(|numbers| take(numbers)),
        );
        take(rest);
    }
    (low.into_iter().fold(f32::INFINITY, f32::min), high.into_iter().fold(f32::NEG_INFINITY, f32::max))
}

/// Colour planes that fit.
const CHANNELS: usize = 3;

#[derive(Clone, Copy, Debug)]
struct Centre {
    y: f32,
    x: f32,
    colour: [f32; CHANNELS],
}

/// What a centre's pixels sum to.
#[derive(Clone, Copy, Default)]
struct Sum {
    pixels: f64,
    y: f64,
    x: f64,
    colour: [f64; CHANNELS],
}

impl Sum {
    fn mean(&self) -> Centre {
        let mean = |sum: f64| (sum / self.pixels) as f32;
        Centre { y: mean(self.y), x: mean(self.x), colour: self.colour.map(mean) }
    }

    fn add(&mut self, other: &Sum) {
        self.pixels += other.pixels;
        self.y += other.y;
        self.x += other.x;
        self.colour.iter_mut().zip(other.colour).for_each(|(sum, more)| *sum += more);
    }

    fn take(&mut self, other: &Sum) {
        self.pixels -= other.pixels;
        self.y -= other.y;
        self.x -= other.x;
        self.colour.iter_mut().zip(other.colour).for_each(|(sum, less)| *sum -= less);
    }
}

/// Centres on a regular grid, row by row, and the steps of the grid. As scikit-image's `regular_grid`.
fn grid([height, width]: [usize; 2], segments: usize, channels: usize) -> (Vec<Centre>, [usize; 2]) {
    let [first, step] = axes([height, width], segments);
    let mut centres = Vec::new();
    for y in (first[0]..height).step_by(step[0]) {
        for x in (first[1]..width).step_by(step[1]) {
            // The first round is by place alone: all colours are as far.
            centres.push(Centre { y: y as f32, x: x as f32, colour: [0.0; CHANNELS] });
        }
    }
    debug_assert!(channels <= CHANNELS);
    (centres, step)
}

/// First centre and step along both axes.
fn axes([height, width]: [usize; 2], segments: usize) -> [[usize; 2]; 2] {
    if height * width <= segments {
        return [[0, 0], [1, 1]];
    }
    let step = ((height * width) as f64 / segments as f64).sqrt();
    // An axis shorter than a step has one centre, the other all.
    let steps = match (height as f64, width as f64) {
        (short, long) if short < step => [short, (long / segments as f64).max(1.0)],
        (long, short) if short < step => [(long / segments as f64).max(1.0), short],
        _ => [step, step],
    };
    [steps.map(|step| (step / 2.0).floor() as usize), steps.map(|step| (step.round_ties_even() as usize).max(1))]
}

/// The label of a pixel that has none yet.
const NONE: u32 = u32::MAX;

/// Where centres are, how far along both axes they look, and what a squared distance in pixels counts against one of colours.
struct Near<'a> {
    centres: &'a [Centre],
    reach: [usize; 2],
    weight: f32,
}

/// Rows of a band: what one task labels and sums.
const BAND: usize = 16;

/// Columns of a tile: what shares a list of centres.
const TILE: usize = 32;

/// Gives each pixel the number of its nearest centre among those that reach it. `sums` are of each band the sums of each centre's pixels, of the
/// labels as they were and then as they are: from the second round on few change.
fn assign(colours: &[Vec<f32>], [height, width]: [usize; 2], near: &Near, labels: &mut [u32], sums: &mut [Sum]) {
    let &Near { centres, reach, weight } = near;
    let (labels, sums) = (Out::new(labels), Out::new(sums));
    for_tasks(height.div_ceil(BAND), BAND * width * 16, |band| {
        let rows = band * BAND..((band + 1) * BAND).min(height);
        // SAFETY: a band has its own rows and its own sums.
        let (labels, sums) = unsafe {
            (labels.part(rows.start * width, rows.len() * width), sums.part(band * centres.len(), centres.len()))
        };
        let reached: Vec<Reach> = centres
            .iter()
            .enumerate()
            .map(|(number, centre)| Reach {
                number: number as u32,
                centre: *centre,
                rows: window(centre.y, reach[0], height),
                columns: window(centre.x, reach[1], width),
            })
            .filter(|reach| reach.rows.start < rows.end && rows.start < reach.rows.end)
            .collect();
        for start in (0..width).step_by(TILE) {
            let columns = start..(start + TILE).min(width);
            let mut near: Vec<(f32, &Reach)> = reached
                .iter()
                .filter(|reach| reach.columns.start < columns.end && columns.start < reach.columns.end)
                .map(|reach| (reach.centre.place(middle(&rows), middle(&columns)), reach))
                .collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            for y in rows.clone() {
                let labels = &mut labels[(y - rows.start) * width..][columns.clone()];
                let numbers = nearest(colours, [y, width], &columns, &near, weight);
                relabel(colours, [y, width], start, labels, &numbers, sums);
            }
        }
    });
}

/// A centre and the pixels it reaches.
struct Reach {
    number: u32,
    centre: Centre,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Centre {
    /// Squared distance in pixels.
    #[inline(always)]
    fn place(&self, y: f32, x: f32) -> f32 {
        (y - self.y) * (y - self.y) + (x - self.x) * (x - self.x)
    }
}

fn middle(range: &Range<usize>) -> f32 {
    (range.start + range.end - 1) as f32 / 2.0
}

/// The nearest centre of each pixel of a piece of a row; of equally near ones the first.
///
/// Centres come nearest first, so that those far off are soon seen to be too far by place alone.
fn nearest(
    colours: &[Vec<f32>],
    [y, width]: [usize; 2],
    columns: &Range<usize>,
    near: &[(f32, &Reach)],
    weight: f32,
) -> [u32; TILE] {
    // Whole tiles of known length, so that all goes eight at a time; what lies beyond the picture is not waited for.
    let mut tiles = [[0f32; TILE]; CHANNELS];
    for (tile, plane) in tiles.iter_mut().zip(colours) {
        tile[..columns.len()].copy_from_slice(&plane[y * width..][columns.clone()]);
    }
    let mut best = [f32::INFINITY; TILE];
    best[columns.len()..].fill(0.0);
    let mut numbers = [u32::MAX; TILE];
    let mut furthest = f32::INFINITY;
    let first = columns.start as f32;
    let last = (columns.end - 1) as f32;
    wide(
        #[inline(always)]
        || {
            for (_, reach) in near {
                let centre = &reach.centre;
                // Rounding is monotone: no pixel of the piece is nearer than the one beside the centre.
                let beside = centre.x.max(first).min(last);
                if !reach.rows.contains(&y) || centre.place(y as f32, beside) * weight > furthest {
                    continue;
                }
                if reach.columns.start <= columns.start && columns.end <= reach.columns.end {
                    compare::<true>(reach, weight, [first, y as f32], &tiles, &mut best, &mut numbers);
                } else {
                    compare::<false>(reach, weight, [first, y as f32], &tiles, &mut best, &mut numbers);
                }
                furthest = largest(&best);
            }
        },
    );
    numbers
}

/// One centre against the nearest so far. `WHOLE`: it reaches all pixels of the piece.
#[inline(always)]
fn compare<const WHOLE: bool>(
    reach: &Reach,
    weight: f32,
    [first, y]: [f32; 2],
    tiles: &[[f32; TILE]; CHANNELS],
    best: &mut [f32; TILE],
    numbers: &mut [u32; TILE],
) {
    let (from, to) = (reach.columns.start as f32, reach.columns.end as f32);
    for i in 0..TILE {
        let x = first + i as i32 as f32;
        let mut distance = reach.centre.place(y, x) * weight;
        for (tile, mean) in tiles.iter().zip(reach.centre.colour) {
            distance += (tile[i] - mean) * (tile[i] - mean);
        }
        let inside = WHOLE | ((x >= from) & (x < to));
        let nearer = (distance < best[i]) | ((distance == best[i]) & (reach.number < numbers[i]));
        best[i] = if inside & nearer { distance } else { best[i] };
        numbers[i] = if inside & nearer { reach.number } else { numbers[i] };
    }
}

#[inline(always)]
fn largest(numbers: &[f32; TILE]) -> f32 {
    let mut lanes = [0f32; 8];
    for piece in numbers.chunks_exact(8) {
        (0..8).for_each(|lane| lanes[lane] = if piece[lane] > lanes[lane] { piece[lane] } else { lanes[lane] });
    }
    lanes.into_iter().fold(0.0, f32::max)
}

/// The rows, or columns, that a centre reaches.
fn window(middle: f32, reach: usize, length: usize) -> Range<usize> {
    (middle - reach as f32).max(0.0) as usize..((middle + reach as f32 + 1.0) as usize).min(length)
}

/// Gives a piece of a row its labels, and moves pixels whose label is another from sum to sum.
fn relabel(
    colours: &[Vec<f32>],
    [y, width]: [usize; 2],
    start: usize,
    labels: &mut [u32],
    numbers: &[u32; TILE],
    sums: &mut [Sum],
) {
    for (x, (label, &number)) in (start..).zip(labels.iter_mut().zip(numbers)) {
        if *label == number {
            continue;
        }
        // Centres may have moved so that none reaches it.
        let number = if number == NONE { 0 } else { number };
        let mut pixel = Sum { pixels: 1.0, y: y as f64, x: x as f64, ..Sum::default() };
        pixel.colour.iter_mut().zip(colours).for_each(|(sum, plane)| *sum = f64::from(plane[y * width + x]));
        if *label != NONE {
            sums[*label as usize].take(&pixel);
        }
        sums[number as usize].add(&pixel);
        *label = number;
    }
}
