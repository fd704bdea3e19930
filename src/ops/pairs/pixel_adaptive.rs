//! `pixel_adaptive`: maps that become means of the pixels around that have the same colour.

use crate::kernels::local_refine::local_refine;
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

pub(super) static OP: OpDef = OpDef {
    name: "pixel_adaptive",
    summary: "Refines maps by colour: each pixel becomes, again and again, the mean of those around it that look alike.",
    inputs: &[
        Input::one("map", "Maps `[B, K, H, W]`."),
        Input::one("image", "The pictures they are of, `[B, C, H, W]`, on any scale."),
    ],
    params: &[
        Param::required(
            "dilations",
            ParamKind::Floats,
            "Distances at which the eight neighbours are looked at, in whole pixels; the paper's code takes 1, 2, 4, 8, 12 and 24.",
        ),
        Param::new("rounds", ParamKind::Int, Preset::Int(10), "How often, from 0 to 1000."),
    ],
    output: "As large as `map`: each number a mean of its map's own.",
    source: "PAMR (Araslanov and Roth, Single-Stage Semantic Segmentation from Image Labels, CVPR 2020), as its released code.",
    laws: |_| &[Law::Zero { slot: 0 }],
    infer,
    range: carry::same_numbers,
    frame: carry::kept,
    eval: |args| {
        let (dilations, rounds) = how(args.attrs)?;
        Ok(local_refine(args.tensor(0), args.tensor(1), &dilations, rounds)?)
    },
    grad: Gradient::None("refined maps are what is learnt from, not what learns"),
    flops: |cost| {
        let neighbours = 8 * cost.attrs.get_floats("dilations").map_or(0, <[f64]>::len) as u64;
        let rounds = cost.attrs.get_int("rounds").unwrap_or(0).max(0) as u64;
        2 * neighbours * rounds * cost.output.iter().product::<usize>() as u64
    },
    scratch: |cost| {
        let neighbours = 8 * cost.attrs.get_floats("dilations").map_or(0, <[f64]>::len);
        ((neighbours + 8) * cost.output.iter().skip(2).product::<usize>() * cost.real) as u64
    },
    examples: &[Example {
        about: "one colour: the mean of the eight, what is beyond the border counted as what is at it",
        code: "pixel_adaptive(tensor([[[[0, 0, 8], [0, 0, 0], [0, 0, 0]]]]), tensor([[[[1, 1, 1], [1, 1, 1], [1, 1, 1]]]]), dilations = [1], rounds = 1)",
        answer: "[[[[0 2 3] [0 1 2] [0 0 0]]]]",
    }],
    ..OpDef::USUAL
};

/// C1: both are maps of the same pictures. C2: distances are whole numbers of at least 1. C3: `rounds` is from 0 to 1000.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (map, image) = (planes(args, 0)?, planes(args, 1)?);
    for axis in [0, 2, 3] {
        let (a, b) = (&map.dims[axis], &image.dims[axis]);
        if a != b {
            return Err(rules::mismatch(args, 1, map, image, a, b));
        }
    }
    how(args.attrs)?;
    let domain = match &map.domain {
        Domain::Probability => Domain::Probability,
        domain if rules::keeps_role(domain) => domain.clone(),
        domain => rules::within(rules::range(domain)),
    };
    Ok(Fact::new(domain, map.dims.clone()))
}

fn how(attrs: &Attrs) -> Result<(Vec<usize>, usize), OpError> {
    let (dilations, rounds) = (attrs.get_floats("dilations")?, attrs.get_int("rounds")?);
    let wrong = |far: &f64| !(1.0..=4096.0).contains(far) || far.fract() != 0.0;
    if dilations.is_empty() || dilations.iter().any(wrong) {
        let message = "`dilations` are whole numbers of pixels, at least one";
        return Err(OpError::new(Code::OutOfRange, message).at("dilations"));
    }
    if !(0..=1000).contains(&rounds) {
        return Err(
            OpError::new(Code::OutOfRange, format!("`rounds` must be from 0 to 1000, it is {rounds}")).at("rounds")
        );
    }
    Ok((dilations.iter().map(|far| *far as usize).collect(), rounds as usize))
}
