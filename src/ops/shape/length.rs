//! `length`: a length as a number of the graph.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "length",
    summary: "A length that the picture decides, as a number that tensors can be divided by.",
    params: &[Param::required("of", ParamKind::Dim, "The length.")],
    output: "One number.",
    infer: |_| Ok(Fact::scalar(Domain::NonNegative)),
    eval: |args| {
        let length = args.dims("of")?.first().copied().unwrap_or_default();
        Ok(Tensor::new(length as f64, &args.context.device)?.to_dtype(args.context.dtype)?)
    },
    grad: Gradient::None("a length does not change with a weight"),
    flops: |_| 0,
    examples: &[Example { about: "of an axis", code: "length(3)", answer: "3" }],
    ..OpDef::USUAL
};
