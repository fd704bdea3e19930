//! Names resolved, functions whole: a recipe with everything it uses, and the problems of its names.
//!
//! Comes in: the text of a recipe. Goes out: a [`Program`] of parsed modules whose names all mean something, or problems. What
//! tensors flow is not known here; `lower` finds out by inlining.

pub mod builtins;
mod load;
mod reads;
mod resolve;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

pub use load::{Files, PRELUDE, load};
pub use reads::{ItemRef, Mention, Named, Reader, Reads};

use crate::source::{SourceId, Span};
use crate::syntax::ast;

/// A recipe and every module it uses.
#[derive(Default)]
pub struct Program {
    pub modules: Vec<Module>,
    /// Which items name which.
    pub reads: Reads,
}

/// Which module of a [`Program`]; the recipe itself is the first. A recipe that is used twice is two modules, each with its own params.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ModuleId(pub usize);

pub struct Module {
    /// What it is shown as: the path of a recipe, `std/cam.wsss`.
    pub name: String,
    pub source: SourceId,
    pub text: String,
    pub tree: Arc<ast::File>,
    /// Whether the text is the user's own rather than the standard library's.
    pub own_text: bool,
    /// Whether it holds a `--set` of the command line: one variant with one setting.
    pub is_override: bool,
    /// How the recipe is reached from the first one: `base.` or `base.trunk.`, empty for the first. Its stages are shown so.
    pub scope: String,
    /// What a bare name means at the top level of this module: its own items and what it imports.
    pub names: HashMap<String, Definition>,
}

/// What a name of a module stands for.
#[derive(Clone, Debug)]
pub enum Definition {
    /// An item of a module, by its place in the tree.
    Item { module: ModuleId, index: usize },
    /// A whole module: `use nets`, `use "x.wsss" as base`. A folder of the standard library has several.
    Module { modules: Vec<ModuleId>, span: Span },
}

impl Program {
    pub fn recipe(&self) -> ModuleId {
        ModuleId(0)
    }

    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0]
    }

    pub fn item(&self, module: ModuleId, index: usize) -> &ast::Item {
        &self.module(module).tree.items[index]
    }

    /// The value that stands at a param or a setting.
    pub fn written(&self, reader: Reader) -> Option<&ast::Expr> {
        match reader {
            Reader::Item(module, index) => match &self.item(module, index).kind {
                ast::ItemKind::Param { value, .. } => Some(value),
                _ => None,
            },
            Reader::Setting { module, item, setting } => Some(&self.item(module, item).settings()[setting].value),
        }
    }

    /// The recipe that `module` uses under a name.
    pub fn used(&self, module: ModuleId, alias: &str) -> Option<ModuleId> {
        match self.module(module).names.get(alias)? {
            Definition::Module { modules, .. } => modules.first().copied().filter(|id| self.module(*id).own_text),
            Definition::Item { .. } => None,
        }
    }

    /// The recipes that `module` uses, with the items that say so.
    pub fn uses(&self, module: ModuleId) -> Vec<(usize, ModuleId)> {
        let items = self.module(module).tree.items.iter().enumerate();
        let used = items.filter_map(|(index, item)| match &item.kind {
            ast::ItemKind::UseFile { alias, .. } => Some((index, self.used(module, &alias.text)?)),
            _ => None,
        });
        used.collect()
    }

    /// The module that was read from a source.
    pub fn of_source(&self, source: SourceId) -> Option<ModuleId> {
        self.modules.iter().position(|module| module.source == source).map(ModuleId)
    }
}

impl Module {
    /// The items this module defines itself, by name.
    pub fn own(&self) -> IndexMap<&str, usize> {
        let named = self.tree.items.iter().enumerate();
        named.filter_map(|(index, item)| item.name().map(|name| (name.text.as_str(), index))).collect()
    }
}

impl ast::Item {
    /// What a variant or a `use` line gives to params.
    pub fn settings(&self) -> &[ast::Setting] {
        match &self.kind {
            ast::ItemKind::Variant { overrides, .. } | ast::ItemKind::UseFile { overrides, .. } => overrides,
            _ => &[],
        }
    }

    /// The name an item defines; variants and `use` define none.
    pub fn name(&self) -> Option<&ast::Name> {
        match &self.kind {
            ast::ItemKind::Param { name, .. } => Some(name),
            ast::ItemKind::Let(binding) => Some(&binding.name),
            ast::ItemKind::Fn(function) => Some(&function.name),
            ast::ItemKind::Net(net) => Some(&net.name),
            ast::ItemKind::Stage(stage) => Some(&stage.name),
            ast::ItemKind::Supervision { .. }
            | ast::ItemKind::Use { .. }
            | ast::ItemKind::UseFile { .. }
            | ast::ItemKind::Expect(_)
            | ast::ItemKind::Variant { .. } => None,
        }
    }
}
