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

/// What makes a `quick` variant small enough for a test.
const SMALL: &[&str] = &[
    "dataset=scenes(images = 12, size = 32, classes = 2)",
    "long_side=32..40 px",
    "crop=32 px",
    "batch=4 images",
    "epochs=1 epochs",
    "scales=[1]",
];

#[test]
fn every_recipe_runs_from_end_to_end() {
    for (name, _) in shipped() {
        let place = Place::new();
        shipped().iter().for_each(|(name, text)| place.write(name, text));
        let sets = SMALL.iter().flat_map(|set| ["--set", set]);
        let words: Vec<&str> = ["run", &name, "--variant", "quick", "--json"].into_iter().chain(sets).collect();
        let objects = place.wsss(&words).expect_code(0).objects();
        let figures = &objects.last().expect("figures")["metrics"]["seeds"];
        let figure = figures["cam_iou"]["value"].as_f64();
        assert!(figure.is_some_and(|figure| (0.0..=1.0).contains(&figure)), "{name}: {figures}");
    }
}
