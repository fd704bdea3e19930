//! The gradients of `conv2d` for its input and for its weight. Each is linear on both sides, so the gradients of the gradients are
//! convolutions and their gradients again.

use super::shared::{DILATION, GROUPS, PADDING, Steps, flops, plane, scratch};
use crate::kernels::conv::{self, Conv2d};
use crate::ops::prelude::*;
use crate::ops::window::STRIDE;

const PARAMS: &[Param] = &[
    STRIDE,
    PADDING,
    DILATION,
    GROUPS,
    Param::required("size", ParamKind::Dims, "Height and width of what the gradient is for."),
];

const USUAL: OpDef = OpDef { params: PARAMS, nature: Nature::PLAIN.internal(), ..OpDef::USUAL };

pub(super) static INPUT: OpDef = OpDef {
    name: "conv2d.grad_input",
    summary: "The gradient of a convolution for its input.",
    inputs: &[Input::one("gy", "The gradient of the result."), Input::one("weight", "The weight.")],
    output: "`[B, channels, size]`.",
    laws: |_| &[Law::Zero { slot: 0 }, Law::Zero { slot: 1 }],
    infer: |args| {
        let groups = Dim::from(Steps::of(args.attrs)?.groups);
        let (gy, weight) = (args.expect_rank(0, 4)?, args.expect_rank(1, 4)?);
        Ok(sized(gy.dims[0].clone(), weight.dims[1].clone() * groups, args.attrs.dims("size")?))
    },
    eval: |args| {
        let (gy, weight) = (args.tensor(0), args.tensor(1));
        let input = plane(&args.shape()?)?;
        let conv = Steps::of(args.attrs)?.over(input, plane(weight.dims())?);
        Ok(conv::grad_input(gy, weight, input, &conv)?)
    },
    flops: |cost| match cost.inputs {
        [Some(gy), Some(weight)] => flops(gy, weight),
        _ => 0,
    },
    scratch: |cost| {
        let [_, weight] = cost.inputs else { return 0 };
        scratch(cost, [Some(cost.output), weight.as_deref()], Conv2d::grad_input_scratch)
    },
    grad: Gradient::Of(|g| {
        let (gy, weight, u) = (g.input(0), g.input(1), g.gradient);
        let mut parts = vec![None, None];
        if g.wanted[0] {
            parts[0] = Some(g.op("conv2d", &[u, weight], steps(g))?);
        }
        if g.wanted[1] {
            let size = g.fact(weight).dims[2..].to_vec();
            parts[1] = Some(g.op("conv2d.grad_weight", &[gy, u], steps(g).dims_of("size", size))?);
        }
        Ok(parts)
    }),
    packing: Packing::Begins(&[0]),
    ..USUAL
};

pub(super) static WEIGHT: OpDef = OpDef {
    name: "conv2d.grad_weight",
    summary: "The gradient of a convolution for its weight.",
    inputs: &[Input::one("gy", "The gradient of the result."), Input::one("x", "The input.")],
    output: "`[outputs, channels / groups, size]`.",
    laws: |_| &[Law::Zero { slot: 0 }, Law::Zero { slot: 1 }],
    infer: |args| {
        let groups = Steps::of(args.attrs)?.groups as i64;
        let (gy, x) = (args.expect_rank(0, 4)?, args.expect_rank(1, 4)?);
        Ok(sized(gy.dims[1].clone(), x.dims[1].floor_div(groups), args.attrs.dims("size")?))
    },
    eval: |args| {
        let (gy, x) = (args.tensor(0), args.tensor(1));
        let kernel = plane(&args.shape()?)?;
        let conv = Steps::of(args.attrs)?.over(plane(x.dims())?, kernel);
        Ok(conv::grad_weight(gy, x, kernel, &conv)?)
    },
    flops: |cost| match cost.inputs {
        [Some(gy), _] => flops(gy, cost.output),
        _ => 0,
    },
    scratch: |cost| {
        let [_, x] = cost.inputs else { return 0 };
        scratch(cost, [x.as_deref(), Some(cost.output)], Conv2d::grad_weight_scratch)
    },
    grad: Gradient::Of(|g| {
        let (gy, x, u) = (g.input(0), g.input(1), g.gradient);
        let mut parts = vec![None, None];
        if g.wanted[0] {
            parts[0] = Some(g.op("conv2d", &[x, u], steps(g))?);
        }
        if g.wanted[1] {
            let size = g.fact(x).dims[2..].to_vec();
            parts[1] = Some(g.op("conv2d.grad_input", &[gy, u], steps(g).dims_of("size", size))?);
        }
        Ok(parts)
    }),
    packing: Packing::Ends(&[0, 1]),
    ..USUAL
};

/// The attributes without the size: those of the convolution itself.
fn steps(g: &Grad) -> Attrs {
    let mut attrs = Attrs::new();
    g.attrs.iter().filter(|(name, _)| *name != "size").for_each(|(name, attr)| attrs.set(name, attr.clone()));
    attrs
}

fn sized(first: Dim, second: Dim, size: &[Dim]) -> Fact {
    Fact::new(Domain::Real, [first, second].into_iter().chain(size.iter().cloned()).collect())
}
