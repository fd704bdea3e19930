//! What must be accepted without a word: `tests/accepted/*.wsss`, one recipe after each line that begins with `//===`.

use std::path::Path;

use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::hir;
use wsss::lower::{Choices, lower};
use wsss::source::Sources;

use crate::errors::CaseFiles;

#[test]
fn good_recipes_have_no_problems() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accepted");
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut found = Vec::new();
    let mut recipes = 0;
    for entry in entries {
        let path = entry.expect("an entry of the corpus").path();
        let text = std::fs::read_to_string(&path).expect("the corpus is readable");
        for recipe in text.split("//===").skip(1) {
            let (title, text) = recipe.split_once('\n').unwrap_or((recipe, ""));
            let (mut sources, mut problems) = (Sources::new(), Problems::default());
            let program = hir::load("good.wsss", text, &[], &CaseFiles, &mut sources, &mut problems);
            let recipe = lower("good", &program, &Choices::default(), &mut problems);
            if !problems.has_errors() {
                compile(&recipe, &mut problems);
            }
            let place = format!("{}:{title}", path.display());
            found.extend(problems.sorted().iter().map(|problem| format!("{place}: {}", problem.message)));
            recipes += 1;
        }
    }
    assert!(recipes > 0 && found.is_empty(), "{}", found.join("\n"));
}
