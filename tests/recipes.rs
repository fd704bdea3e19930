//! The shipped recipes: each checks as it stands and with each of its variants, and runs from end to end on a few small pictures.

use std::path::Path;

use super::cli::{Place, repository};
use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::Sources;

/// The shipped recipes, to be used by others.
pub(super) struct Pipelines;

impl Files for Pipelines {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(repository("pipelines").join(path))
    }
}

/// Names and texts of `pipelines/`.
fn shipped() -> Vec<(String, String)> {
    let files = std::fs::read_dir(repository("pipelines")).expect("pipelines/ is there");
    let mut recipes: Vec<(String, String)> = files
        .map(|file| {
            let path = file.expect("pipelines/ can be listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_string();
            (name, std::fs::read_to_string(&path).expect("a recipe is text"))
        })
        .collect();
    recipes.sort();
    recipes
}

fn variants(text: &str) -> impl Iterator<Item = &str> {
    let headers = text.lines().filter_map(|line| line.strip_prefix("variant "));
    headers.filter_map(|rest| rest.split_whitespace().next())
}

#[test]
fn every_variant_of_every_recipe_has_no_problems() {
    for (name, text) in shipped() {
        for variant in std::iter::once(None).chain(variants(&text).map(Some)) {
            let (mut sources, mut problems) = (Sources::new(), Problems::default());
            let program = hir::load(&name, &text, &[], &Pipelines, &mut sources, &mut problems);
            let choices = Choices { variants: variant.into_iter().map(str::to_string).collect(), ..Choices::default() };
            let recipe = lower(&name, &program, &choices, &mut problems);
            if !problems.has_errors() {
                compile(&recipe, &mut problems);
            }
            assert!(problems.is_empty(), "{name}, variant {variant:?}: {:#?}", problems.sorted());
        }
    }
}

/// What makes a `quick` variant small enough for a test, param by param; a recipe takes those that it has.
const SMALL: &[&str] = &[
    "dataset=scenes(images = 12, size = 32, classes = 2)",
    "long_side=32..40 px",
    "crop=32 px",
    "batch=4 images",
    "epochs=1 epochs",
    "scales=[1]",
];

/// The same of params that only one recipe has, or those of the recipes that it uses.
const OWN: &[(&str, &[&str])] = &[
    ("psa.wsss", &["affinity_crop=32 px", "affinity_batch=4 images", "affinity_epochs=1 epochs"]),
    (
        "segmentation.wsss",
        &[
            "quick_psa.long_side=32..40 px",
            "quick_psa.crop=32 px",
            "quick_psa.batch=4 images",
            "quick_psa.epochs=1 epochs",
            "quick_psa.scales=[1]",
            "quick_psa.affinity_crop=32 px",
            "quick_psa.affinity_batch=4 images",
            "quick_psa.affinity_epochs=1 epochs",
        ],
    ),
    ("occse.wsss", CLASSIFIED),
    ("cpn.wsss", CHAIN),
    ("ecsnet.wsss", CHAIN),
    (
        "isim.wsss",
        &[
            "warm=0 epochs",
            "again=0 epochs",
            "walk_long_side=32..40 px",
            "walk_crop=32 px",
            "walk_batch=4 images",
            "small_seg.crop=32 px",
            "small_seg.batch=4 images",
            "small_seg.epochs=1 epochs",
        ],
    ),
    ("multi_estimations.wsss", &["seg_crop=32 px", "seg_batch=4 images", "seg_epochs=1 epochs"]),
    ("noisy_labels.wsss", &["blocks=[4]", "me.seg_crop=32 px", "me.seg_batch=4 images", "me.seg_epochs=1 epochs"]),
];

/// Of PSA's chain and of the segmentation network, and of PSA's classifier where that is used as well.
const CHAIN: &[&str] = CLASSIFIED.split_at(6).0;
const CLASSIFIED: &[&str] = &[
    "psa.affinity_crop=32 px",
    "psa.affinity_batch=4 images",
    "psa.affinity_epochs=1 epochs",
    "seg.crop=32 px",
    "seg.batch=4 images",
    "seg.epochs=1 epochs",
    "psa.long_side=32..40 px",
    "psa.crop=32 px",
    "psa.batch=4 images",
];

#[test]
fn every_recipe_runs_from_end_to_end() {
    for (name, _) in shipped() {
        let place = Place::new();
        for (name, text) in shipped() {
            place.write(&name, &text);
        }
        let own = OWN.iter().find(|(own, _)| *own == name).map_or(&[][..], |(_, sets)| sets);
        let (_, text) = shipped().into_iter().find(|(other, _)| *other == name).expect("it is there");
        // Of the common ones those that the recipe has.
        let has =
            |set: &&&str| set.split_once('=').is_some_and(|(param, _)| text.contains(&format!("\nparam {param} ")));
        let all: Vec<&str> = SMALL.iter().filter(has).chain(own).copied().collect();
        let sets = all.iter().flat_map(|set| ["--set", set]);
        let words: Vec<&str> = ["run", &name, "--variant", "quick", "--json"].into_iter().chain(sets).collect();
        let objects = place.wsss(&words).expect_code(0).objects();
        let stages = objects.last().expect("figures")["metrics"].as_object().expect("stages").clone();
        let figures = stages.values().flat_map(|stage| stage.as_object().expect("metrics").values().cloned());
        let means: Vec<f64> = figures.filter_map(|figure| figure["value"].as_f64()).collect();
        assert!(!means.is_empty() && means.iter().all(|mean| mean.is_finite()), "{name}: {stages:?}");
    }
}
