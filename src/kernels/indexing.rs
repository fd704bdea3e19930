//! Reading and writing where whole numbers (u32) point. A pointer at or past the end of its axis reads 0 and passes no
//! gradient on: that is how 255, "not known", drops out of a loss.

use candle_core::{DType, Result, Tensor};

use super::par::{PIECE, for_pieces};
use super::real::{Real, contiguous, dispatch, on_cuda, read, tensor};

/// 1 at the class of each entry of `index` along a new axis of `classes` at `axis`, 0 elsewhere; in `dtype` (f32 or f64).
pub fn one_hot(index: &Tensor, classes: usize, axis: usize, dtype: DType) -> Result<Tensor> {
    if axis > index.rank() {
        candle_core::bail!("one_hot: a new axis {axis} in a tensor of {} axes", index.rank());
    }
    on_cuda!(index, cuda::indexing::one_hot(index, classes, axis, dtype));
    match dtype {
        DType::F32 => one_hot_of::<f32>(index, classes, axis),
        DType::F64 => one_hot_of::<f64>(index, classes, axis),
        other => candle_core::bail!("one_hot: {} is not a real number type", other.as_str()),
    }
}

fn one_hot_of<R: Real>(index: &Tensor, classes: usize, axis: usize) -> Result<Tensor> {
    let mut dims = index.dims().to_vec();
    dims.insert(axis, classes);
    let inner: usize = index.dims()[axis..].iter().product();
    let flat = contiguous(index)?;
    let index = &*read::<u32>(&flat)?;
    let mut y = vec![R::ZERO; dims.iter().product()];
    // A piece is the plane of one class of one sample, or several.
    for_pieces(&mut y, (PIECE / inner.max(1)).max(1) * inner.max(1), |start, y| {
        for (number, plane) in y.chunks_exact_mut(inner.max(1)).enumerate() {
            let (outer, class) = ((start / inner + number) / classes, (start / inner + number) % classes);
            for (y, &index) in plane.iter_mut().zip(&index[outer * inner..]) {
                *y = if index as usize == class { R::ONE } else { R::ZERO };
            }
        }
    });
    tensor(y, dims)
}

/// `y[.., j, ..] = x[.., index[.., j, ..], ..]` along `axis`; `index` has `x`'s axes, and their lengths but along `axis`.
pub fn gather(x: &Tensor, index: &Tensor, axis: usize) -> Result<Tensor> {
    let lines = Lines::new("gather", x.dims(), index.dims(), axis)?;
    on_cuda!(x, cuda::indexing::gather(x, index, axis));
    dispatch!("gather", x, R => {
        let (x, flat) = (contiguous(x)?, contiguous(index)?);
        let (x, at) = (&*read::<R>(&x)?, &*read::<u32>(&flat)?);
        let mut y = vec![R::ZERO; at.len()];
        let block = lines.pointers * lines.inner;
        for_pieces(&mut y, PIECE, |start, y| {
            for (place, y) in (start..).zip(y) {
                let pointer = at[place] as usize;
                if pointer < lines.length {
                    *y = x[place / block * lines.length * lines.inner + pointer * lines.inner + place % lines.inner];
                }
            }
        });
        tensor(y, index.dims())
    })
}

/// The gradient of [`gather`] for an `x` of `length` along `axis`: what was read several times collects all of it, in order.
pub fn gather_grad(gy: &Tensor, index: &Tensor, axis: usize, length: usize) -> Result<Tensor> {
    if gy.dims() != index.dims() {
        candle_core::bail!("gather_grad: the gradient is {:?}, the index {:?}", gy.dims(), index.dims());
    }
    let mut dims = gy.dims().to_vec();
    match dims.get_mut(axis) {
        Some(along) => *along = length,
        None => candle_core::bail!("gather_grad: there is no axis {axis} in a tensor of {} axes", gy.rank()),
    }
    let lines = Lines::new("gather_grad", &dims, index.dims(), axis)?;
    on_cuda!(gy, cuda::indexing::gather_grad(gy, index, axis, &dims));
    dispatch!("gather_grad", gy, R => {
        let (gy, flat) = (contiguous(gy)?, contiguous(index)?);
        let (gy, at) = (&*read::<R>(&gy)?, &*read::<u32>(&flat)?);
        let mut gx = vec![R::ZERO; dims.iter().product()];
        let (block, from) = (length * lines.inner, lines.pointers * lines.inner);
        // A piece owns all of what its pointers reach, so that no two tasks add into the same number.
        for_pieces(&mut gx, (PIECE / block.max(1)).max(1) * block.max(1), |start, gx| {
            for (number, gx) in gx.chunks_exact_mut(block.max(1)).enumerate() {
                let first = (start / block + number) * from;
                for place in first..first + from {
                    let pointer = at[place] as usize;
                    if pointer < length {
                        gx[pointer * lines.inner + place % lines.inner] += gy[place];
                    }
                }
            }
        });
        tensor(gx, dims)
    })
}

/// Sample by sample, the slice of one class: `x[B, K, …]`, `class[B]` → `[B, 1, …]`.
pub fn pick(x: &Tensor, class: &Tensor) -> Result<Tensor> {
    gather(x, &pointing(class, x.dims())?, 1)
}

/// The gradient of [`pick`] for an `x` of `classes` along axis 1.
pub fn pick_grad(gy: &Tensor, class: &Tensor, classes: usize) -> Result<Tensor> {
    gather_grad(gy, &pointing(class, gy.dims())?, 1, classes)
}

/// The class of each sample as a pointer for each of its places.
fn pointing(class: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if dims.len() < 2 || class.dims() != &dims[..1] {
        candle_core::bail!("pick: a class for each of {:?} samples of {dims:?}", class.dims());
    }
    let mut thin = vec![1; dims.len()];
    let mut wide = dims.to_vec();
    (thin[0], wide[1]) = (dims[0], 1);
    super::broadcast::expand(&contiguous(class)?.reshape(thin)?, &wide)
}

/// An axis seen as: blocks, of `length` entries to read from or `pointers` to read by, of `inner` numbers.
struct Lines {
    length: usize,
    pointers: usize,
    inner: usize,
}

impl Lines {
    fn new(name: &str, dims: &[usize], index: &[usize], axis: usize) -> Result<Lines> {
        let fits = dims.len() == index.len() && axis < dims.len();
        if !fits || (0..dims.len()).any(|i| i != axis && dims[i] != index[i]) {
            candle_core::bail!("{name}: an index of {index:?} into {dims:?} along axis {axis}");
        }
        Ok(Lines { length: dims[axis], pointers: index[axis], inner: dims[axis + 1..].iter().product() })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::kernels::testing::*;

    fn index(numbers: &[u32], dims: &[usize]) -> Tensor {
        Tensor::from_slice(numbers, dims, &Device::Cpu).expect("as many numbers as the shape has")
    }

    #[test]
    fn one_hot_has_a_one_at_the_class() -> Result<()> {
        let labels = index(&[0, 2, 255, 1], &[2, 2]);
        let last = one_hot(&labels, 3, 2, DType::F32)?;
        let rows = [[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]];
        assert_eq!(last.to_vec3::<f32>()?, rows);
        for (axis, order) in [(1, [0, 2, 1]), (0, [2, 0, 1])] {
            let moved = crate::kernels::layout::permute(&last, &order)?;
            assert_close("one_hot", &one_hot(&labels, 3, axis, DType::F32)?, &moved, 0.0);
        }
        Ok(())
    }

    #[test]
    fn gather_reads_where_it_points() -> Result<()> {
        let x = Tensor::new(&[[1f64, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::Cpu)?;
        assert_eq!(gather(&x, &index(&[2, 0, 255, 1], &[2, 2]), 1)?.to_vec2::<f64>()?, [[3.0, 1.0], [0.0, 5.0]]);
        assert_eq!(gather(&x, &index(&[1, 0, 9], &[1, 3]), 0)?.to_vec2::<f64>()?, [[4.0, 2.0, 0.0]]);
        assert!(gather(&x, &index(&[0], &[1, 1]), 1).is_err());
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() {
        // Repeated pointers, and one past the end.
        let at = index(&[0, 2, 2, 1, 255, 0, 1, 1, 0, 2, 2, 2], &[2, 2, 3]);
        let x = sample(&[2, 3, 3], 1);
        assert_gradient("gather", &x, |x| gather(x, &at, 1), |_, gy| gather_grad(gy, &at, 1, 3));
        let class = index(&[2, 7], &[2]);
        assert_gradient("pick", &x, |x| pick(x, &class), |_, gy| pick_grad(gy, &class, 3));
    }

    #[test]
    fn pick_takes_one_class_of_each_sample() -> Result<()> {
        let x = Tensor::new(&[[[1f32, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], &Device::Cpu)?;
        assert_eq!(pick(&x, &index(&[1, 0], &[2]))?.to_vec3::<f32>()?, [[[3.0, 4.0]], [[5.0, 6.0]]]);
        assert!(pick(&x, &index(&[1], &[1])).is_err());
        Ok(())
    }

    #[test]
    fn same_bits_for_any_workers() -> Result<()> {
        let dims = [3, 2, 90, 91];
        let labels: Vec<u32> = (0..dims.iter().product()).map(|i| (i * i / 7 % 6) as u32).collect();
        let (labels, x) = (index(&labels, &dims), sample(&[3, 5, 90, 91], 2));
        assert_same_for_any_workers("gather", || gather(&x, &labels, 1));
        let gy = sample(&dims, 3);
        assert_same_for_any_workers("gather_grad", || gather_grad(&gy, &labels, 1, 5));
        assert_same_for_any_workers("one_hot", || one_hot(&labels, 5, 2, DType::F64));
        Ok(())
    }
}
