//! Which bracket closes which, also where some are missing.
//!
//! Balanced text is matched strictly, however it is laid out. Only where that fails is a second look taken, which believes the
//! layout: a closing brace belongs to the opening line with its indentation, an item's keyword at the left margin stands inside
//! nothing, and two words side by side at the start of a line stand inside no parenthesis. So the one brace that was forgotten
//! is the one that is named.

use super::depth::MOST_BRACKETS;
use super::scan::{Bracket, Comment, Fault, MOST_FAULTS, Scan, TokenKind, is_name};

/// For each opening bracket, by token number: where its contents end, and the first token after it. The two are equal where the
/// closing bracket is missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Brackets {
    ends: Vec<(u32, u32)>,
    /// What does not close, or closes nothing; each fault's range is one bracket.
    pub faults: Vec<Fault>,
    /// The bracket at which unbalanced text went deeper than any recipe does; what follows was not looked at.
    pub too_deep: Option<usize>,
}

impl Brackets {
    pub fn end_of_contents(&self, open: usize) -> usize {
        self.ends[open].0 as usize
    }

    pub fn after(&self, open: usize) -> usize {
        self.ends[open].1 as usize
    }

    pub fn is_closed(&self, open: usize) -> bool {
        self.ends[open].0 != self.ends[open].1
    }
}

/// Matches all brackets of a file. `starts_item` says of a word whether an item may begin with it.
pub(super) fn match_brackets(text: &str, scan: &Scan, starts_item: impl Fn(&str) -> bool) -> Brackets {
    match strictly(scan) {
        Some(brackets) => brackets,
        None => by_layout(text, scan, starts_item),
    }
}

fn strictly(scan: &Scan) -> Option<Brackets> {
    let mut ends = vec![(0, 0); scan.tokens.len()];
    let mut open: Vec<(usize, Bracket)> = Vec::new();
    for (index, token) in scan.tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Open(bracket) => open.push((index, bracket)),
            TokenKind::Close(bracket) => match open.pop() {
                Some((opener, expected)) if expected == bracket => ends[opener] = (index as u32, index as u32 + 1),
                _ => return None,
            },
            _ => {}
        }
    }
    open.is_empty().then_some(Brackets { ends, ..Brackets::default() })
}

struct Layout<'t> {
    text: &'t str,
    scan: &'t Scan,
    open: Vec<(usize, Bracket)>,
    out: Brackets,
}

fn by_layout(text: &str, scan: &Scan, starts_item: impl Fn(&str) -> bool) -> Brackets {
    let out = Brackets { ends: vec![(0, 0); scan.tokens.len()], ..Brackets::default() };
    let mut layout = Layout { text, scan, open: Vec::new(), out };
    let is_word = |index: usize| scan.tokens.get(index).is_some_and(|token| token.kind == TokenKind::Word);
    for (index, token) in scan.tokens.iter().enumerate() {
        if token.first_on_line && is_word(index) && is_word(index + 1) {
            let (word, next) = (&text[token.range()], &text[scan.tokens[index + 1].range()]);
            if token.indent == 0 && starts_item(word) {
                layout.leave_open(0, index);
            } else if (is_name(word) || word == "let") && is_name(next) {
                let brace = layout.open.iter().rposition(|(_, bracket)| *bracket == Bracket::Curly);
                layout.leave_open(brace.map_or(0, |at| at + 1), index);
            }
        }
        match token.kind {
            TokenKind::Open(_) if layout.open.len() >= MOST_BRACKETS => {
                layout.out.too_deep = Some(index);
                return layout.out;
            }
            TokenKind::Open(bracket) => layout.open.push((index, bracket)),
            TokenKind::Close(bracket) => layout.close(index, bracket),
            _ => {}
        }
    }
    layout.leave_open(0, scan.tokens.len());
    layout.out
}

impl Layout<'_> {
    /// The open brackets from `keep` on end before token `at`, unclosed.
    fn leave_open(&mut self, keep: usize, at: usize) {
        for (index, bracket) in self.open.drain(keep..).rev() {
            self.out.ends[index] = (at as u32, at as u32);
            if self.out.faults.len() >= MOST_FAULTS {
                continue;
            }
            self.out.faults.push(Fault {
                range: self.scan.tokens[index].range(),
                message: format!("`{}` is never closed", bracket.open()),
                label: "opened here",
                help: Some(missing(self.text, self.scan, index, bracket)),
            });
        }
    }

    fn close(&mut self, index: usize, bracket: Bracket) {
        let Some(partner) = self.partner(index, bracket) else {
            if self.out.faults.len() >= MOST_FAULTS {
                return;
            }
            let token = self.scan.tokens[index];
            let expected = self.open.last().map(|(_, open)| format!("expected `{}` here", open.close()));
            self.out.faults.push(Fault {
                range: token.range(),
                message: format!("`{}` closes nothing", &self.text[token.range()]),
                label: "no open bracket before it",
                help: expected,
            });
            return;
        };
        self.leave_open(partner + 1, index);
        let (opener, _) = self.open.pop().expect("the partner is open");
        self.out.ends[opener] = (index as u32, index as u32 + 1);
    }

    /// The open bracket that the closing one at `index` belongs to.
    fn partner(&self, index: usize, bracket: Bracket) -> Option<usize> {
        let same_kind = |at: &usize| self.open[*at].1 == bracket;
        let nearest = (0..self.open.len()).rev().find(same_kind)?;
        let token = self.scan.tokens[index];
        let indent_of = |at: usize| self.scan.tokens[self.open[at].0].indent;
        if bracket == Bracket::Curly && token.first_on_line && indent_of(nearest) > token.indent {
            // Too far left for the nearest: the nearest one whose line begins there, if there is one.
            let aligned = (0..nearest).rev().filter(same_kind).find(|at| indent_of(*at) == token.indent);
            return aligned.or(Some(nearest));
        }
        Some(nearest)
    }
}

/// How to close the bracket of token `index`. Where its line ends with a comment that has the sign, a division may have been meant.
fn missing(text: &str, scan: &Scan, index: usize, bracket: Bracket) -> String {
    let add = format!("add the missing `{}`", bracket.close());
    let end = scan.tokens[index].end;
    let behind = scan.comments.get(scan.comments.partition_point(|comment| comment.start < end));
    let hides = |comment: &&Comment| {
        let same_line = !text[end as usize..comment.start as usize].contains('\n');
        same_line && text[comment.start as usize..comment.end as usize].contains(bracket.close())
    };
    match behind.filter(hides) {
        Some(_) => format!("{add}: what follows `//` is a comment; a division that rounds down is written `a div b`"),
        None => add,
    }
}

#[cfg(test)]
mod tests {
    use super::match_brackets;
    use crate::syntax::scan::scan;

    /// The faults as `line:message`.
    fn faults(text: &str) -> Vec<String> {
        let brackets = match_brackets(text, &scan(text), |word| matches!(word, "let" | "train"));
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        brackets.faults.iter().map(|fault| format!("{}:{}", line(fault.range.start), fault.message)).collect()
    }

    #[test]
    fn balanced_text_may_be_laid_out_in_any_way() {
        assert!(faults("train a {\n  step { x } {\nloss a = f(x,\ny) }\n   }").is_empty());
    }

    #[test]
    fn the_brace_that_was_forgotten_is_named() {
        assert_eq!(faults("train a {\n  step { x } {\n    loss a = x\n}\ntrain b {\n}\n"), ["2:`{` is never closed"]);
        assert_eq!(
            faults("train a {\n  step { x } {\n    loss a = x\n  }\n\ntrain b {\n}\n"),
            ["1:`{` is never closed"]
        );
        assert_eq!(faults("train a {\n"), ["1:`{` is never closed"]);
    }

    #[test]
    fn a_parenthesis_left_open_costs_its_statement() {
        assert_eq!(faults("train a {\n  loss a = f(x\n  loss b = y\n}\n"), ["2:`(` is never closed"]);
        assert_eq!(faults("let a = [f(x]\nlet b = 1"), ["1:`(` is never closed"]);
    }

    #[test]
    fn a_bracket_too_many_closes_nothing() {
        assert_eq!(faults("let a = x)\nlet b = 1"), ["1:`)` closes nothing"]);
        assert_eq!(faults("train a {\n}\n}\n"), ["3:`}` closes nothing"]);
    }
}
