//! `bernoulli`, `random_uniform`, `random_normal`, `random_index`: tensors that chance fills.

use super::shared::streams;
use crate::kernels::draw::{self, Distribution};
use crate::ops::prelude::*;
use crate::ops::rules::length;

const DIMS: Param =
    Param::required("dims", ParamKind::Dims, "The shape; its first axis is that of the samples (`size(image, 0)`).");
const PLACE: Param = Param::new("place", ParamKind::Int, Preset::Int(0), "Which of the recipe's draws this is.");

const SOURCE: &str =
    "A sample draws the same numbers in any batch; another epoch, another place in the recipe draws others.";

pub(super) static BERNOULLI: OpDef = OpDef {
    name: "bernoulli",
    summary: "Ones by chance, zeros elsewhere.",
    params: &[
        DIMS,
        Param::new("p", ParamKind::Float, Preset::Float(0.5), "The probability of a 1, from 0 to 1."),
        PLACE,
    ],
    output: "Zeros and ones of that shape.",
    source: SOURCE,
    nature: Nature::RANDOM,
    infer: |args| {
        let p = args.attrs.get_float("p")?;
        if !(0.0..=1.0).contains(&p) {
            return Err(OpError::new(Code::OutOfRange, format!("`p` must be from 0 to 1, it is {p}")).at("p"));
        }
        shaped(args, Domain::Binary)
    },
    frame: carry::nowhere,
    eval: |args| drawn(args, Distribution::Bernoulli(args.attrs.get_float("p")?)),
    grad: Gradient::None("chance does not depend on any number"),
    examples: &[Example { about: "for certain", code: "bernoulli([2, 3], p = 1)", answer: "[[1 1 1] [1 1 1]]" }],
    ..OpDef::USUAL
};

pub(super) static UNIFORM: OpDef = OpDef {
    name: "random_uniform",
    summary: "Numbers by chance, evenly from 0 to below 1.",
    params: &[DIMS, PLACE],
    output: "Numbers of that shape.",
    source: SOURCE,
    nature: Nature::RANDOM,
    infer: |args| shaped(args, Domain::Unit),
    frame: carry::nowhere,
    eval: |args| drawn(args, Distribution::Uniform),
    grad: Gradient::None("chance does not depend on any number"),
    examples: &[Example { about: "below 1", code: "random_uniform([1, 3]) < 1", answer: "[[1 1 1]]" }],
    ..OpDef::USUAL
};

pub(super) static NORMAL: OpDef = OpDef {
    name: "random_normal",
    summary: "Numbers by chance, normally distributed with mean 0 and variance 1.",
    params: &[DIMS, PLACE],
    output: "Numbers of that shape.",
    source: SOURCE,
    nature: Nature::RANDOM,
    infer: |args| shaped(args, Domain::Real),
    frame: carry::nowhere,
    eval: |args| drawn(args, Distribution::Normal),
    grad: Gradient::None("chance does not depend on any number"),
    examples: &[Example { about: "times 0", code: "0 * random_normal([1, 2])", answer: "[[0 0]]" }],
    ..OpDef::USUAL
};

pub(super) static INDEX: OpDef = OpDef {
    name: "random_index",
    summary: "Class numbers by chance, each equally likely.",
    params: &[DIMS, Param::required("classes", ParamKind::Dim, "How many there are to choose from."), PLACE],
    output: "Class numbers of that shape.",
    source: SOURCE,
    nature: Nature::RANDOM,
    infer: |args| {
        let Some(classes) = length(args.attrs, "classes")? else {
            return Err(OpError::internal("`classes` is one length"));
        };
        if classes.as_const().is_some_and(|classes| classes < 1) {
            return Err(
                OpError::new(Code::OutOfRange, format!("`classes` must be at least 1, it is {classes}")).at("classes")
            );
        }
        shaped(args, Domain::Index { classes, ignore: false })
    },
    frame: carry::nowhere,
    eval: |args| {
        let [classes] = args.dims("classes")?[..] else { return Err(OpError::internal("`classes` is one length")) };
        Ok(draw::index(classes, &args.shape()?, &streams(args)?, &args.context.device)?)
    },
    grad: Gradient::None("chance does not depend on any number"),
    examples: &[Example { about: "one to choose from", code: "random_index([3], classes = 1)", answer: "[0 0 0]" }],
    ..OpDef::USUAL
};

/// C1: there is an axis of samples. C2: lengths are not negative.
fn shaped(args: &Infer, domain: Domain) -> Result<Fact, OpError> {
    let dims = args.attrs.dims("dims")?;
    if dims.is_empty() {
        let message = "a random tensor has an axis of samples";
        return Err(OpError::new(Code::RankMismatch, message).at("dims").help("begin with `size(image, 0)`"));
    }
    match dims.iter().find(|dim| dim.as_const().is_some_and(|length| length < 0)) {
        Some(dim) => Err(OpError::new(Code::OutOfRange, format!("a length of {dim} is below zero")).at("dims")),
        None => Ok(Fact::new(domain, dims.to_vec())),
    }
}

fn drawn(args: &Eval, distribution: Distribution) -> Result<Tensor, OpError> {
    Ok(draw::real(distribution, &args.shape()?, &streams(args)?, args.context.dtype, &args.context.device)?)
}
