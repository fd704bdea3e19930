//! Number by number of tensors of different shapes, and to and from whole numbers.

use candle_core::{DType, Result, Tensor, bail};

use super::Call;
use super::packed::{AS_IT_LIES, by_pixel, packed_of};
use crate::kernels::broadcast::{Binary, broadcast_dims};
use crate::kernels::packed;
use crate::kernels::walk::{Walk, broadcast};

/// As `kernels::broadcast::binary`.
pub fn binary(f: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let dims = wide(a.dims(), b.dims())?;
    let value = match f {
        Binary::Add => "a + b",
        Binary::Sub => "a - b",
        Binary::Mul => "a * b",
        Binary::Div => "a / b",
        // A number that is none wins.
        Binary::Min => "a < b || NAN_OF(a) ? a : b",
        Binary::Max => "a > b || NAN_OF(a) ? a : b",
        Binary::Pow => "b == (R)2 ? a * a : pow(a, b)",
        Binary::Less => "a < b ? (R)1 : (R)0",
        Binary::LessEqual => "a <= b ? (R)1 : (R)0",
        Binary::Greater => "a > b ? (R)1 : (R)0",
        Binary::GreaterEqual => "a >= b ? (R)1 : (R)0",
        Binary::Equal => "a == b ? (R)1 : (R)0",
        Binary::NotEqual => "a != b ? (R)1 : (R)0",
        Binary::And => "a != (R)0 && b != (R)0 ? (R)1 : (R)0",
        Binary::Or => "a != (R)0 || b != (R)0 ? (R)1 : (R)0",
    };
    let like = packed_of(&[a, b]);
    // A packed map is walked as it lies; beside it, what is as large as the result is packed, what is not stays as it is.
    let order: Vec<usize> = if packed::is(like) { AS_IT_LIES.to_vec() } else { (0..dims.len()).collect() };
    let [a, b] = [a, b].map(|x| match packed::is(like) && x.dims() == dims {
        true => packed::pack(x),
        false => Ok(x.clone()),
    });
    let (a, b) = (a?, b?);
    // Where a tensor is as large as the result it is read in order, and where it is one number that one.
    let count = dims.iter().product::<usize>();
    let at = |x: &Tensor, walk: &'static str| match x.elem_count() {
        1 => "0",
        full if full == count && packed::is(x) == packed::is(like) => "i",
        _ => walk,
    };
    let (at_a, at_b) = (at(&a, "place(walk, 0, i)"), at(&b, "place(walk, 1, i)"));
    let [kind_a, kind_b] = [&a, &b].map(|x| if packed::is(x) { "S" } else { "R" });
    let text = format!(
        "KERNEL binary(S *y, unsigned count, const {kind_a} *left, const {kind_b} *right, Walk walk) {{
  EACH(i, count) {{
    R a = left[{at_a}], b = right[{at_b}];
    y[i] = {value};
  }}
}}
"
    );
    let strides = [&a, &b].map(|x| in_order(&strides_to(x, &dims), &order));
    let walk = Walk::new(&in_order(&dims, &order), &strides, [0, 0]);
    let call = Call::made(text, "binary", like).raw(&as_it_lies(&a)?)?.raw(&as_it_lies(&b)?)?;
    call.walk(&walk)?.make_map(&dims)
}

/// The strides of a tensor that stands for one of `wide`, by the axes of `wide`: 0 along those it is repeated over.
fn strides_to(x: &Tensor, wide: &[usize]) -> Vec<isize> {
    if !packed::is(x) {
        return broadcast(x.dims(), wide);
    }
    let long = |axis: usize| x.dims()[axis] != 1 || wide[axis] == 1;
    (0..4).map(|axis| if long(axis) { x.stride()[axis] as isize } else { 0 }).collect()
}

fn in_order<T: Copy>(axes: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|axis| axes[*axis]).collect()
}

fn as_it_lies(x: &Tensor) -> Result<Tensor> {
    if packed::is(x) { by_pixel(x) } else { Ok(x.clone()) }
}

/// As `kernels::broadcast::select`.
pub fn select(condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let dims = wide(&wide(condition.dims(), a.dims())?, b.dims())?;
    let walk = Walk::new(&dims, &[condition, a, b].map(|x| broadcast(x.dims(), &dims)), [0; 3]);
    let chosen = if a.dtype() == DType::U32 { "unsigned" } else { "R" };
    let text = format!(
        "KERNEL choose({chosen} *y, unsigned count, const R *condition, const {chosen} *a, const {chosen} *b, Walk walk) {{
  EACH(i, count) y[i] = condition[place(walk, 0, i)] != (R)0 ? a[place(walk, 1, i)] : b[place(walk, 2, i)];
}}
"
    );
    Call::made(text, "choose", condition).tensor(condition)?.tensor(a)?.tensor(b)?.walk(&walk)?.make(&dims, a.dtype())
}

/// As `kernels::broadcast::to_real`.
pub fn to_real(index: &Tensor, dtype: DType) -> Result<Tensor> {
    const TEXT: &str = "KERNEL to_real(R *y, unsigned count, const unsigned *x) { EACH(i, count) y[i] = (R)x[i]; }\n";
    Call::new(TEXT, "to_real", index).of(dtype).tensor(index)?.make(index.dims(), dtype)
}

/// As `kernels::broadcast::to_index`: what is below 0 or none becomes 0.
pub fn to_index(x: &Tensor) -> Result<Tensor> {
    const TEXT: &str = "KERNEL to_index(unsigned *y, unsigned count, const R *x) {
  EACH(i, count) y[i] = x[i] >= (R)4294967295.0 ? 4294967295u : x[i] > (R)0 ? (unsigned)x[i] : 0;
}
";
    Call::new(TEXT, "to_index", x).tensor(x)?.make(x.dims(), DType::U32)
}

fn wide(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    match broadcast_dims(a, b) {
        Some(dims) => Ok(dims),
        None => bail!("{a:?} and {b:?} do not broadcast"),
    }
}
