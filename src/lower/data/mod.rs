//! Data sets, the pictures of a split, what happens to them, and what is then known of each field.

mod fields;
mod join;
mod sample;
mod streams;

use std::rc::Rc;

use super::Lower;
use super::call::Given;
use super::errors;
use super::value::{Change, Dataset, Samples, Value};
use crate::data::Source;
use crate::diag::{Code, Diagnostic, suggest};
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::types::Dim;

pub(super) use fields::OWN;
pub(super) use join::{join, joins};
pub(super) use sample::{Sample, map};
pub(super) use streams::{allowed, choices, holds, placed};

pub(super) fn dataset_field<'p>(lower: &mut Lower<'p, '_>, dataset: &Rc<Dataset>, name: &Name) -> Value<'p> {
    if name.text == "classes" {
        return Value::dim(Dim::symbol(&dataset.classes));
    }
    let known = dataset.source.splits();
    if known.contains(&name.text.as_str()) {
        return Value::Samples(Rc::new(Samples {
            dataset: dataset.clone(),
            split: name.text.clone(),
            changes: Vec::new(),
            joins: Vec::new(),
            folders: Vec::new(),
            memories: Vec::new(),
            unknown: Vec::new(),
            maps: Vec::new(),
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
    samples: &Samples<'p>,
    change: Change,
    span: Span,
) -> Value<'p> {
    if let Some((_, at)) = samples.maps.first() {
        return lower.report(
            Diagnostic::error(
                Code::AugmentAfterMap,
                "the pictures are changed one by one, and `map` has made a batch of them",
            )
            .label(span, "stands after `map`")
            .label(*at, "sees whole batches")
            .help("write it before `map`"),
        );
    }
    let transform = &change.transform;
    if let Some(mistake) = transform.mistake() {
        return lower.report(errors::out_of_range(mistake, span, "choose other numbers"));
    }
    let normalized = samples.changes.iter().any(|earlier| earlier.transform.normalizes());
    if normalized && transform.colours() {
        return lower.report(
            Diagnostic::error(Code::ImageScaleMismatch, "the pictures are standardized already")
                .label(span, "needs pictures on the scale 0–255")
                .help("colours are changed before `standardize`, and it stands once"),
        );
    }
    let mut samples = samples.clone();
    samples.changes.push(change);
    Value::Samples(Rc::new(samples))
}

/// The arguments of a transform: the samples, then numbers.
pub(super) fn expect_samples<'p>(lower: &mut Lower<'p, '_>, given: &Given<'p>) -> Option<Rc<Samples<'p>>> {
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
