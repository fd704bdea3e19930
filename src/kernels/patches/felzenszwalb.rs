//! Felzenszwalb and Huttenlocher's segmentation: pixels grow together along the weakest differences, as long as no part is rougher inside.

use crate::kernels::par::{collect, for_pieces};

/// How a picture is cut into patches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Felzenszwalb {
    /// Larger values make larger patches; on the scale of bytes, as in the paper.
    pub scale: f64,
    /// Width of the Gaussian by which the picture is smoothed first, in pixels; 0 leaves it as it is.
    pub sigma: f64,
    /// Smaller patches go to the neighbour they differ least from.
    pub min_size: usize,
    /// Where there are more patches, `min_size` is doubled until there are not; at least 1.
    pub most: usize,
}

/// The patch of each pixel of `planes [C][H·W]`, numbered from 0 row by row; each patch is connected, corners included.
///
/// The picture is first brought to 0..1 by its smallest and largest number. Of equal differences those downwards come first, then those to the
/// right, to the lower right and to the upper right, each row by row.
pub fn felzenszwalb(planes: &[Vec<f64>], [height, width]: [usize; 2], how: &Felzenszwalb) -> Vec<u32> {
    let smooth: Vec<Vec<f64>> = planes.iter().map(|plane| blurred(plane, [height, width], how.sigma)).collect();
    let edges = edges(&smooth, [height, width]);
    let scale = how.scale / 255.0;
    let mut forest = Forest::new(height * width);
    let mut inside = vec![0f64; height * width];
    for edge in &edges {
        let (a, b) = (forest.root(edge.from), forest.root(edge.to));
        let limit = |root: usize| inside[root] + scale / f64::from(forest.size[root]);
        if a != b && edge.weight < limit(a).min(limit(b)) {
            let root = forest.join(a, b);
            inside[root] = edge.weight;
        }
    }
    let mut least = how.min_size;
    loop {
        for edge in &edges {
            let (a, b) = (forest.root(edge.from), forest.root(edge.to));
            if a != b && (forest.size[a].min(forest.size[b]) as usize) < least {
                forest.join(a, b);
            }
        }
        if forest.trees <= how.most.max(1) {
            return forest.numbered();
        }
        least = (2 * least).max(2);
    }
}

struct Edge {
    weight: f64,
    from: usize,
    to: usize,
}

/// The edges to the neighbours, corners included, weakest first.
fn edges(planes: &[Vec<f64>], [height, width]: [usize; 2]) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(4 * height * width);
    // Rows and columns of the first pixel of a pair, and how far on the second is.
    let steps = [
        (0..height.saturating_sub(1), 0..width, width as isize),
        (0..height, 0..width.saturating_sub(1), 1),
        (0..height.saturating_sub(1), 0..width.saturating_sub(1), width as isize + 1),
        (1..height.max(1), 0..width.saturating_sub(1), 1 - width as isize),
    ];
    for (rows, columns, step) in steps {
        for from in rows.flat_map(|y| columns.clone().map(move |x| y * width + x)) {
            let to = from.wrapping_add_signed(step);
            let squares = planes.iter().map(|plane| (plane[from] - plane[to]).powi(2));
            edges.push(Edge { weight: squares.sum::<f64>().sqrt(), from, to });
        }
    }
    edges.sort_by(|a, b| a.weight.total_cmp(&b.weight));
    edges
}

/// Trees of pixels, each with the number of its pixels at its root.
struct Forest {
    parent: Vec<u32>,
    size: Vec<u32>,
    trees: usize,
}

impl Forest {
    fn new(pixels: usize) -> Forest {
        Forest { parent: (0..pixels as u32).collect(), size: vec![1; pixels], trees: pixels }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parent[at] as usize != at {
            let above = self.parent[at] as usize;
            self.parent[at] = self.parent[above];
            at = above;
        }
        at
    }

    /// Joins the trees of two roots.
    fn join(&mut self, a: usize, b: usize) -> usize {
        let (root, other) = if self.size[a] >= self.size[b] { (a, b) } else { (b, a) };
        self.parent[other] = root as u32;
        self.size[root] += self.size[other];
        self.trees -= 1;
        root
    }

    /// The number of each pixel's tree, by first pixel.
    fn numbered(mut self) -> Vec<u32> {
        let mut numbers = vec![u32::MAX; self.parent.len()];
        let mut count = 0;
        let mut labels = Vec::with_capacity(self.parent.len());
        for pixel in 0..self.parent.len() {
            let root = self.root(pixel);
            if numbers[root] == u32::MAX {
                numbers[root] = count;
                count += 1;
            }
            labels.push(numbers[root]);
        }
        labels
    }
}

/// A Gaussian blur of four standard deviations to either side; the border is reflected with its edge.
fn blurred(plane: &[f64], [height, width]: [usize; 2], sigma: f64) -> Vec<f64> {
    if sigma <= 0.0 || plane.is_empty() {
        return plane.to_vec();
    }
    let reach = (4.0 * sigma + 0.5) as usize;
    let bell: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let whole = bell[0] + 2.0 * bell[1..].iter().sum::<f64>();
    let taps: Vec<f64> = bell.iter().map(|tap| tap / whole).collect();
    let along = |from: &[f64], at: usize, length: usize, stride: usize, start: usize| {
        let number = |place: isize| from[start + reflected(place, length) * stride];
        let pair = |(i, tap): (usize, &f64)| tap * (number(at as isize - i as isize) + number((at + i) as isize));
        taps[0] * number(at as isize) + taps.iter().enumerate().skip(1).map(pair).sum::<f64>()
    };
    let down = collect(height * width, reach, |pixel| along(plane, pixel / width, height, width, pixel % width));
    let mut result = vec![0.0; height * width];
    for_pieces(&mut result, width, |start, row| {
        row.iter_mut().enumerate().for_each(|(x, out)| *out = along(&down, x, width, 1, start));
    });
    result
}

/// A place beyond the border as the one it mirrors.
fn reflected(place: isize, length: usize) -> usize {
    let turn = place.rem_euclid(2 * length as isize) as usize;
    turn.min(2 * length - 1 - turn)
}
