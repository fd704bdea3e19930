//! Class maps picture by picture.

use candle_core::Device;

use crate::ops::prelude::*;

/// The class numbers of each picture of `[B, H, W]`, and its size.
pub fn pictures(labels: &Tensor) -> Result<(Vec<Vec<u32>>, [usize; 2]), OpError> {
    let (_, height, width) = labels.dims3()?;
    let numbers = labels.flatten_all()?.to_vec1::<u32>()?;
    Ok((numbers.chunks((height * width).max(1)).map(<[u32]>::to_vec).collect(), [height, width]))
}

/// Pictures of one size as `[B, H, W]`.
pub fn labels(pictures: impl Iterator<Item = Vec<u32>>, [height, width]: [usize; 2]) -> Result<Tensor, OpError> {
    let pictures: Vec<Vec<u32>> = pictures.collect();
    Ok(Tensor::from_vec(pictures.concat(), (pictures.len(), height, width), &Device::Cpu)?)
}
