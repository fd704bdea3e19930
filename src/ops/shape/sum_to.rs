//! `sum_to`: the gradient of broadcasting.

use crate::kernels::broadcast;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "sum_to",
    summary: "Adds up along the axes by which `dims` would be broadcast to the shape of `x`.",
    inputs: &[Input::one("x", "Any numbers.")],
    params: &[Param::required("dims", ParamKind::Dims, "The shape to come back to.")],
    output: "Of the smaller shape.",
    source: "Added in double precision.",
    laws: |_| &[Law::SameDims, Law::Zero { slot: 0 }],
    infer,
    eval: |args| Ok(broadcast::sum_to(args.tensor(0), &args.shape()?)?),
    grad: Gradient::Of(|g| {
        let dims = g.fact(g.input(0)).dims.clone();
        let gx = g.op("expand", &[g.gradient], Attrs::new().dims_of("dims", dims))?;
        Ok(vec![Some(gx)])
    }),
    flops: |cost| cost.inputs.first().into_iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum(),
    examples: &[Example { about: "two rows", code: "tensor([[1, 2], [3, 4]]) |> sum_to([2])", answer: "[4 6]" }],
    packing: Packing::Reads,
    ..OpDef::USUAL
};

/// C1: `dims` is broadcast to the shape of `x`.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let narrow = x.with_dims(args.attrs.dims("dims")?.to_vec());
    if rules::broadcast_dims(args, 0, x, &narrow)? != x.dims {
        return Err(OpError::new(Code::DimensionMismatch, format!("{x} was not repeated from {narrow}")).at("dims"));
    }
    let domain = match x.domain.is_a(&Domain::NonNegative) {
        _ if rules::keeps_role(&x.domain) => x.domain.clone(),
        true => Domain::NonNegative,
        false => Domain::Real,
    };
    Ok(narrow.with_domain(domain))
}
