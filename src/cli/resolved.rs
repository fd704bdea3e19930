//! The text of a recipe as it runs: params have the values that were chosen, variants are gone. It is a recipe again.

use crate::diag::Problems;
use crate::lower::ParamValue;
use crate::source::SourceId;
use crate::stdlib;
use crate::syntax::ast::{File, ItemKind};
use crate::syntax::{self, parse};

/// The recipe's own `text` with what `params` say. It must be one that has no problems.
pub(super) fn resolve(text: &str, params: &[ParamValue]) -> String {
    let tree = parse(SourceId(0), text, &mut Problems::default());
    // What to put in place of which bytes; items stand one after the other, so the changes do too.
    let mut changes: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut imports = String::new();
    for item in &tree.items {
        match &item.kind {
            ItemKind::Param { name, value, .. } => {
                let chosen = params.iter().find(|param| param.name == name.text && param.origin != "default");
                if let Some(param) = chosen {
                    changes.push((value.span.range(), param.text.clone()));
                    imports += &missing_imports(&tree, &param.text);
                }
            }
            ItemKind::Variant { .. } => changes.push((with_doc(text, item.span.range()), String::new())),
            _ => {}
        }
    }
    let mut resolved = text.to_string();
    for (range, new) in changes.into_iter().rev() {
        resolved.replace_range(range, &new);
    }
    if !imports.is_empty() {
        let at = after_header(text, &tree);
        resolved.insert_str(at, &imports);
    }
    syntax::format(SourceId(0), &resolved).unwrap_or(resolved)
}

/// A value given on the command line may name what the recipe does not import.
fn missing_imports(tree: &File, value: &str) -> String {
    let mut lines = String::new();
    let imported: Vec<&str> = tree
        .items
        .iter()
        .flat_map(|item| match &item.kind {
            ItemKind::Use { names, .. } => names.iter().map(|name| name.text.as_str()).collect(),
            _ => item.name().map(|name| name.text.as_str()).into_iter().collect::<Vec<_>>(),
        })
        .collect();
    let words = value.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for word in words.filter(|word| !word.is_empty() && !imported.contains(word)) {
        if let Some(file) = stdlib::FILES.iter().find(|file| file.defines(word)) {
            lines += &format!("use {} {{ {word} }}\n", file.module);
        }
    }
    lines
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
        };
        let params = [param("arch", "resnet18_cam", "--set"), param("epochs", "2", "variant quick")];
        let resolved = resolve(text, &params);
        expect![[r#"
            //! A recipe.

            supervision image

            use nets { resnet18_cam }
            use nets { lenet_cam }

            param arch   = resnet18_cam  // the net
            param epochs = 2 in 1..

            let a = epochs
        "#]]
        .assert_eq(&resolved);
        assert_eq!(resolve("let a = 1\n", &[]), "let a = 1\n");
    }
}
