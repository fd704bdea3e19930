//! The text, part by part: an item is cut out with the comments above it and behind it, and names are changed in it.

use std::collections::HashSet;
use std::ops::Range;

use super::Expansion;
use crate::hir::{ItemRef, ModuleId, Named};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{Expr, ExprKind, Item, ItemKind};

impl Expansion<'_> {
    /// The recipe from top to bottom: where it uses another, that one's params and functions; before each stage those of other
    /// recipes that it reads; the standard library at the end.
    pub(super) fn text(&self) -> String {
        let recipe = self.program.recipe();
        let module = self.program.module(recipe);
        let mut text: String = module.tree.doc.iter().map(|line| format!("//! {line}\n")).collect();
        let mut seen = HashSet::new();
        for (index, item) in module.tree.items.iter().enumerate() {
            match &item.kind {
                ItemKind::UseFile { .. } => self.used(recipe, index, &mut text),
                _ if !self.stands(item) => {}
                kind => {
                    if let ItemKind::Stage(_) = kind {
                        self.stages_before((recipe, index), &mut seen, &mut text);
                    }
                    self.part((recipe, index), None, &mut text);
                }
            }
        }
        for index in 0..module.tree.items.len() {
            self.stages_before((recipe, index), &mut seen, &mut text);
        }
        let end = module.tree.items.last().map_or(0, |item| after(&module.text, item.span.end as usize));
        text += &without_header(&module.text[end..]);
        let library = (0..self.program.modules.len()).map(ModuleId);
        for id in library.filter(|id| !self.program.module(*id).own_text) {
            self.items(id, &format!("From {}.", self.program.module(id).name), &mut text);
        }
        text
    }

    /// All of a recipe that is used but its stages, and of those it uses in turn.
    fn used(&self, module: ModuleId, item: usize, text: &mut String) {
        let uses = self.program.uses(module);
        let Some((_, used)) = uses.into_iter().find(|(index, _)| *index == item) else { return };
        for (index, _) in self.program.uses(used) {
            self.used(used, index, text);
        }
        let scope = self.program.module(used).scope.trim_end_matches('.');
        self.items(used, &format!("From {}, used as `{scope}`.", self.file(used)), text);
    }

    fn items(&self, module: ModuleId, heading: &str, text: &mut String) {
        let is_stage = |item: &Item| matches!(item.kind, ItemKind::Stage(_));
        let items = self.program.module(module).tree.items.iter().enumerate();
        let items = items.filter(|(index, item)| !is_stage(item) && self.names.contains_key(&(module, *index)));
        for (position, (index, _)) in items.enumerate() {
            if position == 0 {
                *text += &format!("\n\n// {heading}\n");
            }
            self.part((module, index), None, text);
        }
    }

    /// The stages of used recipes that an item reads and that have not been written, each below those it reads.
    fn stages_before(&self, item: ItemRef, seen: &mut HashSet<ItemRef>, text: &mut String) {
        let recipe = self.program.recipe();
        let mentioned = self.mentions.get(&item).into_iter().flatten();
        for next in mentioned.flat_map(|mention| self.items_of(mention)) {
            let stage = matches!(self.program.item(next.0, next.1).kind, ItemKind::Stage(_));
            // The stages of the recipe itself stand where they stand.
            if stage && next.0 == recipe || !self.mentions.contains_key(&next) || !seen.insert(next) {
                continue;
            }
            self.stages_before(next, seen, text);
            if stage {
                let scope = &self.program.module(next.0).scope;
                let own = self.program.item(next.0, next.1).name().map_or("", |name| &name.text);
                let heading = format!("The stage `{scope}{own}`, from {}", self.file(next.0));
                self.part(next, Some(heading), text);
            }
        }
    }

    /// The path of a used recipe, as the recipe that uses it writes it.
    fn file(&self, used: ModuleId) -> &str {
        let all = (0..self.program.modules.len()).map(ModuleId).filter(|id| self.program.module(*id).own_text);
        let mut uses = all.flat_map(|id| self.program.uses(id).into_iter().map(move |(index, used)| (id, index, used)));
        let found = uses.find(|(.., other)| *other == used);
        match found.map(|(id, index, _)| &self.program.item(id, index).kind) {
            Some(ItemKind::UseFile { path, .. }) => path,
            _ => &self.program.module(used).name,
        }
    }

    /// What an item was called, where it is called something else here.
    fn renamed(&self, at: ItemRef) -> Option<String> {
        let item = self.program.item(at.0, at.1);
        let own = item.name().filter(|own| own.text != self.name(at))?;
        let module = self.program.module(at.0);
        let place = match module.scope.as_str() {
            "" if at.0 == self.program.recipe() => "the recipe",
            "" => &module.name,
            _ => self.file(at.0),
        };
        let so = if let ItemKind::Stage(_) = item.kind { ", which would be part of its key" } else { "" };
        Some(format!("called `{}` in {place}{so}", own.text))
    }

    /// An item on lines of its own, with a line above it that says what it is.
    fn part(&self, at: ItemRef, heading: Option<String>, text: &mut String) {
        let module = self.program.module(at.0);
        let item = self.program.item(at.0, at.1);
        let start = match at.1.checked_sub(1) {
            Some(before) => after(&module.text, module.tree.items[before].span.end as usize),
            None => 0,
        };
        let end = item.span.end as usize;
        let behind = &module.text[end..after(&module.text, end)];
        let renamed = self.renamed(at);
        let above = without_header(&module.text[start..item.span.start as usize]);
        let comments = above.trim_start();
        let is_apart = heading.is_some() || above[..above.len() - comments.len()].matches('\n').count() > 1;
        *text += if is_apart { "\n\n" } else { "\n" };
        let of_line = renamed.as_deref().filter(|_| !matches!(item.kind, ItemKind::Param { .. }));
        let notes: Vec<&str> = heading.as_deref().into_iter().chain(of_line).collect();
        if !notes.is_empty() {
            *text += &format!("// {}\n", notes.join("; "));
        }
        *text += comments;
        match &item.kind {
            ItemKind::Param { value, range, .. } => {
                let origin = self.params.get(&at).map_or("default", |param| param.origin.as_str());
                *text += &format!("param {} = {}", self.name(at), self.value(at, value));
                if let Some(range) = range {
                    *text += &format!(" in {}", self.slice(at, module.source, range.span.range()));
                }
                let behind = behind.trim().trim_start_matches('/').trim();
                let known = Some(origin).filter(|_| !says_origin(behind));
                let notes = [known, renamed.as_deref(), Some(behind)].into_iter().flatten();
                let notes: Vec<&str> = notes.filter(|note| !note.is_empty()).collect();
                *text += &format!(" // {}", notes.join("; "));
            }
            ItemKind::Expect(_) | ItemKind::Variant { .. } => {
                for expect in self.stated(item) {
                    *text += &format!("{}\n", self.slice(at, module.source, expect.span.range()));
                }
            }
            _ => {
                *text += &self.slice(at, module.source, item.span.range());
                *text += behind;
            }
        }
    }

    /// The value of a param that was chosen.
    fn value(&self, at: ItemRef, default: &Expr) -> String {
        let own = self.program.module(at.0).source;
        let Some(chosen) = self.params.get(&at).and_then(|param| self.program.written(param.written)) else {
            return self.slice(at, own, default.span.range());
        };
        let mut text = self.slice(at, chosen.span.source, chosen.span.range());
        // A bare number takes the unit of what it replaces.
        let bare = uncited(chosen);
        if let (ExprKind::Quantity { unit, .. }, ExprKind::Number { .. }) = (&uncited(default).kind, &bare.kind) {
            text.insert_str((bare.span.end - chosen.span.start) as usize, &format!(" {}", unit.word()));
        }
        text
    }

    /// A piece of a text in which what `item` names is called as it is here.
    fn slice(&self, item: ItemRef, source: SourceId, range: Range<usize>) -> String {
        let module = self.program.module(item.0);
        let module = match module.source == source {
            true => module,
            false => self.program.module(self.program.of_source(source).unwrap_or(item.0)),
        };
        let within = |span: Span| span.source == source && range.contains(&(span.start as usize));
        let old = |span: Span| &module.text[span.range()];
        let mut changes: Vec<(Span, String)> = Vec::new();
        let name = self.program.item(item.0, item.1).name().map(|name| (name.span, self.name(item).to_string()));
        changes.extend(name.filter(|(span, _)| within(*span)));
        for mention in self.mentions[&item].iter().filter(|mention| within(mention.span)) {
            let new = match &mention.named {
                Named::Item(item) => self.name(*item).to_string(),
                Named::Modules(modules) => self.record(modules),
                Named::Word(word) => word.clone(),
            };
            let old = old(mention.span);
            let new = if mention.short && new != old { format!("{old} = {new}") } else { new };
            changes.push((mention.span, new));
        }
        changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = module.text[range.clone()].to_string();
        for (span, new) in changes {
            text.replace_range(span.start as usize - range.start..span.end as usize - range.start, &new);
        }
        text
    }

    /// A module that is passed on whole.
    fn record(&self, modules: &[ModuleId]) -> String {
        let mut fields: Vec<String> = Vec::new();
        for module in modules {
            let own = self.program.module(*module).own();
            let own = own.iter().map(|(name, index)| (name, (*module, *index)));
            let written = own.filter(|(_, item)| self.names.contains_key(item) || self.is_known(item.0));
            fields.extend(written.map(|(name, item)| format!("{name} = {}", self.name(item))));
            for (index, used) in self.program.uses(*module) {
                if let ItemKind::UseFile { alias, .. } = &self.program.item(*module, index).kind {
                    fields.push(format!("{} = {}", alias.text, self.record(&[used])));
                }
            }
        }
        format!("{{ {} }}", fields.join(", "))
    }
}

fn uncited(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Cited { value, .. } => uncited(value),
        _ => expr,
    }
}

/// The end of what belongs to the item that ends at `end`: of the comment behind it, if there is one.
fn after(text: &str, end: usize) -> usize {
    let line = text[end..].lines().next().unwrap_or_default();
    if line.trim_start().starts_with("//") { end + line.len() } else { end }
}

fn without_header(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.trim_start().starts_with("//!")).collect()
}

/// Whether a comment begins with what is written there of the value's origin.
fn says_origin(comment: &str) -> bool {
    ["default", "variant ", "--set", "use "].iter().any(|origin| comment.starts_with(origin))
}
