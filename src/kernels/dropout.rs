//! Dropout: some numbers, or whole channels, become zero and the others are scaled up for it.
//!
//! Srivastava et al., JMLR 2014, in the inverted form: what stays is divided by the probability to stay. Whether an entry
//! stays depends on its place in its own sample's stream alone, so a sample loses the same entries in any batch and on any
//! number of workers. The gradient of a dropout is the same dropout of the gradient.

use candle_core::{Result, Tensor, bail};

use super::par::for_tasks;
use super::real::{Real, build, contiguous, dispatch, on_cuda, read, tensor};
use crate::random::Stream;

/// Numbers that one task decides on.
const BLOCK: usize = 16 * 1024;

/// Drops single numbers of `x [B, …]` with probability `p`.
///
/// `streams` has a stream for each sample. Where `x` has more rows (batches joined along axis 0), row `r` belongs to sample
/// `r % streams`, and each of its rows has numbers of its own.
pub fn dropout(x: &Tensor, p: f64, streams: &[Stream]) -> Result<Tensor> {
    let rows = rows(x, streams)?;
    let row = x.elem_count() / rows.max(1);
    on_cuda!(x, cuda::random::dropout(x, threshold(p)?, 1.0 / (1.0 - p), 1, streams));
    dispatch!("dropout", x, R => {
        let flat = contiguous(x)?;
        let numbers = &*read::<R>(&flat)?;
        let (cut, scale) = (threshold(p)?, R::of(1.0 / (1.0 - p)));
        let blocks = row.div_ceil(BLOCK);
        // SAFETY: the blocks of all rows cover the result, and each is written by one task.
        let y = unsafe {
            build(numbers.len(), |out| {
                for_tasks(rows * blocks, BLOCK.min(row), |task| {
                    let (index, start) = (task / blocks, task % blocks * BLOCK);
                    let length = BLOCK.min(row - start);
                    let from = index * row + start;
                    let first = (index / streams.len() * row + start) as u64;
                    drop_run(&numbers[from..from + length], &streams[index % streams.len()], first, cut, scale, out.part(from, length));
                });
            })
        };
        tensor(y, x.shape())
    })
}

/// Drops whole channels of `x [B, C, …]` with probability `p`; otherwise as [`dropout`].
pub fn channel_dropout(x: &Tensor, p: f64, streams: &[Stream]) -> Result<Tensor> {
    let rows = rows(x, streams)?;
    if x.rank() < 2 {
        bail!("channel_dropout: a tensor of {} axes has no channels", x.rank());
    }
    let channels = x.dims()[1];
    let plane = x.elem_count() / (rows * channels).max(1);
    on_cuda!(x, cuda::random::dropout(x, threshold(p)?, 1.0 / (1.0 - p), plane, streams));
    dispatch!("channel_dropout", x, R => {
        let flat = contiguous(x)?;
        let numbers = &*read::<R>(&flat)?;
        let (cut, scale) = (threshold(p)?, R::of(1.0 / (1.0 - p)));
        // SAFETY: the planes cover the result, and each is written by one task.
        let y = unsafe {
            build(numbers.len(), |out| {
                for_tasks(rows * channels, plane, |task| {
                    let (index, channel) = (task / channels, task % channels);
                    let word = streams[index % streams.len()].at((index / streams.len() * channels + channel) as u64);
                    let y = out.part(task * plane, plane);
                    if u64::from(word) < cut {
                        y.fill(R::ZERO);
                    } else {
                        y.iter_mut().zip(&numbers[task * plane..]).for_each(|(y, &x)| *y = x * scale);
                    }
                });
            })
        };
        tensor(y, x.shape())
    })
}

fn rows(x: &Tensor, streams: &[Stream]) -> Result<usize> {
    match x.dims() {
        [rows, ..] if !streams.is_empty() => Ok(*rows),
        dims => bail!("dropout: {dims:?} without an axis of samples, of {} samples", streams.len()),
    }
}

/// Words below it drop.
fn threshold(p: f64) -> Result<u64> {
    if !(0.0..1.0).contains(&p) {
        bail!("dropout: a probability of {p} is not in 0..1");
    }
    Ok((p * 2f64.powi(32)) as u64)
}

/// A run of numbers whose first is decided on by word `first` of the stream.
fn drop_run<R: Real>(x: &[R], stream: &Stream, first: u64, cut: u64, scale: R, y: &mut [R]) {
    let mut block = (u64::MAX, [0; 4]);
    for ((y, &x), word) in y.iter_mut().zip(x).zip(first..) {
        if block.0 != word / 4 {
            block = (word / 4, stream.block_at(word / 4));
        }
        *y = if u64::from(block.1[(word % 4) as usize]) < cut { R::ZERO } else { x * scale };
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::kernels::testing::{assert_same_for_any_workers, numbers};

    fn streams(samples: &[u64]) -> Vec<Stream> {
        samples.iter().map(|&sample| Stream::new(7, 1, 2, sample)).collect()
    }

    fn ones(dims: &[usize]) -> Tensor {
        Tensor::ones(dims, DType::F64, &Device::Cpu).expect("a tensor of ones")
    }

    #[test]
    fn as_many_stay_as_should_and_the_mean_is_kept() -> Result<()> {
        // 40,000 entries, p = 0.3: standard deviation of the share 0.0023; of 4,000 channels 0.0072. Five of them are allowed.
        let y = numbers(&dropout(&ones(&[2, 20_000]), 0.3, &streams(&[0, 1]))?);
        assert!(y.iter().all(|&y| y == 0.0 || y == 1.0 / 0.7));
        let share = y.iter().filter(|&&y| y == 0.0).count() as f64 / 40_000.0;
        assert!((share - 0.3).abs() < 0.0115, "{share}");
        let y = channel_dropout(&ones(&[2, 2_000, 3]), 0.3, &streams(&[0, 1]))?;
        let planes = numbers(&y);
        assert!(planes.chunks(3).all(|plane| plane == [0.0; 3] || plane == [1.0 / 0.7; 3]));
        let share = planes.iter().filter(|&&y| y == 0.0).count() as f64 / 12_000.0;
        assert!((share - 0.3).abs() < 0.036, "{share}");
        Ok(())
    }

    /// A sample keeps its mask wherever it stands in the batch; a second row of the same sample has another one.
    #[test]
    fn a_mask_belongs_to_its_sample() -> Result<()> {
        for f in [dropout, channel_dropout] {
            let x = ones(&[3, 50, 2]);
            let (here, there) = (f(&x, 0.5, &streams(&[4, 5, 6]))?, f(&x, 0.5, &streams(&[6, 4, 5]))?);
            assert_eq!(numbers(&here.get(0)?), numbers(&there.get(1)?));
            assert_ne!(numbers(&here.get(0)?), numbers(&here.get(1)?));
            let joined = f(&ones(&[6, 50, 2]), 0.5, &streams(&[4, 5, 6]))?;
            assert_eq!(numbers(&joined.narrow(0, 0, 3)?), numbers(&here));
            assert_ne!(numbers(&joined.narrow(0, 3, 3)?), numbers(&here));
        }
        Ok(())
    }

    #[test]
    fn nothing_is_dropped_at_zero_and_one_is_refused() -> Result<()> {
        let x = ones(&[1, 9]);
        assert_eq!(numbers(&dropout(&x, 0.0, &streams(&[0]))?), numbers(&x));
        assert!(dropout(&x, 1.0, &streams(&[0])).is_err());
        assert!(dropout(&x, 0.5, &[]).is_err());
        Ok(())
    }

    #[test]
    fn equal_bits_for_any_number_of_workers() {
        let x = ones(&[3, 40_001]);
        assert_same_for_any_workers("dropout", || dropout(&x, 0.5, &streams(&[0, 1, 2])));
    }
}
