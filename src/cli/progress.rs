//! What a run shows while it goes: bars on a terminal, a line now and then elsewhere, objects under `--json`.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::output::Output;
use crate::exec::{Event, Metrics};
use crate::metrics::MetricValue;

/// Without a terminal, a stage says this often how far it is.
const NOW_AND_THEN: Duration = Duration::from_secs(15);

pub(super) struct Progress<'o> {
    output: &'o Output,
    quiet: bool,
    /// Whether it tells what a dry run would do.
    plan: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    said: Instant,
    /// The memory that each stage was predicted to take, in bytes, where it can be held against what it took.
    pub predicted: HashMap<String, u64>,
}

impl<'o> Progress<'o> {
    pub fn new(output: &'o Output, quiet: bool) -> Progress<'o> {
        let terminal = io::stderr().is_terminal() && !output.json && !quiet;
        Progress { output, quiet, plan: true, terminal, bar: None, said: Instant::now(), predicted: HashMap::new() }
    }

    /// For a command that tells what a dry run would do itself.
    pub fn without_plan(self) -> Progress<'o> {
        Progress { plan: false, ..self }
    }

    /// Where it is shown.
    pub fn output(&self) -> &'o Output {
        self.output
    }

    pub fn on(&mut self, event: &Event) {
        if !self.plan && matches!(event, Event::StagePlanned { .. }) {
            return;
        }
        if self.output.json {
            self.output.object("event", serde_json::to_value(event).unwrap_or(json!({})));
            return;
        }
        if let Event::StagePlanned { stage, reused, why, .. } = event {
            // What a dry run is asked for is its result.
            self.output.text(&format!("{stage}: {}, {why}", if *reused { "reused" } else { "would run" }));
            return;
        }
        if self.quiet {
            return;
        }
        if self.terminal {
            self.draw(event);
        }
        if let Some(line) = self.line(event) {
            match &self.bar {
                // Above the bar, which moves down.
                Some(bar) => bar.suspend(|| self.output.note(&line)),
                None => self.output.note(&line),
            }
        }
    }

    fn draw(&mut self, event: &Event) {
        match event {
            Event::StageStarted { stage, units, .. } => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
                let template = format!("{{prefix}} {{wide_bar}} {{pos}}/{{len}} {units} {{msg}} ({{eta}} left)");
                if let Ok(style) = ProgressStyle::with_template(&template) {
                    bar.set_style(style.progress_chars("━╸ "));
                }
                bar.set_prefix(stage.clone());
                self.bar = Some(bar);
            }
            Event::Progress { done, total, images_per_second, loss, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_length(*total as u64);
                    let loss = loss.map_or(String::new(), |loss| format!("loss {loss:.4}, "));
                    bar.set_message(format!("{loss}{images_per_second:.1} images/s"));
                    bar.set_position(*done as u64);
                }
            }
            Event::StageFinished { .. } => self.clear(),
            _ => {}
        }
    }

    /// Takes the bar away, so that what follows stands where it was.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// The line an event is worth; progress only now and then, and only where no bar shows it.
    fn line(&mut self, event: &Event) -> Option<String> {
        if let Event::Progress { .. } = event {
            if self.terminal || self.said.elapsed() < NOW_AND_THEN {
                return None;
            }
            self.said = Instant::now();
        }
        line(event, &self.predicted)
    }
}

fn line(event: &Event, predicted: &HashMap<String, u64>) -> Option<String> {
    Some(match event {
        Event::StagePlanned { .. } => return None,
        Event::StageStarted { stage, kind, why, images, .. } => format!("{stage} ({kind}): {images} images, {why}"),
        Event::Progress { stage, done, total, images_per_second, loss, .. } => {
            let loss = loss.map_or(String::new(), |loss| format!(", loss {loss:.4}"));
            format!("{stage}: {done} of {total}{loss}, {images_per_second:.1} images/s")
        }
        Event::EpochFinished { stage, line } => {
            let metrics = line.metrics.iter().filter_map(|(name, value)| Some(format!(", {name} {:.4}", (*value)?)));
            let metrics: String = metrics.collect();
            let off: String = line.off.iter().map(|loss| format!(", {loss} off")).collect();
            format!(
                "{stage}: epoch {}, loss {:.4}{off}{metrics}, rate {:.2e}, {:.1} s",
                line.epoch, line.loss, line.rate, line.seconds
            )
        }
        Event::StageReused { stage, key, .. } => format!("{stage}: reused, {}", short(key)),
        Event::StageFinished { stage, key, seconds, peak_bytes, .. } => {
            let mut memory = peak_bytes.map_or(String::new(), |bytes| format!(", peak memory {} MiB", bytes >> 20));
            if let (Some(_), Some(bytes)) = (peak_bytes, predicted.get(stage)) {
                memory += &format!(" (predicted {} MiB)", bytes >> 20);
            }
            format!("{stage}: done in {seconds:.1} s{memory}, {}", short(key))
        }
        Event::Note { text } => text.clone(),
    })
}

/// Enough of a key to find its folder by.
fn short(key: &str) -> &str {
    key.get(..12).unwrap_or(key)
}

/// The figures of one stage, a line each, with what was chosen by looking at masks marked.
pub(super) fn figures(stage: &str, metrics: &Metrics) -> String {
    let width = metrics.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{stage}\n");
    for (name, MetricValue { value, oracle, over, .. }) in metrics {
        let value = value.map_or("none".to_string(), |value| format!("{value:.4}"));
        let oracle = if *oracle { "  (oracle: chosen by looking at the masks)" } else { "" };
        let over = if over.is_empty() { String::new() } else { format!("  {over}") };
        text += &format!("  {name:width$}  {value}{over}{oracle}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::exec::EpochLine;

    #[test]
    fn a_line_an_event() {
        let stage = || "cls".to_string();
        let key = || "0123456789abcdef".to_string();
        let why = || "it has never run".to_string();
        let epoch = EpochLine {
            epoch: 2,
            steps: 60,
            rate: 0.05,
            loss: 0.25,
            losses: Default::default(),
            off: vec!["seg".to_string()],
            metrics: [("accuracy".to_string(), Some(0.5))].into(),
            seconds: 3.21,
        };
        let events = [
            Event::StageStarted { stage: stage(), kind: "train", key: key(), why: why(), units: "steps", images: 480 },
            Event::Progress {
                stage: stage(),
                done: 3,
                total: 90,
                images_per_second: 40.0,
                loss: Some(0.5),
                epoch: Some(1),
                epochs: Some(3),
            },
            Event::EpochFinished { stage: stage(), line: epoch },
            Event::StageFinished {
                stage: stage(),
                key: key(),
                seconds: 9.87,
                peak_bytes: Some(300 << 20),
                metrics: Metrics::new(),
            },
            Event::StageReused { stage: stage(), key: key(), metrics: Metrics::new() },
        ];
        let lines: Vec<String> = events.iter().filter_map(|event| line(event, &HashMap::new())).collect();
        expect![[r#"
            cls (train): 480 images, it has never run
            cls: 3 of 90, loss 0.5000, 40.0 images/s
            cls: epoch 2, loss 0.2500, seg off, accuracy 0.5000, rate 5.00e-2, 3.2 s
            cls: done in 9.9 s, peak memory 300 MiB, 0123456789ab
            cls: reused, 0123456789ab"#]]
        .assert_eq(&lines.join("\n"));
        let with_prediction = line(&events[3], &HashMap::from([(stage(), 290 << 20)]));
        let expected = "cls: done in 9.9 s, peak memory 300 MiB (predicted 290 MiB), 0123456789ab";
        assert_eq!(with_prediction.as_deref(), Some(expected));
    }

    #[test]
    fn oracles_are_marked() {
        let value = |value, oracle| MetricValue {
            value,
            oracle,
            over: "7 classes, 12 images".into(),
            detail: serde_json::Value::Null,
        };
        let metrics =
            [("ap".to_string(), value(None, false)), ("cam_iou".to_string(), value(Some(0.4312), true))].into();
        expect![[r#"
            seeds
              ap       none  7 classes, 12 images
              cam_iou  0.4312  7 classes, 12 images  (oracle: chosen by looking at the masks)
        "#]]
        .assert_eq(&figures("seeds", &metrics));
    }
}
