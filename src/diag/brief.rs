//! A [`Diagnostic`] in one line: for logs and editors as text, for programs as JSON.

use serde_json::{Value, json};

use super::{Diagnostic, Severity};
use crate::source::Sources;

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// `a.wsss:2:9: error[unknown-name]: nothing here is called `x` (define it)`; no line break in it.
pub fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let place = diagnostic.labels.first().map_or(String::new(), |label| format!("{}: ", sources.place(label.span)));
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
    let Diagnostic { severity, code, message, .. } = diagnostic;
    format!("{place}{}[{code}]: {message}{help}", severity.word()).replace('\n', " ")
}

/// `{severity, code, message, labels: [{file, line, column, end_line, end_column, start, end, text}], help}`. Lines
/// and columns count from 1, columns in characters; `start` and `end` are bytes of the file from 0; an end is the place after the
/// last character.
pub fn json(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let labels = diagnostic.labels.iter().map(|label| {
        let source = sources.get(label.span.source);
        let (line, column) = source.line_column(label.span.start as usize);
        let (end_line, end_column) = source.line_column(label.span.end as usize);
        json!({
            "file": source.name,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "start": label.span.start,
            "end": label.span.end,
            "text": label.text,
        })
    });
    json!({
        "severity": diagnostic.severity.word(),
        "code": diagnostic.code.slug(),
        "message": diagnostic.message,
        "labels": labels.collect::<Vec<_>>(),
        "help": diagnostic.help,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{json, line};
    use crate::diag::{Code, Diagnostic};
    use crate::source::{Sources, Span};

    fn example() -> (Diagnostic, Sources) {
        let mut sources = Sources::new();
        let id = sources.add("a.wsss", "// Käse\nlet grün = x\n");
        let diagnostic = Diagnostic::error(Code::UnknownName, "nothing here is called `x`")
            .label(Span::new(id, 21..22), "not known")
            .help("define it,\nor not");
        (diagnostic, sources)
    }

    #[test]
    fn one_line_of_text() {
        let (diagnostic, sources) = example();
        expect!["a.wsss:2:12: error[unknown-name]: nothing here is called `x` (define it, or not)"]
            .assert_eq(&line(&diagnostic, &sources));
        expect!["warning[internal]: odd"].assert_eq(&line(&Diagnostic::warning(Code::Internal, "odd"), &sources));
    }

    #[test]
    fn one_object_of_json() {
        let (diagnostic, sources) = example();
        expect![[
            r#"{"severity":"error","code":"unknown-name","message":"nothing here is called `x`","labels":[{"file":"a.wsss","line":2,"column":12,"end_line":2,"end_column":13,"start":21,"end":22,"text":"not known"}],"help":"define it,\nor not"}"#
        ]]
        .assert_eq(&json(&diagnostic, &sources).to_string());
    }
}
