//! Tensors that chance fills. A number depends on its place in its own sample's stream alone: a sample has the same ones in any
//! batch and on any number of workers.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::par;
use super::real::{Real, contiguous, dispatch, on_cuda, read};
use crate::random::Stream;

/// What is drawn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Distribution {
    /// 1 with this probability, else 0.
    Bernoulli(f64),
    /// Evenly from 0 to below 1.
    Uniform,
    /// Mean 0, variance 1.
    Normal,
}

/// Words of the stream that one number takes.
const WORDS: u64 = 2;

/// Real numbers of a shape whose first axis is that of the samples; `dtype` is f32 or f64. Row `r` belongs to sample
/// `r % streams`, and each of its rows has numbers of its own.
pub fn real(
    distribution: Distribution,
    dims: &[usize],
    streams: &[Stream],
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return super::cuda::random::real(distribution, dims, streams, dtype, device);
    }
    let number = |stream: &Stream, index: u64| {
        let [first, second] = [0, 1].map(|word| f64::from(stream.at(index * WORDS + word)) / 2f64.powi(32));
        match distribution {
            Distribution::Bernoulli(p) => f64::from(u8::from(first < p)),
            Distribution::Uniform => first,
            // Box and Muller; the logarithm sees no 0.
            Distribution::Normal => (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos(),
        }
    };
    Tensor::from_vec(fill(dims, streams, number)?, dims, device)?.to_dtype(dtype)
}

/// Whole numbers below `classes`, each equally likely.
pub fn index(classes: usize, dims: &[usize], streams: &[Stream], device: &Device) -> Result<Tensor> {
    if classes == 0 || classes > 1 << 16 {
        bail!("a number of {classes} cannot be drawn");
    }
    #[cfg(feature = "cuda")]
    if device.is_cuda() {
        return super::cuda::random::index(classes, dims, streams, device);
    }
    let number = |stream: &Stream, index: u64| below(stream.at(index), classes);
    Tensor::from_vec(fill(dims, streams, number)?, dims, device)
}

/// One of the classes that are there in each row of `tags [B, K]`, each equally likely; 255 where none is.
pub fn class(tags: &Tensor, streams: &[Stream]) -> Result<Tensor> {
    let [rows, classes] = *tags.dims() else { bail!("sample_class: tags of {:?}", tags.dims()) };
    on_cuda!(tags, cuda::random::class(tags, streams));
    let chosen = dispatch!("sample_class", tags, R => {
        let flat = contiguous(tags)?;
        let tags = &*read::<R>(&flat)?;
        let present = |row: usize| (0..classes as u32).filter(move |class| tags[row * classes + *class as usize] > R::of(0.5));
        // `fill` has looked at the streams by the time a row is asked for.
        fill(&[rows], streams, |stream, again| (stream.at(again), 0))?
            .into_iter()
            .enumerate()
            .map(|(row, (word, _))| {
                let count = present(row).count();
                if count == 0 { 255 } else { present(row).nth(below(word, count) as usize).unwrap_or(255) }
            })
            .collect::<Vec<u32>>()
    });
    Tensor::from_vec(chosen, rows, &Device::Cpu)
}

/// A whole number below `count` from one word: uneven by less than `count` in 2³².
fn below(word: u32, count: usize) -> u32 {
    ((u64::from(word) * count as u64) >> 32) as u32
}

/// `number(stream, index)` of every place, `index` counted within the sample.
fn fill<T: Copy + Send>(
    dims: &[usize],
    streams: &[Stream],
    number: impl Fn(&Stream, u64) -> T + Sync,
) -> Result<Vec<T>> {
    let Some(rows) = dims.first().filter(|_| !streams.is_empty()) else {
        bail!("{dims:?} without an axis of samples, of {} samples", streams.len());
    };
    let row = dims[1..].iter().product::<usize>();
    Ok(par::collect(rows * row, 1, |place| {
        let (at, within) = (place / row, place % row);
        number(&streams[at % streams.len()], (at / streams.len() * row + within) as u64)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_same_for_any_workers, numbers};

    fn streams(samples: &[u64]) -> Vec<Stream> {
        samples.iter().map(|&sample| Stream::new(7, 1, 2, sample)).collect()
    }

    #[test]
    fn moments_are_those_of_the_distribution() -> Result<()> {
        // 40,000 draws: standard errors 0.0023, 0.0014 and 0.005; five of them are allowed.
        for (distribution, mean, deviation, error) in [
            (Distribution::Bernoulli(0.3), 0.3, 0.4583, 0.0115),
            (Distribution::Uniform, 0.5, 0.2887, 0.0072),
            (Distribution::Normal, 0.0, 1.0, 0.025),
        ] {
            let all = numbers(&real(distribution, &[2, 20_000], &streams(&[0, 1]), DType::F64, &Device::Cpu)?);
            let found = all.iter().sum::<f64>() / 40_000.0;
            let spread = (all.iter().map(|x| (x - found).powi(2)).sum::<f64>() / 40_000.0).sqrt();
            assert!(
                (found - mean).abs() < error && (spread - deviation).abs() < error,
                "{distribution:?} {found} {spread}"
            );
        }
        let all = index(5, &[1, 10_000], &streams(&[0]), &Device::Cpu)?.flatten_all()?.to_vec1::<u32>()?;
        for class in 0..5 {
            // Expected 2,000 with a standard deviation of 40.
            let count = all.iter().filter(|&&found| found == class).count();
            assert!((1_800..2_200).contains(&count), "{class}: {count}");
        }
        Ok(())
    }

    #[test]
    fn numbers_belong_to_their_sample() -> Result<()> {
        let draw = |samples: &[u64], rows: usize| {
            real(Distribution::Normal, &[rows, 30], &streams(samples), DType::F64, &Device::Cpu)
        };
        let (here, there, joined) = (draw(&[4, 5], 2)?, draw(&[5, 4], 2)?, draw(&[4, 5], 4)?);
        assert_eq!(numbers(&here.get(0)?), numbers(&there.get(1)?));
        assert_eq!(numbers(&joined.narrow(0, 0, 2)?), numbers(&here));
        assert_ne!(numbers(&joined.get(2)?), numbers(&joined.get(0)?));
        Ok(())
    }

    #[test]
    fn a_class_is_one_that_is_there() -> Result<()> {
        let tags = Tensor::new(&[[0f32, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], &Device::Cpu)?;
        let mut seen = [0; 4];
        for sample in 0..200 {
            let chosen = class(&tags, &streams(&[sample, 1, 2]))?.to_vec1::<u32>()?;
            assert_eq!(chosen[1..], [255, 0]);
            seen[chosen[0] as usize] += 1;
        }
        // Expected 100 with a standard deviation of 7.
        assert!(seen[1] > 65 && seen[3] > 65 && seen[0] + seen[2] == 0, "{seen:?}");
        Ok(())
    }

    #[test]
    fn same_bits_for_any_workers() {
        assert_same_for_any_workers("draw", || {
            real(Distribution::Normal, &[3, 40_001], &streams(&[0, 1, 2]), DType::F32, &Device::Cpu)
        });
    }
}
