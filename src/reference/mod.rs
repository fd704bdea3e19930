//! What the language knows, a page a word, from the registries and the text of the standard library: for `wsss doc` and for editors.

mod layout;
mod library;
mod pages;
mod words;

use indexmap::IndexSet;

use crate::hir::builtins;
use crate::metrics;
use crate::ops;
use crate::stdlib;
use layout::row;
use library::{library, module_page};
use pages::{builtin_page, family_page, metric_page, op_page};

/// Every page that a name has: `max` is a builtin of numbers as well as an op.
pub fn pages_of(name: &str) -> Vec<String> {
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
        pages.extend(words::word_page(name));
        pages.extend(ops::FAMILIES.iter().filter(|family| family.name == name).map(|family| family_page(family)));
    }
    pages
}

/// All words that have a page.
pub fn words() -> Vec<&'static str> {
    let ops = ops::all().filter(|op| !op.nature.internal).map(|op| op.name);
    let library = stdlib::FILES.iter().flat_map(|file| file.names());
    let builtins = builtins::BUILTINS.iter().map(|builtin| builtin.name);
    let metrics = metrics::METRICS.iter().map(|metric| metric.name);
    ops.chain(library).chain(builtins).chain(metrics).chain(stdlib::modules()).collect()
}

/// Everything, by where it belongs.
pub fn index() -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_page() {
        for word in words() {
            assert!(!pages_of(word).is_empty(), "`{word}` has no page");
        }
        assert!(pages_of("no_such_word").is_empty());
    }
}
