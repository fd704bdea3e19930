//! `position`: where along an axis an entry stands, from 0 to 1.

use crate::ops::prelude::*;

pub(super) static OP: OpDef = OpDef {
    name: "position",
    summary: "The place of each entry along one axis.",
    inputs: &[Input::one("x", "Only its shape matters.")],
    params: &[Param::required("axis", ParamKind::Int, "Counted from 0, negative from the end.")],
    output: "1 along every other axis; the middle of the entry, `(i + 0.5) / length`.",
    source: "Pixel centres, as in bilinear resizing without aligned corners.",
    nature: Nature { shapes: true, ..Nature::PLAIN },
    infer,
    frame: carry::nowhere,
    eval,
    grad: Gradient::None("a place does not depend on any number"),
    examples: &[Example { about: "two places", code: "position(tensor([7, 9]), axis = 0)", answer: "[0.25 0.75]" }],
    ..OpDef::USUAL
};

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let fact = args.fact(0);
    let axis = args.attrs.get_int("axis")?;
    let rank = fact.rank() as i64;
    if !(-rank..rank).contains(&axis) {
        return Err(OpError::new(Code::OutOfRange, format!("there is no axis {axis}, this is {fact}"))
            .at("axis")
            .help(format!("axes: 0..{}", rank - 1)));
    }
    let axis = axis.rem_euclid(rank) as usize;
    let dims = fact.dims.iter().enumerate();
    let dims = dims.map(|(i, dim)| if i == axis { dim.clone() } else { Dim::constant(1) });
    Ok(Fact::new(Domain::Unit, dims.collect()))
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let shape = args.shape()?;
    let length: usize = shape.iter().product();
    let places: Vec<f64> = (0..length).map(|i| (i as f64 + 0.5) / length as f64).collect();
    Ok(Tensor::from_vec(places, shape, &args.context.device)?.to_dtype(args.context.dtype)?)
}
