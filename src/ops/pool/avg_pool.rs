//! `avg_pool`: the mean of each window.

use super::shared::{CEIL, KERNEL, PADDING, PARAMS, STRIDE, dims, flops, window};
use crate::kernels::pool;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "avg_pool",
    summary: "The mean of each window.",
    inputs: &[Input::one("x", "`[B, channels, H, W]`.")],
    params: PARAMS,
    output: "`[B, channels, floor((H + 2*padding - kernel) / stride) + 1, …]`; rounded up with `ceil`.",
    source: "PyTorch's avg_pool2d: zeros of the margin are counted.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: numbers,
    frame: carry::kept,
    eval: |args| Ok(pool::average(args.tensor(0), &window(args.attrs)?)?),
    grad: Gradient::Of(|g| {
        let size = g.fact(g.input(0)).dims[2..].to_vec();
        let gx = g.op("avg_pool.grad", &[g.gradient], g.attrs.clone().dims_of("size", size))?;
        Ok(vec![Some(gx)])
    }),
    flops,
    examples: &[
        Example {
            about: "two windows",
            code: "tensor([[[[1, 5, 2, 3], [4, 2, 8, 1]]]]) |> avg_pool(kernel = 2)",
            answer: "[[[[3 3.5]]]]",
        },
        Example {
            about: "the margin counts",
            code: "tensor([[[[2, 4, 6]]]]) |> avg_pool(kernel = [1, 2], padding = [0, 1])",
            answer: "[[[[1 5]]]]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// With a margin, zero is among the numbers that are averaged.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (dims, domain) = (dims(args)?, &args.fact(0).domain);
    let margin = window(args.attrs)?.padding != [0, 0];
    let domain = match domain {
        Domain::Image(_) if !margin => domain.clone(),
        domain if rules::keeps_role(domain) => domain.clone(),
        domain => rules::within(rules::range(domain)),
    };
    Ok(Fact::new(domain, dims))
}

pub(super) static GRAD: OpDef = OpDef {
    name: "avg_pool.grad",
    summary: "Shares the gradient of each window among its pixels.",
    inputs: &[Input::one("gy", "The gradient of the result.")],
    params: &[
        KERNEL,
        STRIDE,
        PADDING,
        CEIL,
        Param::required("size", ParamKind::Dims, "Height and width of what was pooled."),
    ],
    output: "`[B, channels, size]`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        let gy = args.expect_rank(0, 4)?;
        let dims = gy.dims[..2].iter().chain(args.attrs.dims("size")?).cloned().collect();
        Ok(Fact::new(Domain::Real, dims))
    },
    eval: |args| {
        let size = args.dims("size")?;
        let [height, width] = size[..] else { return Err(OpError::internal("`size` is height and width")) };
        Ok(pool::average_grad(args.tensor(0), [height, width], &window(args.attrs)?)?)
    },
    grad: Gradient::Of(|g| {
        let mut attrs = Attrs::new();
        g.attrs.iter().filter(|(name, _)| *name != "size").for_each(|(name, attr)| attrs.set(name, attr.clone()));
        Ok(vec![Some(g.op("avg_pool", &[g.gradient], attrs)?)])
    }),
    flops,
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// Of a window that is not wholly within, zeros are part of the mean.
fn numbers(args: &Infer, result: &Fact) -> Interval {
    match window(args.attrs) {
        Ok(window) if window.padding == [0, 0] && !window.ceil => carry::same_numbers(args, result),
        _ => carry::numbers_or_zero(args, result),
    }
}
