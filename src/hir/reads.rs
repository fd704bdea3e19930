//! Which item of which module names which: what a change of a param can reach at all.
//!
//! Found with the names, from the text alone: a branch that is not taken and a function that is not called name what they name.

use std::collections::{HashMap, HashSet};

use super::{ModuleId, Program};
use crate::source::Span;

/// An item of a module, by its place in the tree.
pub type ItemRef = (ModuleId, usize);

/// What can name items: an item, or one setting of a variant or a `use` line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reader {
    Item(ModuleId, usize),
    Setting { module: ModuleId, item: usize, setting: usize },
}

/// A place in a text that names something.
#[derive(Clone, PartialEq, Debug)]
pub struct Mention {
    /// `crop`, all of `base.crop`.
    pub span: Span,
    /// `{ crop }`, `show crop`: the name of a field and its value at once.
    pub short: bool,
    pub named: Named,
    /// The names that are bound around it.
    pub locals: Vec<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Named {
    Item(ItemRef),
    /// A module that is passed on whole, so that all of it may be read anywhere.
    Modules(Vec<ModuleId>),
    /// A word of the language.
    Word(String),
}

impl Named {
    pub fn items(&self, program: &Program) -> Vec<ItemRef> {
        match self {
            Named::Item(item) => vec![*item],
            Named::Modules(modules) => {
                let items = |id: &ModuleId| program.module(*id).tree.items.len();
                modules.iter().flat_map(|id| (0..items(id)).map(|item| (*id, item))).collect()
            }
            Named::Word(_) => Vec::new(),
        }
    }
}

/// Items by what names them.
#[derive(Default, Debug)]
pub struct Reads(HashMap<Reader, Vec<ItemRef>>);

impl Reads {
    pub(super) fn add(&mut self, reader: Reader, program: &Program, mention: &Mention) {
        for item in mention.named.items(program) {
            let items = self.0.entry(reader).or_default();
            if !items.contains(&item) {
                items.push(item);
            }
        }
    }

    /// What a reader names, in the order of the text.
    pub fn of(&self, reader: Reader) -> &[ItemRef] {
        self.0.get(&reader).map_or(&[], Vec::as_slice)
    }

    /// All items that are named from `roots` on. `read` says by which readers an item is read through: usually the item itself,
    /// for a param the values that it may have.
    pub fn reached(&self, roots: &[ItemRef], read: impl Fn(ItemRef) -> Vec<Reader>) -> HashSet<ItemRef> {
        let mut reached: HashSet<ItemRef> = roots.iter().copied().collect();
        let mut next: Vec<ItemRef> = roots.to_vec();
        while let Some(item) = next.pop() {
            for reader in read(item) {
                next.extend(self.of(reader).iter().copied().filter(|item| reached.insert(*item)));
            }
        }
        reached
    }
}
