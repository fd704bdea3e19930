//! `mean_field`: a dense CRF. What scores and labels become before it is library text (`stdlib/refine.wsss`).

use std::borrow::Cow;

use candle_core::DType;

use crate::kernels::crf::{self, Kernel, Picture};
use crate::kernels::real::{contiguous, read};
use crate::ops::prelude::*;
use crate::ops::rules;
use crate::ops::window::planes;

pub(super) static OP: OpDef = OpDef {
    name: "mean_field",
    summary: "Marginals of a fully connected CRF over the pixels of each picture.",
    inputs: &[
        Input::one("logits", "`[B, C, H, W]`: negative unary energies, `log` of a score."),
        Input::one("image", "The picture itself, `[B, 3, H, W]` on the scale 0–255; one channel is grey."),
        Input::optional("present", "`[B, C]`: 0 for the classes that take no part and come out as 0."),
    ],
    params: &[
        Param::required("spatial", ParamKind::Floats, "Two numbers a kernel of places: `sxy` in pixels, weight."),
        Param::required(
            "bilateral",
            ParamKind::Floats,
            "Three numbers a kernel of places and colours: `sxy` in pixels, `srgb` of 255, weight.",
        ),
        Param::new("steps", ParamKind::Int, Preset::Int(10), "Iterations; 0 gives the softmax of the logits."),
    ],
    output: "Probabilities, as large as `logits`; they sum to 1 over the classes.",
    source: "Krähenbühl and Koltun, NIPS 2011: Potts compatibility, kernels normalised symmetrically with the pixel itself, filtered by the \
             permutohedral lattice as their library does. Computed in single precision.",
    infer,
    frame: carry::kept,
    eval,
    grad: Gradient::None("the refinement by a CRF has no gradient"),
    flops: |cost| {
        let Ok((kernels, steps)) = settings(cost.attrs) else { return 0 };
        // Splat and slice, four operations a number and vertex; softmax, some thirty.
        let numbers = cost.output.iter().product::<usize>() as u64;
        numbers * (steps as u64 * (4 * vertices(&kernels) + 30))
    },
    scratch: |cost| {
        let (Ok((kernels, _)), [_, labels, height, width]) = (settings(cost.attrs), cost.output) else { return 0 };
        // Of each pixel the index of 2 bytes and the weight of 4 for every vertex, its logits in groups of 8, its result.
        let pixel = 6 * vertices(&kernels) + 4 * (labels.next_multiple_of(8) + 2 * labels) as u64;
        (height * width) as u64 * pixel
    },
    examples: &[
        Example {
            about: "the middle is unsure; its colours say to which side it belongs",
            code: r#"mean_field(tensor([[[[2, 0, 0, -2]], [[-2, 0, 0, 2]]]]), tensor([[[[10, 10, 200, 200]]]], "image255"), spatial = [], bilateral = [1, 5, 4])"#,
            answer: "[[[[0.9997 0.9769 0.0188 0.0004]] [[0.0003 0.0231 0.9812 0.9996]]]]",
        },
        Example {
            about: "without steps it is the softmax, here of the first class alone",
            code: r#"mean_field(tensor([[[[1, 2]], [[3, 4]]]]), tensor([[[[0, 0]]]], "image255"), tensor([[1, 0]], "tags"), spatial = [3, 3], bilateral = [], steps = 0)"#,
            answer: "[[[[1 1]] [[0 0]]]]",
        },
    ],
    host: Some("the permutohedral lattice is the host's"),
    ..OpDef::USUAL
};

/// C1: scores. C2: the picture is on the scale 0–255. C3: it has 1 or 3 channels and the size of the scores. C4: one number a
/// picture and class says whether it is present. C5: see [`settings`].
fn infer(args: &Infer) -> Result<Fact, OpError> {
    settings(args.attrs)?;
    let (logits, image) = (planes(args, 0)?, planes(args, 1)?);
    if matches!(logits.domain, Domain::Unit | Domain::Probability | Domain::Binary | Domain::Tags) {
        let help = "`dense_crf` of `refine` takes scores from 0 to 1; `log` makes logits of them";
        return Err(rules::refused(args, 0, "logits").help(help));
    }
    if !matches!(image.domain, Domain::Image(Scale::Bytes) | Domain::Real | Domain::NonNegative) {
        let message = format!("expected a picture on the scale 0–255, found {image}");
        let help = "leave `standardize` out of this stage's `data`: the standard deviations of a CRF are on the scale of the file";
        return Err(OpError::new(Code::ImageScaleMismatch, message).at("image").help(help));
    }
    if ![1, 3].contains(&image.dims[1].as_const().unwrap_or(0)) {
        let message = format!("expected 1 or 3 channels, found {image}");
        return Err(OpError::new(Code::DimensionMismatch, message).at("image"));
    }
    for axis in [0, 2, 3] {
        if image.dims[axis] != logits.dims[axis] {
            let error = rules::mismatch(args, 1, logits, image, &logits.dims[axis], &image.dims[axis]);
            return Err(error.help("`resize_like(map, image)` brings a map to the size of the picture"));
        }
    }
    if let Some(present) = args.optional(2) {
        rules::truth(args, 2)?;
        if present.dims != logits.dims[..2] {
            let expected = Fact::new(Domain::Binary, logits.dims[..2].to_vec());
            if present.rank() != 2 {
                let message = format!("expected {expected}, found {present}");
                return Err(OpError::new(Code::RankMismatch, message).at("present"));
            }
            let axis = usize::from(present.dims[0] == expected.dims[0]);
            return Err(rules::mismatch(args, 2, &expected, present, &expected.dims[axis], &present.dims[axis]));
        }
    }
    Ok(Fact::new(Domain::Probability, logits.dims.clone()))
}

/// Kernels and steps. C1: pairs, and triples. C2: standard deviations above 0, weights from 0 up. C3: steps from 0 to 1000.
fn settings(attrs: &Attrs) -> Result<(Vec<Kernel>, usize), OpError> {
    let numbers = |name: &'static str, each: usize| {
        let numbers: Vec<f32> = attrs.get_floats(name)?.iter().map(|x| *x as f32).collect();
        match numbers.len() % each {
            0 => Ok(numbers),
            _ => {
                let message = format!("`{name}` must hold {each} numbers a kernel, it holds {}", numbers.len());
                Err(OpError::new(Code::OutOfRange, message).at(name))
            }
        }
    };
    let spatial = numbers("spatial", 2)?;
    let bilateral = numbers("bilateral", 3)?;
    let spatial = spatial.chunks(2).map(|k| Kernel::Spatial { sxy: k[0], weight: k[1] });
    let bilateral = bilateral.chunks(3).map(|k| Kernel::Bilateral { sxy: k[0], srgb: k[1], weight: k[2] });
    let kernels: Vec<Kernel> = spatial.chain(bilateral).collect();
    if let Some(kernel) = kernels.iter().find(|kernel| !kernel.is_sound()) {
        let name = if matches!(kernel, Kernel::Spatial { .. }) { "spatial" } else { "bilateral" };
        return Err(OpError::new(Code::OutOfRange, crf::Error::Kernel(*kernel).to_string()).at(name));
    }
    let steps = attrs.get_int("steps")?;
    match usize::try_from(steps).ok().filter(|steps| *steps <= 1000) {
        Some(steps) => Ok((kernels, steps)),
        None => {
            let message = format!("`steps` must be from 0 to 1000, it is {steps}");
            Err(OpError::new(Code::OutOfRange, message).at("steps").help("the field takes 10 or fewer"))
        }
    }
}

fn vertices(kernels: &[Kernel]) -> u64 {
    kernels.iter().map(|kernel| if matches!(kernel, Kernel::Spatial { .. }) { 3 } else { 6 }).sum()
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let (kernels, steps) = settings(args.attrs)?;
    let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
    // Numbers that are f32 and lie in a row are read where they are.
    let in_a_row = |tensor: Tensor| contiguous(&tensor.to_dtype(DType::F32)?);
    let (logits, image) = (args.tensor(0), args.tensor(1));
    let (pictures, labels, height, width) = logits.dims4()?;
    let channels = image.dim(1)?;
    let present = match args.optional(2) {
        Some(present) => numbers(present)?,
        None => vec![1.0; pictures * labels],
    };
    let pixels = height * width;
    let mut result = Vec::new();
    for (number, present) in present.chunks(labels.max(1)).enumerate() {
        let here = |label: &usize| present[*label] > 0.0;
        let kept: Vec<usize> = (0..labels).filter(here).collect();
        if kept.is_empty() {
            let help = "the background takes part, too: `with_background_tag(tags)` of `seam`";
            return Err(OpError::new(Code::OutOfRange, "no class is present").at("present").help(help));
        }
        let own = in_a_row(logits.get(number)?)?;
        let own = read::<f32>(&own)?;
        let own = if kept.len() < labels {
            Cow::Owned(kept.iter().flat_map(|label| &own[label * pixels..][..pixels]).copied().collect())
        } else {
            Cow::Borrowed(&*own)
        };
        let colours = in_a_row(image.get(number)?)?;
        let colours = read::<f32>(&colours)?;
        let picture = Picture::new(&colours, [channels, height, width]).map_err(failed)?;
        let q = crf::mean_field(&own, kept.len(), &picture, &kernels, steps).map_err(|error| match error {
            // Labels are counted among those that are present.
            crf::Error::NotANumber { label, row, column } => {
                failed(crf::Error::NotANumber { label: kept[label], row, column })
            }
            error => failed(error),
        })?;
        if kept.len() == labels && pictures == 1 {
            result = q;
            continue;
        }
        result.reserve_exact(logits.elem_count() - result.len());
        let mut planes = q.chunks(pixels.max(1));
        for label in 0..labels {
            match here(&label).then(|| planes.next()).flatten() {
                Some(plane) => result.extend_from_slice(plane),
                None => result.resize(result.len() + pixels, 0.0),
            }
        }
    }
    Ok(Tensor::from_vec(result, logits.shape(), &candle_core::Device::Cpu)?.to_dtype(args.context.dtype)?)
}

fn failed(error: crf::Error) -> OpError {
    let (code, argument) = match error {
        crf::Error::NotANumber { .. } => (Code::NotANumber, "logits"),
        crf::Error::Colour => (Code::NotANumber, "image"),
        crf::Error::Size { .. } | crf::Error::Channels { .. } => (Code::DimensionMismatch, "image"),
        crf::Error::Kernel(_) | crf::Error::TooFine(_) | crf::Error::TooLarge => (Code::OutOfRange, "image"),
    };
    OpError::new(code, error.to_string()).at(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(attrs: Attrs) -> String {
        settings(&attrs).expect_err("refused").message
    }

    #[test]
    fn kernels_come_in_pairs_and_triples() {
        let attrs = |spatial: &[f64], bilateral: &[f64], steps| {
            Attrs::new()
                .with("spatial", Attr::Floats(spatial.to_vec()))
                .with("bilateral", Attr::Floats(bilateral.to_vec()))
                .int("steps", steps)
        };
        let (kernels, steps) = settings(&attrs(&[3.0, 3.0, 1.0, 2.0], &[80.0, 13.0, 10.0], 5)).expect("kernels");
        assert_eq!((kernels.len(), vertices(&kernels), steps), (3, 12, 5));
        assert_eq!(refused(attrs(&[3.0], &[], 1)), "`spatial` must hold 2 numbers a kernel, it holds 1");
        assert!(refused(attrs(&[], &[80.0, 0.0, 10.0], 1)).ends_with("found [80, 0, 10]"));
        assert_eq!(refused(attrs(&[], &[], -1)), "`steps` must be from 0 to 1000, it is -1");
    }
}
