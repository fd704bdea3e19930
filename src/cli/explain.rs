//! `wsss explain CODE`: the section of `docs/errors.md` about one diagnostic.

use super::exit::Exit;
use super::output::Output;
use crate::diag::Code;

const PAGES: &str = include_str!("../../docs/errors.md");

#[derive(clap::Args)]
pub(super) struct Args {
    /// What stands in brackets after `error`; without it, every code with its first sentence
    code: Option<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Exit {
    let Some(code) = args.code else {
        output.text(&index());
        return Exit::Done;
    };
    // `error[syntax]` and `[syntax]` are what one copies from a terminal.
    let word = code.trim_start_matches("error").trim_start_matches("warning").trim_matches(['[', ']']);
    match section(word) {
        Some(text) => {
            output.text(&format!("{}\n\n{}", output.bold(word), plain(text)));
            Exit::Done
        }
        None => output.unknown("code", &code, "codes", Code::ALL.iter().map(|code| code.slug())),
    }
}

/// The text under `## code`, without the heading.
fn section(code: &str) -> Option<&'static str> {
    sections().find(|(name, _)| *name == code).map(|(_, text)| text)
}

fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGES.split("\n## ").skip(1).filter_map(|section| {
        let (name, text) = section.split_once('\n')?;
        Some((name.trim(), text.trim()))
    })
}

/// Markdown for a terminal: code is indented in place of its fences, and said to be wrong or mended.
fn plain(text: &str) -> String {
    let mut code = false;
    let mut heads = ["This has the problem:", "This is mended:"].into_iter();
    let mut lines = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
            if code && let Some(head) = heads.next() {
                lines += &format!("{head}\n\n");
            }
        } else if code && !line.is_empty() {
            lines += &format!("    {line}\n");
        } else {
            lines += &format!("{line}\n");
        }
    }
    lines
}

fn index() -> String {
    let width = Code::ALL.iter().map(|code| code.slug().len()).max().unwrap_or(0);
    let first_sentence = |text: &str| {
        let text = text.split("\n\n").next().unwrap_or("").replace('\n', " ");
        let end = text.find(". ").or(text.find(": ")).map_or(text.len(), |end| end + 1);
        text[..end].trim_end_matches(':').to_string()
    };
    sections().map(|(name, text)| format!("{name:width$}  {}\n", first_sentence(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{self, Budget};
    use crate::diag::{Problems, render};
    use crate::plan::Kept;
    use crate::source::Sources;
    use crate::{compile, hir, lower};

    #[test]
    fn every_code_has_a_section_and_every_section_a_code() {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.slug()).collect();
        let sections: Vec<&str> = sections().map(|(name, _)| name).collect();
        assert_eq!(codes, sections, "docs/errors.md has a section for each code of diag/codes.rs, in that order");
    }

    #[test]
    fn every_section_says_something_and_shows_a_wrong_and_a_mended_recipe() {
        for (name, text) in sections() {
            let words = text.split("```").next().unwrap_or("");
            assert!(words.trim().ends_with('.') && words.len() > 60, "{name} says too little: {words}");
            assert_eq!(text.matches("\n```wsss\n").count(), 2, "{name} shows two recipes");
        }
    }

    /// Problems that a recipe alone does not have: they come from the command line, the disk, the machine, or ourselves.
    const BEYOND_THE_TEXT: &[Code] = &[
        Code::UnknownVariant,
        Code::DataNotFound,
        Code::DataBroken,
        Code::WeightsNotFound,
        Code::WeightsMismatch,
        Code::WeightsRefused,
        Code::WeightsChanged,
        Code::CannotWrite,
        Code::NotANumber,
        Code::OutOfMemory,
        Code::NoDevice,
        Code::Interrupted,
        Code::Internal,
    ];

    /// A recipe that is its own only neighbour: `use "name.wsss"` opens it again.
    struct Itself(&'static str, &'static str);

    impl hir::Files for Itself {
        fn read(&self, path: &std::path::Path) -> std::io::Result<String> {
            let found = path == std::path::Path::new(self.0);
            if found { Ok(self.1.into()) } else { Err(std::io::ErrorKind::NotFound.into()) }
        }
    }

    fn codes(name: &'static str, text: &'static str) -> (Vec<&'static str>, String) {
        let (mut sources, mut problems) = (Sources::new(), Problems::default());
        let program = hir::load(name, text, &[], &Itself(name, text), &mut sources, &mut problems);
        let recipe = lower::lower("example", &program, &lower::Choices::default(), &mut problems);
        if !problems.has_errors()
            && let Some(compiled) = compile::compile(&recipe, &mut problems)
        {
            problems.extend(cost::refuse(
                &compiled,
                &cost::costs(&compiled, Kept::F32),
                Budget { bytes: 4 << 30, workers: 1 },
            ));
        }
        let drawn = problems.iter().map(|problem| render::draw(problem, &sources, false)).collect();
        (problems.iter().map(|problem| problem.code.slug()).collect(), drawn)
    }

    #[test]
    fn the_wrong_recipes_have_the_problem_and_the_mended_ones_have_none() {
        let mut mistakes = String::new();
        for (name, text) in sections() {
            let blocks: Vec<&str> =
                text.split("```wsss\n").skip(1).filter_map(|block| block.split("```").next()).collect();
            let file = format!("{name}.wsss").leak();
            let code = Code::from_slug(name).expect("a section has a code");
            let [wrong, mended] = blocks.as_slice() else { panic!("{name} shows two recipes") };
            if !BEYOND_THE_TEXT.contains(&code) {
                let (codes, drawn) = codes(file, wrong);
                if !codes.contains(&name) {
                    mistakes += &format!("--- {name}: expected it, found {codes:?}\n{drawn}\n");
                }
            }
            let (codes, drawn) = codes(file, mended);
            if !codes.is_empty() {
                mistakes += &format!("--- {name}, mended: found {codes:?}\n{drawn}\n");
            }
        }
        assert!(mistakes.is_empty(), "{mistakes}");
    }

    #[test]
    fn a_page_is_plain_text() {
        let page = plain("Words.\n\n```wsss\nlet a = b\n\nlet c = 2\n```\n\n```wsss\nlet a = 1\n```\n");
        let expected =
            "Words.\n\nThis has the problem:\n\n    let a = b\n\n    let c = 2\n\nThis is mended:\n\n    let a = 1\n";
        assert_eq!(page, expected);
    }
}
