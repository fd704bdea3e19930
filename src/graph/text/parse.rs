//! Text → graph. Hand-written, a line at a time; every mistake names its line.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};

use super::print::is_plain;
use crate::graph::{Clock, Graph, Id, Kind, Literal, Node, Origin, Output, Role};
use crate::ops::{self, Attr, Attrs, OpDef, ParamKind};
use crate::types::{Dim, Domain, Fact, Label, Labels};

/// Why a text is not a graph.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TextError {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

/// Reads what [`super::print()`] writes. Blank lines and lines that begin with `//` are passed over.
///
/// # Errors
/// A line that is not of the form, a number used before its node, an op or attribute that is not known, inputs that the op
/// refuses, a type that is not the inferred one.
pub fn parse(text: &str) -> Result<Graph, TextError> {
    let mut parser = Parser::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        parser.line(line).map_err(|message| TextError { line: number + 1, message })?;
    }
    Ok(parser.graph)
}

#[derive(Default)]
struct Parser {
    graph: Graph,
    nodes: HashMap<u32, Id>,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut cursor = Cursor { rest: line };
        if cursor.take("%") {
            let number = cursor.number()?;
            cursor.expect("=")?;
            let id = self.node(&mut cursor)?;
            if self.nodes.insert(number, id).is_some() {
                return Err(format!("`%{number}` is there twice"));
            }
        } else {
            let output = self.output(&mut cursor)?;
            self.graph.outputs.push(output);
        }
        if cursor.rest.is_empty() { Ok(()) } else { Err(format!("`{}` is left over", cursor.rest)) }
    }

    fn node(&mut self, cursor: &mut Cursor) -> Result<Id, String> {
        let (head, rest) = cursor.rest.split_at(cursor.rest.find([' ', '(']).unwrap_or(cursor.rest.len()));
        if rest.starts_with('(') {
            let op = ops::find(head).ok_or_else(|| format!("there is no op `{head}`"))?;
            cursor.rest = rest;
            return self.op(op, cursor);
        }
        cursor.skip(head.len());
        let mut literal = None;
        let mut kind = match head {
            "field" => Kind::Field(cursor.name()?),
            "weight" => Kind::Weight { path: cursor.name()?, trained: true },
            "frozen" => Kind::Weight { path: cursor.name()?, trained: false },
            "state" => Kind::State(cursor.name()?),
            "clock" => {
                let word = cursor.name()?;
                let clock = Clock::ALL.into_iter().find(|clock| clock.word() == word);
                Kind::Clock(clock.ok_or_else(|| format!("there is no clock `{word}`"))?)
            }
            "constant" => {
                let data = literal.insert(cursor.literal()?);
                Kind::Constant(Arc::new(Literal { shape: Vec::new(), data: std::mem::take(data) }))
            }
            _ => return Err(format!("expected a node before `{head}`")),
        };
        cursor.expect(":")?;
        let mut fact = cursor.fact()?;
        fact.labels = cursor.labels()?.unwrap_or_default();
        fact.trainable = matches!(kind, Kind::Weight { trained: true, .. });
        if let Kind::Constant(literal) = &mut kind {
            let shape: Option<Vec<usize>> =
                fact.dims.iter().map(|dim| dim.as_const().and_then(|length| usize::try_from(length).ok())).collect();
            let shape = shape.ok_or("a constant has lengths that are numbers")?;
            if shape.iter().product::<usize>() != literal.data.len() {
                return Err(format!("{} numbers do not fill {fact}", literal.data.len()));
            }
            Arc::make_mut(literal).shape = shape;
        }
        Ok(self.graph.insert(Node { kind, attrs: Attrs::new(), fact, origin: Origin::default() }, &[]))
    }

    fn op(&mut self, op: &'static OpDef, cursor: &mut Cursor) -> Result<Id, String> {
        let inputs = self.inputs(cursor)?;
        let mut attrs = Attrs::new();
        while !cursor.rest.is_empty() && !cursor.rest.starts_with(':') {
            let (name, value) = cursor.attribute()?;
            let param = op.param(name).ok_or_else(|| format!("`{}` has no `{name}`", op.name))?;
            attrs.set(param.name, attr(value, Some(param.kind))?);
        }
        let id = self.graph.apply(op, &inputs, attrs, Origin::default()).map_err(|error| error.message)?;
        if cursor.take(":") {
            let stated = cursor.fact()?;
            let inferred = &self.graph.node(id).fact;
            if (&stated.domain, &stated.dims) != (&inferred.domain, &inferred.dims) {
                return Err(format!("stated as {stated}, but inferred as {inferred}"));
            }
        }
        if let Some(labels) = cursor.labels()? {
            self.graph.node_mut(id).fact.labels = labels;
        }
        Ok(id)
    }

    fn output(&mut self, cursor: &mut Cursor) -> Result<Output, String> {
        let word = cursor.name()?;
        let name = if cursor.rest.starts_with('=') { String::new() } else { cursor.name()? };
        cursor.expect("=")?;
        let role = match word.as_str() {
            "loss" => Role::Loss,
            "total" => Role::Total,
            "show" => Role::Show,
            "save" => Role::Save,
            "grad" => Role::Gradient,
            "assign" => Role::Assign,
            "rate" => Role::Rate,
            "metric" => {
                let metric = cursor.name()?;
                let inputs = self.inputs(cursor)?;
                let nodes: Option<Vec<Id>> = inputs.into_iter().collect();
                let mut attrs = Attrs::new();
                while !cursor.rest.is_empty() {
                    let (name, value) = cursor.attribute()?;
                    attrs.set(interned(name), attr(value, None)?);
                }
                let nodes = nodes.ok_or("a metric has all its inputs")?;
                return Ok(Output { role: Role::Metric { metric, attrs }, name, nodes, span: None });
            }
            _ => return Err(format!("expected a node or an output before `{word}`")),
        };
        let mut nodes = vec![self.reference(cursor)?];
        while cursor.take(",") {
            nodes.push(self.reference(cursor)?);
        }
        Ok(Output { role, name, nodes, span: None })
    }

    fn inputs(&self, cursor: &mut Cursor) -> Result<Vec<Option<Id>>, String> {
        cursor.expect("(")?;
        let mut inputs = Vec::new();
        if cursor.take(")") {
            return Ok(inputs);
        }
        loop {
            inputs.push(if cursor.take("_") { None } else { Some(self.reference(cursor)?) });
            if !cursor.take(",") {
                cursor.expect(")")?;
                return Ok(inputs);
            }
        }
    }

    fn reference(&self, cursor: &mut Cursor) -> Result<Id, String> {
        cursor.expect("%")?;
        let number = cursor.number()?;
        self.nodes.get(&number).copied().ok_or_else(|| format!("there is no `%{number}` yet"))
    }
}

/// Reads one attribute's value. The kind tells lengths from numbers; without one, what the text looks like decides.
fn attr(text: &str, kind: Option<ParamKind>) -> Result<Attr, String> {
    let bad = || format!("`{text}` is not a value");
    if text.starts_with('"') {
        return Ok(Attr::Word(unquoted(text).ok_or_else(bad)?));
    }
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let items = split(inside);
        fn all<T: std::str::FromStr>(items: &[&str]) -> Option<Vec<T>> {
            items.iter().map(|item| item.parse().ok()).collect()
        }
        let dims = || all::<Dim>(&items).map(Attr::Dims);
        let ints = || all::<i64>(&items).map(Attr::Ints);
        let floats = || all::<f64>(&items).map(Attr::Floats);
        return match kind {
            Some(ParamKind::Dim | ParamKind::Dims) => dims(),
            Some(ParamKind::Floats) => floats(),
            _ => ints().or_else(floats).or_else(dims),
        }
        .ok_or_else(bad);
    }
    if let Ok(value) = text.parse() {
        return Ok(Attr::Bool(value));
    }
    if let Ok(value) = text.parse() {
        return Ok(Attr::Int(value));
    }
    text.parse().map(Attr::Float).map_err(|_| bad())
}

/// Attribute names live as long as the program. Those of a metric come from the text, so each is kept once, for good: they
/// are few, and graphs are parsed in tests and tools only.
fn interned(name: &str) -> &'static str {
    static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Default::default);
    let mut names = NAMES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match names.get(name) {
        Some(known) => known,
        None => {
            let kept: &'static str = Box::leak(name.into());
            names.insert(kept);
            kept
        }
    }
}

/// Splits at the commas that are in no bracket.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut items: Vec<&str> = text
        .split(|c| {
            depth += i32::from(c == '(' || c == '[') - i32::from(c == ')' || c == ']');
            c == ',' && depth == 0
        })
        .map(str::trim)
        .collect();
    items.retain(|item| !item.is_empty());
    items
}

/// The text inside of what `{:?}` writes for a string.
fn unquoted(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'u' => {
                    let digits: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                c => c,
            },
            c => c,
        });
    }
    Some(plain)
}

/// A constant written as `[0; n]` has at most so many numbers: text must not ask for memory at will.
const MOST_NUMBERS: usize = 1 << 24;

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// Passes `length` bytes and the blanks behind them.
    fn skip(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest.trim_start();
        taken
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.skip(token.len());
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("expected `{token}` before `{}`", self.rest)) }
    }

    fn number(&mut self) -> Result<u32, String> {
        let length = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        self.skip(length).parse().map_err(|_| format!("expected a number before `{}`", self.rest))
    }

    fn name(&mut self) -> Result<String, String> {
        if self.rest.starts_with('"') {
            let quoted = self.quoted()?;
            return unquoted(quoted).ok_or_else(|| format!("{quoted} is not a name"));
        }
        match self.rest.find(|c| !is_plain(c)).unwrap_or(self.rest.len()) {
            0 => Err(format!("expected a name before `{}`", self.rest)),
            length => Ok(self.skip(length).into()),
        }
    }

    /// A quoted string, quotes and escapes as they stand.
    fn quoted(&mut self) -> Result<&'a str, String> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            end
        });
        match end {
            Some((position, _)) => Ok(self.skip(position + 1)),
            None => Err("a quote is not closed".into()),
        }
    }

    /// What stands between `[` and its `]`.
    fn bracketed(&mut self) -> Result<&'a str, String> {
        match self.rest.find(']') {
            Some(end) if self.rest.starts_with('[') => Ok(&self.skip(end + 1)[1..end]),
            _ => Err(format!("expected `[ … ]` before `{}`", self.rest)),
        }
    }

    fn attribute(&mut self) -> Result<(&'a str, &'a str), String> {
        let length = self.rest.find('=').ok_or_else(|| format!("expected `name=value` before `{}`", self.rest))?;
        let name = self.skip(length).trim_end();
        self.skip(1);
        let value = match self.rest.chars().next() {
            Some('"') => self.quoted()?,
            Some('[') => {
                let before = self.rest;
                let inside = self.bracketed()?;
                &before[..inside.len() + 2]
            }
            _ => self.skip(self.rest.find(' ').unwrap_or(self.rest.len())),
        };
        Ok((name, value))
    }

    /// A number, `[1, 2]` or `[0; 64]`.
    fn literal(&mut self) -> Result<Vec<f64>, String> {
        let value = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("`{text}` is not a number"));
        if !self.rest.starts_with('[') {
            let length = self.rest.find(' ').unwrap_or(self.rest.len());
            return Ok(vec![value(self.skip(length))?]);
        }
        let inside = self.bracketed()?;
        match inside.split_once(';') {
            Some((first, count)) => {
                let count = count.trim().parse().ok().filter(|count| *count <= MOST_NUMBERS);
                let count = count.ok_or_else(|| format!("`[{inside}]` is not a list of numbers"))?;
                Ok(vec![value(first)?; count])
            }
            None => split(inside).into_iter().map(value).collect(),
        }
    }

    /// `index(K + 1)[B, H, W]`.
    fn fact(&mut self) -> Result<Fact, String> {
        let length = self.rest.find(['(', '[']).ok_or_else(|| format!("expected a type before `{}`", self.rest))?;
        let word = self.skip(length);
        let mut classes = Dim::default();
        if self.rest.starts_with('(') {
            let end = self.rest.find(")[").ok_or("expected `)[` after the classes")?;
            classes = self.skip(end + 1)[1..end].parse()?;
        }
        let domain = Domain::from_word(word, &classes).ok_or_else(|| format!("there is no type `{word}`"))?;
        let dims = split(self.bracketed()?).into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Fact::new(domain, dims))
    }

    /// `@image(train) @pixel(val)`, or `@nothing`.
    fn labels(&mut self) -> Result<Option<Labels>, String> {
        let mut labels = None;
        while self.take("@") {
            let labels = labels.get_or_insert_with(Vec::new);
            if !self.take("nothing") {
                labels.push(self.label()?);
            }
        }
        Ok(labels.map(Labels::of))
    }

    /// Up to the closing parenthesis that belongs to the first one; those in quotes do not count.
    fn label(&mut self) -> Result<Label, String> {
        let (mut depth, mut quoted, mut escaped) = (0, false, false);
        let end = self.rest.char_indices().find(|(_, c)| {
            match c {
                '"' if !escaped => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            escaped = *c == '\\' && !escaped;
            *c == ')' && depth == 0
        });
        let length = end.map_or(self.rest.len(), |(position, _)| position + 1);
        self.skip(length).parse()
    }
}
