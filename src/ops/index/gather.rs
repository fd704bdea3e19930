//! `gather`: of each place, the entry of its class.

use crate::kernels::indexing;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "gather",
    summary: "Reads at each place the entry that a class number points to.",
    inputs: &[
        Input::one("x", "Any numbers, with an axis of classes."),
        Input::one(
            "index",
            "Class numbers: the shape of `x` without that axis. Not known (255) reads 0, with no gradient.",
        ),
    ],
    params: &[Param::new("axis", ParamKind::Int, Preset::Int(1), "The axis of the classes.")],
    output: "The shape of `index`.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::numbers_or_zero,
    frame: |args, result| carry::beside_axis(args, carry::axis(args, args.fact(0).rank()), result),
    eval: |args| {
        let axis = rules::axis(args.attrs, "axis", args.tensor(0).rank())?;
        Ok(indexing::gather(args.tensor(0), &args.tensor(1).unsqueeze(axis)?, axis)?.squeeze(axis)?)
    },
    grad: Gradient::Of(grad),
    examples: &[Example {
        about: "a class of each row",
        code: r#"gather(tensor([[1, 2, 3], [4, 5, 6]]), tensor([[0, 0, 1], [1, 0, 0]]) |> argmax)"#,
        answer: "[3 4]",
    }],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "gather.grad",
    summary: "Sends a gradient back to the entries that were read.",
    inputs: &[Input::one("gy", "The gradient of what was read."), Input::one("index", "The class numbers.")],
    params: &[
        Param::required("axis", ParamKind::Int, "The axis of the classes."),
        Param::required("dims", ParamKind::Dims, "The shape that was read from."),
    ],
    output: "The gradient of `x`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.attrs.dims("dims")?.to_vec())),
    eval: |args| {
        let shape = args.shape()?;
        let axis = rules::axis(args.attrs, "axis", shape.len())?;
        let (gy, index) = (args.tensor(0).unsqueeze(axis)?, args.tensor(1).unsqueeze(axis)?);
        Ok(indexing::gather_grad(&gy, &index, axis, shape[axis])?)
    },
    grad: Gradient::Of(|g| {
        let attrs = Attrs::new().int("axis", g.attrs.get_int("axis")?);
        let read = g.op("gather", &[g.gradient, g.input(1)], attrs)?;
        Ok(vec![Some(read), None])
    }),
    ..OpDef::USUAL
};

/// C1: `index` has the axes of `x` but that of the classes. C2: it counts the classes of that axis.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let (index, classes) = rules::index(args, 1)?;
    let axis = rules::axis(args.attrs, "axis", x.rank())?;
    let mut dims = x.dims.clone();
    let along = dims.remove(axis);
    if dims.len() != index.rank() {
        let message = format!("{index} points into {x}: it must have {} axes", dims.len());
        return Err(OpError::new(Code::RankMismatch, message).at("index"));
    }
    if let Some((a, b)) = dims.iter().zip(&index.dims).find(|(a, b)| a != b) {
        return Err(rules::mismatch(args, 1, x, index, a, b));
    }
    if along != *classes {
        return Err(rules::mismatch(args, 1, x, index, &along, classes));
    }
    // A place that is not known reads 0.
    let (lo, hi) = rules::range(&x.domain);
    let domain =
        if rules::keeps_role(&x.domain) { x.domain.clone() } else { rules::within((lo.min(0.0), hi.max(0.0))) };
    Ok(Fact::new(domain, dims))
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let dims = g.fact(g.input(0)).dims.clone();
    let attrs = Attrs::new().int("axis", g.attrs.get_int("axis")?).dims_of("dims", dims);
    let gx = g.op("gather.grad", &[g.gradient, g.input(1)], attrs)?;
    Ok(vec![Some(gx), None])
}
