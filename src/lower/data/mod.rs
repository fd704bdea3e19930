//! Data sets, the pictures of a split, what happens to them, and what is then known of each field.

mod fields;
mod join;

use std::rc::Rc;

use super::Lower;
use super::call::Given;
use super::errors;
use super::value::{Dataset, Samples, Value};
use crate::data::{Source, Transform};
use crate::diag::{Code, Diagnostic, suggest};
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::types::Dim;

pub(super) use fields::fields;
pub(super) use join::{join, joins};

pub(super) fn dataset_field<'p>(lower: &mut Lower<'p, '_>, dataset: &Rc<Dataset>, name: &Name) -> Value<'p> {
    if name.text == "classes" {
        return Value::dim(Dim::symbol(&dataset.classes));
    }
    let known = dataset.source.splits();
    if known.contains(&name.text.as_str()) {
        return Value::Samples(Rc::new(Samples {
            dataset: dataset.clone(),
            split: name.text.clone(),
            transforms: Vec::new(),
            joins: Vec::new(),
        }));
    }
    lower.report(
        Diagnostic::error(Code::UnknownSplit, format!("the data set has no split `{}`", name.text))
            .label(name.span, "not a split")
            .help(suggest::help(&name.text, "fields", known.iter().copied().chain(["classes"]))),
    )
}

/// A data set value; equal sources are one data set with one class axis.
pub(super) fn dataset<'p>(lower: &mut Lower<'p, '_>, source: Source) -> Value<'p> {
    let known = lower.datasets.iter().find(|dataset| dataset.source == source).cloned();
    Value::Dataset(known.unwrap_or_else(|| {
        let classes = match lower.datasets.len() {
            0 => "K".to_string(),
            count => format!("K{}", count + 1),
        };
        let dataset = Rc::new(Dataset { source, classes });
        lower.datasets.push(dataset.clone());
        dataset
    }))
}

/// `samples` with one more step of augmentation.
pub(super) fn transformed<'p>(
    lower: &mut Lower<'p, '_>,
    samples: &Samples,
    transform: Transform,
    span: Span,
) -> Value<'p> {
    if let Some(mistake) = transform.mistake() {
        return lower.report(errors::out_of_range(mistake, span, "choose other numbers"));
    }
    let standardized = samples.transforms.iter().any(|earlier| matches!(earlier, Transform::Standardize { .. }));
    let too_late = matches!(transform, Transform::Standardize { .. } | Transform::ColorJitter { .. });
    if standardized && too_late {
        return lower.report(
            Diagnostic::error(Code::ImageScaleMismatch, "the pictures are standardized already")
                .label(span, "needs pictures on the scale 0–255")
                .help("colours are changed before `standardize`, and it stands once"),
        );
    }
    let mut samples = samples.clone();
    samples.transforms.push(transform);
    Value::Samples(Rc::new(samples))
}

/// The arguments of a transform: the samples, then numbers.
pub(super) fn expect_samples<'p>(lower: &mut Lower<'p, '_>, given: &Given<'p>) -> Option<Rc<Samples>> {
    match &given.value {
        Value::Samples(samples) => Some(samples.clone()),
        Value::Poison => None,
        other => {
            let diagnostic = errors::wrong_kind("the pictures of a data set", other, given.span);
            lower.report(diagnostic);
            None
        }
    }
}
