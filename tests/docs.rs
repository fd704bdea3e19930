//! The recipes in the documents are recipes: each is checked as it stands.

use std::collections::BTreeSet;
use std::path::Path;

use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::Sources;
use wsss::syntax::format;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// The blocks of a document that are marked as recipes.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```wsss\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_recipes_of_the_language_reference_have_no_problems() {
    let blocks = blocks(include_str!("../docs/language.md"));
    assert!(!blocks.is_empty());
    for block in blocks {
        let (mut sources, mut problems) = (Sources::new(), Problems::default());
        let program = hir::load("language.md", block, &[], &NoFiles, &mut sources, &mut problems);
        let recipe = lower("language", &program, &Choices::default(), &mut problems);
        if !problems.has_errors() {
            compile(&recipe, &mut problems);
        }
        assert!(problems.is_empty(), "{block}\n{:#?}", problems.sorted());
    }
}

/// The recipes of the tutorial as files beside one another: the first is `baseline.wsss`, which later ones use.
struct Tutorial;

const TUTORIAL: &str = include_str!("../docs/tutorial.md");

impl Files for Tutorial {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("baseline.wsss") => Ok(blocks(TUTORIAL)[0].to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

#[test]
fn the_recipes_of_the_tutorial_are_formatted_and_have_no_problems() {
    assert_eq!(blocks(TUTORIAL).len(), 2);
    for block in blocks(TUTORIAL) {
        assert_eq!(format(Sources::new().add("tutorial.md", block), block).ok().as_deref(), Some(block), "formatted");
        let (mut sources, mut problems) = (Sources::new(), Problems::default());
        let program = hir::load("tutorial.wsss", block, &[], &Tutorial, &mut sources, &mut problems);
        let recipe = lower("tutorial", &program, &Choices::default(), &mut problems);
        assert!(!problems.has_errors(), "{:#?}", problems.sorted());
        compile(&recipe, &mut problems);
        assert!(problems.is_empty(), "{:#?}", problems.sorted());
    }
}

/// What the README shows of the recipe is in the recipe, line for line.
#[test]
fn the_readme_quotes_the_recipe() {
    let recipe = include_str!("../pipelines/cam.wsss");
    for block in blocks(include_str!("../README.md")) {
        let missing: Vec<&str> = block.lines().filter(|line| !recipe.lines().any(|known| known == *line)).collect();
        assert!(missing.is_empty(), "not in pipelines/cam.wsss: {missing:#?}");
    }
}

/// Every word and sign of the grammar stands in the reference, and the other way round.
#[test]
fn the_grammar_of_the_reference_has_the_words_of_the_grammar() {
    let quoted = |text: &str| -> BTreeSet<String> {
        let words = text.split('"').skip(1).step_by(2).map(str::to_owned);
        words.filter(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase())).collect()
    };
    let reference = include_str!("../docs/language.md");
    let appendix = reference.split("## Grammar").nth(1).and_then(|rest| rest.split("```").nth(1)).expect("a grammar");
    let written = quoted(appendix);
    // Comments hold quotes of their own.
    let rules: String = include_str!("../grammar/wsss.pest").lines().filter(|line| !line.starts_with("//")).collect();
    let missing: Vec<String> = quoted(&rules)
        .into_iter()
        .filter(|word| !written.contains(word) && !appendix.contains(&format!(" {word} ")))
        .collect();
    assert!(missing.is_empty(), "the reference lacks {missing:?}");
}
