//! What gives params other values: variants, the `use` lines of recipes, `--set`.
//!
//! An override replaces the value of one param and nothing else. The order is from the inside out: the variants a `use` line names,
//! then its own settings, then the variants of the recipe that runs, in the order given, then `--set`; later ones win. All of them
//! are applied before anything is worked out, so what is derived from a param follows.

use std::collections::{HashMap, HashSet};

use super::{Choices, Lower};
use crate::diag::{Code, Diagnostic, suggest};
use crate::hir::{ItemRef, ModuleId, Reader};
use crate::syntax::ast::{self, Expr, ItemKind, Name};

/// Overrides by the param they are for.
pub(super) type Overrides<'p> = HashMap<ItemRef, Override<'p>>;

/// Another value for a param.
#[derive(Clone, Copy)]
pub(super) struct Override<'p> {
    pub value: &'p Expr,
    /// The recipe whose names the value sees.
    pub seen_from: ModuleId,
    pub by: By<'p>,
    reader: Reader,
}

impl Override<'_> {
    /// The module whose text the value is.
    pub fn written_in(&self) -> ModuleId {
        match self.reader {
            Reader::Item(module, _) | Reader::Setting { module, .. } => module,
        }
    }
}

impl Override<'_> {
    /// Whether a variant of the recipe that runs or `--set` says so.
    pub fn is_outer(&self, recipe: ModuleId) -> bool {
        match self.by {
            By::Set => true,
            By::Variant(_) => self.written_in() == recipe,
            By::Use(_) => false,
        }
    }
}

/// Who says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By<'p> {
    Variant(&'p str),
    Use(&'p str),
    Set,
}

impl std::fmt::Display for By<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            By::Variant(name) => write!(f, "variant {name}"),
            By::Use(alias) => write!(f, "use {alias}"),
            By::Set => f.write_str("--set"),
        }
    }
}

impl<'p> Lower<'p, '_> {
    pub(super) fn override_params(&mut self, choices: &Choices) {
        let recipe = self.program.recipe();
        self.expect_variants();
        let mut chosen = Vec::new();
        let variants = variants(self.program.module(recipe).tree.items.as_slice());
        for choice in &choices.variants {
            match variants.iter().find(|(_, name)| name.text == *choice) {
                Some((index, name)) => chosen.push((*index, *name)),
                None => {
                    let known = variants.iter().map(|(_, name)| name.text.as_str());
                    let help = suggest::help(choice, "variants", known);
                    let message = format!("the recipe has no variant `{choice}`");
                    self.problems.add(Diagnostic::error(Code::UnknownVariant, message).help(help));
                }
            }
        }
        self.apply_written(recipe, &chosen);
        for index in 0..self.program.modules.len() {
            let module = ModuleId(index);
            if self.program.module(module).is_override {
                self.apply_settings(module, 0, recipe, module, By::Set);
            }
        }
    }

    /// Everything that is written down in a recipe of which these variants were chosen, the recipes it uses first.
    fn apply_written(&mut self, module: ModuleId, chosen: &[(usize, &'p Name)]) {
        let program = self.program;
        for (index, used) in program.uses(module) {
            let ItemKind::UseFile { alias, variants: wanted, .. } = &program.item(module, index).kind else { continue };
            let known = variants(&program.module(used).tree.items);
            let mut chosen = Vec::new();
            for name in wanted {
                match known.iter().find(|(_, known)| known.text == name.text) {
                    Some(variant) => chosen.push(*variant),
                    None => {
                        let names = known.iter().map(|(_, name)| name.text.as_str());
                        self.report(
                            Diagnostic::error(
                                Code::UnknownVariant,
                                format!("the recipe `{}` has no variant `{}`", alias.text, name.text),
                            )
                            .label(name.span, "not a variant of it")
                            .help(suggest::help(&name.text, "variants", names)),
                        );
                    }
                }
            }
            self.apply_written(used, &chosen);
            self.apply_settings(module, index, used, module, By::Use(&alias.text));
        }
        for (index, name) in chosen {
            self.apply_settings(module, *index, module, module, By::Variant(&name.text));
        }
    }

    /// The settings of one item, for params of `of` and of what it uses.
    fn apply_settings(&mut self, module: ModuleId, item: usize, of: ModuleId, seen_from: ModuleId, by: By<'p>) {
        for (setting, given) in self.program.item(module, item).settings().iter().enumerate() {
            if let Some(param) = self.param_at(of, &given.name) {
                let reader = Reader::Setting { module, item, setting };
                let value = Override { value: &given.value, seen_from, by, reader };
                self.overrides.insert(param, value);
            }
        }
    }

    /// Variants that nobody asked for are checked for their names all the same.
    fn expect_variants(&mut self) {
        let program = self.program;
        let recipe = program.recipe();
        let items = &program.module(recipe).tree.items;
        let variants = variants(items);
        for (position, (_, name)) in variants.iter().enumerate() {
            if let Some((_, first)) = variants[..position].iter().find(|(_, other)| other.text == name.text) {
                self.report(
                    Diagnostic::error(Code::DuplicateName, format!("there are two variants `{}`", name.text))
                        .label(name.span, "again here")
                        .label(first.span, "first here")
                        .help("rename one of them"),
                );
            }
        }
        for item in items {
            for (position, setting) in item.settings().iter().enumerate() {
                let first = item.settings()[..position].iter().find(|other| other.name.text == setting.name.text);
                if let Some(first) = first {
                    self.report(
                        Diagnostic::error(Code::DuplicateName, format!("`{}` is given twice", setting.name.text))
                            .label(setting.name.span, "given again here")
                            .label(first.name.span, "first given here")
                            .help("remove one of them"),
                    );
                }
                if matches!(item.kind, ItemKind::Variant { .. }) {
                    self.param_at(recipe, &setting.name);
                }
            }
        }
    }

    /// The param that a path names, seen from a recipe: `crop`, or `base.crop` of one it uses.
    fn param_at(&mut self, from: ModuleId, path: &Name) -> Option<ItemRef> {
        let program = self.program;
        let mut module = from;
        let mut parts: Vec<&str> = path.text.split('.').collect();
        let last = parts.pop()?;
        for (depth, part) in parts.iter().enumerate() {
            let Some(used) = program.used(module, part) else {
                let known = aliases(&program.module(module).tree.items);
                let what = parts[..=depth].join(".");
                self.report(
                    Diagnostic::error(Code::UnknownParam, format!("no recipe is used as `{what}`"))
                        .label(path.span, "nothing to override")
                        .help(suggest::help(part, "used recipes", known)),
                );
                return None;
            };
            module = used;
        }
        let items = &program.module(module).tree.items;
        let found = items.iter().position(|item| item.name().is_some_and(|name| name.text == last));
        if let Some(index) = found
            && let ItemKind::Param { .. } = items[index].kind
        {
            return Some((module, index));
        }
        let problem = Diagnostic::error(Code::UnknownParam, format!("the recipe has no param `{}`", path.text))
            .label(path.span, "nothing to override");
        let help = match found {
            Some(_) => format!("`{last}` is there and is no param; only what `param {last} = …` defines is overridden"),
            None => self.meant(module, last, &parts),
        };
        self.report(problem.help(help));
        None
    }

    /// What a param that is not there may stand for: one of another name, or one of a used recipe.
    fn meant(&self, module: ModuleId, name: &str, path: &[&str]) -> String {
        let program = self.program;
        let params = |module: ModuleId| {
            program.module(module).tree.items.iter().filter_map(|item| match &item.kind {
                ItemKind::Param { name, .. } => Some(name.text.as_str()),
                _ => None,
            })
        };
        let below = program.uses(module).into_iter().find(|(_, used)| params(*used).any(|param| param == name));
        if let Some((index, _)) = below
            && let ItemKind::UseFile { alias, .. } = &program.item(module, index).kind
        {
            let path: Vec<&str> = path.iter().copied().chain([alias.text.as_str(), name]).collect();
            return format!("did you mean `{}`?", path.join("."));
        }
        suggest::help(name, "params", params(module))
    }

    /// An override that nothing reads is a mistake; so may be a param that nothing reads. What is read is what the stages of the
    /// recipe name, and what that names in turn. What is written into a recipe counts as read if it is under some choice of
    /// variants; a `--set` must be read in this run.
    pub(super) fn expect_effects(&mut self) {
        let program = self.program;
        let recipe = program.recipe();
        let items = &program.module(recipe).tree.items;
        let stages = items.iter().enumerate().filter(|(_, item)| matches!(item.kind, ItemKind::Stage(_)));
        let roots: Vec<ItemRef> = stages.map(|(index, _)| (recipe, index)).collect();
        // A file without stages is read by others; where a reader may be missing because of a mistake, nothing is said.
        let unsure = |code| matches!(code, Code::Syntax | Code::UnknownName | Code::UnknownModule | Code::CannotRead);
        if roots.is_empty() || self.problems.iter().any(|problem| unsure(problem.code)) {
            return;
        }
        let settings = self.settings_by_param();
        let possible = program.reads.reached(&roots, |item| {
            let others = settings.get(&item).into_iter().flatten().map(|(reader, ..)| *reader);
            [Reader::Item(item.0, item.1)].into_iter().chain(others).collect()
        });
        let now = program.reads.reached(&roots, |item| self.readers(item));
        let mut told: HashSet<ItemRef> = HashSet::new();
        let mut params: Vec<&ItemRef> = settings.keys().collect();
        params.sort();
        for param in params {
            for (reader, name, by) in &settings[param] {
                // What a used recipe gives to one that it uses is looked at where that recipe is the one that runs: here a net of it may be all that is wanted.
                if matches!((reader, by), (Reader::Setting { module, .. }, By::Use(_)) if *module != recipe) {
                    continue;
                }
                let read = if *by == By::Set { &now } else { &possible };
                if !read.contains(param) {
                    told.insert(*param);
                    self.report(unused(name, *by, possible.contains(param)));
                }
            }
        }
        for (index, item) in items.iter().enumerate() {
            let ItemKind::Param { name, .. } = &item.kind else { continue };
            let param = (recipe, index);
            if !possible.contains(&param) && !told.contains(&param) {
                self.report(
                    Diagnostic::warning(
                        Code::UnusedParam,
                        format!("nothing that runs reads the param `{}`", name.text),
                    )
                    .label(name.span, "not used")
                    .help("remove it, or use it in a stage"),
                );
            }
        }
    }

    pub(super) fn readers(&self, item: ItemRef) -> Vec<Reader> {
        vec![self.reader(item)]
    }

    /// Where the value of an item is written in this run.
    pub(super) fn reader(&self, item: ItemRef) -> Reader {
        self.overrides.get(&item).map_or(Reader::Item(item.0, item.1), |other| other.reader)
    }

    /// All that the recipe, those it uses and the command line give to params, chosen or not.
    fn settings_by_param(&self) -> HashMap<ItemRef, Vec<(Reader, &'p Name, By<'p>)>> {
        let program = self.program;
        let mut found: HashMap<ItemRef, Vec<(Reader, &'p Name, By<'p>)>> = HashMap::new();
        let mut open = vec![program.recipe()];
        let mut add = |module: ModuleId, item: usize, of: ModuleId, by: By<'p>| {
            for (setting, given) in program.item(module, item).settings().iter().enumerate() {
                if let Some(param) = find(program, of, &given.name.text) {
                    let reader = Reader::Setting { module, item, setting };
                    found.entry(param).or_default().push((reader, &given.name, by));
                }
            }
        };
        while let Some(module) = open.pop() {
            for (index, used) in program.uses(module) {
                if let ItemKind::UseFile { alias, .. } = &program.item(module, index).kind {
                    add(module, index, used, By::Use(&alias.text));
                }
                open.push(used);
            }
            // The variants of a used recipe are its own affair.
            if module == program.recipe() {
                for (index, name) in variants(&program.module(module).tree.items) {
                    add(module, index, module, By::Variant(&name.text));
                }
            }
        }
        for index in 0..program.modules.len() {
            if program.modules[index].is_override {
                add(ModuleId(index), 0, program.recipe(), By::Set);
            }
        }
        found
    }
}

fn unused(name: &Name, by: By, elsewhere: bool) -> Diagnostic {
    let text = &name.text;
    let message = match elsewhere {
        true => format!("with the values of this run nothing reads `{text}`"),
        false => format!("nothing that runs reads `{text}`"),
    };
    let help = match (by, elsewhere) {
        (By::Set, true) => "another override replaced what would have read it: remove one of them",
        _ => "remove it, or let a stage depend on the param",
    };
    Diagnostic::error(Code::UnusedOverride, message).label(name.span, "this changes nothing").help(help)
}

/// The param that a path names, without a word about one that does not exist.
fn find(program: &crate::hir::Program, from: ModuleId, path: &str) -> Option<ItemRef> {
    let (aliases, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut aliases = aliases.split('.').filter(|alias| !alias.is_empty());
    let module = aliases.try_fold(from, |module, alias| program.used(module, alias))?;
    let mut items = program.module(module).tree.items.iter();
    let index =
        items.position(|item| matches!(&item.kind, ItemKind::Param { name: param, .. } if param.text == name))?;
    Some((module, index))
}

fn variants(items: &[ast::Item]) -> Vec<(usize, &Name)> {
    let named = items.iter().enumerate().filter_map(|(index, item)| match &item.kind {
        ItemKind::Variant { name, .. } => Some((index, name)),
        _ => None,
    });
    named.collect()
}

fn aliases(items: &[ast::Item]) -> impl Iterator<Item = &str> {
    items.iter().filter_map(|item| match &item.kind {
        ItemKind::UseFile { alias, .. } => Some(alias.text.as_str()),
        _ => None,
    })
}
