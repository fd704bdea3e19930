//! What an editor asks of a recipe, answered: what stands here, where it is defined, how it could go on.

use std::path::PathBuf;

use super::analysis::Analysis;
use super::place::name_at;
use crate::graph::{Output, Role};
use crate::hir::{Definition, Named, builtins};
use crate::metrics;
use crate::ops;
use crate::reference;
use crate::source::Span;
use crate::stdlib;
use crate::syntax::ast::ItemKind;

/// What is known of the name at a byte, as text; nothing where there is no name, or nothing is known of it.
pub fn hover(analysis: &Analysis, at: usize) -> Option<String> {
    let name = name_at(analysis.text(), at)?;
    let word = &analysis.text()[name.clone()];
    if let Some(local) = analysis.local(word, name.end)
        && let Some(fact) = analysis.tensor(local.value)
    {
        return Some(format!("{word}: {fact}"));
    }
    if let Some(fact) = analysis.field(word, name.start) {
        return Some(format!("{word}: {fact}"));
    }
    match analysis.named(&name) {
        Some(Named::Item(item)) => of_item(analysis, item),
        Some(Named::Modules(modules)) => {
            let names: Vec<&str> = modules.iter().map(|id| analysis.program.module(*id).name.as_str()).collect();
            Some(names.join(", "))
        }
        Some(Named::Word(word)) => page(&word),
        None => page(word),
    }
}

fn of_item(analysis: &Analysis, (module, index): (crate::hir::ModuleId, usize)) -> Option<String> {
    let module_of = analysis.program.module(module);
    let item = analysis.program.item(module, index);
    let name = &item.name()?.text;
    if !module_of.own_text {
        return page(name);
    }
    let head = match &item.kind {
        ItemKind::Param { .. } => {
            let decided = analysis.recipe.params.iter().find(|param| param.item == (module, index));
            match decided {
                Some(param) => format!("param {name} = {}  // {}", param.text, param.origin),
                None => format!("param {name}"),
            }
        }
        ItemKind::Stage(stage) => {
            let found = analysis.recipe.stages.iter().find(|known| known.called() == stage.name.text);
            let kind = found.map_or("stage", |stage| stage.kind.word());
            let saves = found.map_or(String::new(), |stage| {
                let outputs = stage.graph.outputs.iter().filter(|output| is_named(output));
                let lines = outputs.filter_map(|output| {
                    let fact = &stage.graph.node(*output.nodes.first()?).fact;
                    Some(format!("\n  {} {}: {fact}", output.role.word(), output.name))
                });
                lines.collect()
            });
            format!("{kind} {name}{saves}")
        }
        ItemKind::Fn(function) => {
            let head = module_of.text.get(item.span.start as usize..function.body.span.start as usize)?;
            without_docs(head).trim_end().trim_end_matches('=').trim_end().to_string()
        }
        _ => without_docs(module_of.text.get(item.span.range())?)
            .lines()
            .next()?
            .trim_end_matches(['{', ' '])
            .to_string(),
    };
    let doc = item.doc.join("\n");
    Some(if doc.is_empty() { head } else { format!("{head}\n\n{doc}") })
}

/// The text of an item from its first word on.
fn without_docs(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some((_, after)) = rest.strip_prefix("///").and_then(|line| line.split_once('\n')) {
        rest = after.trim_start();
    }
    rest
}

/// What a person gave a name: losses, saved maps, figures.
fn is_named(output: &Output) -> bool {
    matches!(output.role.word(), "loss" | "save" | "metric")
}

/// The page of a word of the language.
fn page(word: &str) -> Option<String> {
    let pages = reference::pages_of(word);
    (!pages.is_empty()).then(|| pages.join("\n").trim_end().to_string())
}

/// Where the name at a byte is defined.
pub fn definition(analysis: &Analysis, at: usize) -> Option<Span> {
    let name = name_at(analysis.text(), at)?;
    let word = &analysis.text()[name.clone()];
    if let Some(local) = analysis.local(word, name.start) {
        return Some(Span::new(analysis.source(), local.name));
    }
    match analysis.named(&name)? {
        Named::Item(item) => analysis.place_of(item),
        Named::Modules(modules) => {
            let source = analysis.program.module(*modules.first()?).source;
            Some(Span::new(source, 0..0))
        }
        Named::Word(_) => None,
    }
}

/// A text of the standard library, and a place in the user's cache where it can be opened.
pub fn library_file(name: &str) -> Option<(PathBuf, &'static str)> {
    let file = stdlib::FILES.iter().find(|file| file.path == name)?;
    let folder = std::env::temp_dir().join(format!("wsss-{}", env!("CARGO_PKG_VERSION")));
    Some((folder.join(file.path), file.text))
}

/// One way to go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    pub word: String,
    pub what: &'static str,
}

/// How the name that ends at a byte could go on: behind a dot what stands in there, else all that has a name here.
pub fn completions(analysis: &Analysis, at: usize) -> Vec<Way> {
    let text = &analysis.text()[..at];
    let typed = text.len() - text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    let before = &text[..text.len() - typed];
    let prefix = &text[text.len() - typed..];
    let mut ways = match before.strip_suffix('.') {
        Some(owner) => {
            let Some(name) = name_at(analysis.text(), owner.len()) else { return Vec::new() };
            members(analysis, &analysis.text()[name])
        }
        None => all(analysis),
    };
    ways.retain(|way| way.word.starts_with(prefix));
    ways.sort_by(|a, b| a.word.cmp(&b.word));
    ways.dedup_by(|a, b| a.word == b.word);
    ways
}

fn members(analysis: &Analysis, owner: &str) -> Vec<Way> {
    let recipe = analysis.program.module(analysis.program.recipe());
    let mut ways = Vec::new();
    if let Some(Definition::Module { modules, .. }) = recipe.names.get(owner) {
        for id in modules {
            let module = analysis.program.module(*id);
            ways.extend(
                module
                    .own()
                    .into_iter()
                    .map(|(name, index)| Way { word: name.to_string(), what: kind(&module.tree.items[index].kind) }),
            );
        }
    }
    for stage in analysis.recipe.stages.iter().filter(|stage| stage.called() == owner) {
        let outputs = stage.graph.outputs.iter().filter(|output| is_named(output) && output.role != Role::Loss);
        ways.extend(outputs.map(|output| Way { word: output.name.clone(), what: output.role.word() }));
        let nets = stage.weights.iter().map(|weight| Way { word: weight.net.clone(), what: "net" });
        ways.extend(nets);
    }
    ways.extend(builtins::of_module(owner).map(|name| Way { word: name.to_string(), what: "function" }));
    ways
}

/// Words that begin a piece of a recipe.
const WORDS: &[&str] = &[
    "supervision",
    "use",
    "param",
    "variant",
    "expect",
    "let",
    "fn",
    "net",
    "train",
    "infer",
    "score",
    "layer",
    "weight",
    "state",
    "step",
    "each",
    "validate",
    "validation",
    "loss",
    "metric",
    "save",
    "show",
    "data",
    "batch",
    "epochs",
    "optimizer",
    "rates",
    "decay",
    "memory",
    "refresh",
    "if",
    "else",
    "for",
    "in",
    "true",
    "false",
    "none",
];

fn all(analysis: &Analysis) -> Vec<Way> {
    let way = |word: &str, what| Way { word: word.to_string(), what };
    let recipe = analysis.program.module(analysis.program.recipe());
    let mut ways: Vec<Way> = recipe
        .names
        .iter()
        .map(|(name, definition)| match definition {
            Definition::Item { module, index } => way(name, kind(&analysis.program.item(*module, *index).kind)),
            Definition::Module { .. } => way(name, "module"),
        })
        .collect();
    ways.extend(ops::all().filter(|op| !op.nature.internal).map(|op| way(op.name, "op")));
    ways.extend(builtins::BUILTINS.iter().map(|builtin| way(builtin.name, "function")));
    ways.extend(metrics::METRICS.iter().map(|metric| way(metric.name, "metric")));
    ways.extend(hir_prelude().map(|name| way(name, "function")));
    ways.extend(WORDS.iter().map(|word| way(word, "word")));
    ways
}

/// Names of the standard library that are there without `use`.
fn hir_prelude() -> impl Iterator<Item = &'static str> {
    crate::hir::PRELUDE.iter().flat_map(|module| stdlib::files(module)).flat_map(|file| file.names())
}

fn kind(item: &ItemKind) -> &'static str {
    match item {
        ItemKind::Param { .. } => "param",
        ItemKind::Fn(_) => "function",
        ItemKind::Net(_) => "net",
        ItemKind::Stage(_) => "stage",
        _ => "value",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::lsp::analysis::Open;

    const RECIPE: &str = r#"supervision image
use nets   { lenet_cam }
use losses { multilabel_soft_margin }

/// Pictures that are drawn.
param pictures = scenes(images = 12, size = 32, classes = 2)
param crop     = 32 px @ "choice: small"

/// Twice.
fn double(map: real[B, K, H, W]) = 2 * map

train classifier {
  data   = pictures.train |> standardize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]) |> random_crop(crop)
  batch  = 8
  epochs = 1
  optimizer = sgd(lr = 0.1)
  net cls = lenet_cam(pictures.classes)
  step { image, tags } {
    let maps = double(cls(image))
    loss cls = multilabel_soft_margin(gap(maps), tags)
  }
}

infer cams {
  data = pictures.val |> standardize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
  each { image } { save cam = relu(classifier.cls(image)) }
}
"#;

    fn analysis() -> Analysis {
        let analysis = Analysis::of(Path::new("r.wsss"), RECIPE, &Open::default());
        assert!(analysis.problems.is_empty(), "{:#?}", analysis.problems);
        analysis
    }

    /// The place of the first `word` behind the first `after`.
    fn at(after: &str, word: &str) -> usize {
        let from = RECIPE.find(after).unwrap();
        from + RECIPE[from..].find(word).unwrap() + 1
    }

    fn check_hover(after: &str, word: &str, expected: Expect) {
        expected.assert_eq(&hover(&analysis(), at(after, word)).unwrap_or_else(|| "nothing".into()));
    }

    #[test]
    fn what_stands_here() {
        check_hover("let maps", "maps", expect!["maps: feature[B, K, 8, 8]"]);
        check_hover("gap(", "maps", expect!["maps: feature[B, K, 8, 8]"]);
        check_hover("step {", "tags", expect!["tags: tags[B, K]"]);
        check_hover("random_crop(", "crop)", expect![[r#"param crop = 32 px @ "choice: small"  // default"#]]);
        check_hover(
            "let maps",
            "double",
            expect![[r#"
                fn double(map: real[B, K, H, W])

                Twice."#]],
        );
        check_hover(
            "relu(",
            "classifier",
            expect![[r#"
                train classifier
                  loss cls: nonneg[]"#]],
        );
        check_hover("optimizer", "0.1", expect!["nothing"]);
    }

    #[test]
    fn words_have_their_pages() {
        let page = hover(&analysis(), at("save cam", "relu")).unwrap();
        assert!(page.contains("relu") && page.lines().count() > 2, "{page}");
        let page = hover(&analysis(), at("net cls", "lenet_cam")).unwrap();
        assert!(page.contains("std/nets/lenet.wsss"), "{page}");
    }

    #[test]
    fn where_it_is_defined() {
        let analysis = analysis();
        let found = |after: &str, word: &str| {
            let span = definition(&analysis, at(after, word))?;
            let source = analysis.sources.get(span.source);
            Some(format!("{} {}", analysis.sources.place(span), &source.text[span.range()]))
        };
        expect!["r.wsss:19:9 maps"].assert_eq(&found("gap(", "maps").unwrap());
        expect!["r.wsss:7:7 crop"].assert_eq(&found("random_crop(", "crop)").unwrap());
        expect!["r.wsss:10:4 double"].assert_eq(&found("let maps", "double").unwrap());
        assert!(found("net cls", "lenet_cam").unwrap().starts_with("std/nets/lenet.wsss:"));
        assert_eq!(found("save cam", "relu("), None);
    }

    #[test]
    fn ways_to_go_on() {
        let analysis = analysis();
        let words = |at| {
            completions(&analysis, at).into_iter().map(|way| format!("{} ({})", way.word, way.what)).collect::<Vec<_>>()
        };
        expect![[r#"["cls (net)"]"#]].assert_eq(&format!("{:?}", words(at("classifier.cls", "cls") - 1)));
        let all = words(at("let maps = d", "ouble") - 1);
        assert!(all.contains(&"double (function)".to_string()), "{all:?}");
        assert!(all.iter().all(|word| word.starts_with('d')), "{all:?}");
    }
}
