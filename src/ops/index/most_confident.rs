//! `most_confident`: of each class the surest pixels.

use candle_core::DType;

use super::picture::{labels, pictures};
use crate::kernels::confidence::most_confident;
use crate::kernels::indexing::one_hot;
use crate::ops::prelude::*;
use crate::ops::rules;

pub(super) static OP: OpDef = OpDef {
    name: "most_confident",
    summary: "Keeps of each class of a picture the pixels with the highest scores.",
    inputs: &[
        Input::one("labels", "Class numbers `[B, H, W]`; 255 is not known."),
        Input::one("scores", "Scores of all classes, `[B, C, H, W]`; of each pixel that of its label counts."),
    ],
    params: &[
        Param::required("share", ParamKind::Float, "The part of a class's pixels that stays, from 0 to 1."),
        Param::new(
            "least",
            ParamKind::Float,
            Preset::Float(0.0),
            "Pixels whose score is not above this do not count, and go.",
        ),
    ],
    output: "Class numbers of the same shape, 255 where one is not kept.",
    source: "RRM (Zhang et al., Reliability Does Matter, AAAI 2020) keeps 0.4 of the pixels above 0.1; as its code, equal scores at the limit all go.",
    infer,
    frame: carry::kept,
    eval,
    grad: Gradient::None("class numbers have no gradient"),
    examples: &[Example {
        about: "half of a class",
        code: "most_confident(argmax(tensor([[[[0.9, 0.8, 0.7, 0.6]]]]), axis = 1), tensor([[[[0.9, 0.8, 0.7, 0.6]]]]), share = 0.5)",
        answer: "[[[0 255 255 255]]]",
    }],
    host: Some("it sorts the pixels of each class of each picture"),
    ..OpDef::USUAL
};

/// C1: scores have a channel for each class. C2: both are of one size. C3: `share` is from 0 to 1.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let (found, classes) = rules::index(args, 0)?;
    let scores = rules::real(args, 1)?;
    args.expect_rank(0, 3)?;
    args.expect_rank(1, 4)?;
    let dims = [&found.dims[0], classes, &found.dims[1], &found.dims[2]];
    if let Some((a, b)) = dims.into_iter().zip(&scores.dims).find(|(a, b)| a != b) {
        return Err(rules::mismatch(args, 1, found, scores, a, b));
    }
    let share = args.attrs.get_float("share")?;
    if !(0.0..=1.0).contains(&share) {
        return Err(OpError::new(Code::OutOfRange, format!("`share` must be from 0 to 1, it is {share}")).at("share"));
    }
    Ok(found.with_domain(Domain::Index { classes: classes.clone(), ignore: true }))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let (found, scores) = (args.tensor(0), args.tensor(1));
    let (share, least) = (args.attrs.get_float("share")?, args.attrs.get_float("least")?);
    let classes = scores.dim(1)?;
    let own = (one_hot(found, classes, 1, scores.dtype())? * scores)?.sum(1)?.to_dtype(DType::F64)?;
    let (found, size) = pictures(found)?;
    let own = own.flatten_all()?.to_vec1::<f64>()?;
    let each = found.iter().zip(own.chunks((size[0] * size[1]).max(1)));
    labels(each.map(|(found, own)| most_confident(found, own, classes, share, least)), size)
}
