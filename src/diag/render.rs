//! Draws a [`Diagnostic`] for a terminal: what is wrong, the lines it is about with every label under them, the help.
//!
//! miette is known to this file alone, and draws the lines; what stands above and below them is ours. The labels of one
//! diagnostic may lie in several files: miette sees one [`Page`] on which the files follow each other, the first label's first.

use std::fmt::{self, Write};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};

use super::{Diagnostic, Severity};
use crate::source::{SourceId, Sources, Span};

/// A span of more lines than this is drawn as its first line: a whole stage under one mark hides what it is about.
const MOST_LINES: usize = 6;

/// Characters shown on either side of what is marked; a line may be a megabyte long.
const MARGIN: usize = 160;

/// The diagnostic as text of several lines, with a newline at the end; ANSI colours where `color`.
pub fn draw(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let paint = Paint { color };
    let (word, style) = match diagnostic.severity {
        Severity::Error => ("error", "31;1"),
        Severity::Warning => ("warning", "33;1"),
    };
    let head = paint.with(style, &format!("{word}[{}]", diagnostic.code));
    let mut text = format!("{head}{}{}\n", paint.with("1", ": "), paint.with("1", &printable(&diagnostic.message)));
    text += &snippets(diagnostic, sources, color);
    if let Some(help) = &diagnostic.help {
        // Lines after the first stand under the words of the first.
        let help = printable(help).replace('\n', "\n        ");
        text += &format!("  {} {help}\n", paint.with("36", "help:"));
    }
    text
}

struct Paint {
    color: bool,
}

impl Paint {
    fn with(&self, style: &str, text: &str) -> String {
        if self.color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_string() }
    }
}

fn snippets(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    if diagnostic.labels.is_empty() {
        return String::new();
    }
    let page = Page::new(diagnostic, sources);
    let labels = diagnostic.labels.iter().enumerate().map(|(place, label)| {
        let text = (!label.text.is_empty()).then(|| printable(&label.text));
        let span = page.place(label.span);
        if place == 0 { LabeledSpan::new_primary_with_span(text, span) } else { LabeledSpan::new_with_span(text, span) }
    });
    let drawing = Drawing { labels: labels.collect(), page };
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_context_lines(0).with_links(false).with_width(10_000);
    if handler.render_report(&mut text, &drawing).is_err() {
        // The places are worth more than the picture.
        let places =
            diagnostic.labels.iter().map(|label| format!("   {}: {}\n", sources.place(label.span), label.text));
        return places.collect();
    }
    // The first line would be miette's own head; each other line begins with a space to spare.
    let mut lines = String::new();
    for line in text.lines().skip(1) {
        let _ = writeln!(lines, "{}", line.strip_prefix(' ').unwrap_or(line).trim_end());
    }
    lines
}

/// Control characters of a hostile file must not reach the terminal. One byte stays one byte, so that places stay right.
fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_control() && c != '\n' && c != '\t' { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// What miette is given: no message of its own, labels over one page.
#[derive(Debug)]
struct Drawing {
    labels: Vec<LabeledSpan>,
    page: Page,
}

impl fmt::Display for Drawing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Drawing {}

impl miette::Diagnostic for Drawing {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.page)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// The files a diagnostic speaks of, one after the other. Each ends with a newline of its own, so that its end can be marked.
#[derive(Debug, Default)]
struct Page {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    id: SourceId,
    name: String,
    start: usize,
    end: usize,
}

impl Page {
    fn new(diagnostic: &Diagnostic, sources: &Sources) -> Page {
        let mut page = Page::default();
        for label in &diagnostic.labels {
            let id = label.span.source;
            if page.parts.iter().all(|part| part.id != id) {
                let source = sources.get(id);
                let start = page.text.len();
                page.text += &printable(&source.text);
                page.text.push('\n');
                page.parts.push(Part { id, name: source.name.clone(), start, end: page.text.len() });
            }
        }
        page
    }

    /// Where a span lies on the page: whole characters, inside its file, on few lines.
    fn place(&self, span: Span) -> SourceSpan {
        let part = self.parts.iter().find(|part| part.id == span.source).expect("a page holds the files of all labels");
        let last = part.end - 1;
        let start = self.boundary(part.start.saturating_add(span.start as usize).min(last));
        let end = self.boundary(part.start.saturating_add(span.end as usize).clamp(start, last));
        let lines = self.text[start..end].matches('\n').count() + 1;
        let end = if lines > MOST_LINES { self.line_end(start) } else { end };
        (start, end - start).into()
    }

    fn boundary(&self, mut at: usize) -> usize {
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Just before the newline of the line that `at` is on.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline)
    }
}

impl SourceCode for Page {
    /// The lines of a span, cut to what is near it; its line and column, the column in characters.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        // Two labels of different files ask to be read together: they are not.
        let part =
            self.parts.iter().find(|part| part.start <= start && end < part.end).ok_or(MietteError::OutOfBounds)?;
        let before = &self.text[part.start..start];
        let line_start = before.rfind('\n').map_or(part.start, |newline| part.start + newline + 1);
        let from = self.boundary(line_start.max(start.saturating_sub(MARGIN)));
        let to = (self.line_end(end) + 1).min(part.end);
        let to = if to > end + MARGIN { self.boundary(end + MARGIN) } else { to };
        Ok(Box::new(MietteSpanContents::new_named(
            part.name.clone(),
            &self.text.as_bytes()[from..to],
            (from, to - from).into(),
            before.matches('\n').count(),
            self.text[line_start..start].chars().count(),
            self.text[start..end].matches('\n').count() + 1,
        )))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::draw;
    use crate::diag::{Code, Diagnostic};
    use crate::source::{Sources, Span};

    /// The texts are sources `a.wsss`, `b.wsss`, …; each label is the first occurrence of its words in its text.
    fn check(texts: &[&str], labels: &[(usize, &str, &str)], answer: Expect) {
        let mut sources = Sources::new();
        let ids: Vec<_> =
            texts.iter().zip('a'..).map(|(text, name)| sources.add(format!("{name}.wsss"), *text)).collect();
        let mut diagnostic = Diagnostic::error(Code::UnknownName, "nothing here is called `x`");
        for (text, words, says) in labels {
            let start = texts[*text].find(words).expect("the words are in the text");
            diagnostic = diagnostic.label(Span::new(ids[*text], start..start + words.len()), *says);
        }
        answer.assert_eq(&draw(&diagnostic.help("define it"), &sources, false));
    }

    #[test]
    fn a_label_under_its_words() {
        check(
            &["let a = 1\nlet b = x + 1\nlet c = 2\n"],
            &[(0, "x", "not known")],
            expect![[r#"
                error[unknown-name]: nothing here is called `x`
                  ╭─[a.wsss:2:9]
                2 │ let b = x + 1
                  ·         ┬
                  ·         ╰── not known
                  ╰────
                  help: define it
            "#]],
        );
    }

    #[test]
    fn columns_are_counted_in_characters() {
        check(
            &["// Käse\nlet grün = \"日本\" + x\n"],
            &[(0, "x", "not known")],
            expect![[r#"
                error[unknown-name]: nothing here is called `x`
                  ╭─[a.wsss:2:19]
                2 │ let grün = "日本" + x
                  ·                     ┬
                  ·                     ╰── not known
                  ╰────
                  help: define it
            "#]],
        );
    }

    #[test]
    fn the_end_of_a_file_can_be_marked() {
        let mut sources = Sources::new();
        let texts = ["", "let a = ", "let a = {\n"];
        for (name, text) in ["empty", "open", "brace"].iter().zip(texts) {
            sources.add(*name, text);
        }
        let drawn: Vec<String> = (0..3)
            .map(|id| {
                let end = texts[id as usize].len();
                let span = Span::new(crate::source::SourceId(id), end..end);
                draw(&Diagnostic::error(Code::Syntax, "expected a value").label(span, "here"), &sources, false)
            })
            .collect();
        expect![[r#"
            error[syntax]: expected a value
              ╭─[empty:1:1]
            1 │
              · ▲
              · ╰── here
              ╰────
            error[syntax]: expected a value
              ╭─[open:1:9]
            1 │ let a =
              ·         ▲
              ·         ╰── here
              ╰────
            error[syntax]: expected a value
              ╭─[brace:2:1]
            2 │
              · ▲
              · ╰── here
              ╰────
        "#]]
        .assert_eq(&drawn.concat());
    }

    #[test]
    fn labels_in_one_file_share_its_frame_or_not_by_distance() {
        check(
            &["let a = 1\nlet a = 2\n\n\nlet b = a + a\n"],
            &[(0, "let a = 2", "again here"), (0, "let a = 1", "first here"), (0, "b", "and this")],
            expect![[r#"
                error[unknown-name]: nothing here is called `x`
                  ╭─[a.wsss:2:1]
                1 │ let a = 1
                  · ────┬────
                  ·     ╰── first here
                2 │ let a = 2
                  · ────┬────
                  ·     ╰── again here
                  ╰────
                  ╭─[a.wsss:5:5]
                5 │ let b = a + a
                  ·     ┬
                  ·     ╰── and this
                  ╰────
                  help: define it
            "#]],
        );
    }

    #[test]
    fn labels_in_two_files_have_a_frame_each_the_first_label_first() {
        check(
            &["fn f(a) = a + 1\n", "\nlet c = f(x)\n"],
            &[(1, "f(x)", "in this call"), (0, "a + 1", "no number")],
            expect![[r#"
                error[unknown-name]: nothing here is called `x`
                  ╭─[b.wsss:2:9]
                2 │ let c = f(x)
                  ·         ──┬─
                  ·           ╰── in this call
                  ╰────
                  ╭─[a.wsss:1:11]
                1 │ fn f(a) = a + 1
                  ·           ──┬──
                  ·             ╰── no number
                  ╰────
                  help: define it
            "#]],
        );
    }

    #[test]
    fn a_diagnostic_without_labels_is_its_words() {
        let diagnostic =
            Diagnostic::warning(Code::CannotRead, "cannot read `a.wsss`").help("is it there?\nmay it be read?");
        expect![[r#"
            warning[cannot-read]: cannot read `a.wsss`
              help: is it there?
                    may it be read?
        "#]]
        .assert_eq(&draw(&diagnostic, &Sources::new(), false));
    }

    #[test]
    fn a_few_lines_are_drawn_whole_and_many_by_their_first() {
        check(
            &["let a = [\n  1,\n  x\n]\n"],
            &[(0, "[\n  1,\n  x\n]", "this list")],
            expect![[r#"
                error[unknown-name]: nothing here is called `x`
                  ╭─[a.wsss:1:9]
                1 │ ╭─▶ let a = [
                2 │ │     1,
                3 │ │     x
                4 │ ├─▶ ]
                  · ╰──── this list
                  ╰────
                  help: define it
            "#]],
        );
        let long = format!("train a {{\n{}}}\n", "  batch = 8\n".repeat(30));
        check(
            &[&long],
            &[(0, long.trim_end(), "this stage")],
            expect![[r#"
                error[unknown-name]: nothing here is called `x`
                  ╭─[a.wsss:1:1]
                1 │ train a {
                  · ────┬────
                  ·     ╰── this stage
                  ╰────
                  help: define it
            "#]],
        );
    }

    #[test]
    fn an_endless_line_is_cut_and_control_characters_are_not_shown() {
        let mut sources = Sources::new();
        let id = sources.add("noise", format!("{}\x1b[31m{}", "ü".repeat(400_000), "é".repeat(400_000)));
        let diagnostic =
            Diagnostic::error(Code::Syntax, "what is \x07this").label(Span::new(id, 800_001..800_003), "here");
        let drawn = draw(&diagnostic, &sources, false);
        assert!(drawn.len() < 2_000, "{} bytes", drawn.len());
        assert!(!drawn.contains('\x1b') && !drawn.contains('\x07'));
        assert!(drawn.contains("[noise:1:400002]"), "{drawn}");
    }

    #[test]
    fn a_span_beyond_its_file_does_not_stop_the_message() {
        let mut sources = Sources::new();
        let id = sources.add("short", "é");
        for range in [0..90, 1..2, 70..90] {
            let drawn =
                draw(&Diagnostic::error(Code::Syntax, "odd").label(Span::new(id, range), "here"), &sources, false);
            assert!(drawn.contains("[short:1:"), "{drawn}");
        }
    }

    #[test]
    fn colours_are_asked_for() {
        let mut sources = Sources::new();
        let id = sources.add("a.wsss", "x\n");
        let diagnostic = Diagnostic::error(Code::Syntax, "odd").label(Span::new(id, 0..1), "here").help("mend it");
        let colored = draw(&diagnostic, &sources, true);
        assert!(colored.contains("\x1b[31;1merror[syntax]\x1b[0m") && colored.contains("\x1b[36mhelp:"));
        assert!(!draw(&diagnostic, &sources, false).contains('\x1b'));
    }
}
