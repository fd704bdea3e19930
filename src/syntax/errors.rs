//! The messages of this room, one constructor a mistake, in the words of the language.

use super::grammar::Expected;
use super::scan::{Fault, RESERVED, is_name};
use super::split::Level;
use crate::diag::{Code, Diagnostic, suggest};
use crate::source::{SourceId, Span};

fn syntax(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::Syntax, message)
}

/// What stands where the grammar stopped.
pub(super) struct Found<'t> {
    pub span: Span,
    /// The token there; empty at the end of the piece.
    pub word: &'t str,
    /// The token before it.
    pub before: &'t str,
    /// It is the first of its line.
    pub first_on_line: bool,
}

pub(super) fn fault(source: SourceId, fault: &Fault) -> Diagnostic {
    let diagnostic = syntax(fault.message.clone()).label(Span::new(source, fault.range.clone()), fault.label);
    match &fault.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}

/// The grammar stopped at `found`.
pub(super) fn stopped(expected: &[Expected], found: &Found) -> Diagnostic {
    let wanted = list(expected);
    let message = match (wanted.as_str(), found.word) {
        ("", "") => "the statement breaks off here".to_owned(),
        ("", word) => format!("`{}` is not expected here", shown(word)),
        (wanted, "") => format!("expected {wanted}"),
        (wanted, word) => format!("expected {wanted}, found `{}`", shown(word)),
    };
    let label = if found.word.is_empty() { "nothing follows this" } else { "not expected here" };
    let diagnostic = syntax(message).label(found.span, label);
    match mend(expected, found) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// "a name, `)` or `,`". Operators and the end are said only where nothing else is expected.
fn list(expected: &[Expected]) -> String {
    let mut words: Vec<String> = Vec::new();
    // In a list the next part is what is missed, not what the last part may still have had.
    let in_list = expected.contains(&Expected::Literal(","));
    for one in expected {
        match one {
            Expected::Name => words.push("a name".into()),
            Expected::Path => words.push("a parameter's path".into()),
            Expected::Metric => words.push("a stage and its metric, `seeds.miou`".into()),
            Expected::Text => words.push("a text in double quotes".into()),
            Expected::Expression => words.push("an expression".into()),
            Expected::Literal("=" | ":") if in_list => {}
            Expected::Literal(sign) => words.push(format!("`{sign}`")),
            Expected::Operator | Expected::End => {}
        }
    }
    if words.is_empty() && expected.contains(&Expected::End) {
        words.push("an operator".into());
        words.push("the end of the line".into());
    }
    let last = words.pop();
    match (words.is_empty(), last) {
        (_, None) => String::new(),
        (true, Some(last)) => last,
        (false, Some(last)) => format!("{} or {last}", words.join(", ")),
    }
}

/// The first words of what was found: a token may be a text as long as a page.
fn shown(word: &str) -> String {
    match word.char_indices().nth(30) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// What to write instead, where that is plain to see.
fn mend(expected: &[Expected], found: &Found) -> Option<String> {
    let expects = |sign| expected.contains(&Expected::Literal(sign));
    let ends_operand = expected.contains(&Expected::Operator);
    let begins_operand = found.word.starts_with(|c: char| c.is_ascii_alphanumeric() || "_\"([{".contains(c));
    Some(match found.word {
        "==" if expects("=") => "a name is bound with `=`; `==` compares".into(),
        "=>" if expects("=") => "a name is bound with `=`; `=>` stands before the body of a lambda".into(),
        ":" if expects("=") && !ends_operand => "a name is bound with `=`".into(),
        "=" if ends_operand => "a comparison is written `==`; `=` binds a name".into(),
        ":" if expects(",") => "a name is given its value with `=`".into(),
        "=" if expects_only_name(expected) && is_name(found.before) => {
            format!("it needs a name of its own: `{} name = …`", found.before)
        }
        "if" if ends_operand => "a choice is written `if c { a } else { b }`".into(),
        _ if found.before == "lambda" && ends_operand => "a function without a name is written `x => …`".into(),
        "." if expected.contains(&Expected::Expression) => "a number below one is written `0.5`".into(),
        "," if expected.contains(&Expected::End) => "what stands on lines of its own needs no comma".into(),
        "{" if expects("(") => "the parameters stand between parentheses; none are written `()`".into(),
        word if RESERVED.contains(&word) && expected.contains(&Expected::Name) => {
            format!("`{word}` is a word of the language; another name is needed")
        }
        _ if expects("else") => "both arms are needed: `if c { a } else { b }`".into(),
        "(" | "[" if ends_operand && found.first_on_line => {
            format!("to call or to index, `{}` stands on the line of what it applies to", found.word)
        }
        _ if expects(",") && begins_operand => "a `,` is missing before it".into(),
        _ if expects("=") && begins_operand && is_name(found.before) => format!("write `{} = …`", found.before),
        _ if expects("=") && begins_operand => "a `=` is missing before it".into(),
        _ => return None,
    })
}

fn expects_only_name(expected: &[Expected]) -> bool {
    expected == [Expected::Name]
}

/// A piece begins with a word that begins nothing at this level.
pub(super) fn unknown_lead(level: Level, found: &Found) -> Diagnostic {
    let message = match found.word {
        "" => format!("expected {}", level.piece()),
        word => format!("expected {}, found `{}`", level.piece(), shown(word)),
    };
    let diagnostic = syntax(message).label(found.span, "not expected here");
    let leads = level.leads();
    let known = leads.iter().map(|lead| format!("`{lead}`")).collect::<Vec<_>>().join(", ");
    let begins = match (level.has_settings(), leads.is_empty()) {
        (true, true) => "a setting is written `name = value`".to_owned(),
        (true, false) => format!("{} is a setting, `name = value`, or begins with one of {known}", level.piece()),
        (false, _) => format!("{} begins with one of {known}", level.piece()),
    };
    diagnostic.help(match (foreign(found.word), suggest::nearest(found.word, leads.iter().copied())) {
        (Some(here), _) => here.to_owned(),
        (None, Some(lead)) if lead != found.word => format!("did you mean `{lead}`?  {begins}"),
        _ => begins,
    })
}

/// How the language says what other languages begin with this word.
fn foreign(word: &str) -> Option<&'static str> {
    Some(match word {
        "import" | "from" | "include" | "require" => "names of the library are taken in by `use cam { max_normalize }`",
        "def" | "func" | "function" => "a function is written `fn name(x) = …`",
        "class" | "struct" => "a network is written `net name(…) { … }`",
        "for" | "while" => "there are no loops; a list is made of another: `[f(x) for x in xs]`",
        "if" | "else" => "`if` is an expression: `let x = if c { a } else { b }`",
        "return" => "a function is its value: `fn name(x) = …`; a block ends with its value",
        "var" | "const" | "local" => "a name is bound with `let`",
        "print" => "`show name` keeps a value as a picture, `metric name = …` logs a number",
        _ => return None,
    })
}

/// `name = …` where statements or members begin with a word.
pub(super) fn binding_without_word(level: Level, found: &Found) -> Diagnostic {
    syntax(format!("expected {}, found `{} = …`", level.piece(), shown(found.word)))
        .label(found.span, "nothing says what is bound")
        .help(format!("write `let {} = …`", shown(found.word)))
}

/// A net or a stage without its braces.
pub(super) fn missing_body(what: &str, span: Span) -> Diagnostic {
    syntax("expected `{`")
        .label(span, "nothing follows this")
        .help(format!("{what} has its body between `{{` and `}}`"))
}

pub(super) fn after_body(span: Span) -> Diagnostic {
    syntax("expected the end of the line").label(span, "not expected after `}`")
}

/// `x steps`
pub(super) fn unit_without_number(span: Span, unit: &str) -> Diagnostic {
    syntax(format!("`{unit}` follows a number"))
        .label(span, "no number before it")
        .help(format!("write `256 {unit}`, or `1 {unit} * x`"))
}

/// `//!` below the top of the file.
pub(super) fn misplaced_file_doc(span: Span) -> Diagnostic {
    syntax("`//!` stands at the top of a file")
        .label(span, "not expected here")
        .help("the doc of what follows begins with `///`, a plain comment with `//`")
}

pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(Code::TooDeep, "this is nested too deep to be read")
        .label(span, "too deep from here on")
        .help("give a part of it a name with `let`")
}

pub(super) fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error(Code::TooDeep, "this is too large to be read in one piece")
        .label(span, "too large")
        .help("give a part of it a name with `let`")
}

pub(super) fn file_too_large() -> Diagnostic {
    syntax("the file is larger than 4 GB").help("a recipe is a page of text")
}

pub(super) fn too_many(span: Span) -> Diagnostic {
    syntax("too many mistakes: the rest of the file is not read").label(span, "not read from here on")
}

pub(super) fn chained_comparison(first: Span, second: Span) -> Diagnostic {
    syntax("comparisons do not chain")
        .label(second, "a second comparison")
        .label(first, "after this one")
        .help("write `a < b and b < c`")
}

pub(super) fn chained_range(first: Span, second: Span) -> Diagnostic {
    syntax("a range has one start and one end")
        .label(second, "a second `..`")
        .label(first, "after this one")
        .help("a step is written `a..b by c`")
}

pub(super) fn step_without_range(place: Span) -> Diagnostic {
    syntax("`by` follows a range").label(place, "no range before it").help("write `a..b by c`")
}

pub(super) fn expected_record(span: Span) -> Diagnostic {
    syntax("expected a record after `with`")
        .label(span, "a block")
        .help("write the fields between the braces: `with { name = value }`")
}

pub(super) fn lambda_parameters(span: Span) -> Diagnostic {
    syntax("expected the parameters of a lambda before `=>`")
        .label(span, "no list of names")
        .help("write `x => …` or `(x, y) => …`")
}

pub(super) fn expected_name_before_equals(span: Span) -> Diagnostic {
    syntax("expected a name before `=`").label(span, "not a name").help("a comparison is written `==`")
}

/// `()`, or several expressions between parentheses that are no parameters.
pub(super) fn parentheses(span: Span, count: usize) -> Diagnostic {
    match count {
        0 => syntax("expected an expression between the parentheses").label(span, "empty"),
        _ => syntax("expected one expression between the parentheses")
            .label(span, "several")
            .help("a list is written `[a, b]`; the parameters of a lambda are followed by `=>`"),
    }
}

pub(super) fn number_too_large(span: Span) -> Diagnostic {
    syntax("this number is too large").label(span, "more than 1.8e308")
}

pub(super) fn expected_field(span: Span) -> Diagnostic {
    syntax("expected a field of a record")
        .label(span, "a value without a name")
        .help("write `name = value`; a bare name stands for the value of that name")
}

pub(super) fn binding_without_let(name: Span, value: Span) -> Diagnostic {
    syntax("expected a value, found a field")
        .label(name.to(value), "not expected here")
        .help("in a block a name is bound with `let`; a record as a value has braces of its own: `{ { a = 1 } }`")
}

pub(super) fn block_without_value(span: Span) -> Diagnostic {
    syntax("expected a value before `}`").label(span, "this block has none").help("a block ends with an expression")
}

pub(super) fn block_with_values(span: Span) -> Diagnostic {
    syntax("a block has one value").label(span, "a second one").help("a list is written `[a, b]`, a record `{ a, b }`")
}
