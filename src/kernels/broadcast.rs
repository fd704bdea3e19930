//! Two tensors, number by number, with NumPy's broadcasting: shapes are aligned at their last axes, and an axis that is missing or
//! of length 1 is repeated.

use candle_core::{DType, Result, Tensor, WithDType};

use super::layout::any_number;
use super::packed;
use super::par::{self, PIECE, for_pieces};
use super::real::{Real, contiguous, dispatch, on_cuda, read, tensor};
use super::reduce;
use super::walk::{Walk, broadcast};

/// A function of two numbers. Comparisons and logic give 1 for true and 0 for false; a number counts as true unless it is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    /// Not-a-number if either is.
    Min,
    /// Not-a-number if either is.
    Max,
    /// `a^b`.
    Pow,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// The shape that `a` and `b` are both broadcast to; `None` where an axis has two lengths.
pub fn broadcast_dims(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    (0..rank)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (a, b) if a == b => Some(a),
            (1, b) => Some(b),
            (a, 1) => Some(a),
            _ => None,
        })
        .collect()
}

/// `f(a, b)` in the shape both are broadcast to.
pub fn binary(f: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    on_cuda!(a, cuda::broadcast::binary(f, a, b));
    dispatch!("binary", a, R => apply::<R>(f, a, b))
}

fn apply<R: Real>(f: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let truth = |truth: bool| if truth { R::ONE } else { R::ZERO };
    match f {
        Binary::Add => zip::<R>(a, b, |a, b| a + b),
        Binary::Sub => zip::<R>(a, b, |a, b| a - b),
        Binary::Mul => zip::<R>(a, b, |a, b| a * b),
        Binary::Div => zip::<R>(a, b, |a, b| a / b),
        Binary::Min => zip::<R>(a, b, |a, b| if a < b || a.is_nan() { a } else { b }),
        Binary::Max => zip::<R>(a, b, |a, b| if a > b || a.is_nan() { a } else { b }),
        Binary::Pow => zip::<R>(a, b, |a, b| if b == R::ONE + R::ONE { a * a } else { a.powf(b) }),
        Binary::Less => zip::<R>(a, b, |a, b| truth(a < b)),
        Binary::LessEqual => zip::<R>(a, b, |a, b| truth(a <= b)),
        Binary::Greater => zip::<R>(a, b, |a, b| truth(a > b)),
        Binary::GreaterEqual => zip::<R>(a, b, |a, b| truth(a >= b)),
        Binary::Equal => zip::<R>(a, b, |a, b| truth(a == b)),
        Binary::NotEqual => zip::<R>(a, b, |a, b| truth(a != b)),
        Binary::And => zip::<R>(a, b, |a, b| truth(a != R::ZERO && b != R::ZERO)),
        Binary::Or => zip::<R>(a, b, |a, b| truth(a != R::ZERO || b != R::ZERO)),
    }
}

fn zip<R: Real>(a: &Tensor, b: &Tensor, f: impl Fn(R, R) -> R + Sync) -> Result<Tensor> {
    let dims = wide(a.dims(), b.dims())?;
    let walk = Walk::new(&dims, &[broadcast(a.dims(), &dims), broadcast(b.dims(), &dims)], [0, 0]);
    let (a, b) = (contiguous(a)?, contiguous(b)?);
    let (a, b) = (&*read::<R>(&a)?, &*read::<R>(&b)?);
    let count = dims.iter().product();
    let y = if a.len() == count && b.len() == count {
        par::map2(a, b, f)
    } else if b.len() == 1 {
        let b = b[0];
        par::map(a, |a| f(a, b))
    } else if a.len() == 1 {
        let a = a[0];
        par::map(b, |b| f(a, b))
    } else {
        let mut y = vec![R::ZERO; count];
        for_pieces(&mut y, PIECE, |start, y| {
            walk.runs(start, y.len(), |range, [at_a, at_b]| {
                let y = &mut y[range];
                match walk.steps {
                    [1, 0] => y.iter_mut().zip(&a[at_a..]).for_each(|(y, &a)| *y = f(a, b[at_b])),
                    [0, 1] => y.iter_mut().zip(&b[at_b..]).for_each(|(y, &b)| *y = f(a[at_a], b)),
                    _ => y.iter_mut().zip(&a[at_a..]).zip(&b[at_b..]).for_each(|((y, &a), &b)| *y = f(a, b)),
                }
            });
        });
        y
    };
    tensor(y, dims)
}

/// `a` where `condition` is not 0, `b` elsewhere; all three are broadcast together. `a` and `b` hold numbers of one kind, u32 too.
pub fn select(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    on_cuda!(condition, cuda::broadcast::select(condition, a, b));
    dispatch!("select", condition, R => any_number!("select", a, N => choose::<R, N>(condition, a, b)))
}

fn choose<R: Real, N: WithDType + Default>(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let dims = wide(&wide(condition.dims(), a.dims())?, b.dims())?;
    let strides = [condition, a, b].map(|x| broadcast(x.dims(), &dims));
    let walk = Walk::new(&dims, &strides, [0; 3]);
    let (condition, a, b) = (contiguous(condition)?, contiguous(a)?, contiguous(b)?);
    let (condition, a, b) = (&*read::<R>(&condition)?, &*read::<N>(&a)?, &*read::<N>(&b)?);
    let steps = walk.steps.map(|step| step as usize);
    let mut y = vec![N::default(); dims.iter().product()];
    for_pieces(&mut y, PIECE, |start, y| {
        walk.runs(start, y.len(), |range, at| {
            for (i, y) in y[range].iter_mut().enumerate() {
                let chosen = condition[at[0] + i * steps[0]] != R::ZERO;
                *y = if chosen { a[at[1] + i * steps[1]] } else { b[at[2] + i * steps[2]] };
            }
        });
    });
    tensor(y, dims)
}

fn wide(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    match broadcast_dims(a, b) {
        Some(dims) => Ok(dims),
        None => candle_core::bail!("{a:?} and {b:?} do not broadcast"),
    }
}

/// `x` repeated to `dims`: numbers of any kind.
pub fn expand(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if broadcast_dims(x.dims(), dims).as_deref() != Some(dims) {
        candle_core::bail!("{:?} does not broadcast to {dims:?}", x.dims());
    }
    super::layout::strided(x, dims, &broadcast(x.dims(), dims), 0)
}

/// The gradient of [`expand`]: `x` summed over the axes along which a tensor of `dims` is repeated to reach `x`'s shape.
pub fn sum_to(x: &Tensor, dims: &[usize]) -> Result<Tensor> {
    if broadcast_dims(x.dims(), dims).as_deref() != Some(x.dims()) {
        candle_core::bail!("{:?} was not broadcast from {dims:?}", x.dims());
    }
    let missing = x.rank() - dims.len();
    let repeated = |axis: &usize| *axis < missing || (dims[axis - missing] == 1 && x.dims()[*axis] != 1);
    let axes: Vec<usize> = (0..x.rank()).filter(repeated).collect();
    if axes.is_empty() {
        return packed::unpack(x)?.reshape(dims);
    }
    reduce::reduce(reduce::Reduce::Sum, x, &axes, true)?.reshape(dims)
}

/// Whole numbers as real ones of `dtype` (f32 or f64).
pub fn to_real(index: &Tensor, dtype: DType) -> Result<Tensor> {
    on_cuda!(index, cuda::broadcast::to_real(index, dtype));
    let contiguous = contiguous(index)?;
    let numbers = &*read::<u32>(&contiguous)?;
    match dtype {
        DType::F32 => tensor(par::map(numbers, |number| number as f32), index.dims()),
        DType::F64 => tensor(par::map(numbers, f64::from), index.dims()),
        other => candle_core::bail!("{other:?} is not a real number type"),
    }
}

/// Real numbers as whole ones, cut at the point; what is below 0 or not a number becomes 0.
pub fn to_index(x: &Tensor) -> Result<Tensor> {
    on_cuda!(x, cuda::broadcast::to_index(x));
    dispatch!("to_index", x, R => {
        let contiguous = contiguous(x)?;
        tensor(par::map(&read::<R>(&contiguous)?, |number: R| number.to_f64() as u32), x.dims())
    })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::kernels::testing::*;

    const SHAPES: [(&[usize], &[usize]); 8] = [
        (&[2, 3, 4, 5], &[2, 3, 4, 5]),
        (&[2, 3, 4, 5], &[]),
        (&[2, 3, 4, 5], &[3, 1, 1]),
        (&[2, 3, 4, 5], &[5]),
        (&[2, 1, 4, 1], &[3, 1, 5]),
        (&[1], &[2, 3]),
        (&[3, 1], &[1, 4]),
        (&[2, 1, 1, 1], &[2, 3, 4, 5]),
    ];

    /// The number of a tensor of `dims` that stands at `place` of a wider one.
    fn number_at(numbers: &[f64], dims: &[usize], wide: &[usize], mut place: usize) -> f64 {
        let (mut at, mut stride) = (0, 1);
        for (axis, length) in wide.iter().enumerate().rev() {
            if let Some(own) = (axis + dims.len()).checked_sub(wide.len()) {
                at += if dims[own] == 1 { 0 } else { place % length * stride };
                stride *= dims[own];
            }
            place /= length;
        }
        numbers[at]
    }

    #[test]
    fn shapes_are_aligned_at_their_last_axes() -> Result<()> {
        for (a_dims, b_dims) in SHAPES {
            for (a_dims, b_dims) in [(a_dims, b_dims), (b_dims, a_dims)] {
                let (a, b) = (sample(a_dims, 1), sample(b_dims, 2));
                let dims = broadcast_dims(a_dims, b_dims).expect("these broadcast");
                let (left, right) = (numbers(&a), numbers(&b));
                let at = |place| {
                    let a = number_at(&left, a_dims, &dims, place);
                    (a, number_at(&right, b_dims, &dims, place))
                };
                let y = numbers(&binary(Binary::Sub, &a, &b)?);
                let chosen = numbers(&select(&binary(Binary::Less, &a, &b)?, &a, &b)?);
                let wide = numbers(&expand(&a, &dims)?);
                assert_eq!(y.len(), dims.iter().product::<usize>());
                for place in 0..y.len() {
                    let (a, b) = at(place);
                    assert_eq!((y[place], chosen[place], wide[place]), (a - b, a.min(b), a), "{a_dims:?} {b_dims:?}");
                }
            }
        }
        assert_eq!(broadcast_dims(&[2, 3], &[2]), None);
        Ok(())
    }

    #[test]
    fn every_function() -> Result<()> {
        let row = |numbers: &[f64]| Tensor::new(numbers, &Device::Cpu);
        let (a, b) = (row(&[0.0, 2.0, 3.0])?, row(&[0.0, 3.0, 2.0])?);
        for (f, expected) in [
            (Binary::Add, [0.0, 5.0, 5.0]),
            (Binary::Mul, [0.0, 6.0, 6.0]),
            (Binary::Min, [0.0, 2.0, 2.0]),
            (Binary::Max, [0.0, 3.0, 3.0]),
            (Binary::Pow, [1.0, 8.0, 9.0]),
            (Binary::Less, [0.0, 1.0, 0.0]),
            (Binary::LessEqual, [1.0, 1.0, 0.0]),
            (Binary::Greater, [0.0, 0.0, 1.0]),
            (Binary::GreaterEqual, [1.0, 0.0, 1.0]),
            (Binary::Equal, [1.0, 0.0, 0.0]),
            (Binary::NotEqual, [0.0, 1.0, 1.0]),
            (Binary::And, [0.0, 1.0, 1.0]),
            (Binary::Or, [0.0, 1.0, 1.0]),
        ] {
            assert_eq!(numbers(&binary(f, &a, &b)?), expected, "{f:?}");
        }
        assert_eq!(numbers(&binary(Binary::Div, &b, &row(&[1.0, 2.0, 4.0])?)?), [0.0, 1.5, 0.5]);
        let nan = row(&[f64::NAN])?;
        for f in [Binary::Min, Binary::Max] {
            assert!(numbers(&binary(f, &a, &nan)?).iter().chain(&numbers(&binary(f, &nan, &a)?)).all(|v| v.is_nan()));
        }
        Ok(())
    }

    #[test]
    fn sum_to_is_the_gradient_of_expand() -> Result<()> {
        for (wide, narrow) in SHAPES.into_iter().filter(|(a, b)| broadcast_dims(a, b).as_deref() == Some(*a)) {
            let x = sample(narrow, 3);
            assert_gradient("expand", &x, |x| expand(x, wide), |x, gy| sum_to(gy, x.dims()));
        }
        Ok(())
    }

    #[test]
    fn same_bits_for_any_workers() {
        let (a, b) = (cast(&sample(&[4, 30, 40, 50], 1), DType::F32), cast(&sample(&[30, 1, 50], 2), DType::F32));
        assert_same_for_any_workers("binary", || binary(Binary::Div, &a, &b));
        assert_same_for_any_workers("select", || select(&b, &a, &b));
        assert_same_for_any_workers("sum_to", || sum_to(&a, b.dims()));
    }

    #[test]
    fn whole_numbers_and_back() -> Result<()> {
        let index = Tensor::new(&[[0u32, 255], [7, 20]], &Device::Cpu)?;
        let real = to_real(&index, DType::F32)?;
        assert_eq!(real.to_vec2::<f32>()?, [[0.0, 255.0], [7.0, 20.0]]);
        assert_eq!(to_index(&real)?.to_vec2::<u32>()?, index.to_vec2::<u32>()?);
        assert_eq!(to_index(&Tensor::new(&[-1.0, 2.9, f64::NAN], &Device::Cpu)?)?.to_vec1::<u32>()?, [0, 2, 0]);
        Ok(())
    }
}
