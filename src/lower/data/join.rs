//! `samples with { cam = cams.cam }`: what earlier stages saved, or a folder holds, joined by image.

use std::rc::Rc;

use super::fields::OWN;
use crate::diag::{Code, Diagnostic};
use crate::lower::recipe::Join;
use crate::lower::value::{Joined, Samples, Value};
use crate::lower::{Lower, errors, identity};
use crate::source::Span;
use crate::syntax::ast::Name;

/// `samples with { field = stage.save, seeds = [a.crf, b.crf] }`
pub(in crate::lower) fn join<'p>(
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
        let many = matches!(value, Value::List(_));
        let folder = match &value {
            Value::Maps(maps) => Some(maps.clone()),
            _ => None,
        };
        let artifacts = match folder {
            Some(_) => Vec::new(),
            None => match artifacts(lower, value, span) {
                Some(artifacts) => artifacts,
                None => return Value::Poison,
            },
        };
        let known = samples.joins.iter().map(|join| &join.field).chain(samples.folders.iter().map(|(field, _)| field));
        if OWN.contains(&name.text.as_str()) || known.into_iter().any(|field| *field == name.text) {
            return lower.report(
                Diagnostic::error(Code::DuplicateName, format!("the pictures have a field `{}` already", name.text))
                    .label(name.span, "again here")
                    .help("choose another name for the joined artifact"),
            );
        }
        for (stage, save) in &artifacts {
            lower.expect_covered(&samples, base_span, *stage, save, span);
        }
        if let Some(maps) = folder {
            samples.folders.push((name.text.clone(), maps));
            continue;
        }
        samples.joins.push(Joined { field: name.text.clone(), artifacts, many });
    }
    Value::Samples(Rc::new(samples))
}

/// The artifact, or each of a list.
fn artifacts<'p>(lower: &mut Lower<'p, '_>, value: Value<'p>, span: Span) -> Option<Vec<(usize, Rc<str>)>> {
    match value {
        Value::Artifact(stage, save) => Some(vec![(stage, save)]),
        value if value.is_poison() => None,
        Value::List(items) if items.is_empty() => {
            lower.report(errors::out_of_range("no artifact is joined", span, "name at least one: `[cams.cam]`"));
            None
        }
        Value::List(items) => {
            let mut all = Vec::with_capacity(items.len());
            for item in items.iter() {
                match item {
                    Value::Artifact(stage, save) => all.push((*stage, save.clone())),
                    other => {
                        let problem = errors::wrong_kind("artifacts of stages in this list", other, span);
                        lower.report(problem.help("the list is flat: `with { seeds = [a.seed, b.seed] }`"));
                        return None;
                    }
                }
            }
            Some(all)
        }
        other => {
            let problem = errors::wrong_kind("an artifact of a stage", &other, span);
            lower.report(problem.help("name what an earlier stage saves: `with { cam = cams.cam }`"));
            None
        }
    }
}

impl Joined {
    /// What the runtime calls the artifact at `place`: `cam`, or `seeds.0` of a list.
    pub(in crate::lower) fn leaf(&self, place: usize) -> String {
        if self.many { format!("{}.{place}", self.field) } else { self.field.clone() }
    }
}

/// The joins of samples as the runtime wants them.
pub(in crate::lower) fn joins(lower: &Lower, samples: &Samples, scope: &str) -> Vec<Join> {
    let mut known = Vec::new();
    for join in &samples.joins {
        for (place, (stage, save)) in join.artifacts.iter().enumerate() {
            let Some(from) = lower.stages.get(*stage) else { continue };
            let Some(artifact) = from.saves.get(&**save) else { continue };
            known.push(Join {
                field: join.leaf(place),
                stage: identity::seen_from(scope, &from.result.name),
                save: save.to_string(),
                index: artifact.fact.domain.is_index(),
                // Without the images.
                rank: artifact.fact.rank().saturating_sub(1),
            });
        }
    }
    known
}
