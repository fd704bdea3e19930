//! `pick`: of each sample, the map of one class.

use crate::kernels::indexing;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "pick",
    summary: "Takes of each sample the map of one class.",
    inputs: &[
        Input::one("x", "Maps of all classes, `[B, K, …]`."),
        Input::one("class", "The class of each sample, `[B]`; not known (255) gives a map of 0."),
    ],
    output: "One map a sample, `[B, 1, …]`.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::numbers_or_zero,
    frame: carry::kept,
    norm: carry::same_norm,
    eval: |args| Ok(indexing::pick(args.tensor(0), args.tensor(1))?),
    grad: Gradient::Of(grad),
    examples: &[Example {
        about: "the second class, then the first",
        code: r#"pick(tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), tensor([[0, 1], [1, 0]]) |> argmax)"#,
        answer: "[[[3 4]] [[5 6]]]",
    }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "pick.grad",
    summary: "Sends a gradient back to the maps that were taken.",
    inputs: &[Input::one("gy", "The gradient of the maps."), Input::one("class", "The class of each sample.")],
    params: &[Param::required("dims", ParamKind::Dims, "The shape that was taken from.")],
    output: "The gradient of `x`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.attrs.dims("dims")?.to_vec())),
    eval: |args| Ok(indexing::pick_grad(args.tensor(0), args.tensor(1), args.shape()?[1])?),
    grad: Gradient::Of(|g| {
        let read = g.op("pick", &[g.gradient, g.input(1)], Attrs::new())?;
        Ok(vec![Some(read), None])
    }),
    ..OpDef::USUAL
};

/// C1: `x` has at least two axes, `class` one. C2: both have as many samples. C3: `class` counts the classes of `x`.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let (class, classes) = rules::index(args, 1)?;
    if x.rank() < 2 {
        return Err(OpError::new(Code::RankMismatch, format!("`x` must have an axis of classes, this is {x}")).at("x"));
    }
    args.expect_rank(1, 1)?;
    for (a, b) in [(&x.dims[0], &class.dims[0]), (&x.dims[1], classes)] {
        if a != b {
            return Err(rules::mismatch(args, 1, x, class, a, b));
        }
    }
    let mut dims = x.dims.clone();
    dims[1] = Dim::constant(1);
    let (lo, hi) = rules::range(&x.domain);
    let domain =
        if rules::keeps_role(&x.domain) { x.domain.clone() } else { rules::within((lo.min(0.0), hi.max(0.0))) };
    Ok(Fact::new(domain, dims))
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let dims = g.fact(g.input(0)).dims.clone();
    let gx = g.op("pick.grad", &[g.gradient, g.input(1)], Attrs::new().dims_of("dims", dims))?;
    Ok(vec![Some(gx), None])
}
