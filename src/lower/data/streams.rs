//! What augmentation does to single fields: what stands around the picture, how a joined map is resized. The type of a field
//! decides where the recipe says nothing, and holds where it does.

use super::fields::{Known, fields};
use crate::data::{IGNORE, Method, Placed, Streams};
use crate::diag::{Code, Diagnostic};
use crate::lower::value::{Choice, Samples, Way};
use crate::lower::{Lower, errors};
use crate::types::{Domain, Fact, Interval, Scale};

/// Every `fill` and `method` names a field and gives it what its domain allows.
pub(in crate::lower) fn choices(lower: &mut Lower, samples: &Samples) {
    let known = fields(lower, samples);
    let mut scale = Scale::Bytes;
    for change in &samples.changes {
        for choice in &change.choices {
            let Some(field) = known.iter().find(|field| field.name == choice.stream) else {
                let names: Vec<&str> = known.iter().map(|field| field.name.as_str()).collect();
                lower.report(errors::unknown_field("a sample", &choice.stream, choice.span, names));
                continue;
            };
            // A picture is filled on the scale it has at that step.
            let at_the_step = |fact: &Fact| match fact.domain {
                Domain::Image(_) => fact.with_domain(Domain::Image(scale)),
                _ => fact.clone(),
            };
            let problem = field.facts().find_map(|fact| refused(choice, &at_the_step(fact)));
            if let Some(problem) = problem {
                lower.report(problem);
            }
        }
        if change.transform.normalizes() {
            scale = Scale::Standardized;
        }
    }
}

fn refused(choice: &Choice, fact: &Fact) -> Option<Diagnostic> {
    let name = &choice.stream;
    match &choice.way {
        Way::Fill(numbers) => {
            let wrong = |what: String, help: &str| {
                Some(errors::out_of_range(what, choice.span, help).label(choice.span, format!("`{name}` is {fact}")))
            };
            if fact.rank() < 3 || name == "valid" {
                return wrong(
                    format!("nothing fills `{name}`"),
                    "pictures and maps are filled; `valid` says where there is padding",
                );
            }
            if numbers.len() == 3 && name != "image" {
                return wrong(format!("`{name}` is filled with one number"), "three colours are for `image`");
            }
            let bad = numbers.iter().find(|number| !holds(&fact.domain, **number))?;
            wrong(
                format!("`{name}` cannot be filled with {bad}: it is `{}`", fact.domain.word()),
                allowed(&fact.domain),
            )
        }
        Way::Method(method) => {
            let diagnostic = if fact.domain.is_index() {
                if *method == Method::Nearest {
                    return None;
                }
                Diagnostic::error(
                    Code::IndexInterpolation,
                    format!("class numbers have no mean: `{name}` cannot be resized by \"{}\"", method.word()),
                )
                .help("leave it to \"nearest\", or join scores and resize those")
            } else if fact.rank() < 3 || matches!(name.as_str(), "image" | "valid") {
                Diagnostic::error(Code::OutOfRange, format!("how `{name}` is resized cannot be chosen")).help(
                    "pictures are resized as Pillow does it (bicubic); joined maps of real numbers may state a method",
                )
            } else {
                return None;
            };
            Some(diagnostic.label(choice.span, format!("`{name}` is {fact}")))
        }
    }
}

/// Whether a number belongs to a domain.
pub(in crate::lower) fn holds(domain: &Domain, number: f64) -> bool {
    match domain {
        Domain::Index { classes, ignore } => {
            let below = classes.as_const().is_none_or(|classes| number < classes as f64);
            let known = number.fract() == 0.0 && (0.0..f64::from(u8::MAX)).contains(&number) && below;
            known || (*ignore && number == f64::from(IGNORE))
        }
        Domain::Unit | Domain::Probability | Domain::Image(Scale::Unit) => (0.0..=1.0).contains(&number),
        Domain::Binary | Domain::Tags => number == 0.0 || number == 1.0,
        Domain::NonNegative => number >= 0.0,
        Domain::Image(Scale::Bytes) => (0.0..=255.0).contains(&number),
        Domain::LogProbability => number <= 0.0,
        _ => number.is_finite(),
    }
}

pub(in crate::lower) fn allowed(domain: &Domain) -> &'static str {
    match domain {
        Domain::Index { ignore: true, .. } => "a class number, or 255 for \"not known\"",
        Domain::Index { ignore: false, .. } => "a class number; it knows no \"ignore\"",
        Domain::Unit | Domain::Probability | Domain::Image(Scale::Unit) => "0 to 1",
        Domain::Binary | Domain::Tags => "0 or 1",
        Domain::Image(Scale::Bytes) => "0 to 255 a colour, in the order red, green, blue",
        Domain::LogProbability => "0 and below",
        Domain::NonNegative => "0 and up",
        _ => "a finite number",
    }
}

/// What is known of a joined map after padding: 255 among class numbers, sums that are not 1 among probabilities.
pub(super) fn padded(fact: Fact, field: &str, samples: &Samples) -> Fact {
    let mut fact = fact;
    for change in samples.changes.iter().filter(|change| change.transform.pads()) {
        let fill = change.choices.iter().find_map(|choice| match &choice.way {
            Way::Fill(numbers) if choice.stream == field => numbers.first().copied(),
            _ => None,
        });
        fact = match &fact.domain {
            Domain::Index { classes, ignore } => {
                let ignore = *ignore || fill.is_none_or(|fill| fill == f64::from(IGNORE));
                fact.with_domain(Domain::Index { classes: classes.clone(), ignore })
            }
            Domain::Probability => fact.with_domain(Domain::Unit),
            Domain::LogProbability => fact.with_domain(Domain::Real),
            _ => {
                let range = fact.range.union(Interval::point(fill.unwrap_or(0.0)));
                fact.in_range(range)
            }
        };
    }
    fact
}

/// The augmentation of samples as the runtime wants it: every field under the names of its tensors.
pub(in crate::lower) fn placed(lower: &Lower, samples: &Samples, stage: &str) -> Vec<Placed> {
    let known = fields(lower, samples);
    let steps = samples.changes.iter().enumerate().map(|(position, change)| {
        let mut streams = Streams::default();
        if change.transform.resizes() {
            // Between 0 and 1 there is nothing: a mask stays a mask.
            let masks = known
                .iter()
                .flat_map(Known::tensors)
                .filter(|(name, fact)| fact.domain == Domain::Binary && fact.rank() >= 3 && *name != "valid");
            streams.method.extend(masks.map(|(name, _)| (name.to_owned(), Method::Nearest)));
        }
        for choice in &change.choices {
            let Some(field) = known.iter().find(|field| field.name == choice.stream) else { continue };
            for (name, _) in field.tensors() {
                match &choice.way {
                    Way::Fill(numbers) => drop(streams.fill.insert(name.to_owned(), numbers.clone())),
                    Way::Method(method) => drop(streams.method.insert(name.to_owned(), *method)),
                }
            }
        }
        let place = crate::random::place(&format!("{stage}/data/{position}"));
        Placed { transform: change.transform.clone(), place, streams }
    });
    steps.collect()
}
