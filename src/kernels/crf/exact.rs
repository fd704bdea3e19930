//! The mean field with all pairs of pixels, in `f64`: what the lattice approximates.

use super::{Error, Kernel, Picture};

/// As [`mean_field`](super::mean_field()), with every kernel summed over all pairs of pixels. The work grows with the square of
/// the number of pixels.
///
/// # Errors
/// As there.
pub fn exact(
    logits: &[f32],
    labels: usize,
    picture: &Picture,
    kernels: &[Kernel],
    steps: usize,
) -> Result<Vec<f64>, Error> {
    super::check(logits, labels, picture, kernels)?;
    let pixels = picture.height * picture.width;
    let matrices: Vec<Vec<f64>> = kernels.iter().map(|kernel| matrix(picture, kernel)).collect();
    let start: Vec<f64> = logits.iter().map(|x| f64::from(*x)).collect();
    let mut result = softmax(start.clone(), pixels);
    for _ in 0..steps {
        let mut next = start.clone();
        for matrix in &matrices {
            for (next, row) in next.chunks_exact_mut(pixels).zip(result.chunks_exact(pixels)) {
                for (next, weights) in next.iter_mut().zip(matrix.chunks_exact(pixels)) {
                    *next += weights.iter().zip(row).map(|(weight, q)| weight * q).sum::<f64>();
                }
            }
        }
        result = softmax(next, pixels);
    }
    Ok(result)
}

/// The weight of each pixel in the message to each other: a Gaussian, over the roots of both its sums.
fn matrix(picture: &Picture, kernel: &Kernel) -> Vec<f64> {
    let pixels = picture.height * picture.width;
    let (sxy, srgb) = kernel.deviations();
    let apart = |a: f64, b: f64, deviation: f32| ((a - b) / f64::from(deviation)).powi(2);
    let mut matrix = Vec::with_capacity(pixels * pixels);
    for a in 0..pixels {
        for b in 0..pixels {
            let place = |pixel: usize| ((pixel / picture.width) as f64, (pixel % picture.width) as f64);
            let ((ya, xa), (yb, xb)) = (place(a), place(b));
            let colours = (0..3).map(|channel| {
                let channel = picture.channel(channel);
                apart(f64::from(channel[a]), f64::from(channel[b]), srgb)
            });
            let distance = apart(ya, yb, sxy) + apart(xa, xb, sxy) + colours.sum::<f64>();
            matrix.push((-0.5 * distance).exp());
        }
    }
    let norm: Vec<f64> = matrix.chunks_exact(pixels.max(1)).map(|row| 1.0 / row.iter().sum::<f64>().sqrt()).collect();
    for (row, a) in matrix.chunks_exact_mut(pixels.max(1)).zip(&norm) {
        row.iter_mut().zip(&norm).for_each(|(x, b)| *x *= a * b * f64::from(kernel.weight()));
    }
    matrix
}

/// Over the labels of each pixel, which lie `pixels` numbers apart.
fn softmax(mut numbers: Vec<f64>, pixels: usize) -> Vec<f64> {
    for pixel in 0..pixels {
        let top = numbers[pixel..].iter().step_by(pixels).fold(f64::NEG_INFINITY, |top, x| top.max(*x)).max(-1e30);
        numbers[pixel..].iter_mut().step_by(pixels).for_each(|x| *x = (*x - top).exp());
        let sum: f64 = numbers[pixel..].iter().step_by(pixels).sum();
        let sum = if sum > 0.0 { sum } else { 1.0 };
        numbers[pixel..].iter_mut().step_by(pixels).for_each(|x| *x /= sum);
    }
    numbers
}
