//! What the runtime is told of a stage: its pictures, and the weights of other stages that it reads.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Kind};
use crate::lower::recipe::{DataPlan, Init, Weight};
use crate::lower::value::Samples;
use crate::lower::{Lower, data};

impl Lower<'_, '_> {
    /// Weights and states of earlier stages' nets that the graph reads or that weights of this one begin with.
    pub(super) fn borrowed(&self, graph: &Graph, weights: &[Weight], own: &str) -> Vec<Weight> {
        let read = graph.ids().filter_map(|id| match &graph.node(id).kind {
            Kind::Weight { path, .. } | Kind::State(path) => Some(path.as_str()),
            _ => None,
        });
        let begun = weights.iter().filter_map(|weight| match &weight.init {
            Init::Weight(path) => Some(path.as_str()),
            _ => None,
        });
        let mut wanted: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut seen = HashSet::new();
        for path in read.chain(begun).filter(|path| seen.insert(*path)) {
            if let Some((stage, _)) = path.split_once('.')
                && stage != own
            {
                wanted.entry(stage).or_default().push(path);
            }
        }
        let mut borrowed = Vec::new();
        for lowered in &self.stages {
            let Some(paths) = wanted.get(lowered.result.name.as_str()) else { continue };
            let by_path: HashMap<String, &Weight> =
                lowered.result.weights.iter().map(|weight| (weight.path(), weight)).collect();
            borrowed.extend(paths.iter().filter_map(|path| by_path.get(*path).copied().cloned()));
        }
        borrowed
    }

    pub(super) fn data_plan(&self, samples: Option<&Samples<'_>>, stage: &str, mut fields: Vec<String>) -> DataPlan {
        fields.sort();
        match samples {
            Some(samples) => DataPlan {
                source: samples.dataset.source.clone(),
                split: samples.split.clone(),
                transforms: data::placed(self, samples, stage),
                joins: data::joins(self, samples),
                fields,
                classes: samples.dataset.classes.clone(),
            },
            // Only where a problem has been reported; such a recipe does not run.
            None => DataPlan {
                source: crate::data::Source::Scenes { images: 2, size: [16, 16], classes: 1, seed: 0 },
                split: "train".into(),
                transforms: Vec::new(),
                joins: Vec::new(),
                fields,
                classes: "K".into(),
            },
        }
    }
}
