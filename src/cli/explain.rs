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

/// Markdown for a terminal: code is indented in place of its fences.
fn plain(text: &str) -> String {
    let mut code = false;
    let mut lines = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
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

    #[test]
    fn a_page_is_plain_text() {
        let page = plain("Words.\n\n```wsss\nlet a = 1\n\nlet b = 2\n```\n");
        assert_eq!(page, "Words.\n\n    let a = 1\n\n    let b = 2\n");
    }
}
