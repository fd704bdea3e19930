//! Steps of gradient descent, in place.

use candle_core::{Result, Tensor};

use super::Call;
use super::reduce;
use crate::kernels::reduce::Reduce;

/// Writes over every number `t` of `target` what `rule` says of it, of `a` and `b` beside it, and of the `numbers` `n[0]`, `n[1]`, ….
pub fn update(target: &Tensor, a: &Tensor, b: &Tensor, rule: &str, numbers: &[f64]) -> Result<()> {
    let parameters: String = (0..numbers.len()).map(|at| format!(", R n{at}")).collect();
    let names: Vec<String> = (0..numbers.len()).map(|at| format!("n{at}")).collect();
    let text = format!(
        "KERNEL update(R *target, unsigned count, const R *left, const R *right{parameters}) {{
  const R n[] = {{{}}};
  EACH(i, count) {{
    R t = target[i], a = left[i], b = right[i];
    target[i] = {rule};
  }}
}}
",
        names.join(", ")
    );
    let call = Call::made(text, "update", target).tensor(a)?.tensor(b)?;
    numbers.iter().fold(call, |call, &number| call.number(number)).write(target, target.elem_count())
}

/// As `kernels::optimizer::sum_of_squares`: waits for the device.
pub fn sum_of_squares(x: &Tensor) -> Result<f64> {
    const TEXT: &str = "KERNEL square(R *y, unsigned count, const R *x) { EACH(i, count) y[i] = x[i] * x[i]; }\n";
    let squares = Call::new(TEXT, "square", x).tensor(x)?.make(&[x.elem_count()], x.dtype())?;
    reduce::reduce(Reduce::Sum, &squares, &[0], &[])?.to_dtype(candle_core::DType::F64)?.to_scalar()
}
