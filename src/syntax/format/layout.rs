//! A document that may be broken into lines, and the choice of where.
//!
//! A [`Doc`] says where breaks may be; a group is written on one line if it fits there and holds nothing that must break, else
//! all its breaks are taken. Comments at line ends are no part of the width. The idea is Wadler's, "A prettier printer" (2003).

use std::rc::Rc;

/// Columns a line may have.
pub(super) const WIDTH: usize = 100;
/// Columns of one step of indentation.
const STEP: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Doc {
    kind: Kind,
    /// It can not be written on one line.
    breaks: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Text(String),
    /// A break, and what stands there where it is not taken.
    Line(&'static str),
    /// A break that is always taken.
    Hard,
    /// An empty line before the next one.
    Blank,
    /// What is written where the group around it is broken, and where it is not.
    Choice(String, &'static str),
    /// A comment that goes to the end of the line it falls on.
    Trailing(String),
    Concat(Vec<Doc>),
    Indent(Vec<Doc>),
    Group(Vec<Doc>),
    /// After a space; or on the next line, where it fits there on one line and does not fit here.
    Hang(Box<Doc>),
    /// The first, where it fits up to its first break; else the second.
    Either(Box<(Doc, Doc)>),
    /// A part that both choices of an `Either` hold.
    Shared(Rc<Doc>),
}

impl Doc {
    fn new(kind: Kind, breaks: bool) -> Doc {
        Doc { kind, breaks }
    }

    pub fn text(text: impl Into<String>) -> Doc {
        Doc::new(Kind::Text(text.into()), false)
    }

    pub fn nothing() -> Doc {
        Doc::text("")
    }

    /// A space, or a line break where the group is broken.
    pub fn line() -> Doc {
        Doc::new(Kind::Line(" "), false)
    }

    /// Nothing, or a line break where the group is broken.
    pub fn soft() -> Doc {
        Doc::new(Kind::Line(""), false)
    }

    pub fn hard() -> Doc {
        Doc::new(Kind::Hard, true)
    }

    pub fn blank() -> Doc {
        Doc::new(Kind::Blank, true)
    }

    /// `broken` where the group around it is broken, else `flat`.
    pub fn choice(broken: impl Into<String>, flat: &'static str) -> Doc {
        Doc::new(Kind::Choice(broken.into(), flat), false)
    }

    pub fn trailing(comment: impl Into<String>) -> Doc {
        Doc::new(Kind::Trailing(comment.into()), true)
    }

    pub fn concat(parts: Vec<Doc>) -> Doc {
        let breaks = parts.iter().any(|part| part.breaks);
        Doc::new(Kind::Concat(parts), breaks)
    }

    pub fn indent(parts: Vec<Doc>) -> Doc {
        let breaks = parts.iter().any(|part| part.breaks);
        Doc::new(Kind::Indent(parts), breaks)
    }

    pub fn group(parts: Vec<Doc>) -> Doc {
        let breaks = parts.iter().any(|part| part.breaks);
        Doc::new(Kind::Group(parts), breaks)
    }

    pub fn hang(doc: Doc) -> Doc {
        let breaks = doc.breaks;
        Doc::new(Kind::Hang(Box::new(doc)), breaks)
    }

    pub fn either(first: Doc, second: Doc) -> Doc {
        let breaks = first.breaks;
        Doc::new(Kind::Either(Box::new((first, second))), breaks)
    }

    pub fn shared(doc: &Rc<Doc>) -> Doc {
        Doc::new(Kind::Shared(Rc::clone(doc)), doc.breaks)
    }

    /// Columns on one line; `None` where it must break.
    pub fn flat_width(&self) -> Option<usize> {
        if self.breaks {
            return None;
        }
        Some(match &self.kind {
            Kind::Text(text) => columns(text),
            Kind::Line(flat) | Kind::Choice(_, flat) => flat.len(),
            Kind::Hard | Kind::Blank | Kind::Trailing(_) => 0,
            Kind::Concat(parts) | Kind::Indent(parts) | Kind::Group(parts) => {
                parts.iter().map(|part| part.flat_width().unwrap_or(0)).sum()
            }
            Kind::Hang(doc) => 1 + doc.flat_width().unwrap_or(0),
            Kind::Either(either) => either.0.flat_width().unwrap_or(0),
            Kind::Shared(doc) => doc.flat_width().unwrap_or(0),
        })
    }

    /// The text, each line ended; comments at the ends of lines that follow one another stand in one column.
    pub fn render(&self) -> String {
        let mut writer = Writer { lines: Vec::new(), current: Line::default(), column: 0 };
        writer.write(self);
        if !writer.is_empty() {
            writer.end_line();
        }
        aligned(writer.lines)
    }
}

pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

#[derive(Clone, Debug, Default)]
struct Line {
    code: String,
    comment: String,
}

struct Writer {
    lines: Vec<Line>,
    current: Line,
    column: usize,
}

/// A part still to be written: its indentation, whether its breaks are taken, itself.
type Pending<'d> = (usize, bool, &'d Doc);

impl Writer {
    fn write(&mut self, doc: &Doc) {
        let mut pending: Vec<Pending> = vec![(0, true, doc)];
        while let Some((indent, broken, doc)) = pending.pop() {
            match &doc.kind {
                Kind::Text(text) => self.put(text),
                Kind::Line(flat) if !broken => self.put(flat),
                Kind::Choice(text, _) if broken => self.put(text),
                Kind::Choice(_, flat) => self.put(flat),
                Kind::Line(_) | Kind::Hard => self.new_line(indent),
                Kind::Blank => self.lines.push(std::mem::take(&mut self.current)),
                Kind::Trailing(comment) => {
                    let gap = if self.current.comment.is_empty() { "" } else { " " };
                    self.current.comment = format!("{}{gap}{comment}", self.current.comment);
                }
                Kind::Concat(parts) => pending.extend(parts.iter().rev().map(|part| (indent, broken, part))),
                Kind::Indent(parts) => pending.extend(parts.iter().rev().map(|part| (indent + STEP, broken, part))),
                Kind::Group(parts) => {
                    let broken = doc.breaks || !self.fits(doc, self.column, &pending);
                    pending.extend(parts.iter().rev().map(|part| (indent, broken, part)));
                }
                Kind::Hang(doc) => {
                    let here = doc.breaks || self.fits(doc, self.column + 1, &pending);
                    if here || !self.fits(doc, indent + STEP, &pending) {
                        self.put(" ");
                        pending.push((indent, broken, doc));
                    } else {
                        self.new_line(indent + STEP);
                        pending.push((indent + STEP, broken, doc));
                    }
                }
                Kind::Either(either) => {
                    let (first, second) = either.as_ref();
                    let chosen = if self.fits(first, self.column, &pending) { first } else { second };
                    pending.push((indent, broken, chosen));
                }
                Kind::Shared(doc) => pending.push((indent, broken, doc)),
            }
        }
    }

    fn put(&mut self, text: &str) {
        self.current.code.push_str(text);
        self.column += columns(text);
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.current.code.is_empty() && self.current.comment.is_empty()
    }

    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.current));
    }

    fn new_line(&mut self, indent: usize) {
        self.end_line();
        self.current.code = " ".repeat(indent);
        self.column = indent;
    }

    /// Whether `group` fits on a line from `column` on, with all that follows it up to the next break.
    fn fits(&self, group: &Doc, column: usize, after: &[Pending]) -> bool {
        let mut room = WIDTH.saturating_sub(column);
        let mut next: Vec<(bool, &Doc)> = vec![(false, group)];
        let mut rest = after.iter().rev();
        loop {
            let Some((broken, doc)) = next.pop().or_else(|| rest.next().map(|(_, broken, doc)| (*broken, *doc))) else {
                return true;
            };
            let width = match &doc.kind {
                Kind::Text(text) => columns(text),
                Kind::Line(_) if broken => return true,
                Kind::Line(flat) => flat.len(),
                Kind::Hard | Kind::Blank => return true,
                Kind::Choice(text, _) if broken => columns(text),
                Kind::Choice(_, flat) => flat.len(),
                Kind::Trailing(_) => 0,
                // A group after the one in question may still be broken by itself.
                Kind::Concat(parts) | Kind::Indent(parts) | Kind::Group(parts) => {
                    next.extend(parts.iter().rev().map(|part| (broken, part)));
                    0
                }
                Kind::Hang(_) if broken => return true,
                Kind::Hang(doc) => {
                    next.push((broken, doc));
                    1
                }
                Kind::Either(either) => {
                    next.push((broken, &either.0));
                    0
                }
                Kind::Shared(doc) => {
                    next.push((broken, doc));
                    0
                }
            };
            match room.checked_sub(width) {
                Some(left) => room = left,
                None => return false,
            }
        }
    }
}

/// Puts code and comments together. Comments of neighbouring lines with the same indentation share a column.
fn aligned(lines: Vec<Line>) -> String {
    let indent = |line: &Line| line.code.len() - line.code.trim_start().len();
    let mut text = String::new();
    let mut start = 0;
    while start < lines.len() {
        let first = &lines[start];
        let same = |line: &&Line| !line.comment.is_empty() && indent(line) == indent(first);
        let run = if first.comment.is_empty() { 1 } else { lines[start..].iter().take_while(same).count() };
        let run = &lines[start..start + run];
        let column = run.iter().map(|line| columns(line.code.trim_end())).max().unwrap_or(0);
        for line in run {
            let code = line.code.trim_end();
            text.push_str(code);
            if !line.comment.is_empty() {
                text.push_str(&" ".repeat(column - columns(code) + if code.is_empty() { 0 } else { 2 }));
                text.push_str(&line.comment);
            }
            text.push('\n');
        }
        start += run.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Doc, WIDTH};

    fn call(argument: &str) -> Doc {
        let inner = Doc::indent(vec![Doc::soft(), Doc::text(argument), Doc::choice(",", "")]);
        Doc::group(vec![Doc::text("f("), inner, Doc::soft(), Doc::text(")")])
    }

    #[test]
    fn a_group_breaks_where_it_does_not_fit() {
        assert_eq!(call("x").render(), "f(x)\n");
        let long = "x".repeat(WIDTH - 3);
        assert_eq!(call(&long).render(), format!("f({long})\n"));
        let longer = "x".repeat(WIDTH - 2);
        assert_eq!(call(&longer).render(), format!("f(\n  {longer},\n)\n"));
    }

    #[test]
    fn what_follows_a_group_counts_up_to_the_next_break() {
        let argument = "x".repeat(WIDTH - 4);
        let doc = Doc::concat(vec![call(&argument), Doc::text(" {"), Doc::hard(), Doc::text("}")]);
        assert_eq!(doc.render(), format!("f(\n  {argument},\n) {{\n}}\n"));
    }

    #[test]
    fn comments_go_to_the_end_of_their_line_and_share_a_column() {
        let line = |code: &str, comment: &str| Doc::concat(vec![Doc::trailing(comment), Doc::text(code)]);
        let doc = Doc::concat(vec![line("a", "// 1"), Doc::hard(), line("bcd", "// 2"), Doc::hard(), Doc::text("e")]);
        assert_eq!(doc.render(), "a    // 1\nbcd  // 2\ne\n");
    }
}
