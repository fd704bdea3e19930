//! The top of the page: what ran, how, and what each stage took.

use super::facts::{Facts, StageFacts};
use super::html::{absent, table, text};
use crate::diag::amount;

pub(super) fn head(facts: &Facts) -> String {
    let lock = facts.run.lock;
    let mut html = format!("<header>\n<h1>{}</h1>\n", text(&super::name(facts)));
    if let Some(recipe) = facts.run.recipe.filter(|recipe| !recipe.doc.is_empty()) {
        html += &format!("<p>{}</p>\n", text(recipe.doc.join("\n").trim()));
    }
    let variants = if lock.variants.is_empty() { "none".to_string() } else { lock.variants.join(", ") };
    let mut rows = vec![
        ("variants", variants),
        ("seed", lock.seed.to_string()),
        ("device", lock.device.clone()),
        ("began", facts.began.clone()),
        ("version", format!("wsss {}, primitives {}", lock.version, lock.primitives)),
        ("run", facts.run.folder.name()),
    ];
    if let Some(limit) = lock.limit {
        rows.insert(2, ("pictures", format!("the first {limit} of every split")));
    }
    html += "<dl>\n";
    rows.iter().for_each(|(name, value)| html += &format!("<dt>{name}</dt><dd>{}</dd>\n", text(value)));
    html += "</dl>\n";
    // What a recipe takes the labels off is said before any figure.
    for declassified in facts.run.recipe.iter().flat_map(|recipe| &recipe.declassified) {
        html += &format!(
            "<p class=\"warn\">declassified in <code>{}</code>: {}</p>\n",
            text(&declassified.stage),
            text(&declassified.reason)
        );
    }
    html + "</header>\n"
}

/// What could not be read, in front of all that may lack it.
pub(super) fn missing(facts: &Facts) -> String {
    facts.missing.iter().map(|line| absent(line)).collect()
}

pub(super) fn stages(facts: &Facts) -> String {
    let rows = facts.stages.iter().map(|stage| {
        let record = stage.finished.as_ref().map(|finished| &finished.record);
        let kind = record.map(|record| record.kind.as_str()).or(stage.plan.map(|plan| plan.kind.word()));
        let of = |value: Option<String>| text(&value.unwrap_or_default()).to_string();
        vec![
            format!("<code>{}</code>", text(stage.name)),
            of(kind.map(String::from)),
            of(Some(state(stage))),
            of(record.map(|record| record.images.to_string())),
            of(record.map(|record| seconds(record.seconds))),
            of(record.and_then(|record| record.peak_bytes).map(amount::bytes)),
        ]
    });
    let html = table(&["stage", "kind", "what became of it", "pictures", "wall time", "peak memory"], rows);
    match facts.stages.iter().any(|stage| stage.note.as_ref().is_some_and(|note| note.reused)) {
        true => html + &absent("Time and memory of a stage that was reused are those of the run that made it."),
        false => html,
    }
}

fn state(stage: &StageFacts) -> String {
    match &stage.note {
        None => "did not run".into(),
        Some(note) => format!("{}: {}", if note.reused { "reused" } else { "ran" }, note.why),
    }
}

/// `4.2 s`, `12 min 5 s`, `3 h 20 min`.
fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_as_people_say_them() {
        let said = [0.04, 59.2, 59.6, 60.0, 725.4, 12_000.0].map(super::seconds);
        assert_eq!(said, ["0.0 s", "59.2 s", "1 min 0 s", "1 min 0 s", "12 min 5 s", "3 h 20 min"]);
    }
}
