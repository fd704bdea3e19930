//! Opens a recipe and, in turn, every module it uses: standard library files and other recipes.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Definition, Module, ModuleId, Program, builtins, resolve};
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::source::{SourceId, Sources, Span};
use crate::stdlib;
use crate::syntax::{ast, parse, parse_override};

/// Where the text of `use "other.wsss"` comes from.
pub trait Files {
    fn read(&self, path: &Path) -> std::io::Result<String>;
}

/// Reads the recipe `text` and all it uses; every problem of syntax and of names is in `problems` afterwards.
///
/// `sets` are the `--set name=value` of the command line, in order: each is read as a setting of a variant, and its value may name
/// whatever the recipe or the standard library knows.
pub fn load(
    name: &str,
    text: &str,
    sets: &[(String, String)],
    files: &dyn Files,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Program {
    let mut loader = Loader {
        files,
        sources,
        problems,
        program: Program::default(),
        known: HashMap::new(),
        read: HashMap::new(),
        open: Vec::new(),
    };
    let path = PathBuf::from(name);
    let recipe = loader.module(name.to_string(), text.to_string(), Origin::Recipe { path, scope: String::new() });
    for (position, (name, value)) in sets.iter().enumerate() {
        let shown = format!("--set {name} ({})", position + 1);
        loader.module(shown, format!("{name} = {value}"), Origin::Override(recipe));
    }
    let Loader { mut program, .. } = loader;
    program.reads = resolve::check(&program, problems);
    program
}

/// Standard library modules whose names are known without `use`.
pub const PRELUDE: &[&str] = &["prelude", "layers", "schedules"];

/// Recipes that one recipe may use, directly or by way of others. Each use is an instance with its own params, so a chain of
/// recipes that each use the next one twice would double with every link.
const MOST_RECIPES: usize = 200;

/// Where a module's text comes from.
enum Origin {
    Recipe {
        path: PathBuf,
        scope: String,
    },
    Standard,
    /// Sees the names of that module.
    Override(ModuleId),
}

struct Loader<'a> {
    files: &'a dyn Files,
    sources: &'a mut Sources,
    problems: &'a mut Problems,
    program: Program,
    /// Standard library modules by the name they are shown under.
    known: HashMap<String, ModuleId>,
    /// Recipes that were read, so that the instances of one share a source.
    read: HashMap<String, (SourceId, Arc<ast::File>)>,
    /// Recipes being opened, to find a `use` that comes back to itself.
    open: Vec<String>,
}

impl Loader<'_> {
    fn module(&mut self, name: String, text: String, origin: Origin) -> ModuleId {
        let (source, tree) = self.tree(&name, &text, &origin);
        let id = ModuleId(self.program.modules.len());
        self.program.modules.push(Module {
            name: name.clone(),
            source,
            text: text.clone(),
            tree,
            names: HashMap::new(),
            own_text: !matches!(origin, Origin::Standard),
            is_override: matches!(origin, Origin::Override(_)),
            scope: match &origin {
                Origin::Recipe { scope, .. } => scope.clone(),
                _ => String::new(),
            },
        });
        if matches!(origin, Origin::Standard) {
            self.known.insert(name.clone(), id);
        }
        self.open.push(name);
        let path = match &origin {
            Origin::Recipe { path, .. } => Some(path.as_path()),
            _ => None,
        };
        let mut names = self.names(id, source, path);
        match origin {
            Origin::Override(of) => {
                let seen = self.program.modules[of.0].names.clone();
                names = seen;
                self.imply(&text, &stdlib::modules(), &mut names);
            }
            _ => self.imply(&text, PRELUDE, &mut names),
        }
        self.program.modules[id.0].names = names;
        self.open.pop();
        id
    }

    fn tree(&mut self, name: &str, text: &str, origin: &Origin) -> (SourceId, Arc<ast::File>) {
        if let (Origin::Recipe { .. }, Some((source, tree))) = (origin, self.read.get(name)) {
            return (*source, tree.clone());
        }
        let source = self.sources.add(name, text);
        let tree = Arc::new(match origin {
            Origin::Override(_) => override_tree(source, text, self.problems),
            _ => parse(source, text, self.problems),
        });
        if let Origin::Recipe { .. } = origin {
            self.read.insert(name.to_string(), (source, tree.clone()));
        }
        (source, tree)
    }

    /// Names of `modules` that occur in the text and mean nothing else there are imported without being asked for; a module is
    /// opened only when a name of it occurs.
    fn imply(&mut self, text: &str, modules: &[&str], names: &mut HashMap<String, Definition>) {
        let words: HashSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for file in modules.iter().flat_map(|module| stdlib::files(module)) {
            let wanted: Vec<&str> =
                file.names().filter(|name| words.contains(name) && !names.contains_key(*name)).collect();
            // A library file sees its own names as its own.
            if wanted.is_empty() || self.open.last().is_some_and(|open| open == file.path) {
                continue;
            }
            let id = self.standard(file);
            let own: HashMap<String, usize> =
                self.program.module(id).own().into_iter().map(|(name, index)| (name.to_string(), index)).collect();
            for name in wanted {
                if let Some(&index) = own.get(name) {
                    names.insert(name.to_string(), Definition::Item { module: id, index });
                }
            }
        }
    }

    /// What each name means at the top of a module: imports first, then its own items.
    fn names(&mut self, id: ModuleId, source: SourceId, path: Option<&Path>) -> HashMap<String, Definition> {
        let mut names = HashMap::new();
        let mut places: HashMap<String, Span> = HashMap::new();
        let uses: Vec<ast::ItemKind> = self.program.modules[id.0]
            .tree
            .items
            .iter()
            .filter(|item| matches!(item.kind, ast::ItemKind::Use { .. } | ast::ItemKind::UseFile { .. }))
            .map(|item| item.kind.clone())
            .collect();
        for kind in uses {
            match kind {
                ast::ItemKind::Use { module, names: wanted } => self.import(&module, &wanted, &mut names, &mut places),
                ast::ItemKind::UseFile { path: other, path_span, alias, .. } => {
                    let scope = format!("{}{}.", self.program.module(id).scope, alias.text);
                    if let Some(other) = self.recipe(&other, path_span, path, scope) {
                        self.define(
                            &alias,
                            Definition::Module { modules: vec![other], span: path_span },
                            &mut names,
                            &mut places,
                        );
                    }
                }
                _ => {}
            }
        }
        let own: Vec<(ast::Name, usize)> = {
            let items = self.program.modules[id.0].tree.items.iter().enumerate();
            items.filter_map(|(index, item)| Some((item.name()?.clone(), index))).collect()
        };
        for (name, index) in own {
            if builtins::is_reserved(&name.text) && source == self.program.modules[0].source {
                self.problems.add(
                    Diagnostic::error(Code::DuplicateName, format!("`{}` is a word of the language", name.text))
                        .label(name.span, "defined again here")
                        .help("choose another name"),
                );
            }
            self.define(&name, Definition::Item { module: id, index }, &mut names, &mut places);
        }
        names
    }

    fn define(
        &mut self,
        name: &ast::Name,
        definition: Definition,
        names: &mut HashMap<String, Definition>,
        places: &mut HashMap<String, Span>,
    ) {
        if let Some(first) = places.get(&name.text) {
            self.problems.add(
                Diagnostic::error(Code::DuplicateName, format!("`{}` is defined twice", name.text))
                    .label(name.span, "defined again here")
                    .label(*first, "first defined here")
                    .help("rename one of them"),
            );
            return;
        }
        places.insert(name.text.clone(), name.span);
        names.insert(name.text.clone(), definition);
    }

    fn import(
        &mut self,
        module: &ast::Name,
        wanted: &[ast::Name],
        names: &mut HashMap<String, Definition>,
        places: &mut HashMap<String, Span>,
    ) {
        let files: Vec<&stdlib::File> = stdlib::files(&module.text).collect();
        if files.is_empty() {
            self.problems.add(
                Diagnostic::error(Code::UnknownModule, format!("there is no module `{}`", module.text))
                    .label(module.span, "not in the standard library")
                    .help(suggest::help(&module.text, "modules", stdlib::modules())),
            );
            return;
        }
        if wanted.is_empty() {
            let modules = files.iter().map(|file| self.standard(file)).collect();
            self.define(module, Definition::Module { modules, span: module.span }, names, places);
        }
        for name in wanted {
            // Datasets, transforms and optimizers are builtins: importing them by module keeps recipes readable.
            if builtins::find(&name.text).is_some_and(|builtin| builtin.module == module.text) {
                continue;
            }
            let Some(file) = files.iter().find(|file| file.defines(&name.text)) else {
                let known = files.iter().flat_map(|file| file.names()).chain(builtins::of_module(&module.text));
                self.problems.add(
                    Diagnostic::error(
                        Code::UnknownName,
                        format!("the module `{}` has no `{}`", module.text, name.text),
                    )
                    .label(name.span, "not defined there")
                    .help(suggest::help(&name.text, "names", known)),
                );
                // The mistake is said once: uses of the name are let pass.
                names.insert(name.text.clone(), Definition::Module { modules: Vec::new(), span: name.span });
                continue;
            };
            let id = self.standard(file);
            if let Some(&index) = self.program.module(id).own().get(name.text.as_str()) {
                self.define(name, Definition::Item { module: id, index }, names, places);
            }
        }
    }

    fn standard(&mut self, file: &'static stdlib::File) -> ModuleId {
        match self.known.get(file.path) {
            Some(id) => *id,
            None => self.module(file.path.to_string(), file.text.to_string(), Origin::Standard),
        }
    }

    fn recipe(&mut self, written: &str, span: Span, from: Option<&Path>, scope: String) -> Option<ModuleId> {
        let path = match from.and_then(Path::parent) {
            Some(folder) => folder.join(written),
            None => PathBuf::from(written),
        };
        let name = path.display().to_string();
        if let Some(first) = self.open.iter().position(|open| *open == name) {
            let chain: Vec<&str> = self.open[first..].iter().map(String::as_str).chain([name.as_str()]).collect();
            self.problems.add(
                Diagnostic::error(Code::UseCycle, format!("`{written}` uses itself: {}", chain.join(" → ")))
                    .label(span, "comes back to a recipe that is being read")
                    .help("move what both need into a third recipe"),
            );
            return None;
        }
        let recipes = self.program.modules.iter().filter(|module| module.own_text).count();
        if recipes >= MOST_RECIPES {
            self.problems.add(
                Diagnostic::error(Code::BudgetExhausted, format!("more than {MOST_RECIPES} recipes are used"))
                    .label(span, "the next of them")
                    .help("each use is counted: use what several need once, and pass it on"),
            );
            return None;
        }
        let text = match self.read.get(&name) {
            Some((source, _)) => Ok(self.sources.get(*source).text.clone()),
            None => self.files.read(&path),
        };
        match text {
            Ok(text) => Some(self.module(name, text, Origin::Recipe { path, scope })),
            Err(error) => {
                self.problems.add(
                    Diagnostic::error(Code::CannotRead, format!("cannot read `{name}`: {error}"))
                        .label(span, "used here")
                        .help("the path is taken from the folder of the recipe that uses it"),
                );
                None
            }
        }
    }
}

/// A `--set` as a file with one variant.
fn override_tree(source: SourceId, text: &str, problems: &mut Problems) -> ast::File {
    let span = Span::new(source, 0..text.len());
    let setting = parse_override(source, text, problems);
    let kind = ast::ItemKind::Variant {
        name: ast::Name::new("--set", span),
        citation: None,
        overrides: setting.into_iter().collect(),
        expects: Vec::new(),
    };
    ast::File { doc: Vec::new(), items: vec![ast::Item { doc: Vec::new(), kind, span }] }
}
