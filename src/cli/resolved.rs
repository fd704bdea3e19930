//! The text of a recipe as it runs: params have the values that were chosen, variants are gone. It is a recipe again, and gives the
//! same stages with the same keys.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diag::Problems;
use crate::lower::ParamValue;
use crate::source::SourceId;
use crate::stdlib;
use crate::syntax::ast::{Expect, File, Item, ItemKind};
use crate::syntax::{self, parse};

/// What was decided about a recipe.
pub(super) struct Decided<'r> {
    pub params: &'r [ParamValue],
    /// The variants that were chosen.
    pub variants: &'r [String],
    /// Whether each param says in a comment where its value comes from.
    pub origins: bool,
}

/// The recipe's own `text` as it was decided. It must be one that has no problems.
pub(super) fn resolve(text: &str, decided: &Decided) -> String {
    let tree = parse(SourceId(0), text, &mut Problems::default());
    let expects = stated(&tree, decided);
    // What to put in place of which bytes; items stand one after the other, so the changes do too.
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut imports = BTreeSet::new();
    for item in &tree.items {
        let span = item.span.range();
        match &item.kind {
            ItemKind::Param { name, value, .. } => {
                let Some(param) = decided.params.iter().find(|param| param.name == name.text) else { continue };
                if param.origin != "default" {
                    changes.push((value.span.range(), param.text.clone()));
                    missing_imports(&tree, &param.text, &mut imports);
                }
                if decided.origins && !says_origin(&text[span.end..]) {
                    changes.push((span.end..span.end, format!(" // {}", param.origin)));
                }
            }
            ItemKind::UseFile { .. } => {
                if let Some((overridden, values)) = with_overrides(text, item, decided) {
                    changes.push((span, overridden));
                    values.iter().for_each(|value| missing_imports(&tree, value, &mut imports));
                }
            }
            ItemKind::Expect(expect) if !expects.contains(&expect) => {
                changes.push((with_doc(text, span), String::new()))
            }
            ItemKind::Variant { expects: own, .. } => {
                let kept = own.iter().filter(|expect| expects.contains(expect));
                let kept: Vec<&str> = kept.filter_map(|expect| text.get(expect.span.range())).collect();
                changes.push((with_doc(text, span), kept.join("\n")));
            }
            _ => {}
        }
    }
    let mut resolved = text.to_string();
    for (range, new) in changes.into_iter().rev() {
        resolved.replace_range(range, &new);
    }
    if !imports.is_empty() {
        let at = after_header(text, &tree);
        resolved.insert_str(at, &imports.into_iter().collect::<String>());
    }
    let resolved = without_unused_imports(&resolved);
    syntax::format(SourceId(0), &resolved).unwrap_or(resolved)
}

/// Whether a line goes on with what `expand` wrote there.
fn says_origin(rest: &str) -> bool {
    let comment = rest.lines().next().unwrap_or_default().trim_start();
    ["default", "variant ", "--set", "use "]
        .iter()
        .any(|origin| comment.strip_prefix("// ").is_some_and(|comment| comment.starts_with(origin)))
}

/// The figures that are stated for what was decided: of the recipe on its own, or of the one variant.
fn stated<'t>(tree: &'t File, decided: &Decided) -> Vec<&'t Expect> {
    let by_hand = decided.params.iter().any(|param| param.origin == "--set");
    let of_recipe = tree.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Expect(expect) => Some(expect),
        _ => None,
    });
    let of_variant = |wanted: &str| {
        let of = tree.items.iter().filter_map(move |item| match &item.kind {
            ItemKind::Variant { name, expects, .. } if name.text == wanted => Some(expects.iter()),
            _ => None,
        });
        of.flatten().collect()
    };
    match decided.variants {
        _ if by_hand => Vec::new(),
        [] => of_recipe.collect(),
        [one] => of_variant(one),
        _ => Vec::new(),
    }
}

/// A `use` line with what variants of this recipe and `--set` give to the other one, and those values.
fn with_overrides(text: &str, item: &Item, decided: &Decided) -> Option<(String, Vec<String>)> {
    let ItemKind::UseFile { path_span, alias, variants, overrides, .. } = &item.kind else { return None };
    let prefix = format!("{}.", alias.text);
    let outer = |param: &&ParamValue| param.outer && param.name.starts_with(&prefix);
    let mut given: Vec<&ParamValue> = decided.params.iter().filter(outer).collect();
    if given.is_empty() {
        return None;
    }
    let values = given.iter().map(|param| param.text.clone()).collect();
    let note = |origin: &str| if decided.origins { format!(" // {origin}") } else { String::new() };
    let mut resolved = format!("use {} as {}", text.get(path_span.range())?, alias.text);
    if !variants.is_empty() {
        let names: Vec<&str> = variants.iter().map(|name| name.text.as_str()).collect();
        resolved += &format!(" with {}", names.join(", "));
    }
    resolved += " {\n";
    for setting in overrides {
        let other = given.iter().position(|param| param.name[prefix.len()..] == setting.name.text);
        let (value, origin) = match other.map(|at| given.remove(at)) {
            Some(param) => (param.text.as_str(), param.origin.clone()),
            None => (text.get(setting.value.span.range())?, format!("use {}", alias.text)),
        };
        resolved += &format!("{} = {value}{}\n", setting.name.text, note(&origin));
    }
    for param in given {
        resolved += &format!("{} = {}{}\n", &param.name[prefix.len()..], param.text, note(&param.origin));
    }
    Some((resolved + "}", values))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// A value given on the command line may name what the recipe does not import.
fn missing_imports(tree: &File, value: &str, lines: &mut BTreeSet<String>) {
    let imported: Vec<&str> = tree
        .items
        .iter()
        .flat_map(|item| match &item.kind {
            ItemKind::Use { names, .. } => names.iter().map(|name| name.text.as_str()).collect(),
            _ => item.name().map(|name| name.text.as_str()).into_iter().collect::<Vec<_>>(),
        })
        .collect();
    for word in words(value).filter(|word| !imported.contains(word)) {
        let file = stdlib::FILES.iter().find(|file| file.defines(word));
        if let Some(file) = file.filter(|file| !["prelude", "layers", "schedules"].contains(&file.module)) {
            lines.insert(format!("use {} {{ {word} }}\n", file.module));
        }
    }
}

/// Without the imports that only values which were replaced had used.
fn without_unused_imports(text: &str) -> String {
    let tree = parse(SourceId(0), text, &mut Problems::default());
    let uses = || tree.items.iter().filter(|item| matches!(item.kind, ItemKind::Use { .. }));
    let mut rest = text.to_string();
    for item in uses().collect::<Vec<_>>().into_iter().rev() {
        rest.replace_range(item.span.range(), "");
    }
    let code: Vec<&str> = rest.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let used: BTreeSet<&str> = code.iter().flat_map(|line| words(line)).collect();
    let mut kept = text.to_string();
    for item in uses().collect::<Vec<_>>().into_iter().rev() {
        let ItemKind::Use { module, names } = &item.kind else { continue };
        let wanted: Vec<&str> =
            names.iter().map(|name| name.text.as_str()).filter(|name| used.contains(name)).collect();
        if wanted.len() == names.len() {
            continue;
        }
        let line = format!("use {} {{ {} }}", module.text, wanted.join(", "));
        kept.replace_range(item.span.range(), if wanted.is_empty() { "" } else { &line });
    }
    kept
}

/// Just before the first item that is no `supervision` line, its own doc included.
fn after_header(text: &str, tree: &File) -> usize {
    let first = tree.items.iter().find(|item| !matches!(item.kind, ItemKind::Supervision { .. }));
    first.map_or(text.len(), |item| with_doc(text, item.span.range()).start)
}

/// An item's bytes with the `///` lines above it.
fn with_doc(text: &str, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let mut start = range.start;
    loop {
        let above = text[..start].trim_end_matches([' ', '\t', '\n']);
        let line = above.rfind('\n').map_or(0, |newline| newline + 1);
        if !above[line..].trim_start().starts_with("///") {
            return start..range.end;
        }
        start = line;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn chosen_values_stand_in_the_text_and_variants_do_not() {
        let text = "//! A recipe.\n\nsupervision image\n\nuse nets { lenet_cam }\n\nparam arch = lenet_cam // the net\nparam epochs = 5 in 1..\n\n/// Small.\nvariant quick {\n  epochs = 2\n}\n\nlet a = epochs\n";
        let param = |name: &str, value: &str, origin: &str| ParamValue {
            name: name.into(),
            text: value.into(),
            value: value.into(),
            origin: origin.into(),
            outer: true,
        };
        let params = [param("arch", "resnet18_cam", "--set"), param("epochs", "2", "variant quick")];
        let decided = |params, origins| Decided { params, variants: &[], origins };
        let resolved = resolve(text, &decided(&params, false));
        expect![[r#"
            //! A recipe.

            supervision image

            use nets { resnet18_cam }

            param arch   = resnet18_cam  // the net
            param epochs = 2 in 1..

            let a = epochs
        "#]]
        .assert_eq(&resolved);
        assert_eq!(resolve("let a = 1\n", &decided(&[], true)), "let a = 1\n");
    }
}
