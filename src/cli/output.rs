//! What a command says, and to whom: results on standard output, diagnostics on standard error, objects for programs.
//!
//! Writing never fails a command: who closes the pipe has read enough.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::exit::Exit;
use crate::diag::{Diagnostic, brief, render, suggest};
use crate::source::Sources;

/// More diagnostics than this are counted, not drawn: nobody reads the hundredth.
const MOST_DRAWN: usize = 60;

pub(super) struct Output {
    /// One JSON object a line on standard output, in place of text.
    pub json: bool,
    color_out: bool,
    color_err: bool,
}

impl Output {
    pub fn new(json: bool) -> Output {
        // https://no-color.org: any value but the empty one.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = wanted && !dumb;
        Output { json, color_out: color && io::stdout().is_terminal(), color_err: color && io::stderr().is_terminal() }
    }

    /// A result, as it is; a newline is added where there is none.
    pub fn text(&self, text: &str) {
        write(&mut io::stdout().lock(), text);
    }

    /// A word aside, on standard error.
    pub fn note(&self, text: &str) {
        write(&mut io::stderr().lock(), text);
    }

    /// An object for a program, on one line.
    pub fn object(&self, kind: &str, mut fields: Value) {
        if let Value::Object(map) = &mut fields {
            map.shift_insert(0, "type".into(), kind.into());
        }
        write(&mut io::stdout().lock(), &fields.to_string());
    }

    /// Bold where the terminal has it.
    pub fn bold(&self, text: &str) -> String {
        if self.color_out { format!("\x1b[1m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Draws the diagnostics on standard error; under `--json` they are objects on standard output as well. Gives the exit
    /// code they come to.
    pub fn problems(&self, problems: &[Diagnostic], sources: &Sources) -> Exit {
        for diagnostic in problems.iter().take(MOST_DRAWN) {
            self.note(&render::draw(diagnostic, sources, self.color_err));
        }
        if problems.len() > MOST_DRAWN {
            self.note(&format!("… and {} more", problems.len() - MOST_DRAWN));
        }
        if self.json {
            problems.iter().for_each(|diagnostic| self.object("diagnostic", brief::json(diagnostic, sources)));
        }
        Exit::of(problems)
    }

    /// One diagnostic that is about no text.
    pub fn problem(&self, diagnostic: Diagnostic) -> Exit {
        self.problems(&[diagnostic], &Sources::new())
    }

    /// A word of the command line that means nothing, with what might have been meant.
    pub fn unknown<'a>(&self, what: &str, given: &str, plural: &str, known: impl IntoIterator<Item = &'a str>) -> Exit {
        self.usage(&format!("there is no {what} `{given}`"), &suggest::help(given, plural, known))
    }

    /// The command line is wrong.
    pub fn usage(&self, message: &str, help: &str) -> Exit {
        let (red, off) = if self.color_err { ("\x1b[31;1m", "\x1b[0m") } else { ("", "") };
        self.note(&format!("{red}error{off}: {message}\n  help: {help}"));
        Exit::Usage
    }
}

fn write(to: &mut impl Write, text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(to, "{text}{end}").and_then(|()| to.flush());
}
