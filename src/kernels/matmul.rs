//! Matrix products over the last two axes, with the axes before them broadcast.

use candle_core::{Layout, Result, Storage, Tensor, WithDType, bail};

use super::par::for_tasks;
use super::product::product;
use super::real::{Grid, Out, Real, build, dispatch, tensor};

/// Rows and columns of the result that one task computes.
const TILE: [usize; 2] = [256, 512];

/// `[…, m, k]` times `[…, k, n]` → `[…, m, n]`. A leading axis of length 1, or a missing one, stands for any length.
///
/// Neither side is copied, whatever its order in memory: pass `b.t()` for a product with the transpose.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let ([a_batch @ .., m, k], [b_batch @ .., inner, n]) = (a.dims(), b.dims()) else {
        bail!("matmul: {:?} times {:?} are not matrices", a.dims(), b.dims());
    };
    let (m, k, n) = (*m, *k, *n);
    let batch = broadcast(a_batch, b_batch);
    let (true, Some(batch)) = (*inner == k, batch) else {
        bail!("matmul: {:?} times {:?} do not fit", a.dims(), b.dims());
    };
    let dims: Vec<usize> = batch.iter().copied().chain([m, n]).collect();
    #[cfg(feature = "cuda")]
    if a.device().is_cuda() {
        // cuBLAS, by way of Candle.
        return a.contiguous()?.broadcast_matmul(&b.contiguous()?);
    }
    dispatch!("matmul", a, R => {
        let (left, right) = (a.storage_and_layout(), b.storage_and_layout());
        let left = Matrices::<R>::new(&left.0, left.1, &batch)?;
        let right = Matrices::<R>::new(&right.0, right.1, &batch)?;
        tensor(products([m, n, k], batch.iter().product(), &left, &right), dims)
    })
}

/// The common shape of two leading shapes.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    (0..rank)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (a, b) if a == b => Some(a),
            (1, length) | (length, 1) => Some(length),
            _ => None,
        })
        .collect()
}

/// Matrices as they lie in memory: where each one begins, and the steps within.
struct Matrices<'a, R> {
    numbers: &'a [R],
    starts: Vec<usize>,
    steps: [usize; 2],
}

impl<'a, R: WithDType> Matrices<'a, R> {
    fn new(storage: &'a Storage, layout: &Layout, batch: &[usize]) -> Result<Matrices<'a, R>> {
        let Storage::Cpu(storage) = storage else { bail!("a CPU kernel was given a tensor of another device") };
        let (dims, steps) = (layout.dims(), layout.stride());
        let leading = dims.len() - 2;
        let mut starts = vec![layout.start_offset()];
        for (axis, &length) in batch.iter().enumerate() {
            // The axis of this side, counted from the end; none, or one of length 1, repeats.
            let step = (axis + leading)
                .checked_sub(batch.len())
                .map_or(0, |axis| if dims[axis] == 1 { 0 } else { steps[axis] });
            starts = starts.iter().flat_map(|start| (0..length).map(move |index| start + index * step)).collect();
        }
        Ok(Matrices { numbers: R::cpu_storage_as_slice(storage)?, starts, steps: [steps[leading], steps[leading + 1]] })
    }

    fn grid(&self, index: usize, row: usize, column: usize) -> Grid<*const R> {
        let start = self.starts[index] + row * self.steps[0] + column * self.steps[1];
        Grid::new(self.numbers[start..].as_ptr(), self.steps[0], self.steps[1])
    }
}

fn products<R: Real>([m, n, k]: [usize; 3], batch: usize, left: &Matrices<R>, right: &Matrices<R>) -> Vec<R> {
    if k == 0 {
        return vec![R::ZERO; batch * m * n];
    }
    let (down, across) = (m.div_ceil(TILE[0]), n.div_ceil(TILE[1]));
    let tile = |out: Out<R>, task: usize| {
        let (task, column) = (task / across, task % across * TILE[1]);
        let (index, row) = (task / down, task % down * TILE[0]);
        let (rows, columns) = (TILE[0].min(m - row), TILE[1].min(n - column));
        // SAFETY: the tile is this task's alone; both sides hold `k` numbers for each of its rows and columns.
        unsafe {
            product(
                [rows, columns, k],
                Grid::new(out.at((index * m + row) * n + column), n, 1),
                false,
                left.grid(index, row, 0),
                right.grid(index, 0, column),
            );
        }
    };
    let work = TILE[0].min(m) * TILE[1].min(n) * k;
    // SAFETY: the tiles cover all products.
    unsafe { build(batch * m * n, |out| for_tasks(batch * down * across, work, |task| tile(out, task))) }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::testing::{assert_close, assert_gradient, assert_same_for_any_workers, cast, numbers, sample};

    fn by_definition(a: &Tensor, b: &Tensor) -> Vec<f64> {
        let ([m, k], n) = ([a.dims()[0], a.dims()[1]], b.dims()[1]);
        let (a, b) = (numbers(a), numbers(b));
        (0..m * n).map(|at| (0..k).map(|i| a[at / n * k + i] * b[i * n + at % n]).sum()).collect()
    }

    proptest! {
        #[test]
        fn any_order_in_memory(m in 1usize..20, k in 0usize..20, n in 1usize..20, swap_a: bool, swap_b: bool) {
            let a = if swap_a { sample(&[k, m], 1).t().unwrap() } else { sample(&[m, k], 1) };
            let b = if swap_b { sample(&[n, k], 2).t().unwrap() } else { sample(&[k, n], 2) };
            let expected = Tensor::from_vec(by_definition(&a, &b), (m, n), a.device()).unwrap();
            assert_close("product", &matmul(&a, &b).unwrap(), &expected, 1e-15);
        }
    }

    #[test]
    fn leading_axes_are_broadcast() -> Result<()> {
        let (a, b) = (sample(&[2, 1, 3, 4], 1), sample(&[5, 4, 2], 2));
        let y = matmul(&a, &b)?;
        assert_eq!(y.dims(), [2, 5, 3, 2]);
        for (i, j) in (0..2).flat_map(|i| (0..5).map(move |j| (i, j))) {
            let one = matmul(&a.get(i)?.get(0)?, &b.get(j)?)?;
            assert_close("one of them", &y.get(i)?.get(j)?, &one, 0.0);
        }
        let turned = matmul(&b.t()?, &sample(&[4, 3], 3))?;
        assert_eq!(turned.dims(), [5, 2, 3]);
        Ok(())
    }

    #[test]
    fn finite_differences() {
        let (a, b) = (sample(&[2, 3, 4], 1), sample(&[2, 4, 5], 2));
        assert_gradient("left", &a, |a| matmul(a, &b), |_, gy| matmul(gy, &b.t()?));
        assert_gradient("right", &b, |b| matmul(&a, b), |_, gy| matmul(&a.t()?, gy));
    }

    #[test]
    fn equal_bits_for_any_number_of_workers() {
        let (a, b) = (cast(&sample(&[2, 600, 130], 1), DType::F32), cast(&sample(&[130, 1100], 2), DType::F32));
        let y = assert_same_for_any_workers("matmul", || matmul(&a, &b));
        let exact = matmul(&cast(&a, DType::F64), &cast(&b, DType::F64)).expect("a product");
        // Sums of 130 products below 1.
        assert_close("f32", &y, &exact, 130.0 * f64::from(f32::EPSILON));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (a, b) in [(&[2, 3][..], &[2, 3][..]), (&[3], &[3, 1]), (&[2, 1, 1], &[3, 1, 1])] {
            assert!(matmul(&sample(a, 1), &sample(b, 2)).is_err());
        }
    }
}
