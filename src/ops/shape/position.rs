//! `position`: where a pixel is.

use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "position",
    summary: "How far along an axis each entry is: the middle of entry `i` of `n` is at `(i + 0.5) / n`.",
    inputs: &[Input::one("x", "Numbers of any kind; only the shape counts.")],
    params: &[Param::required("axis", ParamKind::Int, "The axis.")],
    output: "As long as `x` along the axis, 1 along the others: broadcast beside `x`.",
    infer,
    eval,
    grad: Gradient::None("a place does not change with what is there"),
    examples: &[Example {
        about: "of the columns",
        code: "position(tensor([[1, 2, 3, 4], [5, 6, 7, 8]]), axis = 1)",
        answer: "[[0.125 0.375 0.625 0.875]]",
    }],
    ..OpDef::USUAL
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let mut dims = vec![Dim::constant(1); x.rank()];
    dims[axis] = x.dims[axis].clone();
    Ok(Fact::new(Domain::Unit, dims))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let shape = args.shape()?;
    let length = shape.iter().product::<usize>();
    let places: Vec<f64> = (0..length).map(|i| (i as f64 + 0.5) / length as f64).collect();
    Ok(Tensor::from_vec(places, shape, &args.context.device)?.to_dtype(args.context.dtype)?)
}
