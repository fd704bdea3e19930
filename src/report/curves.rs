//! Training as curves, and what each threshold came to.

use super::chart::{self, Chart, Series};
use super::facts::{Facts, StageFacts};
use super::html::text;
use crate::exec::EpochLine;

pub(super) fn training(facts: &Facts) -> String {
    facts.stages.iter().map(|stage| charts(stage, &trained(&stage.log))).collect()
}

/// Curves of figures that were tried at several thresholds.
pub(super) fn sweeps(facts: &Facts) -> String {
    let mut html = String::new();
    for stage in &facts.stages {
        let series: Vec<Series> = stage
            .metrics
            .iter()
            .filter_map(|(name, metric)| {
                let curve = metric.detail.get("curve")?.as_array()?;
                let points = curve.iter().filter_map(|point| Some((point.get(0)?.as_f64()?, point.get(1)?.as_f64())));
                let points: Vec<(f64, Option<f64>)> = points.collect();
                (points.len() > 1).then(|| Series { name: name.clone(), points })
            })
            .collect();
        let chart = Chart { title: "mean IoU by threshold", across: "threshold", whole: false, series };
        html += &charts(stage, &[chart]);
    }
    html
}

/// The charts of one stage beside one another, under its name.
fn charts(stage: &StageFacts, charts: &[Chart]) -> String {
    let drawn: String = charts.iter().map(chart::draw).collect();
    if drawn.is_empty() {
        return String::new();
    }
    format!("<h3><code>{}</code></h3>\n<div class=\"row\">\n{drawn}</div>\n", text(stage.name))
}

fn trained(log: &[EpochLine]) -> Vec<Chart<'static>> {
    let series = |name: &str, value: &dyn Fn(&EpochLine) -> Option<f64>| Series {
        name: name.into(),
        points: log.iter().map(|line| (line.epoch as f64, value(line))).collect(),
    };
    // A loss that is off counts at no step: there is no number to show. Names may come and go from epoch to epoch.
    let mut losses: Vec<&String> = log.iter().flat_map(|line| line.losses.keys()).collect();
    let mut metrics: Vec<&String> = log.iter().flat_map(|line| line.metrics.keys()).collect();
    [&mut losses, &mut metrics].into_iter().for_each(|names| {
        names.sort();
        names.dedup();
    });
    let mut lines: Vec<Series> = losses
        .iter()
        .map(|name| series(name, &|line| line.losses.get(*name).copied().filter(|_| !line.off.contains(name))))
        .collect();
    if lines.len() != 1 {
        lines.insert(0, series("all together", &|line| Some(line.loss)));
    }
    let figures = metrics.iter().map(|name| series(name, &|line| line.metrics.get(*name).copied().flatten())).collect();
    let chart = |title, series| Chart { title, across: "epoch", whole: true, series };
    vec![
        chart("loss", lines),
        chart("learning rate", vec![series("rate", &|line| Some(line.rate))]),
        chart("figures of the step", figures),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_off_has_a_gap() {
        let line = |epoch, off: &[&str]| EpochLine {
            epoch,
            steps: epoch,
            rate: 0.1,
            loss: 3.0,
            losses: [("a".to_string(), 1.0), ("b".to_string(), 2.0)].into(),
            off: off.iter().map(|name| name.to_string()).collect(),
            metrics: Default::default(),
            seconds: 0.0,
        };
        let charts = trained(&[line(1, &["b"]), line(2, &[])]);
        let shown: Vec<_> = charts[0].series.iter().map(|series| (series.name.as_str(), series.points[0].1)).collect();
        assert_eq!(shown, [("all together", Some(3.0)), ("a", Some(1.0)), ("b", None)]);
        assert_eq!(charts[0].series[2].points[1], (2.0, Some(2.0)));
        assert!(trained(&[]).iter().all(|chart| chart::draw(chart).is_empty()));
    }
}
