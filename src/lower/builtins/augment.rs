//! The words of augmentation: one more change of the pictures, with what it does differently to some fields.

use super::{Arguments, Is};
use crate::data::{Method, Transform};
use crate::diag::suggest;
use crate::lower::value::{Change, Choice, Value, Way};
use crate::lower::{Lower, data, errors};

/// `samples |> random_crop(448, fill = { image = 0 })`
pub(super) fn change<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let samples = data::expect_samples(lower, a.get(0)?)?;
    let transform = transform(lower, a)?;
    let mut choices = Vec::new();
    for (slot, parameter) in a.builtin.parameters.iter().enumerate() {
        match parameter.name {
            "fill" => choices.extend(fills(lower, a, slot)?),
            "method" => choices.extend(methods(lower, a, slot)?),
            _ => {}
        }
    }
    Some(data::transformed(lower, &samples, Change { transform, choices }, a.span))
}

fn transform<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Transform> {
    Some(match a.builtin.id {
        Is::ResizeLong => Transform::Resize { long_side: a.whole(lower, 1, 0.0, 1.0)? },
        Is::RandomResize => Transform::RandomResize { long_side: sides(lower, a)? },
        Is::ClampLongSide => Transform::ClampLongSide { long_side: sides(lower, a)? },
        Is::RandomScale => match a.get(1).map(|given| &given.value) {
            Some(Value::List(_)) => Transform::RandomScaleOf { factors: factors(lower, a)? },
            _ => Transform::RandomScale { factor: a.range(lower, 1)? },
        },
        Is::RandomFlip => Transform::RandomFlip { p: a.number(lower, 1, 0.5)? },
        Is::ColorJitter => Transform::ColorJitter {
            brightness: a.number(lower, 1, 0.3)?,
            contrast: a.number(lower, 2, 0.3)?,
            saturation: a.number(lower, 3, 0.3)?,
            hue: a.number(lower, 4, 0.1)?,
        },
        Is::HsvJitter => Transform::HsvJitter {
            hue: a.whole(lower, 1, 10.0, 0.0)?,
            saturation: a.whole(lower, 2, 10.0, 0.0)?,
            value: a.whole(lower, 3, 10.0, 0.0)?,
        },
        Is::RandomCrop => Transform::RandomCrop { size: a.size(lower, 1)? },
        Is::CenterCrop => Transform::CenterCrop { size: a.size(lower, 1)? },
        Is::TopLeftCrop => Transform::TopLeftCrop { size: a.size(lower, 1)? },
        Is::PadTo => Transform::PadTo { size: a.size(lower, 1)? },
        Is::PadToMultiple => Transform::PadToMultiple { multiple: a.size(lower, 1)? },
        Is::SubtractMean => Transform::SubtractMean {
            mean: a.numbers(lower, 1, [104.008, 116.669, 122.675])?,
            bgr: match a.text(lower, 2, "bgr")?.as_str() {
                "bgr" => true,
                "rgb" => false,
                _ => return a.wrong(lower, 2, "\"bgr\" or \"rgb\""),
            },
        },
        _ => Transform::Standardize {
            mean: a.numbers(lower, 1, [0.485, 0.456, 0.406])?,
            std: a.numbers(lower, 2, [0.229, 0.224, 0.225])?,
        },
    })
}

/// A range of whole pixels.
fn sides<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<[usize; 2]> {
    let sides = a.range(lower, 1)?;
    if sides.iter().any(|side| side.fract() != 0.0 || *side < 1.0) {
        return a.wrong(lower, 1, "a range of whole pixels");
    }
    Some(sides.map(|side| side as usize))
}

fn factors<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Vec<f64>> {
    let items = super::list(lower, a, 1)?;
    let factors = items.iter().map(|item| match item {
        Value::Number(factor) => Some(*factor),
        _ => None,
    });
    factors.collect::<Option<Vec<f64>>>().or_else(|| a.wrong(lower, 1, "a list of factors"))
}

/// `fill = { image = 0, seeds = 255 }`
fn fills<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<Vec<Choice>> {
    let Some(given) = a.get(slot) else { return Some(Vec::new()) };
    let Value::Record(fields) = &given.value else {
        return a.wrong(lower, slot, "a record of numbers, `{ seeds = 255 }`");
    };
    let mut choices = Vec::with_capacity(fields.len());
    for (stream, value) in fields.iter() {
        let numbers = match value {
            Value::Number(number) => Some(vec![*number]),
            Value::List(items) if items.len() == 3 => items
                .iter()
                .map(|item| match item {
                    Value::Number(number) => Some(*number),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let Some(numbers) = numbers else {
            let problem = errors::wrong_kind("a number, or three for the colours of a picture", value, given.span);
            lower.report(problem.help(format!("write `fill = {{ {stream} = 0 }}`")));
            return None;
        };
        choices.push(Choice { stream: stream.clone(), way: Way::Fill(numbers), span: given.span });
    }
    Some(choices)
}

/// `method = { sal = "area" }`
fn methods<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<Vec<Choice>> {
    let Some(given) = a.get(slot) else { return Some(Vec::new()) };
    let Value::Record(fields) = &given.value else {
        return a.wrong(lower, slot, "a record of texts, `{ sal = \"area\" }`");
    };
    let mut choices = Vec::with_capacity(fields.len());
    for (stream, value) in fields.iter() {
        let Value::Text(word) = value else {
            let problem = errors::wrong_kind("a text", value, given.span);
            lower.report(problem.help(format!("write `method = {{ {stream} = \"area\" }}`")));
            return None;
        };
        let Some(method) = Method::ALL.into_iter().find(|method| method.word() == &**word) else {
            let words = Method::ALL.map(Method::word);
            let message = format!("`{stream}` cannot be resized by \"{word}\"");
            lower.report(errors::out_of_range(message, given.span, suggest::help(word, "methods", words)));
            return None;
        };
        choices.push(Choice { stream: stream.clone(), way: Way::Method(method), span: given.span });
    }
    Some(choices)
}
