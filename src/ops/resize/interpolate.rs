//! `resize`: interpolation to another height and width.

use crate::kernels::resize::{self, Resize};
use crate::ops::prelude::*;
use crate::ops::window::{last_two, size};

const SIZE: Param = Param::required("size", ParamKind::Dims, "`[height, width]` of the result.");
const MODE: Param = Param::new(
    "mode",
    ParamKind::Word(&["bilinear", "nearest"]),
    Preset::Word("bilinear"),
    "Between the four pixels around, or the pixel at `floor(i * input / output)`. Class numbers take \"nearest\" only.",
);
const ALIGN: Param = Param::new(
    "align_corners",
    ParamKind::Bool,
    Preset::Absent,
    "Whether the centres of the corner pixels fall together (true), or the corners of the images do (false). Released codes \
     disagree, so \"bilinear\" without a `factor` asks for it; nothing else has it.",
);
const FACTOR: Param = Param::new(
    "factor",
    ParamKind::Floats,
    Preset::Absent,
    "The factor that `size` was rounded from, one number or [height, width], where coordinates go by it instead of by \
     the two sizes. Not with aligned corners.",
);

pub(super) static OP: OpDef = OpDef {
    name: "resize",
    summary: "Interpolates to another height and width.",
    inputs: &[Input::one("x", "A map, or class numbers; its last two axes are resized.")],
    params: &[SIZE, MODE, ALIGN, FACTOR],
    output: "`x` with `size` as its last two lengths.",
    source: "PyTorch's interpolate, without antialiasing.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::kept,
    norm: carry::same_norm,
    eval,
    grad: Gradient::Of(|g| {
        let dims = &g.fact(g.input(0)).dims;
        let input = dims[dims.len() - 2..].to_vec();
        let gx = g.op("resize.grad", &[g.gradient], g.attrs.clone().dims_of("input", input))?;
        Ok(vec![Some(gx)])
    }),
    flops: |cost| 6 * cost.output.iter().product::<usize>() as u64,
    examples: &[
        Example {
            about: "twice as wide",
            code: "tensor([[0, 4]]) |> resize(size = [1, 4], align_corners = false)",
            answer: "[[0 1 3 4]]",
        },
        Example {
            about: "corner on corner",
            code: "tensor([[0, 3]]) |> resize(size = [1, 4], align_corners = true)",
            answer: "[[0 1 2 3]]",
        },
        Example {
            about: "class numbers are not mixed",
            code: "argmax(tensor([[[[1, 0]], [[0, 1]]]])) |> resize(size = [2, 3], mode = \"nearest\")",
            answer: "[[[0 0 1] [0 0 1]]]",
        },
        Example {
            about: "by 0.4, rounded down: pixels are read 2.5 apart, not 3",
            code: "tensor([[0, 1, 2]]) |> resize(size = [1, 1], factor = 0.4)",
            answer: "[[0.75]]",
        },
    ],
    packing: Packing::Keeps,
    ..OpDef::USUAL
};

/// C1: a map has two axes. C2: `size` is two lengths. C3: class numbers are not blended. C4: `factor` is one or two numbers
/// above 0. C5: whether corners are aligned is said for
/// "bilinear" without a factor, and for nothing else.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = args.fact(0);
    if x.rank() < 2 {
        return Err(OpError::new(Code::RankMismatch, format!("expected a map, found {x}")).at("x"));
    }
    let size = size(args.attrs, "size")?;
    let bilinear = args.attrs.get_word("mode")? == "bilinear";
    if bilinear && x.domain.is_index() {
        let message = format!("class numbers cannot be blended, found {x}");
        return Err(OpError::new(Code::IndexInterpolation, message)
            .at("x")
            .help("`mode = \"nearest\"` keeps them whole"));
    }
    let factor = factor(args.attrs)?;
    match (aligned(args.attrs)?, bilinear && factor.is_none()) {
        (Some(true), false) => {
            let message = "`align_corners` is for \"bilinear\" without a `factor`";
            return Err(OpError::new(Code::OutOfRange, message).at("align_corners"));
        }
        (None, true) => {
            let message = "`align_corners` must be stated: the numbers of the result depend on it";
            let help = "add `align_corners = false` (corners of images together, what `resize_like` does) or `true`";
            return Err(OpError::new(Code::MissingArgument, message).help(help));
        }
        _ => {}
    }
    let mut dims = x.dims.clone();
    let leading = dims.len() - 2;
    dims[leading..].clone_from_slice(&size);
    Ok(Fact::new(if bilinear { blended(&x.domain) } else { x.domain.clone() }, dims))
}

/// Means of neighbours: within the same range, probabilities still sum to one, truths are not sharp any more.
fn blended(domain: &Domain) -> Domain {
    match domain {
        Domain::Binary | Domain::Tags => Domain::Unit,
        Domain::LogProbability => Domain::Real,
        domain => domain.clone(),
    }
}

/// `align_corners`, where it is stated.
fn aligned(attrs: &Attrs) -> Result<Option<bool>, OpError> {
    attrs.get("align_corners").map(|_| attrs.get_bool("align_corners")).transpose()
}

fn factor(attrs: &Attrs) -> Result<Option<[f64; 2]>, OpError> {
    if attrs.get("factor").is_none() {
        return Ok(None);
    }
    let factor = match *attrs.get_floats("factor")? {
        [both] => [both, both],
        [height, width] => [height, width],
        _ => return Err(OpError::new(Code::OutOfRange, "`factor` is one number or two").at("factor")),
    };
    match factor.into_iter().find(|factor| !(factor.is_finite() && *factor > 0.0)) {
        Some(factor) => {
            Err(OpError::new(Code::OutOfRange, format!("`factor` must be above 0, it is {factor}")).at("factor"))
        }
        None => Ok(Some(factor)),
    }
}

fn bilinear(attrs: &Attrs, output: [usize; 2]) -> Result<Option<Resize>, OpError> {
    let resize = Resize { output, align_corners: aligned(attrs)?.unwrap_or(false), factor: factor(attrs)? };
    Ok((attrs.get_word("mode")? == "bilinear").then_some(resize))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let [.., height, width] = args.shape()?[..] else { return Err(OpError::internal("a map has two axes")) };
    Ok(match bilinear(args.attrs, [height, width])? {
        Some(resize) => resize::bilinear(args.tensor(0), &resize)?,
        None => resize::nearest(args.tensor(0), [height, width], factor(args.attrs)?)?,
    })
}

pub(super) static GRAD: OpDef = OpDef {
    name: "resize.grad",
    summary: "Gathers the gradients of the pixels that read each pixel.",
    inputs: &[Input::one("gy", "The gradient of the result.")],
    params: &[SIZE, MODE, ALIGN, FACTOR, Param::required("input", ParamKind::Dims, "Height and width before.")],
    output: "`gy` with `input` as its last two lengths.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| {
        let mut dims = args.fact(0).dims.clone();
        let leading = dims.len() - 2;
        dims[leading..].clone_from_slice(&size(args.attrs, "input")?);
        Ok(Fact::new(Domain::Real, dims))
    },
    eval: |args| {
        let gy = args.tensor(0);
        let [.., height, width] = args.shape()?[..] else { return Err(OpError::internal("a map has two axes")) };
        Ok(match bilinear(args.attrs, last_two(gy)?)? {
            Some(resize) => resize::bilinear_grad(gy, [height, width], &resize)?,
            None => resize::nearest_grad(gy, [height, width], factor(args.attrs)?)?,
        })
    },
    grad: Gradient::Of(|g| {
        let mut attrs = Attrs::new();
        g.attrs.iter().filter(|(name, _)| *name != "input").for_each(|(name, attr)| attrs.set(name, attr.clone()));
        Ok(vec![Some(g.op("resize", &[g.gradient], attrs)?)])
    }),
    flops: |cost| 4 * cost.inputs.iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum::<u64>(),
    packing: Packing::Keeps,
    ..OpDef::USUAL
};
