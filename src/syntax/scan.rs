//! Text to tokens and comments, in one pass over the bytes.
//!
//! The tokens serve to cut a file into pieces before the grammar reads them, and to say what was found where the grammar
//! stopped. A sign that the language does not have (`&&`, `;`, `'`) is reported here, with what to write instead; pieces that
//! hold such a place are not parsed, so that nothing is said twice.

use std::ops::Range;

use super::ast::Unit;

/// Words that can not name anything. The rule `reserved` of the grammar is the same list.
pub(super) const RESERVED: &[&str] =
    &["and", "by", "div", "else", "false", "fn", "for", "if", "in", "let", "none", "not", "or", "true", "when", "with"];

/// Whether `word` can stand as a name.
pub(super) fn is_name(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(is_word_byte)
        && !RESERVED.contains(&word)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

impl Bracket {
    pub fn open(self) -> char {
        match self {
            Bracket::Round => '(',
            Bracket::Square => '[',
            Bracket::Curly => '{',
        }
    }

    pub fn close(self) -> char {
        match self {
            Bracket::Round => ')',
            Bracket::Square => ']',
            Bracket::Curly => '}',
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    Word,
    Number,
    Text,
    Open(Bracket),
    Close(Bracket),
    /// A sign of the language that is no bracket.
    Sign,
    /// What has no place in the language; already reported.
    Foreign,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
    /// Bytes of white space before the first token of this token's line.
    pub indent: u32,
    pub first_on_line: bool,
}

impl Token {
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// `// …` without the line break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment {
    pub start: u32,
    pub end: u32,
    /// Nothing but white space stands before it on its line.
    pub own_line: bool,
}

/// A place that can not be read, what is wrong with it, and the mend.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub range: Range<usize>,
    pub message: String,
    pub label: &'static str,
    pub help: Option<String>,
}

impl Fault {
    /// `use 'cam'`, `use "cam"`
    pub fn quoted_module(range: Range<usize>, name: &str) -> Fault {
        Fault {
            range,
            message: "a module's name stands without quotes".to_owned(),
            label: "between quotes",
            help: Some(format!("write `use {name}`; a recipe is used by its file: `use \"{name}.wsss\" as {name}`")),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
    pub faults: Vec<Fault>,
}

/// So many faults, and the text is no recipe: the scan ends there.
pub(super) const MOST_FAULTS: usize = 100;

/// Reads all of `text`, or up to the last fault of [`MOST_FAULTS`]; never fails.
pub(super) fn scan(text: &str) -> Scan {
    let mut scanner =
        Scanner { text, bytes: text.as_bytes(), at: 0, line_end: 0, indent: 0, fresh_line: true, out: Scan::default() };
    scanner.run();
    scanner.out
}

/// The signs of the language, longest first.
const SIGNS: &[&str] =
    &["|>", "=>", "==", "!=", "<=", ">=", "..", "=", "<", ">", "+", "-", "*", "/", "%", "^", ",", ".", ":", "@"];

/// Signs of other languages, what to say and what to write. Looked up before [`SIGNS`].
const FOREIGN: &[(&str, &str, &str)] = &[
    (":=", "`:=` is not a sign of the language", "a name is bound with `=`"),
    ("&&", "`&&` is not a sign of the language", "write `and`"),
    ("||", "`||` is not a sign of the language", "write `or`"),
    ("->", "`->` is not a sign of the language", "a result's type follows `:`, a lambda's body follows `=>`"),
    ("**", "`**` is not a sign of the language", "a power is written `^`"),
    ("+=", "`+=` is not a sign of the language", "a name is bound once; bind a new one with `let`"),
    ("-=", "`-=` is not a sign of the language", "a name is bound once; bind a new one with `let`"),
    ("*=", "`*=` is not a sign of the language", "a name is bound once; bind a new one with `let`"),
    ("/*", "`/*` is not a sign of the language", "a comment begins with `//` and ends with its line"),
    (";", "`;` is not a sign of the language", "a statement ends with its line; nothing stands between two of them"),
    ("#", "`#` is not a sign of the language", "a comment begins with `//`"),
    ("&", "`&` is not a sign of the language", "write `and`"),
    ("|", "`|` is not a sign of the language", "a pipe is written `|>`"),
    ("?", "`?` is not a sign of the language", "a choice is written `if c { a } else { b }`"),
];

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    /// End of the line last asked for; kept, because a megabyte may be one line.
    line_end: usize,
    indent: u32,
    fresh_line: bool,
    out: Scan,
}

impl Scanner<'_> {
    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        let mut line_start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.out.faults.len() >= MOST_FAULTS {
                return;
            }
            match byte {
                b'\n' => {
                    self.at += 1;
                    line_start = self.at;
                    self.fresh_line = true;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.rest().starts_with("//") => self.comment(),
                _ => {
                    if self.fresh_line {
                        self.indent = (self.at - line_start) as u32;
                    }
                    self.token(byte);
                }
            }
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn end_of_line(&mut self) -> usize {
        if self.line_end <= self.at {
            self.line_end = self.rest().find('\n').map_or(self.text.len(), |length| self.at + length);
        }
        self.line_end
    }

    fn end_of_word(&self, from: usize) -> usize {
        from + self.bytes[from..].iter().take_while(|byte| is_word_byte(**byte)).count()
    }

    fn push(&mut self, kind: TokenKind, end: usize) {
        let (start, indent, first_on_line) = (self.at as u32, self.indent, self.fresh_line);
        self.out.tokens.push(Token { kind, start, end: end as u32, indent, first_on_line });
        self.fresh_line = false;
        self.at = end;
    }

    fn foreign(&mut self, end: usize, message: impl Into<String>, label: &'static str, help: Option<&str>) {
        let range = self.at..end;
        self.out.faults.push(Fault { range, message: message.into(), label, help: help.map(str::to_owned) });
        self.push(TokenKind::Foreign, end);
    }

    fn comment(&mut self) {
        let end = self.end_of_line();
        self.out.comments.push(Comment { start: self.at as u32, end: end as u32, own_line: self.fresh_line });
        self.at = end;
    }

    fn token(&mut self, byte: u8) {
        use Bracket::*;
        match byte {
            b'(' => self.push(TokenKind::Open(Round), self.at + 1),
            b'[' => self.push(TokenKind::Open(Square), self.at + 1),
            b'{' => self.push(TokenKind::Open(Curly), self.at + 1),
            b')' => self.push(TokenKind::Close(Round), self.at + 1),
            b']' => self.push(TokenKind::Close(Square), self.at + 1),
            b'}' => self.push(TokenKind::Close(Curly), self.at + 1),
            b'"' => self.string(),
            b'\'' => self.quoted_with_apostrophes(),
            b'0'..=b'9' => self.number(),
            _ if is_word_byte(byte) => self.push(TokenKind::Word, self.end_of_word(self.at)),
            _ => self.sign(),
        }
    }

    fn string(&mut self) {
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at) {
                None | Some(b'\n') => {
                    let end = self.at + self.text[self.at..at.min(self.text.len())].trim_end().len();
                    return self.foreign(
                        end,
                        "the text is never closed",
                        "opened here",
                        Some("close it with `\"` on the same line"),
                    );
                }
                Some(b'"') => break,
                // What follows a backslash may not end the text; a line break still does.
                Some(b'\\') if self.bytes.get(at + 1).is_some_and(|next| *next != b'\n') => {
                    if !matches!(self.bytes[at + 1], b'"' | b'\\' | b'n' | b't') {
                        let length = self.text[at + 1..].chars().next().map_or(1, char::len_utf8);
                        self.out.faults.push(Fault {
                            range: at..at + 1 + length,
                            message: format!("`{}` means nothing inside a text", &self.text[at..at + 1 + length]),
                            label: "not an escape",
                            help: Some(
                                "the escapes are `\\\"`, `\\\\`, `\\n` and `\\t`; a backslash is written `\\\\`".into(),
                            ),
                        });
                        at += 1 + length;
                        continue;
                    }
                    at += 2;
                }
                Some(_) => at += 1,
            }
        }
        self.push(TokenKind::Text, at + 1);
    }

    /// `'…'` is one foreign token, so that what stands inside is not read as code.
    fn quoted_with_apostrophes(&mut self) {
        let line_end = self.end_of_line();
        let line = &self.text[self.at..line_end];
        match line[1..].find('\'') {
            Some(length) => {
                let (inner, end) = (&line[1..1 + length], self.at + length + 2);
                let is_used = self.out.tokens.last().is_some_and(|token| &self.text[token.range()] == "use");
                if is_used && is_name(inner) {
                    self.out.faults.push(Fault::quoted_module(self.at..end, inner));
                    return self.push(TokenKind::Foreign, end);
                }
                let help = format!("write `\"{inner}\"`");
                self.foreign(end, "a text stands between double quotes", "single quotes", Some(&help));
            }
            None => self.foreign(self.at + 1, "`'` is not a sign of the language", "not expected here", None),
        }
    }

    fn number(&mut self) {
        let digits = |from: usize| {
            from + self.bytes[from..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'_').count()
        };
        let digit_at = |at: usize| self.bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut end = digits(self.at);
        if self.bytes.get(end) == Some(&b'.') && digit_at(end + 1) {
            end = digits(end + 1);
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            if digit_at(end + 1 + sign) {
                end = digits(end + 1 + sign);
            }
        }
        let whole = self.end_of_word(end);
        if whole == end {
            return self.push(TokenKind::Number, end);
        }
        let message = format!("`{}` is neither a number nor a name", &self.text[self.at..whole]);
        let help = match Unit::from_word(&self.text[end..whole]) {
            Some(_) => "a unit stands apart from its number: `448 px`, `15 epochs`",
            None => "a name begins with a letter; a number is written `1`, `0.5` or `5e-4`",
        };
        self.foreign(whole, message, "not expected here", Some(help));
    }

    fn sign(&mut self) {
        let foreign = FOREIGN.iter().find(|(sign, ..)| self.rest().starts_with(sign) && !self.rest().starts_with("|>"));
        if let Some((sign, message, help)) = foreign {
            return self.foreign(self.at + sign.len(), *message, "not expected here", Some(help));
        }
        if let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            return self.push(TokenKind::Sign, self.at + sign.len());
        }
        if self.rest().starts_with('!') {
            return self.foreign(
                self.at + 1,
                "`!` is not a sign of the language",
                "not expected here",
                Some("write `not`"),
            );
        }
        // A run of strange characters is one fault, not one each.
        let strange = |c: &char| *c != '\n' && (!c.is_ascii() || c.is_ascii_control() || "!$~`\\".contains(*c));
        let end = self.at + self.rest().chars().take_while(strange).map(char::len_utf8).sum::<usize>().max(1);
        let shown: String = self.text[self.at..end].chars().take(12).flat_map(shown_char).collect();
        let help =
            "names are written with ASCII letters, digits and `_`; other characters may stand in texts and comments";
        self.foreign(end, format!("`{shown}` can not be read"), "not expected here", Some(help));
    }
}

/// A character as it can be printed in a message.
fn shown_char(character: char) -> Vec<char> {
    match character.is_control() {
        true => character.escape_default().collect(),
        false => vec![character],
    }
}

#[cfg(test)]
mod tests {
    use super::{RESERVED, is_name, scan};

    fn shown(text: &str) -> String {
        let scan = scan(text);
        scan.tokens.iter().map(|token| &text[token.range()]).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_end_where_a_range_begins() {
        assert_eq!(shown("0.05..0.6 1_000..x 5e-4"), "0.05 .. 0.6 1_000 .. x 5e-4");
    }

    #[test]
    fn signs_take_the_longest() {
        assert_eq!(shown("a|>b=>c==d<=e..f"), "a |> b => c == d <= e .. f");
    }

    #[test]
    fn a_slash_pair_inside_a_text_is_no_comment() {
        let scan = scan("a = \"http://x\" // why\n// alone");
        assert_eq!(scan.tokens.len(), 3);
        assert_eq!(scan.comments.iter().map(|comment| comment.own_line).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn signs_of_other_languages_come_with_a_mend() {
        for (text, mend) in [
            ("a && b", "write `and`"),
            ("!a", "write `not`"),
            ("a := 1", "a name is bound with `=`"),
            ("'x'", "write `\"x\"`"),
            ("a;", "a statement ends with its line; nothing stands between two of them"),
        ] {
            assert_eq!(scan(text).faults[0].help.as_deref(), Some(mend), "{text}");
        }
    }

    #[test]
    fn an_open_text_ends_with_its_line() {
        let scan = scan("a = \"x\nb");
        assert_eq!(scan.faults.len(), 1);
        assert_eq!(scan.faults[0].range, 4..6);
        assert_eq!(scan.tokens.len(), 4);
    }

    #[test]
    fn reserved_words_are_those_of_the_grammar() {
        let grammar = include_str!("../../grammar/wsss.pest");
        let line =
            grammar.lines().find(|line| line.contains("\"and\" | \"by\"")).expect("the rule `reserved` is there");
        let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(words, RESERVED);
        assert!(is_name("loss") && !is_name("let") && !is_name("1a") && !is_name(""));
    }
}
