//! The fields of a sample and what is known of each: those of the data set, and what was joined.

use super::streams::padded;
use crate::data::{self, Method, Transform};
use crate::diag::{Code, Diagnostic};
use crate::graph::Kind;
use crate::lower::value::{Choice, Remembered, Samples, Value, Way};
use crate::lower::{Lower, identity};
use crate::source::Span;
use crate::types::{Dim, Domain, Fact, Frame, Label, Labels, Level, Scale, View};

/// What every sample has. `valid` is 1 where the picture is and 0 in padding.
pub(in crate::lower) const OWN: [&str; 4] = ["image", "tags", "mask", "valid"];

/// A field of a sample: a tensor, or a list of tensors where a list of artifacts was joined.
pub(in crate::lower) struct Known {
    pub name: String,
    leaves: Vec<Leaf>,
    many: bool,
}

/// One tensor of a sample.
struct Leaf {
    /// What the runtime calls it.
    name: String,
    fact: Fact,
    /// Why it cannot stand beside its picture, and what to write.
    stuck: Option<(Code, String, &'static str)>,
}

impl Known {
    fn one(name: &str, fact: Fact) -> Known {
        Known { name: name.into(), leaves: vec![Leaf { name: name.into(), fact, stuck: None }], many: false }
    }

    /// What the runtime calls the tensors of the field, with what is known of each.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.leaves.iter().map(|leaf| (leaf.name.as_str(), &leaf.fact))
    }

    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.leaves.iter().map(|leaf| &leaf.fact)
    }
}

impl<'p> Lower<'p, '_> {
    /// The field as leaves of the graph at hand; `span` is where it is named.
    pub(in crate::lower) fn field_value(&mut self, field: &Known, span: Span) -> Value<'p> {
        let mut values = Vec::with_capacity(field.leaves.len());
        for leaf in &field.leaves {
            if let Some((code, message, help)) = &leaf.stuck {
                let label = format!("this is {}", leaf.fact);
                return self.report(Diagnostic::error(*code, message.clone()).label(span, label).help(*help));
            }
            let origin = self.origin(span);
            let Some(step) = &mut self.step else { return Value::Poison };
            let id = step.graph.leaf(Kind::Field(leaf.name.clone()), leaf.fact.clone(), origin);
            values.push(Value::Tensor(id));
        }
        match (field.many, values.pop()) {
            (false, Some(value)) => value,
            // What makes it has a mistake that was reported.
            (false, None) => Value::Poison,
            (_, last) => {
                values.extend(last);
                Value::list(values)
            }
        }
    }
}

/// The fields that samples have, with what is known of each.
pub(in crate::lower) fn fields(lower: &Lower, samples: &Samples) -> Vec<Known> {
    let batch = Dim::symbol("B");
    let classes = Dim::symbol(&samples.dataset.classes);
    let [height, width] = samples.size();
    let spatial = |channels: &[Dim]| {
        let mut dims = vec![batch.clone()];
        dims.extend_from_slice(channels);
        dims.extend([height.clone(), width.clone()]);
        dims
    };
    let standardized = samples.transforms().any(Transform::normalizes);
    let scale = if standardized { Scale::Standardized } else { Scale::Bytes };
    let labelled = |fact: Fact, level: Level| Fact { labels: Labels::seen(level, &samples.split), ..fact };
    let seen = |fact: Fact| fact.in_frame(Frame::WHOLE);
    let index = Domain::Index { classes: classes.clone() + Dim::constant(1), ignore: true };
    let mut fields = vec![
        Known::one("image", seen(Fact::new(Domain::Image(scale), spatial(&[Dim::constant(3)])))),
        Known::one("tags", labelled(Fact::new(Domain::Tags, vec![batch.clone(), classes]), Level::Image)),
        Known::one("mask", seen(labelled(Fact::new(index, spatial(&[])), Level::Pixel))),
        Known::one("valid", seen(Fact::new(Domain::Binary, spatial(&[Dim::constant(1)])))),
    ];
    for join in &samples.joins {
        let leaves = join.artifacts.iter().enumerate().filter_map(|(place, (stage, save))| {
            let stage = lower.stages.get(*stage)?;
            let artifact = stage.saves.get(&**save)?;
            let scope = lower.step.as_ref().map_or("", |step| &step.scope);
            let stage = identity::seen_from(scope, &stage.result.name);
            let name = format!("`{stage}.{save}`");
            let stuck = if artifact.fact.frame.differs(Frame::WHOLE) {
                let message = format!("{name} was saved as {}", artifact.fact.frame);
                let help = match artifact.fact.frame {
                    Frame::Picture(View { part: true, .. }) => "save a map of the whole picture: it is joined to that",
                    _ => "turn it back before `save` (`mirror(map)`): it is joined to the whole picture",
                };
                Some((Code::FrameMismatch, message, help))
            } else if !samples.is_whole() && !moves_along(&artifact.fact, artifact.whole) {
                let message =
                    format!("{name} is not as large as its picture and cannot be cropped, flipped or resized with it");
                let help =
                    "save it as large as the picture (`resize_like(image)`), or join it to pictures that nothing moves";
                Some((Code::DimensionMismatch, message, help))
            } else {
                None
            };
            // `H_cams`; for one of a family `H_cams'1`, of a used recipe `H_base'cams`: no stage is called so.
            let frame = stage.replace(['[', '.'], "'").replace('^', "''").replace(']', "");
            let fact = placed(&artifact.fact, (!artifact.whole).then_some(&*frame), &samples.size());
            let fact = padded(smoothed(fact, &join.field, samples), &join.field, samples);
            Some(Leaf { name: join.leaf(place), fact, stuck })
        });
        fields.push(Known { name: join.field.clone(), leaves: leaves.collect(), many: join.many });
    }
    for (field, maps) in &samples.folders {
        let labels = Labels::of([Label::Outside(maps.carries.as_str().into())]);
        let fact = Fact { labels, ..Fact::new(Domain::Unit, spatial(&[Dim::constant(1)])) };
        fields.push(Known::one(field, padded(seen(fact), field, samples)));
    }
    for Remembered { field, fact, .. } in &samples.memories {
        let fact = smoothed(placed(fact, None, &samples.size()), field, samples);
        fields.push(Known::one(field, padded(fact, field, samples)));
    }
    let unknown = samples.unknown.iter();
    fields.extend(unknown.map(|name| Known { name: name.clone(), leaves: Vec::new(), many: false }));
    fields
}

/// Whether what was saved can move with its picture: a map as large as it, or something that no place belongs to.
fn moves_along(fact: &Fact, whole: bool) -> bool {
    match fact.dims.as_slice() {
        [_] | [_, _] => true,
        [.., height, width] => {
            fact.rank() <= 4 && whole && height.as_symbol() == Some("H") && width.as_symbol() == Some("W")
        }
        [] => false,
    }
}

/// The fact of a saved map where it is joined. A full-size map moves with the picture; one that another frame (a crop of an
/// earlier stage) was made in has lengths of its own.
fn placed(fact: &Fact, frame: Option<&str>, [height, width]: &[Dim; 2]) -> Fact {
    let place = |dim: &Dim| match (dim.as_symbol(), frame) {
        (Some(side @ ("H" | "W")), Some(frame)) => Dim::symbol(&format!("{side}_{frame}")),
        (Some("H"), None) => height.clone(),
        (Some("W"), None) => width.clone(),
        _ => dim.clone(),
    };
    let dims = fact.dims.iter().map(place).collect();
    // It shows what the picture shows, however that is turned here; one of another crop is lost.
    let seen = match (fact.frame, frame) {
        (Frame::Picture(_), None) => Frame::WHOLE,
        (other, _) => other.lost(),
    };
    Fact { trainable: false, ..fact.with_dims(dims) }.in_frame(seen)
}

/// A mask that a recipe has resized by a mean holds what lies between 0 and 1.
fn smoothed(fact: Fact, field: &str, samples: &Samples) -> Fact {
    let mean =
        |choice: &Choice| choice.stream == field && matches!(choice.way, Way::Method(Method::Bilinear | Method::Area));
    let smooth = samples.changes.iter().flat_map(|change| &change.choices).any(mean);
    if smooth && fact.domain == Domain::Binary { fact.with_domain(Domain::Unit) } else { fact }
}

impl Samples<'_> {
    /// How many pictures there are, where that is known before the data is opened.
    pub(in crate::lower) fn images(&self) -> Option<usize> {
        data::known(&self.dataset.source, &self.split).images.map(|images| images as usize)
    }

    pub(super) fn transforms(&self) -> impl Iterator<Item = &Transform> {
        self.changes.iter().map(|change| &change.transform)
    }

    /// Height and width of what arrives: fixed by the last crop, else `H` and `W`.
    fn size(&self) -> [Dim; 2] {
        let open = || [Dim::symbol("H"), Dim::symbol("W")];
        let grow = |size: [Dim; 2], by: &dyn Fn(i64, usize) -> i64| match [size[0].as_const(), size[1].as_const()] {
            [Some(height), Some(width)] => [Dim::constant(by(height, 0)), Dim::constant(by(width, 1))],
            _ => open(),
        };
        let mut size = open();
        for transform in self.transforms() {
            size = match transform {
                Transform::RandomCrop { size: [h, w] }
                | Transform::CenterCrop { size: [h, w] }
                | Transform::TopLeftCrop { size: [h, w] } => [(*h).into(), (*w).into()],
                Transform::PadTo { size: least } => grow(size, &|side, axis| side.max(least[axis] as i64)),
                Transform::PadToMultiple { multiple } => {
                    grow(size, &|side, axis| (side as u64).next_multiple_of(multiple[axis].max(1) as u64) as i64)
                }
                resized if resized.resizes() => open(),
                _ => size,
            };
        }
        size
    }

    /// Whether what arrives is the picture as it is in the data set, pixel for pixel.
    pub(in crate::lower) fn is_whole(&self) -> bool {
        !self.transforms().any(Transform::moves)
    }

    /// Whether every picture of a batch has one size.
    pub(in crate::lower) fn has_fixed_size(&self) -> bool {
        self.size().iter().all(|side| side.as_const().is_some())
    }
}
