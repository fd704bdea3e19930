//! `conv_transpose2d`: the convolution that makes maps larger, the gradient of `conv2d` used forward.

use super::shared::{DILATION, GROUPS, Steps, flops, plane};
use crate::kernels::conv::{self, Conv2d};
use crate::ops::prelude::*;
use crate::ops::window::{STRIDE, pair, planes};

const PARAMS: &[Param] = &[
    STRIDE,
    Param::new("padding", ParamKind::Pair, Preset::Pair([0, 0]), "Pixels cut from all sides of the result."),
    Param::new(
        "output_padding",
        ParamKind::Pair,
        Preset::Pair([0, 0]),
        "Pixels added at the bottom and right: of the sizes that the convolution brings to one, which is meant. Below the stride.",
    ),
    DILATION,
    GROUPS,
];

pub(super) static OP: OpDef = OpDef {
    name: "conv_transpose2d",
    summary: "Adds a kernel at each pixel, times the pixel, to a larger map.",
    inputs: &[
        Input::one("x", "`[B, channels, H, W]`."),
        Input::one("weight", "`[channels, outputs / groups, kernel height, kernel width]`; channels come first."),
        Input::optional("bias", "Added to each output: `[outputs]`."),
    ],
    params: PARAMS,
    output: "`[B, outputs, (H - 1)*stride - 2*padding + dilation*(kernel - 1) + output_padding + 1, …]`.",
    source: "PyTorch's conv_transpose2d.",
    infer,
    frame: carry::kept,
    eval,
    grad: Gradient::Of(grad),
    flops: |cost| match cost.inputs {
        [Some(x), Some(weight), ..] => flops(x, weight),
        _ => 0,
    },
    scratch: |cost| {
        let [_, weight, ..] = cost.inputs else { return 0 };
        super::shared::scratch(cost, [Some(cost.output), weight.as_deref()], Conv2d::grad_input_scratch)
    },
    examples: &[
        Example {
            about: "each pixel becomes a square",
            code: "conv_transpose2d(tensor([[[[1, 2]]]]), tensor([[[[1, 1], [1, 1]]]]), stride = 2)",
            answer: "[[[[1 1 2 2] [1 1 2 2]]]]",
        },
        Example {
            about: "kernels overlap and add up; a bias",
            code: "conv_transpose2d(tensor([[[[1, 10]]]]), tensor([[[[1, 2]]]]), tensor([0.5]))",
            answer: "[[[[1.5 12.5 20.5]]]]",
        },
        Example {
            about: "one column more at the end",
            code: "conv_transpose2d(tensor([[[[1, 2]]]]), tensor([[[[1, 1, 1]]]]), stride = [1, 2], padding = [0, 1], \
                   output_padding = [0, 1])",
            answer: "[[[[1 3 2 2]]]]",
        },
    ],
    packing: Packing::Begins(&[0]),
    ..OpDef::USUAL
};

/// C1: see [`Steps::of`]. C2: the weight fits the channels. C3: one bias for each output. C4: the extra pixels are fewer than a
/// step. C5: something is left.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (x, weight) = (planes(args, 0)?, planes(args, 1)?);
    let steps = Steps::of(args.attrs)?;
    let extra = pair(args.attrs, "output_padding", 0)?;
    let [inputs, outputs, kernel @ ..] = &weight.dims[..] else { return Err(OpError::internal("a weight of 4 axes")) };
    let divided = inputs.as_const().is_none_or(|inputs| inputs % steps.groups as i64 == 0);
    if *inputs != x.dims[1] || !divided {
        let grouped = if steps.groups > 1 { format!(" in {} groups", steps.groups) } else { String::new() };
        let message = format!("a weight {weight}{grouped} does not fit the {} channels of {x}", x.dims[1]);
        return Err(OpError::new(Code::DimensionMismatch, message)
            .at("weight")
            .help("its first axis is the channels of `x`"));
    }
    let outputs = outputs.clone() * Dim::from(steps.groups);
    if let Some(bias) = args.optional(2)
        && bias.dims != [outputs.clone()]
    {
        let message = format!("expected one number for each of {outputs} outputs, found {bias}");
        return Err(OpError::new(Code::DimensionMismatch, message).at("bias"));
    }
    let padding = steps.padding.unwrap_or_default();
    let mut dims = vec![x.dims[0].clone(), outputs];
    for axis in 0..2 {
        let Some(kernel) = kernel[axis].as_const() else {
            let message = format!("the kernel of {weight} must have a known size");
            return Err(OpError::new(Code::UnknownSize, message).at("weight"));
        };
        if extra[axis] >= steps.stride[axis] {
            let message =
                format!("`output_padding` is {}, not below the stride of {}", extra[axis], steps.stride[axis]);
            return Err(OpError::new(Code::OutOfRange, message).at("output_padding"));
        }
        let stride = Dim::from(steps.stride[axis]);
        let rest = steps.dilation[axis] as i64 * (kernel - 1) + extra[axis] as i64 + 1 - 2 * padding[axis] as i64;
        let length = &(x.dims[2 + axis].clone() * stride.clone() + Dim::constant(rest)) - &stride;
        if length.as_const().is_some_and(|length| length < 1) {
            let message = format!("a padding of {} leaves nothing of the result", padding[axis]);
            return Err(OpError::new(Code::OutOfRange, message).at("padding"));
        }
        dims.push(length);
    }
    Ok(Fact::new(Domain::Feature, dims))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let (x, weight) = (args.tensor(0), args.tensor(1));
    let output = plane(&args.shape()?)?;
    let conv = Steps::of(args.attrs)?.over(output, plane(weight.dims())?);
    let y = conv::grad_input(x, weight, output, &conv)?;
    match args.optional(2) {
        Some(bias) => Ok(crate::kernels::broadcast::binary(
            crate::kernels::broadcast::Binary::Add,
            &y,
            &bias.reshape((1, bias.elem_count(), 1, 1))?,
        )?),
        None => Ok(y),
    }
}

/// The op is the gradient of a convolution for its input; so its own gradients are that convolution and its gradient for the
/// weight, sides exchanged.
fn grad(g: &mut Grad) -> Result<Vec<Option<Ref>>, OpError> {
    let (x, weight, gy) = (g.input(0), g.input(1), g.gradient);
    let mut attrs = Attrs::new();
    for (name, attr) in g.attrs.iter().filter(|(name, _)| *name != "output_padding") {
        attrs.set(name, attr.clone());
    }
    let mut parts = vec![None; g.inputs.len()];
    if g.wanted[0] {
        parts[0] = Some(g.op("conv2d", &[gy, weight], attrs.clone())?);
    }
    if g.wanted[1] {
        let size = g.fact(weight).dims[2..].to_vec();
        parts[1] = Some(g.op("conv2d.grad_weight", &[x, gy], attrs.dims_of("size", size))?);
    }
    if g.wanted.get(2) == Some(&true) {
        parts[2] = Some(g.op("sum", &[gy], Attrs::new().ints("axes", [0, 2, 3]))?);
    }
    Ok(parts)
}
