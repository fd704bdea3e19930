//! `wsss doc [NAME]`: what the language knows, from the registries and the text of the standard library.

use indexmap::IndexSet;

use super::exit::Exit;
use super::output::Output;
use crate::diag::Problems;
use crate::hir::builtins::{self, Builtin, Need};
use crate::metrics::{self, MetricDef};
use crate::ops::{self, Arity, Default as Preset, Gradient, Input, OpDef, Param, ParamKind};
use crate::source::{Sources, Span};
use crate::stdlib;
use crate::syntax::{self, ast};

/// Columns of the text on a terminal.
const WIDTH: usize = 100;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A function, a network, a primitive, a metric, a module (`cam`) or a family (`pointwise`); without it, the index
    name: Option<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Exit {
    let Some(name) = args.name else {
        output.text(&index());
        return Exit::Done;
    };
    let pages = pages(&name);
    if pages.is_empty() {
        return output.unknown("word", &name, "words", words());
    }
    output.text(&pages.join("\n"));
    Exit::Done
}

/// Every page that a name has: `max` is a builtin of numbers as well as an op.
fn pages(name: &str) -> Vec<String> {
    let mut pages = Vec::new();
    let (module, word) = match name.rsplit_once('.') {
        Some((module, word)) => (Some(module), word),
        None => (None, name),
    };
    let in_module = |known: &str| module.is_none_or(|module| module == known);
    for file in stdlib::FILES.iter().filter(|file| in_module(file.module) && file.defines(word)) {
        pages.extend(library(file).into_iter().filter(|entry| entry.name == word).map(|entry| entry.page(file)));
    }
    if let Some(op) = ops::find(word).filter(|op| module.is_none() && !op.nature.internal) {
        pages.push(op_page(op));
    }
    if let Some(builtin) = builtins::find(word).filter(|builtin| in_module(builtin.module)) {
        pages.push(builtin_page(builtin));
    }
    if let Some(metric) = metrics::find(word).filter(|_| module.is_none()) {
        pages.push(metric_page(metric));
    }
    if module.is_none() {
        if stdlib::modules().contains(&name) {
            pages.push(module_page(name));
        }
        pages.extend(ops::FAMILIES.iter().filter(|family| family.name == name).map(|family| family_page(family)));
    }
    pages
}

fn words() -> Vec<&'static str> {
    let ops = ops::all().filter(|op| !op.nature.internal).map(|op| op.name);
    let library = stdlib::FILES.iter().flat_map(|file| file.names());
    let builtins = builtins::BUILTINS.iter().map(|builtin| builtin.name);
    let metrics = metrics::METRICS.iter().map(|metric| metric.name);
    ops.chain(library).chain(builtins).chain(metrics).chain(stdlib::modules()).collect()
}

/// Everything, by where it belongs.
fn index() -> String {
    let mut text = String::from("The standard library, written in the language; `wsss doc NAME` shows one\n\n");
    for module in stdlib::modules() {
        let names: Vec<&str> = stdlib::files(module).flat_map(|file| file.names()).collect();
        text += &row(module, &names.join(" "));
    }
    text += "\nData sets, optimizers, and functions of numbers and lists\n\n";
    let modules: IndexSet<&str> = builtins::BUILTINS.iter().map(|builtin| builtin.module).collect();
    for module in modules {
        let of_module = builtins::BUILTINS.iter().filter(|builtin| builtin.module == module);
        let names: Vec<&str> = of_module.map(|builtin| builtin.name).collect();
        text += &row(if module.is_empty() { "values" } else { module }, &names.join(" "));
    }
    text += "\nMetrics, for `metric` lines\n\n";
    let names: Vec<&str> = metrics::METRICS.iter().map(|metric| metric.name).collect();
    text += &row("metrics", &names.join(" "));
    text += "\nPrimitives: operations on tensors\n\n";
    for family in ops::FAMILIES {
        let names: Vec<&str> = family.ops.iter().filter(|op| !op.nature.internal).map(|op| op.name).collect();
        text += &row(family.name, &names.join(" "));
    }
    text
}

/// A word and what it holds, wrapped.
fn row(name: &str, text: &str) -> String {
    format!("  {name:12}  {}\n", wrap(text, 16))
}

/// Breaks at spaces; lines after the first are indented.
fn wrap(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            lines += &format!("\n{}", " ".repeat(indent));
            column = indent;
        }
        if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines += word;
        column += length;
    }
    lines
}

/// What a name of the standard library says of itself.
struct Entry {
    name: String,
    /// `fn multiscale(map_of, image, scales: list = [1])`
    signature: String,
    doc: Vec<String>,
}

impl Entry {
    fn page(&self, file: &stdlib::File) -> String {
        let doc: String = self.doc.iter().map(|line| format!("  {line}\n")).collect();
        format!("{}\n\n{doc}\n  {}, `use {} {{ {} }}`\n", self.signature, file.path, file.module, self.name)
    }

    fn summary(&self) -> &str {
        self.doc.first().map_or("", String::as_str)
    }
}

fn library(file: &stdlib::File) -> Vec<Entry> {
    let mut sources = Sources::new();
    let source = sources.add(file.path, file.text);
    let tree = syntax::parse(source, file.text, &mut Problems::default());
    let named = tree.items.iter().filter_map(|item| item.name().map(|name| (item, name)));
    let entry = |(item, name): (&ast::Item, &ast::Name)| Entry {
        name: name.text.clone(),
        signature: signature(item, file.text),
        doc: item.doc.clone(),
    };
    named.map(entry).collect()
}

/// The text of an item up to its body, on one line.
fn signature(item: &ast::Item, text: &str) -> String {
    let slice = |from: u32, to: u32| text.get(from as usize..to as usize).unwrap_or("").to_string();
    let head = match &item.kind {
        ast::ItemKind::Fn(function) => {
            slice(function.name.span.start, function.body.span.start).trim_end().trim_end_matches('=').to_string()
        }
        ast::ItemKind::Net(net) => {
            let Span { start, .. } = net.name.span;
            let rest = slice(start, item.span.end);
            rest[..closing(&rest)].to_string()
        }
        ast::ItemKind::Let(binding) => binding.name.text.clone(),
        _ => String::new(),
    };
    let word = match item.kind {
        ast::ItemKind::Fn(_) => "fn",
        ast::ItemKind::Net(_) => "net",
        _ => "let",
    };
    format!("{word} {}", head.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Just after the bracket that closes the first one.
fn closing(text: &str) -> usize {
    let mut depth = 0usize;
    for (place, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth <= 1 => return place + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn module_page(module: &str) -> String {
    let mut text = format!("module {module}\n");
    for file in stdlib::files(module) {
        let doc: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
        text += &format!("\n  {}\n\n", wrap(&doc.join(" "), 2));
        let entries = library(file);
        let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
        for entry in entries {
            text += &format!("  {:width$}  {}\n", entry.name, entry.summary());
        }
    }
    let builtins: Vec<&Builtin> = builtins::BUILTINS.iter().filter(|builtin| builtin.module == module).collect();
    let width = builtins.iter().map(|builtin| builtin.name.len()).max().unwrap_or(0);
    for (place, builtin) in builtins.iter().enumerate() {
        text += &format!("{}  {:width$}  {}\n", if place == 0 { "\n" } else { "" }, builtin.name, builtin.summary);
    }
    text
}

fn family_page(family: &ops::Family) -> String {
    let mut text = format!("primitives: {}\n\n  {}\n\n", family.name, family.summary);
    let ops: Vec<&&OpDef> = family.ops.iter().filter(|op| !op.nature.internal).collect();
    let width = ops.iter().map(|op| op.name.len()).max().unwrap_or(0);
    for op in ops {
        text += &format!("  {:width$}  {}\n", op.name, op.summary);
    }
    text
}

fn op_page(op: &OpDef) -> String {
    let mut text = format!("{}\n\n  {}\n", call_form(op.name, op.inputs, op.params), op.summary);
    text += &arguments(op.inputs, op.params);
    if !op.output.is_empty() {
        text += &format!("\n  gives     {}\n", wrap(op.output, 12));
    }
    let gradient = match op.grad {
        Gradient::None(why) => format!("none: {why}"),
        Gradient::Of(_) => "yes".into(),
    };
    text += &format!("  gradient  {}\n", wrap(&gradient, 12));
    if !op.source.is_empty() {
        text += &format!("  source    {}\n", wrap(op.source, 12));
    }
    for example in op.examples {
        let code =
            example.code.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n    ");
        text += &format!("\n  {}\n    {code}\n    → {}\n", example.about, example.answer);
    }
    text
}

fn metric_page(metric: &MetricDef) -> String {
    let mut text = format!("metric {}\n\n  {}\n", call_form(metric.name, metric.inputs, metric.params), metric.summary);
    text += &arguments(metric.inputs, metric.params);
    if metric.oracle {
        text += "\n  an oracle: chosen by looking at pixel masks, so it may be reported and never used\n";
    }
    if !metric.source.is_empty() {
        text += &format!("\n  source    {}\n", wrap(metric.source, 12));
    }
    text
}

fn builtin_page(builtin: &Builtin) -> String {
    let names: Vec<String> = builtin
        .parameters
        .iter()
        .map(|parameter| match parameter.need {
            Need::Required => parameter.name.to_string(),
            Need::Optional => format!("{} = …", parameter.name),
            Need::Rest => format!("{}…", parameter.name),
        })
        .collect();
    let mut text = format!("{}({})\n\n  {}\n", builtin.name, names.join(", "), builtin.summary);
    let rows = builtin.parameters.iter().map(|parameter| (parameter.name, parameter.doc.to_string()));
    text += &table(rows.collect());
    if !builtin.module.is_empty() {
        text += &format!(
            "\n  known everywhere; `use {} {{ {} }}` says where it comes from\n",
            builtin.module, builtin.name
        );
    }
    text
}

/// `conv(x, weight, bias = none, stride = [1, 1])`
fn call_form(name: &str, inputs: &[Input], params: &[Param]) -> String {
    let inputs = inputs.iter().map(|input| match input.arity {
        Arity::One => input.name.to_string(),
        Arity::Optional => format!("{} = none", input.name),
        Arity::Many => format!("[{}, …]", input.name),
    });
    let params = shown(params).map(|param| match preset(param.default) {
        Some(preset) => format!("{} = {preset}", param.name),
        None => param.name.to_string(),
    });
    format!("{name}({})", inputs.chain(params).collect::<Vec<_>>().join(", "))
}

/// The identity of a random op is given by the compiler.
fn shown(params: &[Param]) -> impl Iterator<Item = &Param> {
    params.iter().filter(|param| param.name != "place")
}

fn preset(preset: Preset) -> Option<String> {
    Some(match preset {
        Preset::Required => return None,
        Preset::Int(value) => value.to_string(),
        Preset::Float(value) => value.to_string(),
        Preset::Bool(value) => value.to_string(),
        Preset::Word(value) => format!("\"{value}\""),
        Preset::Pair([a, b]) if a == b => a.to_string(),
        Preset::Pair([a, b]) => format!("[{a}, {b}]"),
        Preset::Axes(axes) => format!("{axes:?}"),
        Preset::Absent => "none".into(),
    })
}

fn arguments(inputs: &[Input], params: &[Param]) -> String {
    let inputs = inputs.iter().map(|input| (input.name, input.doc.to_string()));
    let params = shown(params).map(|param| (param.name, format!("{} ({})", param.doc, kind(param.kind))));
    table(inputs.chain(params).collect())
}

fn kind(kind: ParamKind) -> String {
    match kind {
        ParamKind::Int => "a whole number".into(),
        ParamKind::Float => "a number".into(),
        ParamKind::Bool => "true or false".into(),
        ParamKind::Word(words) => quoted(words),
        ParamKind::Pair => "one number, or [height, width]".into(),
        ParamKind::PairOr(words) => format!("one number, [height, width], or {}", quoted(words)),
        ParamKind::Axes => "an axis, or a list of axes".into(),
        ParamKind::Dim => "a length".into(),
        ParamKind::Dims => "a list of lengths".into(),
        ParamKind::Floats => "a list of numbers".into(),
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn table(rows: Vec<(&str, String)>) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = if rows.is_empty() { String::new() } else { "\n".to_string() };
    for (name, words) in rows {
        text += &format!("    {name:width$}  {}\n", wrap(&words, width + 6));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_page() {
        for word in words() {
            assert!(!pages(word).is_empty(), "`{word}` has no page");
        }
        assert!(pages("no_such_word").is_empty());
    }

    #[test]
    fn every_function_of_the_library_says_what_it_does() {
        for file in stdlib::FILES {
            for entry in library(file) {
                assert!(!entry.doc.is_empty(), "`{}` of {} has no `///`", entry.name, file.path);
                assert!(entry.signature.contains(&entry.name), "{}", entry.signature);
            }
        }
    }

    #[test]
    fn a_signature_is_one_line() {
        let text = "/// Words.\nfn f(\n  a: real[B],\n  b = (1 + 2),\n): real[B] = a + b\n\nnet n(x: int, y = f(2)) {\n  fn forward(z) = z\n}\n";
        let mut sources = Sources::new();
        let source = sources.add("a", text);
        let tree = syntax::parse(source, text, &mut Problems::default());
        let signatures: Vec<String> = tree.items.iter().map(|item| signature(item, text)).collect();
        assert_eq!(signatures, ["fn f( a: real[B], b = (1 + 2), ): real[B]", "net n(x: int, y = f(2))"]);
    }

    #[test]
    fn long_text_is_wrapped_under_itself() {
        let wrapped = wrap(&"word ".repeat(60), 8);
        assert!(wrapped.lines().count() > 2 && wrapped.lines().skip(1).all(|line| line.starts_with("        word")));
        assert!(wrapped.lines().all(|line| line.len() <= WIDTH));
    }
}
