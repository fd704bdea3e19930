//! The standard library's own words: signatures and `///` comments of its text.

use super::layout::wrap;
use crate::diag::Problems;
use crate::hir::builtins::{self, Builtin};
use crate::source::{Sources, Span};
use crate::stdlib;
use crate::syntax::{self, ast};

/// What a name of the standard library says of itself.
pub(super) struct Entry {
    pub name: String,
    /// `fn multiscale(map_of, image, scales: list = [1])`
    pub signature: String,
    pub doc: Vec<String>,
}

impl Entry {
    pub fn page(&self, file: &stdlib::File) -> String {
        let is_example = |line: &&String| line.starts_with("> ");
        let doc: String = self.doc.iter().filter(|line| !is_example(line)).map(|line| format!("  {line}\n")).collect();
        let examples = self.doc.iter().filter(is_example).filter_map(|line| line[2..].rsplit_once(" → "));
        let examples: String = examples.map(|(code, answer)| format!("\n    {code}\n    → {answer}\n")).collect();
        format!("{}\n\n{doc}{examples}\n  {}, `use {} {{ {} }}`\n", self.signature, file.path, file.module, self.name)
    }

    pub fn summary(&self) -> &str {
        self.doc.first().map_or("", String::as_str)
    }
}

pub(super) fn library(file: &stdlib::File) -> Vec<Entry> {
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
    let line = head.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{word} {}", line.replace("( ", "(").replace(", )", ")"))
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

pub(super) fn module_page(module: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(signatures, ["fn f(a: real[B], b = (1 + 2)): real[B]", "net n(x: int, y = f(2))"]);
    }
}
