//! What the runtime is told of a stage: its pictures, and the weights of other stages that it reads.

use std::collections::BTreeSet;

use crate::graph::{Graph, Kind};
use crate::lower::recipe::{DataPlan, Init, Weight};
use crate::lower::value::Samples;
use crate::lower::{Lower, data, identity};

impl Lower<'_, '_> {
    /// Weights and states of earlier stages' nets that the graph reads or that weights of this one begin with.
    pub(super) fn borrowed(&self, graph: &Graph, weights: &[Weight], scope: &str) -> Vec<Weight> {
        let read = graph.ids().filter_map(|id| match &graph.node(id).kind {
            Kind::Weight { path, .. } | Kind::State(path) => Some(path.as_str()),
            _ => None,
        });
        let begun = weights.iter().filter_map(|weight| match &weight.init {
            Init::Weight(path) => Some(path.as_str()),
            _ => None,
        });
        let wanted: BTreeSet<&str> = read.chain(begun).collect();
        let mut borrowed = Vec::new();
        for lowered in &self.stages {
            let stage = identity::seen_from(scope, &lowered.result.name);
            let beginning = format!("{stage}.");
            let mut paths = wanted.range(beginning.as_str()..);
            if !paths.next().is_some_and(|path| path.starts_with(&beginning)) {
                continue;
            }
            let seen = lowered.result.weights.iter().map(|weight| Weight { stage: stage.clone(), ..weight.clone() });
            borrowed.extend(seen.filter(|weight| wanted.contains(weight.path().as_str())));
        }
        borrowed
    }

    pub(super) fn data_plan(
        &self,
        samples: Option<&Samples<'_>>,
        stage: &str,
        scope: &str,
        mut fields: Vec<String>,
    ) -> DataPlan {
        fields.sort();
        match samples {
            Some(samples) => DataPlan {
                source: samples.dataset.source.clone(),
                split: samples.split.clone(),
                transforms: data::placed(self, samples, stage),
                joins: data::joins(self, samples, scope),
                folders: samples.folders.iter().map(|(field, maps)| (field.clone(), maps.folder.clone())).collect(),
                fields,
                classes: samples.dataset.classes.clone(),
            },
            // Only where a problem has been reported; such a recipe does not run.
            None => DataPlan {
                source: crate::data::Source::Scenes { images: 2, size: [16, 16], classes: 1, seed: 0 },
                split: "train".into(),
                transforms: Vec::new(),
                joins: Vec::new(),
                folders: Vec::new(),
                fields,
                classes: "K".into(),
            },
        }
    }
}
