//! Data sets, the pictures of a split, what happens to them, and what is then known of each field.

use std::rc::Rc;

use super::call::Given;
use super::errors;
use super::recipe::Join;
use super::value::{Dataset, Samples, Value};
use super::{Lower, identity};
use crate::data::{Source, Transform};
use crate::diag::{Code, Diagnostic, suggest};
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::types::{Dim, Domain, Fact, Level, Scale};

/// The split names a recipe may write for a source, before any file is opened.
fn splits(source: &Source) -> &'static [&'static str] {
    match source {
        Source::Voc2012 { .. } => &["train", "trainaug", "val", "trainval", "test"],
        Source::Folder { .. } | Source::Scenes { .. } => &["train", "val"],
    }
}

pub(super) fn dataset_field<'p>(lower: &mut Lower<'p, '_>, dataset: &Rc<Dataset>, name: &Name) -> Value<'p> {
    if name.text == "classes" {
        return Value::dim(Dim::symbol(&dataset.classes));
    }
    let known = splits(&dataset.source);
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

/// `samples with { field = stage.save }`
pub(super) fn join<'p>(
    lower: &mut Lower<'p, '_>,
    base: Value<'p>,
    base_span: Span,
    fields: Vec<(&'p Name, Value<'p>, Span)>,
) -> Value<'p> {
    let samples = match base {
        Value::Samples(samples) => samples,
        Value::Poison => return Value::Poison,
        other => return lower.report(errors::wrong_kind("the pictures of a data set", &other, base_span)),
    };
    let mut samples = (*samples).clone();
    for (name, value, span) in fields {
        match value {
            Value::Artifact(stage, save) => {
                if ["image", "tags", "mask", "valid"].contains(&name.text.as_str())
                    || samples.joins.iter().any(|(field, ..)| *field == name.text)
                {
                    return lower.report(
                        Diagnostic::error(
                            Code::DuplicateName,
                            format!("the pictures have a field `{}` already", name.text),
                        )
                        .label(name.span, "again here")
                        .help("choose another name for the joined artifact"),
                    );
                }
                samples.joins.push((name.text.clone(), stage, save.to_string()));
            }
            Value::Poison => return Value::Poison,
            other => {
                return lower.report(
                    errors::wrong_kind("an artifact of a stage", &other, span)
                        .help("name what an earlier stage saves: `with { cam = cams.cam }`"),
                );
            }
        }
    }
    Value::Samples(Rc::new(samples))
}

impl Samples {
    /// Height and width of what arrives: fixed by the last crop, else `H` and `W`.
    fn size(&self) -> [Dim; 2] {
        let mut size = [Dim::symbol("H"), Dim::symbol("W")];
        for transform in &self.transforms {
            match transform {
                Transform::RandomCrop { size: [h, w] } | Transform::CenterCrop { size: [h, w] } => {
                    size = [(*h).into(), (*w).into()];
                }
                Transform::Resize { .. } | Transform::RandomResize { .. } | Transform::RandomScale { .. } => {
                    size = [Dim::symbol("H"), Dim::symbol("W")];
                }
                _ => {}
            }
        }
        size
    }

    /// Whether what arrives is the picture as it is in the data set, pixel for pixel.
    pub(super) fn is_whole(&self) -> bool {
        !self.transforms.iter().any(moves)
    }

    /// Whether every picture of a batch has one size.
    pub(super) fn has_fixed_size(&self) -> bool {
        self.size().iter().all(|side| side.as_const().is_some())
    }
}

/// Whether a transform changes where things are.
fn moves(transform: &Transform) -> bool {
    !matches!(transform, Transform::Standardize { .. } | Transform::ColorJitter { .. })
}

/// The fields that samples have, with what is known of each.
pub(super) fn fields(lower: &Lower, samples: &Samples) -> Vec<(String, Fact)> {
    let batch = Dim::symbol("B");
    let classes = Dim::symbol(&samples.dataset.classes);
    let [height, width] = samples.size();
    let spatial = |channels: &[Dim]| {
        let mut dims = vec![batch.clone()];
        dims.extend_from_slice(channels);
        dims.extend([height.clone(), width.clone()]);
        dims
    };
    let standardized = samples.transforms.iter().any(|transform| matches!(transform, Transform::Standardize { .. }));
    let scale = if standardized { Scale::Standardized } else { Scale::Bytes };
    let labelled = |mut fact: Fact, level: Level| {
        fact.supervision = level;
        fact
    };
    let index = Domain::Index { classes: classes.clone() + Dim::constant(1), ignore: true };
    let mut fields = vec![
        ("image".to_string(), Fact::new(Domain::Image(scale), spatial(&[Dim::constant(3)]))),
        ("tags".to_string(), labelled(Fact::new(Domain::Tags, vec![batch.clone(), classes]), Level::Image)),
        ("mask".to_string(), labelled(Fact::new(index, spatial(&[])), Level::Pixel)),
        ("valid".to_string(), Fact::new(Domain::Binary, spatial(&[Dim::constant(1)]))),
    ];
    let scope = lower.step.as_ref().map_or("", |step| &step.scope);
    for (field, stage, save) in &samples.joins {
        let Some(artifact) = lower.stages.get(*stage).and_then(|stage| stage.saves.get(save)) else { continue };
        let own_frame = !artifact.whole;
        let from = identity::seen_from(scope, &lower.stages[*stage].result.name);
        let place = |dim: &Dim| match dim.as_symbol() {
            Some("H") if own_frame => Dim::symbol(&format!("H_{from}")),
            Some("W") if own_frame => Dim::symbol(&format!("W_{from}")),
            // A full-size map moves with the picture.
            Some("H") => height.clone(),
            Some("W") => width.clone(),
            _ => dim.clone(),
        };
        let mut fact = artifact.fact.with_dims(artifact.fact.dims.iter().map(place).collect());
        fact.trainable = false;
        fields.push((field.clone(), fact));
    }
    fields
}

/// The joins of samples as the runtime wants them.
pub(super) fn joins(lower: &Lower, samples: &Samples, scope: &str) -> Vec<Join> {
    let known = samples.joins.iter().filter_map(|(field, stage, save)| {
        let from = lower.stages.get(*stage)?;
        let index = from.saves.get(save)?.fact.domain.is_index();
        Some(Join {
            field: field.clone(),
            stage: identity::seen_from(scope, &from.result.name),
            save: save.clone(),
            index,
        })
    });
    known.collect()
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
