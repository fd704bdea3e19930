//! `top_mean`: the mean of the largest numbers of each sample.

use crate::kernels::topk;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) const PARAMS: &[Param] = &[
    Param::new(
        "fraction",
        ParamKind::Float,
        Preset::Absent,
        "The part of a sample's numbers that counts, above 0 up to 1; rounded down to a whole number, at least one.",
    ),
    Param::new("count", ParamKind::Int, Preset::Absent, "How many of a sample's numbers count; instead of `fraction`."),
];

pub(super) static OP: OpDef = OpDef {
    name: "top_mean",
    summary: "The mean of the largest numbers of each sample.",
    inputs: &[Input::one("x", "Any numbers, `[B, …]`.")],
    params: PARAMS,
    output: "One number a sample, `[B]`.",
    source: "Of equal numbers the first count. Online hard-example mining, as in SEAM (Wang et al., CVPR 2020), Eq. 8.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    eval: |args| Ok(topk::top_mean(args.tensor(0), count(args.attrs, args.tensor(0).dims())?)?),
    grad: Gradient::Of(|g| {
        let gx = g.op("top_mean.grad", &[g.gradient, g.input(0)], g.attrs.clone())?;
        Ok(vec![Some(gx)])
    }),
    flops: |cost| cost.inputs.first().into_iter().flatten().map(|dims| dims.iter().product::<usize>() as u64).sum(),
    examples: &[
        Example { about: "half of them", code: "tensor([[1, 4, 2, 3]]) |> top_mean(fraction = 0.5)", answer: "[3.5]" },
        Example { about: "one", code: "tensor([[1, 4], [3, 2]]) |> top_mean(count = 1)", answer: "[4 3]" },
    ],
    ..OpDef::USUAL
};

pub(super) static GRAD: OpDef = OpDef {
    name: "top_mean.grad",
    summary: "Sends a gradient back to the largest numbers.",
    inputs: &[Input::one("gy", "The gradient of the means."), Input::one("x", "What they are of.")],
    params: PARAMS,
    output: "The gradient of `x`.",
    nature: Nature::PLAIN.internal(),
    laws: |_| &[Law::Zero { slot: 0 }],
    infer: |args| Ok(Fact::new(Domain::Real, args.fact(1).dims.clone())),
    eval: |args| Ok(topk::top_mean_grad(args.tensor(0), args.tensor(1), count(args.attrs, args.tensor(1).dims())?)?),
    grad: Gradient::Of(|g| {
        let x = g.input(1);
        let ones = g.op("affine", &[g.input(0)], Attrs::new().float("scale", 0.0).float("shift", 1.0))?;
        let shares = g.op("top_mean.grad", &[ones, x], g.attrs.clone())?;
        let read = g.op("mul", &[g.gradient, shares], Attrs::new())?;
        let axes: Vec<i64> = (1..g.fact(x).rank() as i64).collect();
        Ok(vec![Some(g.op("sum", &[read], Attrs::new().ints("axes", axes))?), None])
    }),
    ..OpDef::USUAL
};

/// C1: `x` has samples. C2: one of `fraction` and `count` is given. C3: it is in range, as far as the lengths are known.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let x = rules::real(args, 0)?;
    let Some(samples) = x.dims.first() else {
        return Err(OpError::new(Code::RankMismatch, format!("`x` must have samples, this is {x}")).at("x"));
    };
    expect_share(args, x)?;
    let domain = if rules::keeps_role(&x.domain) { x.domain.clone() } else { rules::within(rules::range(&x.domain)) };
    Ok(Fact::new(domain, vec![samples.clone()]))
}

/// The share of a sample's numbers is said once and is one that there is, as far as the lengths are known.
pub(super) fn expect_share(args: &Infer, x: &Fact) -> Result<(), OpError> {
    if x.rank() == 0 {
        return Err(OpError::new(Code::RankMismatch, format!("`x` must have samples, this is {x}")).at("x"));
    }
    match (args.attrs.get("fraction").is_some(), args.attrs.get("count").is_some()) {
        (true, true) => {
            return Err(OpError::new(Code::TooManyArguments, "either `fraction` or `count`, not both").at("count"));
        }
        (false, false) => return Err(OpError::new(Code::MissingArgument, "`fraction` or `count` must be given")),
        _ => {}
    }
    let numbers = x.dims[1..].iter().fold(Dim::constant(1), |product, dim| product * dim.clone());
    let numbers = numbers.as_const().map_or(usize::MAX, |numbers| usize::try_from(numbers).unwrap_or(0));
    limited(args.attrs, numbers).map(drop)
}

pub(super) fn count(attrs: &Attrs, dims: &[usize]) -> Result<usize, OpError> {
    limited(attrs, dims.iter().skip(1).product())
}

/// How many of `numbers` count.
fn limited(attrs: &Attrs, numbers: usize) -> Result<usize, OpError> {
    let wrong = |name, message| Err(OpError::new(Code::OutOfRange, message).at(name));
    if attrs.get("count").is_some() {
        let count = attrs.get_int("count")?;
        return match usize::try_from(count).ok().filter(|count| (1..=numbers).contains(count)) {
            Some(count) => Ok(count),
            None => wrong("count", format!("`count` must be from 1 to {numbers}, it is {count}")),
        };
    }
    let fraction = attrs.get_float("fraction")?;
    if !(fraction > 0.0 && fraction <= 1.0) {
        return wrong("fraction", format!("`fraction` must be above 0 and at most 1, it is {fraction}"));
    }
    Ok(((numbers as f64 * fraction) as usize).max(1))
}
