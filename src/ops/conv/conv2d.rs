//! `conv2d`: the layer that networks are made of.

use super::shared::{PARAMS, Steps, flops, plane, scratch};
use crate::kernels::conv::{self, Conv2d};
use crate::ops::prelude::*;
use crate::ops::window::{expect_room, planes};

pub(super) static OP: OpDef = OpDef {
    name: "conv2d",
    summary: "Weighted sums of the pixels under a sliding kernel.",
    inputs: &[
        Input::one("x", "`[B, channels, H, W]`."),
        Input::one("weight", "`[outputs, channels / groups, kernel height, kernel width]`; the kernel is not turned."),
        Input::optional("bias", "Added to each output: `[outputs]`."),
    ],
    params: PARAMS,
    output: "`[B, outputs, floor((H + 2*padding - dilation*(kernel - 1) - 1) / stride) + 1, …]`.",
    source: "Cross-correlation, as every deep-learning library calls convolution; \"same\" is TensorFlow's padding.",
    infer,
    frame: carry::kept,
    eval,
    grad: Gradient::Of(grad),
    flops: |cost| cost.inputs.get(1).and_then(Option::as_ref).map_or(0, |weight| flops(cost.output, weight)),
    scratch: |cost| {
        let [x, weight, ..] = cost.inputs else { return 0 };
        scratch(cost, [x.as_deref(), weight.as_deref()], Conv2d::forward_scratch)
    },
    examples: &[
        Example {
            about: "differences to the right neighbour",
            code: "conv2d(tensor([[[[1, 2, 4, 7]]]]), tensor([[[[-1, 1]]]]))",
            answer: "[[[[1 2 3]]]]",
        },
        Example {
            about: "sums of 3 × 3 neighbours, every second pixel, shifted by a bias",
            code: "conv2d(tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]), tensor([[[[1, 1, 1], [1, 1, 1], [1, 1, 1]]]]), \
                   tensor([100]), stride = 2, padding = 1)",
            answer: "[[[[112 116] [124 128]]]]",
        },
        Example {
            about: "\"same\": the one zero that is needed stands at the end",
            code: "conv2d(tensor([[[[1, 2, 3, 4]]]]), tensor([[[[1, 1, 1]]]]), stride = 2, padding = \"same\")",
            answer: "[[[[6 7]]]]",
        },
        Example {
            about: "each channel by itself",
            code: "conv2d(tensor([[[[1, 2]], [[3, 4]]]]), tensor([[[[10]]], [[[100]]]]), groups = 2)",
            answer: "[[[[10 20]] [[300 400]]]]",
        },
    ],
    packing: Packing::Begins(&[0]),
    ..OpDef::USUAL
};

/// C1: see [`Steps::of`]. C2: the weight fits the channels. C3: one bias for each output. C4: the kernel fits the image.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (x, weight) = (planes(args, 0)?, planes(args, 1)?);
    let steps = Steps::of(args.attrs)?;
    let [outputs, inputs, kernel @ ..] = &weight.dims[..] else { return Err(OpError::internal("a weight of 4 axes")) };
    let groups = Dim::from(steps.groups);
    let divided = outputs.as_const().is_none_or(|outputs| outputs % steps.groups as i64 == 0);
    if inputs.clone() * groups != x.dims[1] || !divided {
        let grouped = if steps.groups > 1 { format!(" in {} groups", steps.groups) } else { String::new() };
        let message = format!("a weight {weight}{grouped} does not fit the {} channels of {x}", x.dims[1]);
        return Err(OpError::new(Code::DimensionMismatch, message).at("weight"));
    }
    if let Some(bias) = args.optional(2)
        && bias.dims != [outputs.clone()]
    {
        let message = format!("expected one number for each of {outputs} outputs, found {bias}");
        return Err(OpError::new(Code::DimensionMismatch, message).at("bias"));
    }
    let mut dims = vec![x.dims[0].clone(), outputs.clone()];
    for (axis, word) in ["height", "width"].into_iter().enumerate() {
        let Some(kernel) = kernel[axis].as_const() else {
            let message = format!("the kernel of {weight} must have a known size");
            return Err(OpError::new(Code::UnknownSize, message).at("weight"));
        };
        let length = steps.length(axis, &x.dims[2 + axis], kernel);
        expect_room(&length, &x.dims[2 + axis], word)?;
        dims.push(length);
    }
    Ok(Fact::new(Domain::Feature, dims))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let (x, weight) = (args.tensor(0), args.tensor(1));
    let conv = Steps::of(args.attrs)?.over(plane(x.dims())?, plane(weight.dims())?);
    Ok(conv::forward(x, weight, args.optional(2), &conv)?)
}

fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (x, weight) = (g.input(0), g.input(1));
    let plane_of = |g: &Grad, node: Ref| g.fact(node).dims[2..].to_vec();
    let mut parts = vec![None; g.inputs.len()];
    if g.wanted[0] {
        let attrs = g.attrs.clone().dims_of("size", plane_of(g, x));
        parts[0] = Some(g.op("conv2d.grad_input", &[g.gradient, weight], attrs)?);
    }
    if g.wanted[1] {
        let attrs = g.attrs.clone().dims_of("size", plane_of(g, weight));
        parts[1] = Some(g.op("conv2d.grad_weight", &[g.gradient, x], attrs)?);
    }
    if g.wanted.get(2) == Some(&true) {
        parts[2] = Some(g.op("sum", &[g.gradient], Attrs::new().ints("axes", [0, 2, 3]))?);
    }
    Ok(parts)
}
