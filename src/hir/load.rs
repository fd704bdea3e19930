//! Opens a recipe and, in turn, every module it uses: standard library files and other recipes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Definition, Module, ModuleId, Program, builtins, resolve};
use crate::diag::{Code, Diagnostic, Problems, suggest};
use crate::source::{SourceId, Sources, Span};
use crate::stdlib;
use crate::syntax::{ast, parse};

/// Where the text of `use "other.wsss"` comes from.
pub trait Files {
    fn read(&self, path: &Path) -> std::io::Result<String>;
}

/// Reads the recipe `text` and all it uses; every problem of syntax and of names is in `problems` afterwards.
pub fn load(name: &str, text: &str, files: &dyn Files, sources: &mut Sources, problems: &mut Problems) -> Program {
    let mut loader = Loader { files, sources, problems, program: Program::default(), known: HashMap::new(), open: Vec::new() };
    let path = PathBuf::from(name);
    loader.module(name.to_string(), text.to_string(), Some(path));
    let Loader { program, .. } = loader;
    resolve::check(&program, problems);
    program
}

struct Loader<'a> {
    files: &'a dyn Files,
    sources: &'a mut Sources,
    problems: &'a mut Problems,
    program: Program,
    /// Modules by the name they are shown under.
    known: HashMap<String, ModuleId>,
    /// Recipes being opened, to find a `use` that comes back to itself.
    open: Vec<String>,
}

impl Loader<'_> {
    fn module(&mut self, name: String, text: String, path: Option<PathBuf>) -> ModuleId {
        let source = self.sources.add(&name, &text);
        let tree = parse(source, &text, self.problems);
        let id = ModuleId(self.program.modules.len());
        self.program.modules.push(Module { source, tree, names: HashMap::new() });
        self.known.insert(name.clone(), id);
        self.open.push(name);
        let names = self.names(id, source, path.as_deref());
        self.program.modules[id.0].names = names;
        self.open.pop();
        id
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
                ast::ItemKind::UseFile { path: other, path_span, alias } => {
                    if let Some(other) = self.recipe(&other, path_span, path) {
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
            None => self.module(file.path.to_string(), file.text.to_string(), None),
        }
    }

    fn recipe(&mut self, written: &str, span: Span, from: Option<&Path>) -> Option<ModuleId> {
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
        if let Some(id) = self.known.get(&name) {
            return Some(*id);
        }
        match self.files.read(&path) {
            Ok(text) => Some(self.module(name, text, Some(path))),
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
