//! `grid_patches`: cells of a size drawn for each picture.

use crate::kernels::{draw, patches};
use crate::ops::prelude::*;
use crate::ops::random::streams;
use crate::ops::window::{last_two, planes};

pub(super) static OP: OpDef = OpDef {
    name: "grid_patches",
    summary: "Cuts a picture into square cells, their size drawn for each picture.",
    inputs: &[Input::one("image", "Pictures `[B, C, H, W]`; only their size matters.")],
    params: &[
        Param::required(
            "cells",
            ParamKind::Floats,
            "Sides to choose from, in whole pixels, each equally likely. CPN takes 56 and 112 of pictures of 448.",
        ),
        Param::new("place", ParamKind::Int, Preset::Int(0), "Which of the recipe's draws this is."),
    ],
    output: "The number of each pixel's cell, `[B, H, W]`, row by row from 0; the last of a row or column may be smaller.",
    source: "The grid of Hide-and-Seek (Singh and Lee, ICCV 2017) and CPN (Zhang et al., ICCV 2021).",
    nature: Nature::RANDOM,
    infer,
    frame: carry::kept,
    eval: |args| {
        let (cells, image) = (cells(args.attrs)?, args.tensor(0));
        let chosen = draw::index(cells.len(), &image.dims()[..1], &streams(args)?, image.device())?;
        Ok(patches::grid(&cells, &chosen, last_two(image)?)?)
    },
    grad: Gradient::None("patches are numbers"),
    examples: &[Example {
        about: "cells of two",
        code: "grid_patches(tensor([[[[0, 0, 0], [0, 0, 0], [0, 0, 0]]]]), cells = [2])",
        answer: "[[[0 0 1] [0 0 1] [2 2 3]]]",
    }],
    ..OpDef::USUAL
};

/// C1: a picture. C2: at least one side, each a whole number of at least 1.
fn infer(args: &Infer) -> Result<Fact, OpError> {
    let image = planes(args, 0)?;
    let smallest = cells(args.attrs)?.into_iter().min().unwrap_or(1) as i64;
    let [batch, _, height, width] = &image.dims[..] else { return Err(OpError::internal("a picture has four axes")) };
    let along = |length: &Dim| length.ceil_div(smallest);
    let classes = along(height) * along(width);
    Ok(Fact::new(Domain::Index { classes, ignore: false }, vec![batch.clone(), height.clone(), width.clone()]))
}

fn cells(attrs: &Attrs) -> Result<Vec<usize>, OpError> {
    let cells = attrs.get_floats("cells")?;
    let wrong = |cell: &&f64| !(1.0..=65536.0).contains(*cell) || cell.fract() != 0.0;
    match cells.iter().find(wrong) {
        None if !cells.is_empty() => Ok(cells.iter().map(|cell| *cell as usize).collect()),
        _ => Err(OpError::new(Code::OutOfRange, "`cells` are whole numbers of pixels, at least one").at("cells")),
    }
}
