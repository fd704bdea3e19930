//! Parts one after the other: rows of a body, each on its line, and lists between brackets, which may stand on one line.

use std::rc::Rc;

use super::Printer;
use super::comments::Between;
use super::layout::{Doc, WIDTH};

/// Columns that two neighbours' heads may differ by and still be aligned; a wider gap is hard to read across.
const FURTHEST: usize = 20;

/// One line of a body, or several where it does not fit.
pub(super) struct Row {
    /// What is aligned: the part before ` = `. `tail` is the rest.
    pub head: Doc,
    pub tail: Option<Doc>,
    /// Neighbours of one class are aligned, and are not parted by empty lines.
    pub class: &'static str,
    /// Docs, where they are not among the comments.
    pub doc: Between,
}

impl Row {
    pub fn new(class: &'static str, head: impl Into<String>) -> Row {
        Row { head: Doc::text(head), tail: None, class, doc: Between::default() }
    }

    pub fn tail(self, tail: Doc) -> Row {
        Row { tail: Some(tail), ..self }
    }

    /// ` = value`
    pub fn value(self, value: Doc) -> Row {
        self.tail(Doc::concat(vec![Doc::text(" = "), value]))
    }

    fn flat_width(&self) -> Option<usize> {
        Some(self.head.flat_width()? + self.tail.as_ref().map_or(Some(0), Doc::flat_width)?)
    }

    /// ` = value`, the value on the next line where only there it fits on one.
    pub fn hanging_value(self, value: Doc) -> Row {
        self.tail(Doc::concat(vec![Doc::text(" ="), Doc::hang(value)]))
    }

    /// On one line, with `pad` columns before its tail.
    fn into_doc(self, pad: usize) -> Doc {
        match self.tail {
            Some(tail) => Doc::concat(vec![self.head, Doc::text(" ".repeat(pad)), tail]),
            None => self.head,
        }
    }
}

/// A row with the comments above it.
struct Placed {
    row: Row,
    above: Vec<(bool, String)>,
    blank_above: bool,
    /// Comments at the end of its line.
    trailing: Vec<String>,
}

/// A body: what stands at the end of the opening line, then lines with or without an empty line above.
#[derive(Default)]
pub(super) struct Lines {
    opening: Vec<Doc>,
    lines: Vec<(bool, Doc)>,
}

impl Lines {
    pub fn is_empty(&self) -> bool {
        self.opening.is_empty() && self.lines.is_empty()
    }

    /// Puts comments before all lines, with an empty line after them.
    pub fn put_first(&mut self, comments: Between) {
        if comments.is_empty() {
            return;
        }
        if let Some((blank, _)) = self.lines.first_mut() {
            *blank = true;
        }
        let comments = comments.own_lines.into_iter().map(|(_, comment)| (false, Doc::text(comment)));
        self.lines.splice(0..0, comments);
    }

    /// The lines of a whole file.
    pub fn into_file(self) -> Doc {
        let mut parts = Vec::new();
        for (index, (blank, line)) in self.lines.into_iter().enumerate() {
            if index > 0 {
                parts.extend(blank.then(Doc::blank));
                parts.push(Doc::hard());
            }
            parts.push(line);
        }
        Doc::concat(parts)
    }

    /// `{`, the indented lines, `}`.
    pub fn into_braces(self) -> Doc {
        if self.is_empty() {
            return Doc::text("{}");
        }
        Doc::concat(vec![Doc::text("{"), self.into_indented(), Doc::hard(), Doc::text("}")])
    }

    /// The indented lines, each after a break.
    pub fn into_indented(self) -> Doc {
        let mut parts = self.opening;
        for (index, (blank, line)) in self.lines.into_iter().enumerate() {
            parts.extend((blank && index > 0).then(Doc::blank));
            parts.push(Doc::hard());
            parts.push(line);
        }
        Doc::indent(parts)
    }

    fn trailing(&mut self, comments: Vec<String>) {
        let comments = comments.into_iter().map(Doc::trailing);
        match self.lines.last_mut() {
            Some((_, line)) => {
                let mut parts = vec![std::mem::replace(line, Doc::nothing())];
                parts.extend(comments);
                *line = Doc::concat(parts);
            }
            None => self.opening.extend(comments),
        }
    }

    fn comments(&mut self, comments: Vec<(bool, String)>) {
        self.lines.extend(comments.into_iter().map(|(blank, comment)| (blank, Doc::text(comment))));
    }
}

/// What stands between the parts of a list in brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// A comma, also after the last part where each has its line.
    Comma,
    /// A comma on one line, nothing where each part has its line.
    CommaOnOneLine,
}

/// The brackets of a list, and where it ends in the text.
#[derive(Clone, Copy)]
pub(super) struct Brackets {
    pub open: &'static str,
    pub close: &'static str,
    /// Comments before this byte that are left belong before the closing bracket; 0 where that is not known.
    pub end: u32,
    pub separator: Separator,
    /// The last part may break while the others stay on the line: `f(a, x => { … })`.
    pub hugs_last: bool,
}

impl Brackets {
    pub fn round(end: u32) -> Brackets {
        Brackets { open: "(", close: ")", end, separator: Separator::Comma, hugs_last: false }
    }

    pub fn square(end: u32) -> Brackets {
        Brackets { open: "[", close: "]", end, separator: Separator::Comma, hugs_last: false }
    }

    pub fn curly(end: u32) -> Brackets {
        Brackets { open: "{", close: "}", end, separator: Separator::Comma, hugs_last: false }
    }

    fn inside(self) -> Doc {
        if self.open == "{" { Doc::line() } else { Doc::soft() }
    }
}

impl Printer<'_> {
    /// The rows of a body that ends at byte `end`. `place` is where a part begins and ends in the text, `parted` whether an
    /// empty line must stand between two rows, told by their classes and whether they take more than one line.
    pub(super) fn rows<T>(
        &mut self,
        parts: &[T],
        end: u32,
        place: impl Fn(&T) -> (u32, u32),
        parted: impl Fn(&Row, &Row) -> bool,
        mut row: impl FnMut(&mut Self, &T) -> Row,
    ) -> Lines {
        let mut opening = Vec::new();
        let mut placed: Vec<Placed> = Vec::new();
        for part in parts {
            let (start, end) = place(part);
            let between = self.comments.before(start);
            match placed.last_mut() {
                Some(last) => last.trailing.extend(between.trailing),
                None => opening.extend(between.trailing),
            }
            let blank_above = self.comments.blank_above(start);
            let mut row = row(self, part);
            let mut above = between.own_lines;
            above.append(&mut row.doc.own_lines);
            let trailing = self.comments.before(end).into_texts().collect();
            placed.push(Placed { row, above, blank_above, trailing });
        }
        let last = self.comments.before(end);
        match placed.last_mut() {
            Some(row) => row.trailing.extend(last.trailing),
            None => opening.extend(last.trailing),
        }
        for index in 1..placed.len() {
            let (before, after) = placed.split_at_mut(index);
            let (before, after) = (&before[index - 1], &mut after[0]);
            let has_blank = after.blank_above || after.above.iter().any(|(blank, _)| *blank);
            if !has_blank && parted(&before.row, &after.row) {
                match after.above.first_mut() {
                    Some((blank, _)) => *blank = true,
                    None => after.blank_above = true,
                }
            }
        }
        let mut lines = Lines::default();
        lines.trailing(opening);
        for (pad, placed) in self.padded(placed) {
            lines.comments(placed.above);
            lines.lines.push((placed.blank_above, placed.row.into_doc(pad)));
            lines.trailing(placed.trailing);
        }
        lines.comments(last.own_lines);
        lines
    }

    /// How much further right each row's tail goes, so that those of neighbours of one class, each on one line, stand below
    /// each other.
    fn padded(&self, placed: Vec<Placed>) -> Vec<(usize, Placed)> {
        let one_line = |row: &Row| row.flat_width().is_some_and(|width| width + 2 * self.depth <= WIDTH);
        let aligns = |placed: &Placed| placed.row.tail.is_some() && one_line(&placed.row);
        let width = |index: usize| placed[index].row.head.flat_width().unwrap_or(0);
        let mut pads = vec![0; placed.len()];
        let mut start = 0;
        while start < placed.len() {
            let mut end = start + 1;
            while end < placed.len()
                && placed[end].row.class == placed[start].row.class
                && !placed[end].blank_above
                && placed[end].above.is_empty()
                && width(end).abs_diff(width(start)) <= FURTHEST
                && one_line(&placed[end - 1].row)
                && one_line(&placed[end].row)
            {
                end += 1;
            }
            let widest = (start..end).filter(|index| aligns(&placed[*index])).map(width).max().unwrap_or(0);
            for index in (start..end).filter(|index| aligns(&placed[*index])) {
                pads[index] = widest - width(index);
            }
            start = end;
        }
        pads.into_iter().zip(placed).collect()
    }

    /// A list between brackets, on one line or one part a line.
    pub(super) fn bracketed<T>(
        &mut self,
        brackets: Brackets,
        parts: &[T],
        start: impl Fn(&T) -> u32,
        mut print: impl FnMut(&mut Self, &T) -> Doc,
    ) -> Doc {
        let placed: Vec<(Between, Doc)> = parts
            .iter()
            .map(|part| {
                let above = self.comments.before(start(part));
                (above, print(self, part))
            })
            .collect();
        let last = self.comments.before(brackets.end);
        if placed.is_empty() && last.is_empty() {
            return Doc::text(format!("{}{}", brackets.open, brackets.close));
        }
        if !brackets.hugs_last || !last.is_empty() || placed.iter().any(|(above, _)| !above.is_empty()) {
            return brackets.assemble(placed, last);
        }
        // The last part may spread over lines of its own while the others stay where they are.
        let shared = |(above, doc): (Between, Doc)| (above, Rc::new(doc));
        let placed: Vec<(Between, Rc<Doc>)> = placed.into_iter().map(shared).collect();
        let mut hugged = vec![Doc::text(brackets.open)];
        for (index, (_, part)) in placed.iter().enumerate() {
            hugged.extend((index > 0).then(|| Doc::text(", ")));
            hugged.push(Doc::shared(part));
        }
        hugged.push(Doc::text(brackets.close));
        let one_a_line = placed.into_iter().map(|(above, doc)| (above, Doc::shared(&doc))).collect();
        Doc::either(Doc::concat(hugged), brackets.assemble(one_a_line, last))
    }
}

impl Brackets {
    fn assemble(self, placed: Vec<(Between, Doc)>, last: Between) -> Doc {
        let Brackets { open, close, separator, .. } = self;
        let between_parts = if separator == Separator::Comma { Doc::text(",") } else { Doc::choice("", ",") };
        let after_last = if separator == Separator::Comma { Doc::choice(",", "") } else { Doc::nothing() };
        let is_empty = placed.is_empty();
        let mut inner = Vec::new();
        for (index, (above, part)) in placed.into_iter().enumerate() {
            if index > 0 {
                inner.push(between_parts.clone());
            }
            inner.extend(above.trailing.into_iter().map(Doc::trailing));
            inner.push(if index == 0 { self.inside() } else { Doc::line() });
            for (_, comment) in above.own_lines {
                inner.extend([Doc::text(comment), Doc::hard()]);
            }
            inner.push(part);
        }
        if !is_empty {
            inner.push(after_last);
        }
        inner.extend(last.trailing.into_iter().map(Doc::trailing));
        for (_, comment) in last.own_lines {
            inner.extend([Doc::hard(), Doc::text(comment)]);
        }
        Doc::group(vec![Doc::text(open), Doc::indent(inner), self.inside(), Doc::text(close)])
    }
}
