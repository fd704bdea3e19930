//! SLIC superpixels: k-means of colour and place, each centre looking no further than twice the distance between centres.

use std::ops::Range;

use super::connect::connect;
use super::lab::lab;
use crate::kernels::par::for_tasks;
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
    let mut labels = vec![0u32; height * width];
    let reach = [2 * down, 2 * right];
    for _ in 0..how.iterations.max(1) {
        let sums = assign(&colours, [height, width], &centres, reach, &mut labels);
        for (centre, sum) in centres.iter_mut().zip(&sums) {
            if sum.pixels > 0.0 {
                *centre = sum.mean();
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

/// Colours so that a distance of 1 is as far as the next centre.
fn colours(planes: &[&[f32]], how: &Slic) -> Vec<Vec<f32>> {
    let finite = || planes.iter().flat_map(|plane| plane.iter()).filter(|x| x.is_finite());
    let (low, high) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    let scale = if high > low { 1.0 / (high - low) } else { 1.0 };
    let weight = (1.0 / how.compactness) as f32;
    let unit = |plane: &&[f32]| -> Vec<f32> {
        plane.iter().map(|x| if x.is_finite() { (x - low) * scale } else { 0.0 }).collect()
    };
    let mut colours: Vec<Vec<f32>> = planes.iter().map(unit).collect();
    if let ([red, green, blue], true) = (&colours[..], how.lab) {
        colours = lab([red, green, blue]).into();
    }
    colours.iter_mut().for_each(|plane| plane.iter_mut().for_each(|x| *x *= weight));
    colours
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

/// Rows of a band: what one task labels and sums.
const BAND: usize = 16;

/// Columns of a tile: what shares a list of centres.
const TILE: usize = 32;

/// Gives each pixel the number of its nearest centre among those that reach it, and sums each centre's pixels.
fn assign(
    colours: &[Vec<f32>],
    [height, width]: [usize; 2],
    centres: &[Centre],
    reach: [usize; 2],
    labels: &mut [u32],
) -> Vec<Sum> {
    let bands = height.div_ceil(BAND);
    let mut sums = vec![Sum::default(); bands * centres.len()];
    let (out, all) = (Out::new(labels), Out::new(&mut sums));
    let weight = 1.0 / (reach[0].max(reach[1]) as f32 / 2.0).powi(2);
    for_tasks(bands, BAND * width * 16, |band| {
        let rows = band * BAND..((band + 1) * BAND).min(height);
        // SAFETY: a band has its own rows and its own sums.
        let (labels, sums) = unsafe {
            (out.part(rows.start * width, rows.len() * width), all.part(band * centres.len(), centres.len()))
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
                nearest(colours, [y, width], &columns, &near, weight, labels);
            }
        }
        for y in rows.clone() {
            sum_runs(colours, y, &labels[(y - rows.start) * width..][..width], sums);
        }
    });
    let (first, rest) = sums.split_at_mut(centres.len());
    for band in rest.chunks(centres.len()) {
        first.iter_mut().zip(band).for_each(|(sum, more)| sum.add(more));
    }
    first.to_vec()
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
    labels: &mut [u32],
) {
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
                let (from, to) = (reach.columns.start as f32, reach.columns.end as f32);
                for i in 0..TILE {
                    let x = first + i as i32 as f32;
                    let mut distance = centre.place(y as f32, x) * weight;
                    for (tile, mean) in tiles.iter().zip(centre.colour) {
                        distance += (tile[i] - mean) * (tile[i] - mean);
                    }
                    let inside = (x >= from) & (x < to);
                    let nearer = (distance < best[i]) | ((distance == best[i]) & (reach.number < numbers[i]));
                    best[i] = if inside & nearer { distance } else { best[i] };
                    numbers[i] = if inside & nearer { reach.number } else { numbers[i] };
                }
                furthest = largest(&best);
            }
        },
    );
    labels.copy_from_slice(&numbers[..columns.len()]);
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

/// Adds a row to the sums, run by run of one label.
fn sum_runs(colours: &[Vec<f32>], y: usize, labels: &[u32], sums: &mut [Sum]) {
    let mut start = 0;
    for run in labels.chunk_by(|a, b| a == b) {
        let sum = &mut sums[run[0] as usize];
        let count = run.len() as f64;
        sum.pixels += count;
        sum.y += count * y as f64;
        sum.x += count * (start as f64 + (count - 1.0) / 2.0);
        let from = y * labels.len() + start;
        for (sum, plane) in sum.colour.iter_mut().zip(colours) {
            *sum += f64::from(plane[from..from + run.len()].iter().sum::<f32>());
        }
        start += run.len();
    }
}
