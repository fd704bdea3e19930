//! `adaptive_avg_pool`: means of as many windows as are asked for.

use crate::kernels::adaptive;
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::{planes, size};

const SIZE: Param = Param::required("size", ParamKind::Dims, "`[height, width]` of the result.");

pub(super) static OP: OpDef = OpDef {
    name: "adaptive_avg_pool",
    summary: "The means of as many windows as are asked for, however large the map.",
    inputs: &[Input::one("x", "`[B, channels, H, W]`.")],
    params: &[SIZE],
    output: "`[B, channels, size]`.",
    source: "PyTorch's adaptive_avg_pool2d: window `i` is from `floor(i * in / out)` to `ceil((i + 1) * in / out)`.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        let x = planes(args, 0)?;
        let size = size(args.attrs, "size")?;
        let domain = match &x.domain {
            domain @ Domain::Image(_) => domain.clone(),
            domain if rules::keeps_role(domain) => domain.clone(),
            domain => rules::within(rules::range(domain)),
        };
        Ok(Fact::new(domain, x.dims[..2].iter().chain(&size).cloned().collect()))
    },
    range: carry::same_numbers,
    frame: carry::kept,
    eval: |args| {
        let [.., height, width] = args.shape()?[..] else { return Err(OpError::internal("a map has two axes")) };
        Ok(adaptive::adaptive_average(args.tensor(0), [height, width])?)
    },
    grad: Gradient::Of(|g| {
        let input = g.fact(g.input(0)).dims[2..].to_vec();
        let gx = g.op("adaptive_avg_pool.grad", &[g.gradient], g.attrs.clone().dims_of("input", input))?;
        Ok(vec![Some(gx)])
    }),
    flops: |cost| cost.inputs.iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum(),
    examples: &[Example {
        about: "two windows of three pixels, the middle one in both",
        code: "tensor([[[[1, 2, 6]]]]) |> adaptive_avg_pool(size = [1, 2])",
        answer: "[[[[1.5 4]]]]",
    }],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "adaptive_avg_pool.grad",
    summary: "Shares the gradient of each window among its pixels.",
    inputs: &[Input::one("gy", "The gradient of the result.")],
    params: &[SIZE, Param::required("input", ParamKind::Dims, "Height and width of what was pooled.")],
    output: "`[B, channels, input]`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        let gy = args.expect_rank(0, 4)?;
        Ok(Fact::new(Domain::Real, gy.dims[..2].iter().chain(args.attrs.dims("input")?).cloned().collect()))
    },
    eval: |args| {
        let [.., height, width] = args.shape()?[..] else { return Err(OpError::internal("a map has two axes")) };
        Ok(adaptive::adaptive_average_grad(args.tensor(0), [height, width])?)
    },
    grad: Gradient::Of(|g| {
        let gx = g.op("adaptive_avg_pool", &[g.gradient], Attrs::new().dims_of("size", g.attrs.dims("size")?))?;
        Ok(vec![Some(gx)])
    }),
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
