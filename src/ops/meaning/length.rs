//! `length`: a length that the picture decides, as a number inside the graph.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "length",
    summary: "A length as a scalar.",
    params: &[Param::required("of", ParamKind::Dim, "A length, possibly symbolic.")],
    output: "One number, at least 0.",
    infer: |_| Ok(Fact::scalar(Domain::NonNegative)),
    range: |args, _| match args.attrs.dims("of") {
        Ok([length]) => length.as_const().map_or(Interval::NON_NEGATIVE, |length| Interval::point(length as f64)),
        _ => Interval::NON_NEGATIVE,
    },
    eval: |args| {
        let [length] = args.dims("of")?[..] else { return Err(OpError::internal("`of` is one length")) };
        Ok(Tensor::new(length as f64, &args.context.device)?.to_dtype(args.context.dtype)?)
    },
    grad: Gradient::None("a length does not depend on any number"),
    flops: |_| 0,
    examples: &[Example { about: "of a list of four", code: "length(size(tensor([1, 2, 3, 4]), 0))", answer: "4" }],
    ..OpDef::USUAL
};
