//! What a convolution and its gradients share: the params, and what they mean for given lengths.

use crate::kernels::conv::Conv2d;
use crate::ops::prelude::*;
use crate::ops::window::{STRIDE, pair};

pub const PADDING: Param = Param::new(
    "padding",
    ParamKind::PairOr(&["same"]),
    Preset::Pair([0, 0]),
    "Zeros on all sides. With \"same\" the result is `ceil(input / stride)` long; what does not divide evenly goes to \
     the bottom and right.",
);

pub const DILATION: Param =
    Param::new("dilation", ParamKind::Pair, Preset::Pair([1, 1]), "Pixels from one tap of the kernel to the next.");

pub const GROUPS: Param = Param::new(
    "groups",
    ParamKind::Int,
    Preset::Int(1),
    "Parts the channels are cut into, each convolved by itself; divides both channel counts.",
);

pub const PARAMS: &[Param] = &[STRIDE, PADDING, DILATION, GROUPS];

/// The params of a convolution, in their ranges.
pub struct Steps {
    pub stride: [usize; 2],
    /// `None`: "same".
    pub padding: Option<[usize; 2]>,
    pub dilation: [usize; 2],
    pub groups: usize,
}

impl Steps {
    /// # Errors
    /// C1: stride, dilation and groups are at least 1, padding at least 0.
    pub fn of(attrs: &Attrs) -> Result<Steps, OpError> {
        let padding = match attrs.get("padding") {
            Some(Attr::Word(_)) => None,
            _ => Some(pair(attrs, "padding", 0)?),
        };
        let groups = attrs.get_int("groups")?;
        if groups < 1 {
            let message = format!("`groups` must be at least 1, it is {groups}");
            return Err(OpError::new(Code::OutOfRange, message).at("groups"));
        }
        let (stride, dilation) = (pair(attrs, "stride", 1)?, pair(attrs, "dilation", 1)?);
        Ok(Steps { stride, padding, dilation, groups: groups as usize })
    }

    /// The length of the result along `axis`.
    pub fn length(&self, axis: usize, input: &Dim, kernel: i64) -> Dim {
        let stride = self.stride[axis] as i64;
        let Some(padding) = self.padding else { return input.ceil_div(stride) };
        let reach = self.dilation[axis] as i64 * (kernel - 1) + 1;
        (input.clone() + Dim::constant(2 * padding[axis] as i64 - reach)).floor_div(stride) + Dim::constant(1)
    }

    /// What the kernels want to know, once lengths are numbers.
    pub fn over(&self, input: [usize; 2], kernel: [usize; 2]) -> Conv2d {
        match self.padding {
            None => Conv2d::same(input, kernel, self.stride, self.dilation, self.groups),
            Some(padding) => Conv2d::padded(input, kernel, self.stride, padding, self.dilation, self.groups),
        }
    }
}

/// Height and width of a `[…, …, H, W]` shape.
pub fn plane(dims: &[usize]) -> Result<[usize; 2], OpError> {
    match *dims {
        [_, _, height, width] => Ok([height, width]),
        _ => Err(OpError::internal("a convolution of other than four axes")),
    }
}

/// Floating-point operations of a product of each of `results` numbers with all weights of one output channel.
pub fn flops(results: &[usize], weight: &[usize]) -> u64 {
    2 * results.iter().product::<usize>() as u64 * weight.iter().skip(1).product::<usize>() as u64
}

/// The bytes `of` asks for with a full set of shapes. A shape that does not fit needs none: it will be refused.
pub fn scratch(
    cost: &Cost,
    shapes: [Option<&[usize]>; 2],
    of: fn(&Conv2d, [usize; 4], [usize; 4], usize) -> candle_core::Result<usize>,
) -> u64 {
    let four = |dims: Option<&[usize]>| <[usize; 4]>::try_from(dims?).ok();
    let [Some(input), Some(weight)] = shapes.map(four) else { return 0 };
    let Ok(steps) = Steps::of(cost.attrs) else { return 0 };
    let conv = steps.over([input[2], input[3]], [weight[2], weight[3]]);
    of(&conv, input, weight, cost.real).unwrap_or(0) as u64
}
