//! Every figure with what it is over, what was expected, and values a class as small bars.

use serde_json::Value;

use super::facts::Facts;
use super::galleries::DataSets;
use super::html::{table, text};
use crate::metrics::MetricValue;

/// Values a class that have bars: what they are called in a figure's detail and in the page, and whether the background is the first.
const BY_CLASS: [(&str, &str, bool); 2] = [("iou", "IoU a class", true), ("ap", "AP a class", false)];

/// More classes than any data set here has; a longer list is no list of classes.
const MOST_CLASSES: usize = 256;

pub(super) fn figures(facts: &Facts) -> String {
    let stages = facts.stages.iter().flat_map(|stage| stage.metrics.iter().map(move |metric| (stage.name, metric)));
    let rows: Vec<Vec<String>> = stages
        .map(|(stage, (name, metric))| {
            let oracle = if metric.oracle { " <b class=\"oracle\">oracle</b>" } else { "" };
            vec![
                format!("<code>{}.{}</code>{oracle}", text(stage), text(name)),
                number(metric.value),
                text(&over(metric)).to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let oracle = facts.stages.iter().any(|stage| stage.metrics.values().any(|metric| metric.oracle));
    let mut html = table(&["figure", "value", "over"], rows);
    if oracle {
        html += "<p class=\"aside\">An oracle figure was chosen by looking at the masks that it is held against.</p>\n";
    }
    html
}

/// What a figure is over, and the numbers that were chosen with it.
fn over(metric: &MetricValue) -> String {
    let chosen = metric.detail.get("threshold").and_then(Value::as_f64);
    chosen.map_or(metric.over.clone(), |threshold| format!("{}; at the threshold {threshold}", metric.over))
}

pub(super) fn expected(facts: &Facts) -> String {
    if facts.expected.is_empty() {
        return String::new();
    }
    let rows = facts.expected.iter().map(|one| {
        let stated = one.variant.as_ref().map_or("the recipe".into(), |variant| format!("variant {variant}"));
        vec![
            format!("<code>{}</code>", text(&one.metric)),
            text(&one.expected).to_string(),
            if one.got.is_some() { number(one.got) } else { "not run".into() },
            one.verdict().to_string(),
            text(one.source.as_deref().unwrap_or_default()).to_string(),
            text(&stated).to_string(),
        ]
    });
    let mut html = table(&["figure", "expected", "got", "verdict", "source", "stated for"], rows);
    if facts.expected.iter().any(|one| !one.same_setting) {
        html += "<p class=\"aside\">This run has another setting than the one these figures are stated for.</p>\n";
    }
    html
}

/// Bars of every figure that has values a class, folded under its name.
pub(super) fn by_class(facts: &Facts, data: &mut DataSets) -> String {
    let mut html = String::new();
    for stage in &facts.stages {
        for (name, metric) in &stage.metrics {
            for (field, title, background) in BY_CLASS {
                let Some(values) = metric.detail.get(field).and_then(Value::as_array) else { continue };
                if values.is_empty() || values.len() > MOST_CLASSES {
                    continue;
                }
                let classes = stage.plan.map(|plan| data.classes(&plan.data.source)).unwrap_or_default();
                let inside = bars(values, background, &classes);
                let (stage, name) = (text(stage.name), text(name));
                html += &format!(
                    "<details><summary><code>{stage}.{name}</code>: {title}</summary>\n<ul class=\"bars\">{inside}</ul></details>\n"
                );
            }
        }
    }
    html
}

/// A bar a class, from 0 to 1. Classes that nobody knows are numbered.
fn bars(values: &[Value], background: bool, classes: &[String]) -> String {
    let name = |at: usize| match at.checked_sub(usize::from(background)) {
        None => "background".to_string(),
        Some(at) => classes.get(at).cloned().unwrap_or_else(|| format!("class {}", at + 1)),
    };
    let mut html = String::new();
    for (at, value) in values.iter().enumerate() {
        let value = value.as_f64();
        let percent = value.unwrap_or(0.0).clamp(0.0, 1.0) * 100.0;
        html +=
            &format!("<li>{} <i><u style=\"width:{percent:.1}%\"></u></i> {}</li>\n", text(&name(at)), number(value));
    }
    html
}

/// Four digits behind the point; a dash where there is nothing to measure.
fn number(value: Option<f64>) -> String {
    match value {
        Some(value) if value != 0.0 && value.abs() < 1e-3 => format!("{value:.3e}"),
        Some(value) => format!("{value:.4}"),
        None => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_its_name_or_its_number() {
        let values = [0.5.into(), Value::Null];
        let shown = bars(&values, true, &["a<b".to_string()]);
        assert!(shown.starts_with("<li>background <i><u style=\"width:50.0%\"></u></i> 0.5000</li>"), "{shown}");
        assert!(shown.contains("<li>a&lt;b <i><u style=\"width:0.0%\"></u></i> –</li>"), "{shown}");
        assert!(bars(&values, false, &["cat".to_string(), "dog".to_string()]).starts_with("<li>cat "));
        assert!(bars(&values, true, &[]).contains("<li>class 1 "));
    }
}
