//! The data sets of the language: where their pictures come from.

use std::path::PathBuf;

use super::Arguments;
use crate::data::{COCO_YEARS, OnTop, Source};
use crate::diag::suggest;
use crate::hir::builtins::BuiltinId as Is;
use crate::lower::value::Value;
use crate::lower::{Lower, errors};

/// What `voc2012`, `coco`, `folder` or `scenes` is given; a mistake is reported.
pub(super) fn source<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Source> {
    if a.builtin.id == Is::Scenes {
        return Some(Source::Scenes {
            images: a.whole(lower, 0, 600.0, 2.0)?,
            size: if a.get(1).is_some() { a.size(lower, 1)? } else { [96, 96] },
            classes: a.whole(lower, 2, 6.0, 1.0)?,
            seed: a.whole(lower, 3, 0.0, 0.0)? as u64,
        });
    }
    let root = PathBuf::from(a.text(lower, 0, "")?);
    let tags = tags_file(lower, a)?;
    Some(match a.builtin.id {
        Is::Voc2012 => Source::Voc2012 { root, tags },
        Is::Coco => Source::Coco { root, year: coco_year(lower, a, 2)?, on_top: on_top(lower, a, 3)?, tags },
        _ => Source::Folder { root, tags },
    })
}

/// The file of tags that a data set is given in place of its own.
fn tags_file<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Option<PathBuf>> {
    match a.get(1).map(|given| &given.value) {
        None | Some(Value::Nothing) => Some(None),
        Some(_) => a.text(lower, 1, "").map(|file| Some(PathBuf::from(file))),
    }
}

fn coco_year<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<u16> {
    let [first, second] = COCO_YEARS;
    let year = a.number(lower, slot, first.into())?;
    let known = COCO_YEARS.into_iter().find(|known| f64::from(*known) == year);
    if known.is_none() {
        let span = a.get(slot).map_or(a.span, |given| given.span);
        let message = format!("`coco` has the years {first} and {second}, this is {year}");
        lower.report(errors::out_of_range(message, span, "published figures are of 2014"));
    }
    known
}

fn on_top<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<OnTop> {
    let word = a.text(lower, slot, "later")?;
    let known = [("later", OnTop::Later), ("smaller", OnTop::Smaller)];
    if let Some((_, on_top)) = known.iter().find(|(known, _)| *known == word) {
        return Some(*on_top);
    }
    let span = a.get(slot).map_or(a.span, |given| given.span);
    let help = suggest::help(&word, "words", known.iter().map(|(known, _)| *known));
    lower.report(errors::out_of_range(format!("`on_top` of `coco` cannot be `{word}`"), span, help));
    None
}
