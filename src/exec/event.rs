//! What happens during a run, for whoever shows it: bars on a terminal, lines elsewhere, JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metrics::MetricValue;

/// The figures of a stage by name.
pub type Metrics = BTreeMap<String, MetricValue>;

/// One thing that happened. As JSON, `event` names which.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// What a stage would do; only with `dry_run`.
    StagePlanned {
        stage: String,
        key: String,
        reused: bool,
        why: String,
    },
    /// `units` is what progress counts: `steps` of training or `images`.
    StageStarted {
        stage: String,
        kind: &'static str,
        key: String,
        why: String,
        units: &'static str,
        images: usize,
    },
    /// A few times a second.
    Progress {
        stage: String,
        done: usize,
        total: usize,
        /// Since the stage was started.
        images_per_second: f64,
        /// Of the last step; only in training, as are the epochs, counted from 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        loss: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        epochs: Option<usize>,
    },
    /// One line of the training log.
    EpochFinished {
        stage: String,
        #[serde(flatten)]
        line: EpochLine,
    },
    StageReused {
        stage: String,
        key: String,
        metrics: Metrics,
    },
    StageFinished {
        stage: String,
        key: String,
        seconds: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        peak_bytes: Option<u64>,
        metrics: Metrics,
    },
    Note {
        text: String,
    },
}

/// What an epoch came to: a line of `log.jsonl`.
#[derive(Clone, PartialEq, Debug, Serialize, serde::Deserialize)]
pub struct EpochLine {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps since the beginning.
    pub steps: usize,
    /// The learning rate of the default optimizer at the last step, before the factors of `rates`.
    pub rate: f64,
    /// The mean of the summed losses.
    pub loss: f64,
    pub losses: BTreeMap<String, f64>,
    /// Losses that counted at no step of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<String>,
    pub metrics: BTreeMap<String, Option<f64>>,
    pub seconds: f64,
}
