//! What tests of the front end share: a recipe's text in, its problems or its graphs out, as text.

use std::io;
use std::path::Path;

use super::{Choices, Recipe, lower};
use crate::diag::{Diagnostic, Problems};
use crate::hir::{self, Files};
use crate::source::Sources;

/// No other recipe can be used.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Lowers a recipe with variants and `--set` values.
pub(crate) fn lowered(text: &str, variants: &[&str], sets: &[(&str, &str)]) -> (Recipe, Sources, Vec<Diagnostic>) {
    let mut sources = Sources::new();
    let mut problems = Problems::default();
    let sets: Vec<(String, String)> = sets.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let program = hir::load("test.wsss", text, &sets, &NoFiles, &mut sources, &mut problems);
    let choices = Choices { variants: variants.iter().map(|name| name.to_string()).collect(), ..Choices::default() };
    let recipe = lower("test", &program, &choices, &mut problems);
    (recipe, sources, problems.sorted())
}

/// `3:14 unknown-name: nothing here is called …`, a line a problem; labels and help indented below.
pub(crate) fn told(sources: &Sources, problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for problem in problems {
        text += &format!("{}: {}\n", problem.code, problem.message);
        for label in &problem.labels {
            text += &format!("  {} `{}` {}\n", sources.place(label.span), sources.text(label.span), label.text);
        }
        if let Some(help) = &problem.help {
            text += &format!("  help: {help}\n");
        }
    }
    text
}
