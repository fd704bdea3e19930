//! Pictures cut into patches (superpixels, grids), patches drawn by chance, and maps made even over them.
//!
//! Patches are numbers (u32) from 0, `[B, H, W]`.

use candle_core::{DType, Result, Tensor, bail};

use super::par::collect;
use super::real::{Real, contiguous, dispatch, on_cuda, read, tensor};
use crate::random::Stream;

mod connect;
mod felzenszwalb;
mod lab;
mod slic;

pub use felzenszwalb::Felzenszwalb;
pub use slic::Slic;

/// SLIC superpixels of each picture of `image [B, C, H, W]`; fewer than [`Slic::most`].
///
/// # Errors
/// Another rank, more than three channels.
pub fn slic(image: &Tensor, how: &Slic) -> Result<Tensor> {
    let [channels, height, width] = dims("slic", image)?;
    let narrow = contiguous(&image.to_dtype(DType::F32)?)?;
    let numbers = &*read::<f32>(&narrow)?;
    let area = (height * width).max(1);
    let each = |picture: &[f32]| slic::slic(&picture.chunks(area).collect::<Vec<_>>(), [height, width], how);
    labelled(numbers.chunks((channels * area).max(1)).map(each), [height, width])
}

/// Felzenszwalb and Huttenlocher's patches of each picture of `image [B, C, H, W]`; at most as many as were asked for.
///
/// # Errors
/// Another rank, more than three channels.
pub fn felzenszwalb(image: &Tensor, how: &Felzenszwalb) -> Result<Tensor> {
    let (mut planes, size) = planes("felzenszwalb", image)?;
    planes.iter_mut().for_each(|picture| unit(picture));
    labelled(planes.iter().map(|picture| felzenszwalb::felzenszwalb(picture, size, how)), size)
}

/// Cells in rows, square but for the last ones of a row and of a column, which may be smaller; `chosen [B]` (u32) says which of the
/// `sides`, in pixels and at least 1, the cells of each picture have.
///
/// # Errors
/// A side is chosen that there is not.
pub fn grid(sides: &[usize], chosen: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    on_cuda!(chosen, cuda::patches::grid(sides, chosen, size));
    let chosen = chosen.to_vec1::<u32>()?;
    if let Some(no) = chosen.iter().find(|which| **which as usize >= sides.len()) {
        bail!("grid_patches: side {no} of {}", sides.len());
    }
    let cut = |which: &u32| {
        let side = sides[*which as usize].max(1);
        let across = size[1].div_ceil(side);
        (0..size[0] * size[1]).map(|at| (at / size[1] / side * across + at % size[1] / side) as u32).collect()
    };
    labelled(chosen.iter().map(cut), size)
}

/// How many patches each picture has: the largest number and one, `[B]` in `dtype`.
pub fn count(patches: &Tensor, dtype: DType) -> Result<Tensor> {
    on_cuda!(patches, cuda::patches::count(patches, dtype));
    let (labels, _) = labels("patch_count", patches)?;
    let counts: Vec<f64> = labels.iter().map(|labels| f64::from(of(labels))).collect();
    tensor(counts, labels.len())?.to_dtype(dtype)
}

/// How patches are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hiding {
    /// Each with the same chance.
    Each,
    /// As CPN's released code: its patches count from 1 to `m`; of the numbers from 0 to `m`, `(m + 1) p` (rounded down) are drawn, some
    /// perhaps twice, and 0 is none.
    WithReplacement,
}

/// 1 for each patch of each picture that is drawn, `[B, most]` in `dtype`; beyond a picture's last patch 0.
///
/// # Errors
/// A picture has more than `most` patches, or there are no streams.
pub fn hide(patches: &Tensor, most: usize, p: f64, hiding: Hiding, streams: &[Stream], dtype: DType) -> Result<Tensor> {
    if streams.is_empty() {
        bail!("hide_patches: pictures of no sample");
    }
    on_cuda!(patches, cuda::patches::hide(patches, most, p, hiding, streams, dtype));
    let (labels, _) = labels("hide_patches", patches)?;
    let mut hidden = vec![0f64; labels.len() * most];
    for (picture, labels) in labels.iter().enumerate() {
        let count = of(labels) as usize;
        if count > most {
            bail!("hide_patches: {count} patches where there are at most {most}");
        }
        let row = &mut hidden[picture * most..][..most];
        // Numbers of another picture of the same sample are others.
        let (stream, again) = (&streams[picture % streams.len()], (picture / streams.len() * 2 * most.max(1)) as u64);
        match hiding {
            Hiding::Each => row[..count].iter_mut().enumerate().for_each(|(patch, hidden)| {
                *hidden = f64::from(u8::from(f64::from(stream.at(again + patch as u64)) / 2f64.powi(32) < p));
            }),
            Hiding::WithReplacement => {
                for draw in 0..((count + 1) as f64 * p) as u64 {
                    let number = (u64::from(stream.at(again + draw)) * (count as u64 + 1)) >> 32;
                    if number > 0 {
                        row[number as usize - 1] = 1.0;
                    }
                }
            }
        }
    }
    tensor(hidden, (labels.len(), most))?.to_dtype(dtype)
}

/// Each map of `x [B, C, H, W]` with the mean of its patch at every pixel.
///
/// # Errors
/// Patches of another size.
pub fn mean(x: &Tensor, patches: &Tensor) -> Result<Tensor> {
    let (labels, size) = labels("patch_mean", patches)?;
    let &[batch, channels, height, width] = x.dims() else { bail!("patch_mean: maps of {:?}", x.dims()) };
    if (batch, [height, width]) != (labels.len(), size) {
        bail!("patch_mean: maps of {:?} over patches of {:?}", x.dims(), patches.dims());
    }
    let area = height * width;
    let counts: Vec<Vec<u32>> = labels
        .iter()
        .map(|labels| {
            let mut counts = vec![0; of(labels) as usize];
            labels.iter().for_each(|label| counts[*label as usize] += 1);
            counts
        })
        .collect();
    dispatch!("patch_mean", x, R => {
        let flat = contiguous(x)?;
        let x = &*read::<R>(&flat)?;
        let maps: Vec<Vec<R>> = collect(batch * channels, area, |map| {
            let (labels, counts) = (&labels[map / channels], &counts[map / channels]);
            let mut sums = vec![0f64; counts.len()];
            labels.iter().zip(&x[map * area..]).for_each(|(label, x)| sums[*label as usize] += x.double());
            let means: Vec<R> = sums.iter().zip(counts).map(|(sum, count)| R::of(sum / f64::from(*count))).collect();
            labels.iter().map(|label| means[*label as usize]).collect()
        });
        tensor(maps.concat(), &[batch, channels, height, width])
    })
}

fn of(labels: &[u32]) -> u32 {
    labels.iter().max().map_or(0, |most| most + 1)
}

/// The numbers of each picture.
fn labels(what: &str, patches: &Tensor) -> Result<(Vec<Vec<u32>>, [usize; 2])> {
    let &[_, height, width] = patches.dims() else { bail!("{what}: patches are [B, H, W], not {:?}", patches.dims()) };
    if patches.dtype() != DType::U32 {
        bail!("{what}: patches are u32, not {}", patches.dtype().as_str());
    }
    let flat = contiguous(patches)?;
    let numbers = &*read::<u32>(&flat)?;
    Ok((numbers.chunks((height * width).max(1)).map(<[u32]>::to_vec).collect(), [height, width]))
}

fn labelled(pictures: impl Iterator<Item = Vec<u32>>, [height, width]: [usize; 2]) -> Result<Tensor> {
    let pictures: Vec<Vec<u32>> = pictures.collect();
    tensor(pictures.concat(), (pictures.len(), height, width))
}

/// Channels and size of pictures.
fn dims(what: &str, image: &Tensor) -> Result<[usize; 3]> {
    let &[_, channels, height, width] = image.dims() else { bail!("{what}: pictures of {:?}", image.dims()) };
    if channels > 3 {
        bail!("{what}: pictures have up to three channels, not {channels}");
    }
    Ok([channels, height, width])
}

/// The planes of a picture, row by row.
type Picture = Vec<Vec<f64>>;

/// Each picture, and their size.
fn planes(what: &str, image: &Tensor) -> Result<(Vec<Picture>, [usize; 2])> {
    let [channels, height, width] = dims(what, image)?;
    let wide = contiguous(&image.to_dtype(DType::F64)?)?;
    let numbers = &*read::<f64>(&wide)?;
    let planes = |picture: &[f64]| picture.chunks((height * width).max(1)).map(<[f64]>::to_vec).collect();
    Ok((numbers.chunks((channels * height * width).max(1)).map(planes).collect(), [height, width]))
}

/// Brings a picture to 0..1 by its smallest and largest number; what is no number becomes 0.
fn unit(planes: &mut [Vec<f64>]) {
    let finite = || planes.iter().flatten().filter(|x| x.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    let scale = if high > low { 1.0 / (high - low) } else { 1.0 };
    for x in planes.iter_mut().flatten() {
        *x = if x.is_finite() { (*x - low) * scale } else { 0.0 };
    }
}

#[cfg(test)]
mod tests;
