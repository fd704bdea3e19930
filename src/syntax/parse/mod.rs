//! A file to its tree: cuts the text into pieces, has the grammar read each, goes on after those that can not be read.
//!
//! Where a piece is wrong but the name it binds can be read, the name is bound to an `Error` expression, so that its uses are
//! no second mistake.

mod expressions;
#[cfg(test)]
mod hostile;
mod items;
mod memory;
mod nets;
mod stages;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::ops::Range;

use pest::iterators::Pair;

use super::ast::{Expr, ExprKind, File, Let, Name, Setting};
use super::brackets::{Brackets, match_brackets};
use super::depth;
use super::errors::{self, Found};
use super::grammar::{self, Rule, Stopped};
use super::scan::{MOST_FAULTS, Scan, is_name, scan};
use super::split::{Level, Tokens};
use crate::diag::{Diagnostic, Problems};
use crate::source::{SourceId, Span};
use expressions::Builder;

/// Reads a whole file. However broken `text` is, there is a tree: what can not be read is an `Error` node, or left out where it
/// binds no name, and is said in `problems`. After a hundred mistakes the rest is left unread.
pub fn parse(source: SourceId, text: &str, problems: &mut Problems) -> File {
    let mut found = Vec::new();
    let file = parse_into(source, text, &mut found);
    problems.extend(found);
    file
}

/// Reads `name = value` as it stands in a variant; the name may be a path.
pub fn parse_override(source: SourceId, text: &str, problems: &mut Problems) -> Option<Setting> {
    let scan = scan(text);
    let mut found: Vec<Diagnostic> = scan.faults.iter().map(|fault| errors::fault(source, fault)).collect();
    let brackets = match_brackets(text, &scan, |_| false);
    let too_deep = brackets.too_deep.map(|token| errors::too_deep(Span::new(source, scan.tokens[token].range())));
    found.extend(brackets.faults.iter().map(|fault| errors::fault(source, fault)));
    found.extend(too_deep);
    let mut setting = None;
    if found.is_empty() && !scan.tokens.is_empty() {
        let reader = Reader::new(source, text, &scan, &brackets);
        setting = reader.one_override();
        found.append(&mut reader.problems.take());
    }
    problems.extend(found);
    setting
}

fn parse_into(source: SourceId, text: &str, found: &mut Vec<Diagnostic>) -> File {
    if u32::try_from(text.len()).is_err() {
        found.push(errors::file_too_large());
        return File::default();
    }
    let scan = scan(text);
    found.extend(scan.faults.iter().map(|fault| errors::fault(source, fault)));
    if scan.faults.len() >= MOST_FAULTS {
        // This is no recipe, and what the scan did not reach can not be judged.
        return File::default();
    }
    let brackets = match_brackets(text, &scan, |word| Level::File.leads().contains(&word));
    if let Some(token) = brackets.too_deep {
        found.push(errors::too_deep(Span::new(source, scan.tokens[token].range())));
        return File::default();
    }
    found.extend(brackets.faults.iter().map(|fault| errors::fault(source, fault)));

    let reader = Reader::new(source, text, &scan, &brackets);
    let file = File { doc: reader.file_doc(), items: reader.items() };
    found.append(&mut reader.problems.take());
    file
}

/// A range of tokens; never empty.
type Piece = Range<usize>;

struct Reader<'t> {
    source: SourceId,
    scan: &'t Scan,
    tokens: Tokens<'t>,
    /// Where a fault was already reported, sorted.
    faulty: Vec<usize>,
    problems: RefCell<Vec<Diagnostic>>,
    gave_up: Cell<bool>,
}

/// A piece as the grammar read it.
struct Parsed<'r, 't> {
    builder: Builder<'r>,
    pair: Pair<'t, Rule>,
}

/// `{ … }` of a net, a stage, a step or a variant.
struct Body {
    /// The token `{`.
    open: usize,
    contents: Range<usize>,
}

impl<'t> Parsed<'_, 't> {
    fn part(&self, rule: Rule) -> Option<Pair<'t, Rule>> {
        self.pair.clone().into_inner().find(|part| part.as_rule() == rule)
    }

    fn names(&self) -> Vec<Name> {
        self.builder.names(self.pair.clone())
    }

    fn first_name(&self) -> Name {
        self.builder.name(&self.part(Rule::name).expect("every piece that is asked has a name"))
    }

    /// The expressions directly in the piece.
    fn exprs(&self) -> impl Iterator<Item = Expr> {
        expressions::expressions(self.pair.clone()).map(|pair| self.builder.expr(pair))
    }
}

impl<'t> Reader<'t> {
    fn new(source: SourceId, text: &'t str, scan: &'t Scan, brackets: &'t Brackets) -> Reader<'t> {
        let mut faulty: Vec<usize> =
            scan.faults.iter().chain(&brackets.faults).map(|fault| fault.range.start).collect();
        faulty.sort_unstable();
        let tokens = Tokens { text, tokens: &scan.tokens, brackets };
        Reader { source, scan, tokens, faulty, problems: RefCell::default(), gave_up: Cell::new(false) }
    }

    /// All of the text as one override.
    fn one_override(&self) -> Option<Setting> {
        self.override_(0..self.scan.tokens.len())
    }

    fn problem(&self, diagnostic: Diagnostic) {
        self.problems.borrow_mut().push(diagnostic);
    }

    /// The pieces of `range`; none any more once there were more mistakes than anyone reads, which is said once.
    fn pieces(&self, range: Range<usize>, level: Level) -> impl Iterator<Item = Piece> {
        self.tokens.split(range, level).into_iter().take_while(|piece| {
            if self.problems.borrow().len() >= MOST_FAULTS && !self.gave_up.replace(true) {
                self.problem(errors::too_many(self.token_span(piece.start)));
            }
            !self.gave_up.get()
        })
    }

    // ── Places ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn bytes(&self, piece: &Piece) -> Range<usize> {
        self.scan.tokens[piece.start].start as usize..self.scan.tokens[piece.end - 1].end as usize
    }

    fn span(&self, piece: &Piece) -> Span {
        Span::new(self.source, self.bytes(piece))
    }

    fn token_span(&self, index: usize) -> Span {
        Span::new(self.source, self.scan.tokens[index].range())
    }

    fn name_at(&self, index: usize) -> Option<Name> {
        let word = self.tokens.word(index);
        is_name(word).then(|| Name::new(word, self.token_span(index)))
    }

    fn is_faulty(&self, bytes: &Range<usize>) -> bool {
        let first = self.faulty.partition_point(|at| *at < bytes.start);
        self.faulty.get(first).is_some_and(|at| *at < bytes.end)
    }

    // ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The piece as `rule`, or `None` and one problem.
    fn read(&self, rule: Rule, piece: &Piece) -> Option<Parsed<'_, 't>> {
        let bytes = self.bytes(piece);
        if self.is_faulty(&bytes) {
            return None;
        }
        let text = self.tokens.text;
        if let Some(token) = depth::too_deep(text, &self.scan.tokens[piece.clone()]) {
            self.problem(errors::too_deep(Span::new(self.source, token.range())));
            return None;
        }
        match grammar::read(rule, &text[bytes.clone()]) {
            Ok(pair) => {
                let builder = Builder { source: self.source, offset: bytes.start, problems: &self.problems };
                Some(Parsed { builder, pair })
            }
            Err(Stopped::At { byte, expected }) => {
                self.problem(errors::stopped(&expected, &self.found(piece, bytes.start + byte)));
                None
            }
            Err(Stopped::Exhausted) => {
                self.problem(errors::too_large(Span::new(self.source, bytes)));
                None
            }
        }
    }

    /// The token of `piece` at or after a byte of the file.
    fn found(&self, piece: &Piece, byte: usize) -> Found<'t> {
        let tokens = &self.scan.tokens;
        let index = piece.start + tokens[piece.clone()].partition_point(|token| token.end as usize <= byte);
        // After a header comes its body's brace.
        let is_end = index >= piece.end && self.tokens.word(index) != "{";
        Found {
            span: self.token_span(if is_end { piece.end - 1 } else { index }),
            word: if is_end { "" } else { self.tokens.word(index) },
            before: if index > piece.start { self.tokens.word(index - 1) } else { "" },
            first_on_line: !is_end && tokens[index].first_on_line,
        }
    }

    /// The braces of `piece`; `what` is the piece with its article.
    fn body(&self, piece: &Piece, what: &str) -> Option<Body> {
        let open = self.next_open(piece.clone());
        if open.is_none() && !self.is_faulty(&self.bytes(piece)) {
            self.problem(errors::missing_body(what, self.token_span(piece.end - 1)));
        }
        Some(self.body_at(piece, open?))
    }

    /// The last braces of `piece`, where what stands before its body may hold braces, too.
    fn last_body(&self, piece: &Piece) -> Option<Body> {
        let opens = |open: &usize| self.next_open(self.tokens.next(*open)..piece.end);
        let open = std::iter::successors(self.next_open(piece.clone()), opens).last()?;
        Some(self.body_at(piece, open))
    }

    fn next_open(&self, range: Piece) -> Option<usize> {
        self.tokens.find(range, |index| self.tokens.word(index) == "{")
    }

    fn body_at(&self, piece: &Piece, open: usize) -> Body {
        let brackets = self.tokens.brackets;
        let after = brackets.after(open);
        if brackets.is_closed(open) && after < piece.end {
            self.problem(errors::after_body(self.token_span(after)));
        }
        Body { open, contents: open + 1..brackets.end_of_contents(open) }
    }

    /// A piece whose first word begins nothing at its level.
    fn unknown_lead(&self, piece: &Piece, level: Level) {
        if self.is_faulty(&self.bytes(piece)) {
            return;
        }
        let found = self.found(piece, self.bytes(piece).start);
        let binds = self.name_at(piece.start).is_some() && piece.len() > 1 && self.tokens.word(piece.start + 1) == "=";
        self.problem(match binds && level.leads().contains(&"let") {
            true => errors::binding_without_word(level, &found),
            false => errors::unknown_lead(level, &found),
        });
    }

    // ── Parts of many pieces ────────────────────────────────────────────────────────────────────────────────────────────

    /// `let name = value`
    fn binding(&self, piece: Piece) -> Option<Let> {
        let (name, value) = self.named(&piece)?;
        Some(Let { name, value, span: self.span(&piece) })
    }

    /// A word, a name, `=` and a value.
    fn named(&self, piece: &Piece) -> Option<(Name, Expr)> {
        match self.read(Rule::binding_piece, piece) {
            Some(parsed) => {
                let value = parsed.exprs().next().expect("what is bound has a value");
                Some((parsed.first_name(), value))
            }
            None => self.salvage(piece, 1),
        }
    }

    /// What a piece that could not be read binds: the name at token `at` of it, to an `Error`.
    fn salvage(&self, piece: &Piece, at: usize) -> Option<(Name, Expr)> {
        let name = piece.start + at;
        let rest = name + 1..piece.end;
        let span = if rest.start < rest.end { self.span(&rest) } else { self.span(piece) };
        let value = Expr::new(ExprKind::Error, span);
        (name < piece.end).then(|| Some((self.name_at(name)?, value)))?
    }

    // ── Docs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// The lines of `//!` at the top; further down they are a mistake.
    fn file_doc(&self) -> Vec<String> {
        let first = self.scan.tokens.first().map_or(u32::MAX, |token| token.start);
        let text = self.tokens.text;
        let mut doc = Vec::new();
        for comment in self.scan.comments.iter().filter(|comment| comment.own_line) {
            let range = comment.start as usize..comment.end as usize;
            match text[range.clone()].strip_prefix("//!") {
                Some(line) if comment.start < first => doc.push(doc_line(line)),
                Some(_) => self.problem(errors::misplaced_file_doc(Span::new(self.source, range))),
                None => {}
            }
        }
        doc
    }

    /// The lines of `///` between the piece before, which ends at a byte, and this one.
    fn doc(&self, previous_end: u32, piece: &Piece) -> Vec<String> {
        let comments = &self.scan.comments;
        let from = comments.partition_point(|comment| comment.start < previous_end);
        let to = comments.partition_point(|comment| comment.start < self.scan.tokens[piece.start].start);
        let lines = comments[from..to].iter().filter(|comment| comment.own_line);
        let line = |text: &str| text.strip_prefix("///").filter(|rest| !rest.starts_with('/')).map(doc_line);
        lines.filter_map(|comment| line(&self.tokens.text[comment.start as usize..comment.end as usize])).collect()
    }
}

/// A line of a doc without its marker: one space after it is part of the marker.
fn doc_line(line: &str) -> String {
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
}
