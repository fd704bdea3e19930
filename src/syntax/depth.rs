//! How deep the tree of a piece would be, told from its tokens before anything recurses into it.
//!
//! A bracket goes one deeper, and so does each operator of a chain: `1 + 1 + 1` is a tree of depth two. What is counted here
//! bounds every recursion over the tree, in this room and in all later ones.

use super::scan::{Token, TokenKind};

/// Brackets inside brackets.
pub(super) const MOST_BRACKETS: usize = 200;
/// Brackets and operators on the way from a statement to its innermost part.
pub(super) const MOST_DEPTH: usize = 400;

/// The first token that stands deeper than a tree may be.
pub(super) fn too_deep<'t>(text: &str, tokens: &'t [Token]) -> Option<&'t Token> {
    // Operators so far in the expression at each level of brackets, and their sum.
    let mut chains: Vec<usize> = vec![0];
    let mut sum = 0;
    for token in tokens {
        let word = &text[token.range()];
        let (links, restart) = match token.kind {
            TokenKind::Open(_) => {
                chains.push(0);
                (0, false)
            }
            TokenKind::Close(_) => {
                sum -= chains.pop().unwrap_or(0);
                if chains.is_empty() {
                    chains.push(0);
                }
                (1, false)
            }
            TokenKind::Sign => (1, matches!(word, "," | "=" | ":")),
            TokenKind::Word => {
                (usize::from(matches!(word, "and" | "or" | "not" | "div" | "with" | "by" | "else")), word == "let")
            }
            TokenKind::Number | TokenKind::Text | TokenKind::Foreign => (0, false),
        };
        let chain = chains.last_mut().expect("the outermost level is never taken away");
        if restart {
            sum -= std::mem::take(chain);
        } else {
            *chain += links;
            sum += links;
        }
        if chains.len() > MOST_BRACKETS + 1 || sum + chains.len() > MOST_DEPTH {
            return Some(token);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{MOST_BRACKETS, MOST_DEPTH, too_deep};
    use crate::syntax::scan::scan;

    fn is_too_deep(text: &str) -> bool {
        too_deep(text, &scan(text).tokens).is_some()
    }

    #[test]
    fn brackets_are_counted_at_their_deepest() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!is_too_deep(&nested(MOST_BRACKETS)));
        assert!(is_too_deep(&nested(MOST_BRACKETS + 1)));
        assert!(!is_too_deep(&"[], ".repeat(10_000)));
    }

    #[test]
    fn chains_are_counted_link_by_link() {
        for link in ["- ", "not ", "1 + ", "x |> ", "x => ", "a.", "a()()", "2 ^ ", "if a {} else "] {
            assert!(is_too_deep(&link.repeat(MOST_DEPTH)), "{link}");
            assert!(!is_too_deep(&link.repeat(MOST_DEPTH / 8)), "{link}");
        }
    }

    #[test]
    fn a_comma_or_a_let_begins_a_new_chain() {
        assert!(!is_too_deep(&"-1 + 2, ".repeat(10_000)));
        assert!(!is_too_deep(&"let a = -1 + 2 ".repeat(10_000)));
    }
}
