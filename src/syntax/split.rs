//! Cuts a file into items, a net into members, a stage into entries, a body into statements, by tokens alone.
//!
//! A piece ends where an expression could have ended and the next line begins with something that does not carry it on. What
//! carries on: an operator (a line that begins with `-` subtracts from the one before), `|>`, `with`, `.`, an opening bracket (which
//! the grammar then refuses as a call), a clause word (`by`, `else`, `in`, `when`). On one line, pieces are told
//! apart by their leading words (`let a = 1 let b = 2`), settings by the `=` after their name. A piece is thus found without
//! reading it right, which is what lets the next one be read when this one is wrong.

use std::ops::Range;

use super::brackets::Brackets;
use super::scan::{Token, TokenKind, is_name};

/// What a run of tokens is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    /// Items.
    File,
    /// Settings.
    Variant,
    /// Members.
    Net,
    /// Entries.
    Stage,
    /// Statements.
    Body,
}

impl Level {
    /// The words a piece begins with; a setting begins with any name.
    pub fn leads(self) -> &'static [&'static str] {
        match self {
            Level::File => {
                &["supervision", "use", "param", "variant", "expect", "let", "fn", "net", "train", "infer", "score"]
            }
            Level::Variant => &["expect"],
            Level::Net => &["layer", "weight", "state", "let", "fn"],
            Level::Stage => {
                &["net", "rates", "decay", "optimizers", "memory", "refresh", "let", "step", "each", "validate"]
            }
            Level::Body => &["let", "loss", "metric", "show", "save"],
        }
    }

    pub fn has_settings(self) -> bool {
        matches!(self, Level::Variant | Level::Stage)
    }

    /// What a piece of this level is called, with its article.
    pub fn piece(self) -> &'static str {
        match self {
            Level::File => "an item",
            Level::Variant => "a setting",
            Level::Net => "a member",
            Level::Stage => "an entry",
            Level::Body => "a statement",
        }
    }
}

/// Tokens of one file with their brackets matched.
pub(super) struct Tokens<'t> {
    pub text: &'t str,
    pub tokens: &'t [Token],
    pub brackets: &'t Brackets,
}

impl<'t> Tokens<'t> {
    pub fn word(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| &self.text[token.range()])
    }

    pub fn kind(&self, index: usize) -> Option<TokenKind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// The first token after the one at `index`, or after the brackets that it opens.
    pub fn next(&self, index: usize) -> usize {
        match self.tokens[index].kind {
            TokenKind::Open(_) => self.brackets.after(index).max(index + 1),
            _ => index + 1,
        }
    }

    /// The first token in `range`, brackets passed over, that `wanted` accepts.
    pub fn find(&self, range: Range<usize>, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let mut index = range.start;
        while index < range.end {
            if wanted(index) {
                return Some(index);
            }
            index = self.next(index);
        }
        None
    }

    /// Cuts `range` into pieces, none empty. Closing brackets that close nothing, and are already reported, are left out where a
    /// piece ends.
    pub fn split(&self, range: Range<usize>, level: Level) -> Vec<Range<usize>> {
        let mut pieces: Vec<Range<usize>> = Vec::new();
        let mut previous = range.start;
        let mut index = range.start;
        while index < range.end {
            let after = self.next(index).min(range.end);
            let is_stray = matches!(self.tokens[index].kind, TokenKind::Close(_));
            match pieces.last_mut() {
                _ if is_stray => {}
                Some(piece) if !self.begins_piece(index, previous, piece.start, level) => piece.end = after,
                _ => pieces.push(index..after),
            }
            previous = index;
            index = after;
        }
        pieces
    }

    /// Whether the token at `index`, with `previous` before it (or the brackets that `previous` opens), begins a new piece
    /// after the one that began at `start`.
    fn begins_piece(&self, index: usize, previous: usize, start: usize, level: Level) -> bool {
        let token = self.tokens[index];
        let lead_before = previous == start && level.leads().contains(&self.word(start));
        if lead_before || self.carries_on(index, start, level) {
            return false;
        }
        // `refresh x from step { … }`: the body of a stage begins like the moment of a clause.
        if self.word(start) == "refresh" && matches!(self.word(previous), "from" | "until") {
            return false;
        }
        // `use "x.wsss" as name`: right after `use` the word is the name of a module, later it is the alias itself.
        let opens_file = self.word(start) == "use" && self.kind(start + 1) == Some(TokenKind::Text);
        let after_as = opens_file && self.word(previous) == "as" && previous == start + 2;
        // `from epoch loss`: what follows is a number that is called so.
        let of_loss = level == Level::Body && self.word(start) == "loss";
        let after_clause = of_loss && self.is_clause_of_loss(previous);
        let awaited = after_as || after_clause || self.awaits_operand(previous, index);
        if self.is_lead(index, level) {
            // Two names side by side are no operand: what came before broke off.
            return !awaited || self.kind(index + 1) == Some(TokenKind::Word) && token.first_on_line;
        }
        let is_setting =
            level.has_settings() && token.kind == TokenKind::Word && self.word(self.path_end(index, level)) == "=";
        matches!(self.word(index), "let" | "fn") || !awaited && (token.first_on_line || is_setting)
    }

    /// The token after the name at `index`; where settings are named by paths, after all of `base.crop`.
    fn path_end(&self, index: usize, level: Level) -> usize {
        let mut end = index + 1;
        while level == Level::Variant && self.word(end) == "." && self.kind(end + 1) == Some(TokenKind::Word) {
            end += 2;
        }
        end
    }

    /// A leading word with what must follow it on its line.
    fn is_lead(&self, index: usize, level: Level) -> bool {
        let word = self.word(index);
        level.leads().contains(&word)
            && self.tokens.get(index + 1).is_some_and(|next| !next.first_on_line)
            && match word {
                "rates" | "decay" | "optimizers" | "step" | "each" => self.word(index + 1) == "{",
                "validate" => matches!(self.word(index + 1), "{" | "every"),
                "use" if self.kind(index + 1) == Some(TokenKind::Text) => true,
                _ => is_name(self.word(index + 1)),
            }
    }

    /// Whether the token can not begin a piece but goes on with the one before it.
    fn carries_on(&self, index: usize, start: usize, level: Level) -> bool {
        match self.tokens[index].kind {
            TokenKind::Sign | TokenKind::Open(_) | TokenKind::Close(_) | TokenKind::Foreign => true,
            TokenKind::Word => {
                let word = self.word(index);
                is_infix_word(word)
                    || (word == "as" && level == Level::File && self.word(start) == "use")
                    || (is_clause_of_loss(word) && level == Level::Body && self.word(start) == "loss")
            }
            TokenKind::Number | TokenKind::Text => false,
        }
    }

    /// Whether `from epoch`, `until step` or `moves` end with the token at `index`.
    fn is_clause_of_loss(&self, index: usize) -> bool {
        match self.word(index) {
            "moves" => true,
            "epoch" | "step" => index > 0 && matches!(self.word(index - 1), "from" | "until"),
            _ => false,
        }
    }

    /// Whether what ends with `previous` can not end there, seen from the token at `index`.
    fn awaits_operand(&self, previous: usize, index: usize) -> bool {
        match self.tokens[previous].kind {
            // Dots that end their line are a range without an end.
            TokenKind::Sign => self.word(previous) != ".." || !self.tokens[index].first_on_line,
            TokenKind::Word => {
                is_infix_word(self.word(previous)) || matches!(self.word(previous), "not" | "if" | "let" | "fn")
            }
            TokenKind::Number | TokenKind::Text | TokenKind::Open(_) | TokenKind::Close(_) | TokenKind::Foreign => {
                false
            }
        }
    }
}

/// Words that stand between two parts of an expression or before a clause of a piece.
fn is_infix_word(word: &str) -> bool {
    matches!(word, "and" | "or" | "div" | "with" | "by" | "else" | "in" | "for" | "when")
}

/// Words that begin a clause after the value of a loss; elsewhere they are names.
fn is_clause_of_loss(word: &str) -> bool {
    matches!(word, "from" | "until" | "moves")
}

#[cfg(test)]
mod tests {
    use super::{Level, Tokens};
    use crate::syntax::brackets::match_brackets;
    use crate::syntax::scan::scan;

    fn check(level: Level, text: &str, pieces: &[&str]) {
        let scan = scan(text);
        let brackets = match_brackets(text, &scan, |_| false);
        let tokens = Tokens { text, tokens: &scan.tokens, brackets: &brackets };
        let found = tokens.split(0..scan.tokens.len(), level);
        let found: Vec<&str> = found
            .iter()
            .map(|piece| &text[scan.tokens[piece.start].start as usize..scan.tokens[piece.end - 1].end as usize])
            .collect();
        assert_eq!(found, pieces);
    }

    #[test]
    fn an_expression_goes_on_with_an_operator() {
        check(
            Level::File,
            "let a = b\n  |> c\n  with { d }\n  - e\nlet f = g",
            &["let a = b\n  |> c\n  with { d }\n  - e", "let f = g"],
        );
        check(Level::File, "param a = 0..\nparam b = 1\n  in 0..", &["param a = 0..", "param b = 1\n  in 0.."]);
    }

    #[test]
    fn leading_words_part_what_stands_on_one_line() {
        check(
            Level::Body,
            "let loss = metric loss x = loss show save",
            &["let loss = metric", "loss x = loss", "show save"],
        );
        check(
            Level::Stage,
            "batch = 8 net net = f(a = 1) step = 2 step { a } { }",
            &["batch = 8", "net net = f(a = 1)", "step = 2", "step { a } { }"],
        );
    }

    #[test]
    fn soft_words_are_names_where_no_piece_begins() {
        check(
            Level::Net,
            "weight weight: [a] = b when layer\nfn f(weight) =\n  weight * state",
            &["weight weight: [a] = b when layer", "fn f(weight) =\n  weight * state"],
        );
        check(
            Level::File,
            "let x = net\nnet n() { layer a = b }\nuse \"a\"\n  as train",
            &["let x = net", "net n() { layer a = b }", "use \"a\"\n  as train"],
        );
    }

    #[test]
    fn a_wrong_line_is_a_piece_of_its_own() {
        check(
            Level::Body,
            "loss a = f(x y\nz)\nwhat is this\nloss = 3\nsave b = c",
            &["loss a = f(x y\nz)", "what is this", "loss = 3", "save b = c"],
        );
    }
}
