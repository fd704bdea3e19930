//! `slice`: a part of an axis.

use crate::kernels::layout;
use crate::ops::prelude::*;
use crate::ops::rules::{self, counted, length};

pub(super) static OP: OpDef = OpDef {
    name: "slice",
    summary: "Keeps a part of an axis.",
    inputs: &[Input::one("x", "Numbers of any kind.")],
    params: &[
        Param::required("axis", ParamKind::Int, "The axis that is cut."),
        Param::new("start", ParamKind::Dim, Preset::Absent, "The first entry kept, from 0; negative from the end."),
        Param::new("length", ParamKind::Dim, Preset::Absent, "How many entries are kept; to the end if left out."),
    ],
    output: "Along the axis as long as the part.",
    laws: |_| &[Law::SameDims, Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: cut,
    norm: carry::same_norm,
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
            code: "tensor([1, 2, 3]) |> slice(axis = 0, start = 1, length = 1)",
            answer: "[2]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// Start and end of the part of an axis of `whole`.
fn part(attrs: &Attrs, whole: &Dim) -> Result<(Dim, Dim), OpError> {
    let start = match length(attrs, "start")? {
        None => Dim::constant(0),
        Some(start) if start.as_const().is_some_and(|start| start < 0) => whole.clone() + start,
        Some(start) => start,
    };
    let end = match length(attrs, "length")? {
        None => whole.clone(),
        Some(length) => start.clone() + length,
    };
    Ok((start, end))
}

/// C1: the part lies within the axis, as far as its lengths are known.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let whole = &x.dims[axis];
    let (start, end) = part(args.attrs, whole)?;
    let above = |low: &Dim, high: &Dim| (high - low).as_const().is_some_and(|apart| apart < 0);
    let blamed = if above(&Dim::constant(0), &start) || above(&start, whole) {
        Some("start")
    } else if above(&start, &end) || above(&end, whole) {
        Some("length")
    } else {
        None
    };
    if let Some(name) = blamed {
        let message = format!("from {start} to {end} is not a part of an axis of {whole}");
        return Err(OpError::new(Code::OutOfRange, message).at(name));
    }
    let mut fact = x.clone();
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
        let message = format!("from {start} to {end} is not a part of an axis of {whole}");
        return Err(OpError::new(Code::OutOfRange, message).at("length"));
    }
    Ok(layout::slice(x, axis, start, end - start)?)
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let dims = g.fact(g.input(0)).dims.clone();
    let axis = rules::axis(g.attrs, "axis", dims.len())?;
    let (start, end) = part(g.attrs, &dims[axis])?;
    let after = &dims[axis] - &end;
    let margins = Attrs::new().int("axis", axis as i64).dims_of("before", [start]).dims_of("after", [after]);
    let gx = g.op("pad", &[g.gradient], margins)?;
    Ok(vec![Some(gx)])
}

/// Cut along rows or columns, it shows a part of the picture.
fn cut(args: &Infer, result: &Fact) -> Frame {
    let rows_or_columns = carry::axis(args, result.rank()).is_none_or(|axis| axis + 2 >= result.rank());
    let cut = rows_or_columns && args.fact(0).dims != result.dims;
    carry::kept(args, result).map(|view| view.part |= cut)
}
