//! `patch_values`: a number of each patch at each of its pixels.

use super::shared::patches;
use crate::kernels::indexing::{gather, gather_grad};
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "patch_values",
    summary: "Puts a number of each patch at each of its pixels.",
    inputs: &[
        Input::one("values", "A number for each patch, `[B, N]`."),
        Input::one("patches", "Patches of the same pictures, `[B, H, W]`, of which there are at most `N`."),
    ],
    output: "`[B, 1, H, W]`.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::kept,
    eval: |args| {
        let (batch, height, width) = args.tensor(1).dims3()?;
        let rows = args.tensor(1).reshape((batch, height * width))?;
        Ok(gather(args.tensor(0), &rows, 1)?.reshape((batch, 1, height, width))?)
    },
    grad: Gradient::Of(|g| {
        let dims = g.fact(g.input(0)).dims.clone();
        let gx = g.op("patch_values.grad", &[g.gradient, g.input(1)], Attrs::new().dims_of("dims", dims))?;
        Ok(vec![Some(gx), None])
    }),
    examples: &[Example {
        about: "two cells",
        code: "patch_values(tensor([[5, 7]]), grid_patches(tensor([[[[0, 0, 0]]]]), cells = [2]))",
        answer: "[[[[5 5 7]]]]",
    }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "patch_values.grad",
    summary: "Sums a gradient over each patch.",
    inputs: &[Input::one("gy", "The gradient of the pixels."), Input::one("patches", "The patches.")],
    params: &[Param::required("dims", ParamKind::Dims, "The shape of the values.")],
    output: "The gradient of `values`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.attrs.dims("dims")?.to_vec())),
    eval: |args| {
        let (batch, height, width) = args.tensor(1).dims3()?;
        let flat = (batch, height * width);
        Ok(gather_grad(&args.tensor(0).reshape(flat)?, &args.tensor(1).reshape(flat)?, 1, args.shape()?[1])?)
    },
    grad: Gradient::Of(|g| {
        let spread = g.op("patch_values", &[g.gradient, g.input(1)], Attrs::new())?;
        Ok(vec![Some(spread), None])
    }),
    ..OpDef::USUAL
};

/// C1: a row of values a picture. C2: one for each patch.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let values = rules::real(args, 0)?;
    args.expect_rank(0, 2)?;
    let (patches, most) = patches(args, 1)?;
    for (a, b) in [(&values.dims[0], &patches.dims[0]), (&values.dims[1], most)] {
        if a != b {
            return Err(rules::mismatch(args, 1, values, patches, a, b));
        }
    }
    let domain = match &values.domain {
        domain if rules::keeps_role(domain) => domain.clone(),
        domain => rules::roleless(domain),
    };
    let [batch, height, width] = &patches.dims[..] else { return Err(OpError::internal("patches have three axes")) };
    Ok(Fact::new(domain, vec![batch.clone(), Dim::constant(1), height.clone(), width.clone()]))
}
