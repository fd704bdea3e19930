//! Whole recipes on a few drawn pictures: text in, figures out.

mod erasing;
mod joins;
mod numbers;
mod refresh;
mod samples;
mod tiles;

use std::collections::BTreeMap;
use std::path::Path;

use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::exec::{self, Options};
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::Sources;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// The figures of every stage, `stage.metric` to its value. The recipe must have no problem at all.
fn figures(text: &str) -> BTreeMap<String, f64> {
    let out = tempfile::tempdir().expect("a folder for results");
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("program.wsss", text, &[], &NoFiles, &mut sources, &mut problems);
    let recipe = lower("program", &program, &Choices::default(), &mut problems);
    let compiled = if problems.has_errors() { None } else { compile(&recipe, &mut problems) };
    let told = problems.sorted().into_iter().map(|problem| format!("{}: {}", problem.code, problem.message));
    let told: Vec<String> = told.collect();
    assert!(told.is_empty(), "{text}\n{}", told.join("\n"));
    let options = Options { out: out.path().to_owned(), workers: 2, ..Options::default() };
    let outcome = exec::run(&compiled.expect("no problems"), &options, &mut |_| {}).expect("the recipe runs");
    let figures = outcome.stages.iter().flat_map(|stage| {
        stage.metrics.iter().filter_map(|(name, metric)| Some((format!("{}.{name}", stage.name), metric.value?)))
    });
    figures.collect()
}
