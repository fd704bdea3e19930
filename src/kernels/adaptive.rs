//! Means of as many windows as are asked for, as products with two matrices of weights: rows, then columns.

use candle_core::{DType, Device, Result, Tensor, bail};

use super::matmul::matmul;
use super::real::on_cuda;

/// Each plane of `x [.., H, W]` brought to `output`: window `i` is from `floor(i * in / out)` to `ceil((i + 1) * in / out)`.
pub fn adaptive_average(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    expect_some(plane(x)?, output)?;
    on_cuda!(x, cuda::pool::adaptive_average(x, output));
    let [rows, columns] = matrices(x, plane(x)?, output)?;
    matmul(&matmul(&rows, x)?, &columns.t()?)
}

/// The gradient of [`adaptive_average`] for planes of the size `input`.
pub fn adaptive_average_grad(gy: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    expect_some(input, plane(gy)?)?;
    on_cuda!(gy, cuda::pool::adaptive_average_grad(gy, input));
    let [rows, columns] = matrices(gy, input, plane(gy)?)?;
    matmul(&matmul(&rows.t()?, gy)?, &columns)
}

fn plane(x: &Tensor) -> Result<[usize; 2]> {
    match *x.dims() {
        [.., height, width] if x.rank() >= 2 => Ok([height, width]),
        _ => bail!("adaptive_avg_pool: a tensor of {} axes has no planes", x.rank()),
    }
}

fn expect_some(input: [usize; 2], output: [usize; 2]) -> Result<()> {
    if input.contains(&0) || output.contains(&0) {
        bail!("adaptive_avg_pool: {output:?} windows of {input:?} pixels");
    }
    Ok(())
}

fn matrices(like: &Tensor, input: [usize; 2], output: [usize; 2]) -> Result<[Tensor; 2]> {
    let dtype = like.dtype();
    Ok([weights(input[0], output[0], dtype)?, weights(input[1], output[1], dtype)?])
}

/// `[output, input]`: what each pixel weighs in each window.
fn weights(input: usize, output: usize, dtype: DType) -> Result<Tensor> {
    let mut numbers = vec![0.0f64; output * input];
    for window in 0..output {
        let pixels = window * input / output..((window + 1) * input).div_ceil(output);
        let share = 1.0 / pixels.len() as f64;
        numbers[window * input..][pixels].fill(share);
    }
    Tensor::from_vec(numbers, (output, input), &Device::Cpu)?.to_dtype(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, assert_gradient, cast, golden, sample};

    #[test]
    fn as_pytorch() -> Result<()> {
        for (case, size) in [("adaptive_avg_pool_1x1", [1, 1]), ("adaptive_avg_pool_3x4", [3, 4])] {
            let (x, gy) = (cast(&golden(case, "x"), DType::F64), cast(&golden(case, "gy"), DType::F64));
            assert_close(case, &adaptive_average(&x, size)?, &golden(case, "y"), 1e-14);
            assert_close(case, &adaptive_average_grad(&gy, [7, 6])?, &golden(case, "gx"), 1e-14);
        }
        Ok(())
    }

    #[test]
    fn more_windows_than_pixels() {
        let x = sample(&[2, 3, 2], 1);
        assert_gradient("larger", &x, |x| adaptive_average(x, [5, 3]), |_, gy| adaptive_average_grad(gy, [3, 2]));
        assert!(adaptive_average(&x, [0, 1]).is_err());
    }
}
