//! The laws of print, parse and format, on generated trees.

use proptest::prelude::*;

use super::{format, print};
use crate::diag::Problems;
use crate::source::SourceId;
use crate::syntax::ast::File;
use crate::syntax::{generate, parse, strip_spans};

/// The tree of a text without mistakes, and without its places.
fn meaning(text: &str) -> Result<File, TestCaseError> {
    let mut problems = Problems::default();
    let file = parse(SourceId(0), text, &mut problems);
    prop_assert!(problems.is_empty(), "{text}\n{:#?}", problems.sorted());
    Ok(strip_spans(file))
}

fn formatted(text: &str) -> Result<String, TestCaseError> {
    format(SourceId(0), text).map_err(|problems| TestCaseError::fail(format!("{text}\n{:#?}", problems.sorted())))
}

/// A text with comments put where the numbers say: at the end of a line, or on a line of their own. None stands directly above
/// what could take it for its doc, since no comment begins with `///`.
fn with_comments(text: &str, places: &[(prop::sample::Index, bool)]) -> (String, Vec<String>) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut comments = Vec::new();
    for (number, (place, own_line)) in places.iter().enumerate() {
        let comment = format!("// number {number};");
        if *own_line {
            lines.insert(place.index(lines.len() + 1), comment.clone());
        } else if !lines.is_empty() {
            let at = place.index(lines.len());
            // What stands in a doc is its text.
            if lines[at].contains("//") {
                continue;
            }
            lines[at] = format!("{} {comment}", lines[at]);
        } else {
            continue;
        }
        comments.push(comment);
    }
    (lines.join("\n"), comments)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_back(file in generate::file()) {
        let text = print(&file);
        prop_assert_eq!(meaning(&text)?, file, "{}", text);
    }

    #[test]
    fn formatting_keeps_the_meaning_and_ends(file in generate::file()) {
        let text = print(&file);
        let once = formatted(&text)?;
        prop_assert_eq!(meaning(&once)?, file, "{}", once);
        let twice = formatted(&once)?;
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn a_text_on_as_few_lines_as_possible_means_the_same(file in generate::file()) {
        // Spaces instead of the breaks inside brackets of calls and lists; other breaks may part statements.
        let text = print(&file);
        let widened = text.replace("(\n", "(    ").replace("[\n", "[    ").replace(",\n", ",    ");
        if !text.contains("//") {
            prop_assert_eq!(meaning(&widened)?, file, "{}", widened);
        }
    }

    #[test]
    fn comments_stay(
        file in generate::file(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6),
    ) {
        let (text, comments) = with_comments(&print(&file), &places);
        let once = formatted(&text)?;
        for comment in comments {
            prop_assert_eq!(once.matches(&comment).count(), 1, "{} in\n{}\nof\n{}", comment, once, text);
        }
        prop_assert_eq!(meaning(&once)?, meaning(&text)?, "{}\n{}", text, once);
        let twice = formatted(&once)?;
        prop_assert_eq!(twice, once, "{}", text);
    }
}
