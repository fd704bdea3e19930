//! `slice`: a part of an axis.

use super::shared::{counted, length};
use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "slice",
    summary: "Keeps a part of an axis.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[
        Param::required("axis", ParamKind::Int, "The axis that is cut."),
        Param::new(
            "start",
            ParamKind::Dim,
            Preset::Absent,
            "The first entry kept, counted from 0; negative from the end.",
        ),
        Param::new("end", ParamKind::Dim, Preset::Absent, "The first entry not kept any more; to the end if left out."),
    ],
    output: "Along the axis as long as the part.",
    infer,
    eval,
    grad: Gradient::Of(grad),
    flops: |_| 0,
    examples: &[
        Example {
            about: "without the first",
            code: "tensor([[1, 2, 3]]) |> slice(axis = 1, start = 1)",
            answer: "[[2 3]]",
        },
        Example { about: "the last", code: "tensor([1, 2, 3]) |> slice(axis = 0, start = -1)", answer: "[3]" },
        Example {
            about: "in the middle",
            code: "tensor([1, 2, 3]) |> slice(axis = 0, start = 1, end = 2)",
            answer: "[2]",
        },
    ],
    ..OpDef::USUAL
};

/// Start and end of the part of an axis of `whole`.
fn part(attrs: &Attrs, whole: &Dim) -> Result<(Dim, Dim), OpError> {
    let from_end = |dim: Dim| if dim.as_const().is_some_and(|value| value < 0) { whole.clone() + dim } else { dim };
    let start = length(attrs, "start")?.map_or_else(|| Dim::constant(0), from_end);
    let end = length(attrs, "end")?.map_or_else(|| whole.clone(), from_end);
    Ok((start, end))
}

/// C1: the part lies within the axis, as far as its lengths are known.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let (start, end) = part(args.attrs, &x.dims[axis])?;
    let below = |low: &Dim, high: &Dim| (high - low).as_const().is_some_and(|apart| apart < 0);
    let outside = |name| {
        let message = format!("{start}..{end} is not a part of an axis of {}", x.dims[axis]);
        Err(OpError::new(Code::OutOfRange, message).at(name))
    };
    if below(&x.dims[axis], &end) {
        return outside("end");
    }
    if below(&Dim::constant(0), &start) || below(&start, &end) {
        return outside("start");
    }
    let mut fact = x.with_dims(x.dims.clone());
    fact.dims[axis] = &end - &start;
    if fact.domain == Domain::Probability && fact.dims != x.dims {
        fact.domain = Domain::Unit;
    }
    Ok(fact)
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let x = args.tensor(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let whole = x.dims()[axis];
    let (start, end) = part(args.attrs, &Dim::from(whole))?;
    let (start, end) = (counted(Some(&start), args, 0)?, counted(Some(&end), args, whole)?);
    if start > end || end > whole {
        let message = format!("{start}..{end} is not a part of an axis of {whole}");
        return Err(OpError::new(Code::OutOfRange, message).at("end"));
    }
    Ok(layout::slice(x, axis, start, end - start)?)
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let dims = g.fact(g.input(0)).dims.clone();
    let axis = rules::axis(g.attrs, "axis", dims.len())?;
    let (start, end) = part(g.attrs, &dims[axis])?;
    let margins =
        Attrs::new().int("axis", axis as i64).dims_of("after", [&dims[axis] - &end]).dims_of("before", [start]);
    let gx = g.op("pad", &[g.gradient], margins)?;
    Ok(vec![Some(gx)])
}
