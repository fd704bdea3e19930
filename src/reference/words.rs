//! The words of the language itself (`train`, `loss`, `param`), from the rows, points and paragraphs of the reference that are about them.

use super::layout::wrap;

const REFERENCE: &str = include_str!("../../docs/language.md");

/// What the reference says of a word; `None` where it says nothing.
pub(super) fn word_page(word: &str) -> Option<String> {
    let is_name = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !word.is_empty();
    if !is_name {
        return None;
    }
    let mut text = String::new();
    let mut section = "";
    for block in blocks() {
        if let Some(title) = block.trim_start_matches('#').strip_prefix(' ').filter(|_| block.starts_with('#')) {
            section = title;
            continue;
        }
        for part in parts(block).into_iter().filter(|part| is_about(part, word)) {
            text += &format!("\n  {section}: {}\n", wrap(&plain(part), 2));
        }
    }
    (!text.is_empty()).then(|| format!("{word}, a word of the language\n{text}\n  more in docs/language.md\n"))
}

/// Paragraphs, tables, headings; no recipes.
fn blocks() -> impl Iterator<Item = &'static str> {
    let prose = REFERENCE.split("```").step_by(2);
    prose.flat_map(|prose| prose.split("\n\n")).map(str::trim).filter(|block| !block.is_empty())
}

/// The rows of a table, the points of a list, or the whole of a paragraph.
fn parts(block: &'static str) -> Vec<&'static str> {
    if block.starts_with("| ") {
        return block.lines().skip(2).collect();
    }
    if block.starts_with("- ") {
        return block.split("\n- ").map(|point| point.trim_start_matches("- ")).collect();
    }
    // What a paragraph lists is one thing after another.
    match block.strip_prefix("Statements: ") {
        Some(list) => list.split("; ").collect(),
        None => vec![block],
    }
}

/// Whether it begins with the word as code; a row, with it anywhere in what it is about.
fn is_about(part: &str, word: &str) -> bool {
    let head = match part.strip_prefix("| ") {
        Some(row) => row.split(" | ").next().unwrap_or(row),
        None => part.split(['.', ':', ';']).next().unwrap_or(part),
    };
    let code = head.split('`').skip(1).step_by(2);
    let mut first_words = code.filter_map(|code| code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next());
    let is_row = part.starts_with("| ");
    if is_row {
        first_words.any(|found| found == word)
    } else {
        head.starts_with('`') && first_words.next() == Some(word)
    }
}

/// Without the marks of Markdown.
fn plain(part: &str) -> String {
    let cells = part.trim_matches('|').replace("\\|", "\u{1}");
    let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
    cells.join("  ").replace('\u{1}', "|").replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_items_stages_and_nets_have_a_page() {
        for word in [
            "supervision",
            "param",
            "variant",
            "train",
            "infer",
            "score",
            "batch",
            "rates",
            "step",
            "each",
            "layer",
            "loss",
            "save",
        ] {
            assert!(word_page(word).is_some(), "`{word}` has no page");
        }
        assert_eq!(word_page("no_such_word"), None);
        assert_eq!(word_page("a b"), None);
    }
}
