//! What lies between the two pixels of a pair: `1 - max` of a boundary map over the straight path from one to the other (IRN).

use candle_core::{Result, Tensor, bail};

use super::{Pairs, Step, along, planes};
use crate::kernels::par::for_tasks;
use crate::kernels::real::{Out, Real, contiguous, dispatch, on_cuda, read, tensor};

/// The affinity of each pair across the boundaries `edge [B, 1, h, w]`: `[B, P, h, w]`, 0 where there is no pair.
///
/// The path holds both ends and every pixel between whose centre is less than 1 away from the straight line.
///
/// # Errors
/// A radius that is out of range, more than one channel, another rank.
pub fn path_affinity(edge: &Tensor, pairs: Pairs) -> Result<Tensor> {
    each_path(edge, edge, pairs, false)
}

/// `v` where the largest boundary of each pair's path stands, of equal ones the first in the order of rows.
pub fn path_along(edge: &Tensor, v: &Tensor, pairs: Pairs) -> Result<Tensor> {
    each_path(edge, v, pairs, true)
}

/// Of `v` at the highest boundary of each path: `plain`, or what is left of 1.
fn each_path(edge: &Tensor, v: &Tensor, pairs: Pairs, plain: bool) -> Result<Tensor> {
    let [batch, height, width] = boundaries(edge, pairs)?;
    if v.dims() != edge.dims() {
        bail!("path_affinity: boundaries of {:?} that move along {:?}", edge.dims(), v.dims());
    }
    on_cuda!(edge, cuda::pairs::path(edge, v, pairs, plain));
    let last = |most: f64| if plain { most } else { 1.0 - most };
    let (steps, area) = (pairs.steps(), height * width);
    dispatch!("path_affinity", edge, R => {
        let (edge, v) = (contiguous(edge)?, contiguous(v)?);
        let (edge, v) = (&*read::<R>(&edge)?, &*read::<R>(&v)?);
        let mut result = vec![R::ZERO; batch * steps.len() * area];
        let out = Out::new(&mut result);
        for_tasks(batch * steps.len(), area * pairs.radius, |task| {
            let (sample, step) = (task / steps.len(), steps[task % steps.len()]);
            let (edge, v) = (&edge[sample * area..][..area], &v[sample * area..][..area]);
            // SAFETY: planes are apart and within the result.
            let plane = unsafe { out.part(task * area, area) };
            for_sources(pairs, step, [height, width], |from, path| {
                plane[from] = R::of(last(v[highest(edge, from, path)].double()));
            });
        });
        tensor(result, &[batch, steps.len(), height, width])
    })
}

/// The gradient of [`path_along`] by `v`: each `g [B, P, h, w]` goes to the largest boundary of its path.
pub fn path_grad(g: &Tensor, edge: &Tensor, pairs: Pairs) -> Result<Tensor> {
    let [batch, height, width] = boundaries(edge, pairs)?;
    let (steps, area) = (pairs.steps(), height * width);
    if g.dims() != [batch, steps.len(), height, width] {
        bail!("path_affinity: a gradient of {:?} for pairs of {:?}", g.dims(), edge.dims());
    }
    on_cuda!(edge, cuda::pairs::path_grad(g, edge, pairs));
    dispatch!("path_affinity", edge, R => {
        let (g, edge) = (contiguous(g)?, contiguous(edge)?);
        let (g, edge) = (&*read::<R>(&g)?, &*read::<R>(&edge)?);
        let mut result = vec![R::ZERO; batch * area];
        let out = Out::new(&mut result);
        for_tasks(batch, steps.len() * area * pairs.radius, |sample| {
            let edge = &edge[sample * area..][..area];
            // SAFETY: pictures are apart and within the result.
            let gx = unsafe { out.part(sample * area, area) };
            for (number, &step) in steps.iter().enumerate() {
                let g = &g[(sample * steps.len() + number) * area..][..area];
                for_sources(pairs, step, [height, width], |from, path| gx[highest(edge, from, path)] += g[from]);
            }
        });
        tensor(result, &edge_dims([batch, height, width]))
    })
}

fn edge_dims([batch, height, width]: [usize; 3]) -> [usize; 4] {
    [batch, 1, height, width]
}

fn boundaries(edge: &Tensor, pairs: Pairs) -> Result<[usize; 3]> {
    pairs.check()?;
    match planes("path_affinity", edge)? {
        [batch, 1, height, width] => Ok([batch, height, width]),
        [_, channels, ..] => bail!("path_affinity: one channel of boundaries, not {channels}"),
    }
}

/// Calls `f` for the first pixel of each pair, with the pixels of a path counted from there.
fn for_sources(pairs: Pairs, step: Step, size: [usize; 2], mut f: impl FnMut(usize, &[isize])) {
    let path = path(step, size[1]);
    let (rows, columns) = pairs.sources(step, size);
    rows.for_each(|y| columns.clone().for_each(|x| f(y * size[1] + x, &path)));
}

/// Where the largest number of a path stands.
fn highest<R: Real>(edge: &[R], from: usize, path: &[isize]) -> usize {
    let mut best = from;
    for pixel in path {
        let at = from.wrapping_add_signed(*pixel);
        if edge[at] > edge[best] {
            best = at;
        }
    }
    best
}

/// The pixels of the path of a step, counted from its first in a row-major plane, in the order of rows.
fn path((dy, dx): Step, width: usize) -> Vec<isize> {
    let (down, right) = (dy as isize, dx);
    let length = down * down + right * right;
    let columns = right.min(0)..=right.max(0);
    let box_of = (0..=down).flat_map(|y| columns.clone().map(move |x| (y, x)));
    // |dy·x - dx·y| is the distance from the line times its length.
    let near = box_of.filter(|(y, x)| (down * x - right * y).pow(2) < length);
    near.map(|(y, x)| along((y as usize, x), width)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{assert_gradient, assert_same_for_any_workers, sample};
    use super::*;
    use candle_core::Device;

    #[test]
    fn paths_hold_what_the_line_passes() {
        assert_eq!(path((0, 3), 10), [0, 1, 2, 3]);
        assert_eq!(path((2, 1), 10), [0, 1, 10, 11, 20, 21]);
        assert_eq!(path((2, -2), 10), [-1, 0, 8, 9, 10, 18, 19], "beside a diagonal it is 0.7");
        assert_eq!(path((1, -3), 10), [-3, -2, -1, 0, 7, 8, 9, 10]);
    }

    #[test]
    fn a_wall_stands_between() -> Result<()> {
        let edge = Tensor::new(&[[[[0f64, 0.9, 0.25, 0.]]]], &Device::Cpu)?;
        let found = path_affinity(&edge, Pairs { radius: 3, all: true })?.flatten_all()?.to_vec1::<f64>()?;
        let expected = [1.0 - 0.9, 1.0 - 0.9, 0.75, 0.0, 1.0 - 0.9, 1.0 - 0.9, 0.0, 0.0];
        assert_eq!(found[..8], expected);
        Ok(())
    }

    #[test]
    fn gradients_and_equal_bits() {
        let pairs = Pairs { radius: 4, all: false };
        let edge = sample(&[2, 1, 9, 11], 5);
        let v = sample(&[2, 1, 9, 11], 6);
        assert_gradient("maximum", &edge, |x| path_along(x, x, pairs), |x, g| path_grad(g, x, pairs));
        assert_gradient("along", &v, |v| path_along(&edge, v, pairs), |_, g| path_grad(g, &edge, pairs));
        let large = sample(&[3, 1, 40, 41], 7);
        let table = assert_same_for_any_workers("paths", || path_affinity(&large, pairs));
        assert_same_for_any_workers("gradient", || path_grad(&table, &large, pairs));
    }
}
