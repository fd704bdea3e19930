//! Moving numbers about without changing them: joining, cutting, padding, turning. Works on f32, f64 and u32 tensors.
//!
//! Gradients need no kernels of their own: of `concat` it is `slice`, of `slice` it is `pad` with 0 and the other way round, of
//! `permute` the permutation back, of `flip` the same flip.

use candle_core::{Result, Tensor, WithDType};

#[cfg(any(test, feature = "cuda"))]
use super::packed;
use super::par::{PIECE, for_pieces};
use super::real::{contiguous, on_cuda, read, tensor};
use super::walk::{Walk, row_major};

/// Runs a body for the number type of a tensor, u32 included.
macro_rules! any_number {
    ($name:literal, $tensor:expr, $number:ident => $body:expr) => {
        match $tensor.dtype() {
            candle_core::DType::F32 => {
                type $number = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $number = f64;
                $body
            }
            candle_core::DType::U32 => {
                type $number = u32;
                $body
            }
            other => candle_core::bail!("{}: moves f32, f64 and u32, found {}", $name, other.as_str()),
        }
    };
}
pub(super) use any_number;

/// The tensors one after another along `axis`; their other axes are equal.
pub fn concat(tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
    let Some(first) = tensors.first() else { candle_core::bail!("concat: no tensors") };
    check_axis("concat", first, axis)?;
    let mut dims = first.dims().to_vec();
    dims[axis] = 0;
    for x in tensors {
        let fits = |(i, (a, b)): (usize, (&usize, &usize))| i == axis || a == b;
        if x.rank() != first.rank() || !x.dims().iter().zip(first.dims()).enumerate().all(fits) {
            candle_core::bail!("concat: {:?} beside {:?} along axis {axis}", x.dims(), first.dims());
        }
        dims[axis] += x.dims()[axis];
    }
    on_cuda!(first, cuda::layout::concat(tensors, axis, &dims));
    any_number!("concat", first, N => {
        let flat = tensors.iter().map(|x| contiguous(x)).collect::<Result<Vec<_>>>()?;
        let parts = flat.iter().map(read::<N>).collect::<Result<Vec<_>>>()?;
        let outer: usize = dims[..axis].iter().product();
        // How many numbers of a part lie together, and of the result.
        let together = |numbers: usize| (numbers / outer.max(1)).max(1);
        let mut y = vec![N::default(); dims.iter().product()];
        let block = together(y.len());
        for_pieces(&mut y, (PIECE / block).max(1) * block, |start, y| {
            for (number, mut y) in (start / block..).zip(y.chunks_exact_mut(block)) {
                for part in parts.iter().filter(|part| !part.is_empty()) {
                    let count = together(part.len());
                    let (head, tail) = y.split_at_mut(count);
                    head.copy_from_slice(&part[number * count..][..count]);
                    y = tail;
                }
            }
        });
        tensor(y, dims)
    })
}

/// The tensors, all of one shape, along a new axis at `axis`.
pub fn stack(tensors: &[&Tensor], axis: usize) -> Result<Tensor> {
    let thick = tensors.iter().map(|x| x.unsqueeze(axis)).collect::<Result<Vec<_>>>()?;
    concat(&thick.iter().collect::<Vec<_>>(), axis)
}

/// `count` entries along `axis`, from `start` on.
pub fn slice(x: &Tensor, axis: usize, start: usize, count: usize) -> Result<Tensor> {
    check_axis("slice", x, axis)?;
    if start + count > x.dims()[axis] {
        candle_core::bail!("slice: {start}..{} of an axis of {}", start + count, x.dims()[axis]);
    }
    #[cfg(any(test, feature = "cuda"))]
    if packed::is(x) {
        return super::cuda::layout::packed_slice(x, axis, start, count);
    }
    let mut dims = x.dims().to_vec();
    dims[axis] = count;
    let strides = row_major(x.dims());
    strided(x, &dims, &strides, start as isize * strides[axis])
}

/// `x` with `before` and `after` entries of `value` around it along each axis. Index tensors take a whole `value`.
pub fn pad(x: &Tensor, before: &[usize], after: &[usize], value: f64) -> Result<Tensor> {
    if before.len() != x.rank() || after.len() != x.rank() {
        candle_core::bail!("pad: {} and {} margins for {} axes", before.len(), after.len(), x.rank());
    }
    let dims: Vec<usize> = (0..x.rank()).map(|axis| before[axis] + x.dims()[axis] + after[axis]).collect();
    on_cuda!(x, cuda::layout::pad(x, before, value, &dims));
    let Some((&wide, outer)) = dims.split_last() else { return contiguous(x) };
    any_number!("pad", x, N => {
        let flat = contiguous(x)?;
        let numbers = &*read::<N>(&flat)?;
        let narrow = x.dims()[outer.len()];
        // The number of the row of `x` that a row of the result holds; none in the margin.
        let inside = |mut row: usize| {
            let (mut from, mut stride) = (0, 1);
            for axis in (0..outer.len()).rev() {
                let position = (row % outer[axis]).checked_sub(before[axis]).filter(|at| *at < x.dims()[axis])?;
                (from, row) = (from + position * stride, row / outer[axis]);
                stride *= x.dims()[axis];
            }
            Some(from)
        };
        let mut y = vec![<N as WithDType>::from_f64(value); dims.iter().product()];
        for_pieces(&mut y, (PIECE / wide.max(1)).max(1) * wide.max(1), |start, y| {
            for (number, y) in y.chunks_exact_mut(wide.max(1)).enumerate() {
                if let Some(row) = inside(start / wide + number) {
                    y[before[outer.len()]..][..narrow].copy_from_slice(&numbers[row * narrow..][..narrow]);
                }
            }
        });
        tensor(y, dims)
    })
}

/// The axes in another order: axis `i` of the result is axis `axes[i]` of `x`.
pub fn permute(x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.rank()) {
        candle_core::bail!("permute: {axes:?} is not an order of {} axes", x.rank());
    }
    let strides = row_major(x.dims());
    let (dims, strides): (Vec<_>, Vec<_>) = axes.iter().map(|&axis| (x.dims()[axis], strides[axis])).unzip();
    strided(x, &dims, &strides, 0)
}

/// The same numbers in another shape. Shares the storage of a contiguous `x`.
pub fn reshape(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    contiguous(x)?.reshape(dims)
}

/// The entries along `axis` in reverse order.
pub fn flip(x: &Tensor, axis: usize) -> Result<Tensor> {
    check_axis("flip", x, axis)?;
    let mut strides = row_major(x.dims());
    let last = x.dims()[axis].saturating_sub(1) as isize * strides[axis];
    strides[axis] = -strides[axis];
    strided(x, x.dims(), &strides, last)
}

/// A tensor of `dims` that reads `x`'s numbers, laid out row by row, from `first` on with the given strides.
pub(super) fn strided(x: &Tensor, dims: &[usize], strides: &[isize], first: isize) -> Result<Tensor> {
    on_cuda!(x, cuda::layout::strided(x, dims, strides, first));
    let walk = Walk::new(dims, &[strides.to_vec()], [first]);
    any_number!("strided", x, N => {
        let flat = contiguous(x)?;
        let numbers = &*read::<N>(&flat)?;
        let mut y = vec![N::default(); dims.iter().product()];
        for_pieces(&mut y, PIECE, |start, y| {
            walk.runs(start, y.len(), |range, [at]| {
                let y = &mut y[range];
                match walk.steps {
                    [0] => y.fill(numbers[at]),
                    [1] => y.copy_from_slice(&numbers[at..at + y.len()]),
                    [step] => y.iter_mut().enumerate().for_each(|(i, y)| {
                        *y = numbers[at.wrapping_add_signed(i as isize * step)];
                    }),
                }
            });
        });
        tensor(y, dims)
    })
}

fn check_axis(name: &str, x: &Tensor, axis: usize) -> Result<()> {
    if axis < x.rank() {
        return Ok(());
    }
    candle_core::bail!("{name}: there is no axis {axis} in a tensor of {} axes", x.rank())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::kernels::testing::*;

    #[test]
    fn as_candle_moves_them() -> Result<()> {
        let (x, y) = (sample(&[3, 4, 5], 1), sample(&[3, 2, 5], 2));
        assert_close("concat", &concat(&[&x, &y, &x], 1)?, &Tensor::cat(&[&x, &y, &x], 1)?, 0.0);
        assert_close("concat", &concat(&[&x, &x], 0)?, &Tensor::cat(&[&x, &x], 0)?, 0.0);
        assert_close("stack", &stack(&[&x, &x], 2)?, &Tensor::stack(&[&x, &x], 2)?, 0.0);
        for axis in 0..3 {
            assert_close("slice", &slice(&x, axis, 1, 2)?, &x.narrow(axis, 1, 2)?.contiguous()?, 0.0);
            assert_close("flip", &flip(&x, axis)?, &x.flip(&[axis])?, 0.0);
        }
        assert_close("permute", &permute(&x, &[2, 0, 1])?, &x.permute((2, 0, 1))?.contiguous()?, 0.0);
        assert_close("reshape", &reshape(&x.t()?, &[5, 12])?, &x.t()?.contiguous()?.reshape((5, 12))?, 0.0);
        let padded = x.pad_with_zeros(0, 1, 0)?.pad_with_zeros(1, 0, 2)?.pad_with_zeros(2, 3, 1)?;
        assert_close("pad", &pad(&x, &[1, 0, 3], &[0, 2, 1], 0.0)?, &padded, 0.0);
        Ok(())
    }

    #[test]
    fn margins_hold_the_value_and_indices_move_too() -> Result<()> {
        let x = Tensor::new(&[[1u32, 2], [3, 4]], &Device::Cpu)?;
        let padded = pad(&x, &[0, 1], &[1, 0], 255.0)?;
        assert_eq!(padded.to_vec2::<u32>()?, [[255, 1, 2], [255, 3, 4], [255, 255, 255]]);
        assert_eq!(flip(&x, 1)?.to_vec2::<u32>()?, [[2, 1], [4, 3]]);
        assert_eq!(concat(&[&x, &x], 1)?.to_vec2::<u32>()?, [[1, 2, 1, 2], [3, 4, 3, 4]]);
        Ok(())
    }

    #[test]
    fn slice_and_pad_are_each_others_gradient() -> Result<()> {
        let x = sample(&[2, 5, 3], 3);
        let margins = (&[0, 1, 0], &[0, 2, 0]);
        let back = |_: &Tensor, gy: &Tensor| pad(gy, margins.0, margins.1, 0.0);
        assert_gradient("slice", &x, |x| slice(x, 1, 1, 2), back);
        assert_gradient("pad", &x, |x| pad(x, margins.0, margins.1, 7.0), |_, gy| slice(gy, 1, 1, 5));
        Ok(())
    }

    #[test]
    fn nothing_to_move() -> Result<()> {
        let (empty, x) = (sample(&[2, 0, 3], 1), sample(&[2, 4, 3], 1));
        assert_close("concat", &concat(&[&empty, &x], 1)?, &x, 0.0);
        assert_eq!(slice(&x, 1, 4, 0)?.dims(), [2, 0, 3]);
        assert_eq!(pad(&empty, &[0, 1, 0], &[0, 1, 0], 2.0)?.dims(), [2, 2, 3]);
        assert_eq!(flip(&empty, 1)?.dims(), [2, 0, 3]);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (x, y) = (sample(&[2, 3], 1), sample(&[2, 4], 1));
        assert!(concat(&[&x, &y], 0).is_err() && concat(&[], 0).is_err() && concat(&[&x], 2).is_err());
        assert!(slice(&x, 1, 2, 2).is_err() && permute(&x, &[0, 0]).is_err() && pad(&x, &[1], &[1], 0.0).is_err());
    }

    #[test]
    fn same_bits_for_any_workers() {
        let x = sample(&[7, 30, 20, 21], 5);
        assert_same_for_any_workers("concat", || concat(&[&x, &x], 1));
        assert_same_for_any_workers("permute", || permute(&x, &[3, 1, 2, 0]));
        assert_same_for_any_workers("pad", || pad(&x, &[0, 0, 2, 3], &[0, 0, 1, 1], 1.0));
    }
}
