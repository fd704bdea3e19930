//! A recipe with all it uses as one text: what it takes from the standard library and from other recipes is written out, params
//! have the values that were chosen, variants are gone.
//!
//! Comes in: a [`Program`] without mistakes and what was decided about it. Goes out: a recipe in canonical form that names no file,
//! with the origin of each value and of each part as a comment, and with the same stages. Nothing is computed here: texts are cut
//! out and names are changed in them, so every value stands as it was written.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `names` | one name for everything that is written out |
//! | `text` | the text, part by part |

mod names;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeSet, HashMap};

use crate::hir::{ItemRef, Mention, ModuleId, Named, PRELUDE, Program, Reader};
use crate::lower::{ParamValue, Recipe};
use crate::source::SourceId;
use crate::stdlib;
use crate::syntax;
use crate::syntax::ast::{Expect, Item, ItemKind};

/// See the module text.
pub fn expand(program: &Program, recipe: &Recipe) -> String {
    let text = Expansion::of(program, recipe).text();
    syntax::format(SourceId(0), &text).unwrap_or(text)
}

/// What is written out, and under which names.
struct Expansion<'p> {
    program: &'p Program,
    recipe: &'p Recipe,
    params: HashMap<ItemRef, &'p ParamValue>,
    /// What each item that is written out names: a param by the value that was chosen.
    mentions: HashMap<ItemRef, Vec<Mention>>,
    names: HashMap<ItemRef, String>,
}

impl<'p> Expansion<'p> {
    fn of(program: &'p Program, recipe: &'p Recipe) -> Expansion<'p> {
        let params = recipe.params.iter().map(|param| (param.item, param)).collect();
        let (mentions, names) = Default::default();
        let mut expansion = Expansion { program, recipe, params, mentions, names };
        // Names that every recipe knows need no text, unless something here is called the same.
        let mut hidden = BTreeSet::new();
        loop {
            expansion.mentions = expansion.reached(&hidden);
            expansion.names = names::given(program, &expansion.mentions);
            let more = expansion.hidden();
            if more.is_subset(&hidden) {
                return expansion;
            }
            hidden.extend(more);
        }
    }

    /// All that the recipe names, directly or by way of others, without what is known everywhere but for the `hidden`.
    fn reached(&self, hidden: &BTreeSet<ItemRef>) -> HashMap<ItemRef, Vec<Mention>> {
        let recipe = self.program.recipe();
        let own = self.program.module(recipe).tree.items.iter().enumerate();
        let mut next: Vec<ItemRef> =
            own.filter(|(_, item)| self.stands(item)).map(|(index, _)| (recipe, index)).collect();
        let mut reached = HashMap::new();
        while let Some(item) = next.pop() {
            if reached.contains_key(&item) || self.is_known(item.0) && !hidden.contains(&item) {
                continue;
            }
            let mentions = self.mentioned(item);
            next.extend(mentions.iter().flat_map(|mention| self.items_of(mention)));
            reached.insert(item, mentions);
        }
        reached
    }

    /// What a mention may read; of a recipe that is passed on whole not the stages that take no part.
    fn items_of(&self, mention: &Mention) -> Vec<ItemRef> {
        let mut items = mention.named.items(self.program);
        if let Named::Modules(_) = mention.named {
            items.retain(|(module, index)| {
                let item = self.program.item(*module, *index);
                let shown = item.name().map(|name| format!("{}{}", self.program.module(*module).scope, name.text));
                let takes_part = |shown: &String| self.recipe.stages.iter().any(|stage| stage.answers_to(shown));
                shown.is_some_and(|shown| !matches!(item.kind, ItemKind::Stage(_)) || takes_part(&shown))
            });
        }
        items
    }

    fn mentioned(&self, item: ItemRef) -> Vec<Mention> {
        let written = Reader::Item(item.0, item.1);
        let mut mentions = self.program.mentions(written);
        if let Some(param) = self.params.get(&item)
            && let ItemKind::Param { value, .. } = &self.program.item(item.0, item.1).kind
            && param.written != written
        {
            mentions.retain(|mention| !(value.span.start..value.span.end).contains(&mention.span.start));
            mentions.extend(self.program.mentions(param.written));
        }
        mentions
    }

    /// Items that are known without a word, but whose names mean something else where they are read.
    fn hidden(&self) -> BTreeSet<ItemRef> {
        let taken: BTreeSet<&str> = self.names.values().map(String::as_str).collect();
        let mut hidden = BTreeSet::new();
        for mention in self.mentions.values().flatten() {
            let is_hidden = |item: &ItemRef| {
                let name = self.name(*item);
                !self.names.contains_key(item)
                    && (taken.contains(name) || mention.locals.iter().any(|local| local == name))
            };
            hidden.extend(self.items_of(mention).into_iter().filter(is_hidden));
        }
        hidden
    }

    /// Whether a module's names are known without `use`.
    fn is_known(&self, module: ModuleId) -> bool {
        let name = &self.program.module(module).name;
        stdlib::FILES.iter().any(|file| file.path == name && PRELUDE.contains(&file.module))
    }

    /// What an item is called in the text.
    fn name(&self, item: ItemRef) -> &str {
        let own = || self.program.item(item.0, item.1).name().map_or("", |name| &name.text);
        self.names.get(&item).map_or_else(own, String::as_str)
    }

    /// Whether an item of the recipe itself is part of the text.
    fn stands(&self, item: &Item) -> bool {
        match &item.kind {
            ItemKind::Use { .. } | ItemKind::UseFile { .. } => false,
            ItemKind::Expect(_) | ItemKind::Variant { .. } => !self.stated(item).is_empty(),
            _ => true,
        }
    }

    /// The figures of an item that are stated for what was decided: of the recipe on its own, or of the one variant.
    fn stated<'t>(&self, item: &'t Item) -> &'t [Expect] {
        let by_hand = self.recipe.params.iter().any(|param| param.origin == "--set");
        match (&item.kind, self.recipe.variants.as_slice()) {
            _ if by_hand => &[],
            (ItemKind::Expect(expect), []) => std::slice::from_ref(expect),
            (ItemKind::Variant { name, expects, .. }, [one]) if name.text == *one => expects,
            _ => &[],
        }
    }
}
