//! What the checker proves of labels, against plain reachability: in random recipes, and in the recipes that come with the program
//! once pixel labels are led into each of their sinks.

mod mutations;
mod reachability;

use std::path::Path;

use wsss::diag::{Code, Diagnostic, Problems};
use wsss::hir::{self, Files};
use wsss::lower::{Choices, Recipe, lower};
use wsss::source::Sources;

/// Recipes that a recipe uses, from the folder of the shipped ones.
struct Shipped;

impl Files for Shipped {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
        std::fs::read_to_string(folder.join(path.file_name().unwrap_or_default()))
    }
}

fn lowered(text: &str, variants: &[String]) -> (Recipe, Vec<Diagnostic>) {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("recipe.wsss", text, &[], &Shipped, &mut sources, &mut problems);
    let recipe =
        lower("recipe", &program, &Choices { variants: variants.to_vec(), ..Choices::default() }, &mut problems);
    (recipe, problems.sorted())
}

/// Errors of other kinds mean that the text is no longer the recipe that was meant.
fn leaks(problems: &[Diagnostic]) -> Vec<&Diagnostic> {
    let is_leak = |problem: &&Diagnostic| matches!(problem.code, Code::SupervisionLeak | Code::OracleUsed);
    let others: Vec<&Diagnostic> = problems.iter().filter(|problem| problem.is_error() && !is_leak(problem)).collect();
    assert!(others.is_empty(), "{others:#?}");
    problems.iter().filter(is_leak).collect()
}
