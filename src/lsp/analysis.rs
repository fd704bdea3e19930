//! A recipe as it stands in the editor: its program, its graphs, what is wrong with it, and what is known at a place.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::compile;
use crate::diag::{Diagnostic, Problems};
use crate::graph::{Frame, Kind, Origin};
use crate::hir::{self, Definition, Files, ModuleId, Named, Program, Reader};
use crate::lower::{self, Choices, Recipe};
use crate::source::{SourceId, Sources, Span};
use crate::syntax::ast::{Item, ItemKind};
use crate::types::Fact;

/// Texts that are open, by path: they count before what lies on the disk.
pub type Open = HashMap<PathBuf, String>;

pub struct Analysis {
    pub sources: Sources,
    pub problems: Vec<Diagnostic>,
    pub program: Program,
    pub recipe: Recipe,
}

struct Editor<'a>(&'a Open);

impl Files for Editor<'_> {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.0.get(path).map_or_else(|| std::fs::read_to_string(path), |text| Ok(text.clone()))
    }
}

impl Analysis {
    /// All that `wsss check` finds out.
    pub fn of(path: &Path, text: &str, open: &Open) -> Analysis {
        let (mut sources, mut problems) = (Sources::new(), Problems::default());
        let program = hir::load(&path.display().to_string(), text, &[], &Editor(open), &mut sources, &mut problems);
        let name = path.file_stem().map_or("recipe".into(), |stem| stem.to_string_lossy().into_owned());
        let choices = Choices { read: Some(|path| std::fs::read_to_string(path)), ..Choices::default() };
        let recipe = lower::lower(&name, &program, &choices, &mut problems);
        if !problems.has_errors() {
            compile::compile(&recipe, &mut problems);
        }
        Analysis { sources, problems: problems.sorted(), program, recipe }
    }

    /// The text of the recipe itself.
    pub fn source(&self) -> SourceId {
        self.program.module(self.program.recipe()).source
    }

    pub fn text(&self) -> &str {
        &self.program.module(self.program.recipe()).text
    }

    /// The item of the recipe that a byte lies in.
    pub fn item(&self, at: usize) -> Option<(usize, &Item)> {
        let items = &self.program.module(self.program.recipe()).tree.items;
        items.iter().enumerate().find(|(_, item)| item.span.range().contains(&at))
    }

    /// What the name at a byte stands for, where it is one of an item or of a word.
    pub fn named(&self, name: &Range<usize>) -> Option<Named> {
        let recipe = self.program.recipe();
        let (index, item) = self.item(name.start)?;
        let readers = std::iter::once(Reader::Item(recipe, index))
            .chain((0..item.settings().len()).map(|setting| Reader::Setting { module: recipe, item: index, setting }));
        let mentions = readers.flat_map(|reader| self.program.mentions(reader));
        let mut here: Vec<_> = mentions
            .filter(|mention| mention.span.source == self.source() && overlaps(&mention.span.range(), name))
            .collect();
        here.sort_by_key(|mention| mention.span.end - mention.span.start);
        here.into_iter().next().map(|mention| mention.named).or_else(|| self.defined(&self.text()[name.clone()]))
    }

    /// What a name means at the top of the recipe.
    fn defined(&self, name: &str) -> Option<Named> {
        let mut module = self.program.recipe();
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            match self.program.module(module).names.get(part)? {
                Definition::Item { module, index } => return Some(Named::Item((*module, *index))),
                Definition::Module { modules, .. } if parts.peek().is_none() => {
                    return Some(Named::Modules(modules.clone()));
                }
                Definition::Module { modules, .. } => {
                    let next = parts.peek()?;
                    module = *modules.iter().find(|id| self.program.module(**id).own().contains_key(next))?;
                }
            }
        }
        None
    }

    /// The value of `let NAME = …` that is nearest before a byte, within the item there.
    pub fn local(&self, name: &str, at: usize) -> Option<Local> {
        let (_, item) = self.item(at)?;
        let Range { start, end } = item.span.range();
        let text = self.text().get(start..at.max(start).min(end))?;
        let found = text.match_indices(name).filter_map(|(found, _)| {
            let (before, after) = (text[..found].trim_end(), text[found + name.len()..].trim_start());
            let bound =
                ["let", "loss", "save", "metric", "net", "layer", "show"].iter().any(|word| before.ends_with(word));
            let value = self.text()[start + found + name.len()..].trim_start().strip_prefix('=')?;
            let is_let = bound && (after.is_empty() || after.starts_with('=')) && !value.starts_with('=');
            let at = self.text().len() - value.trim_start().len();
            is_let.then_some(Local { name: start + found..start + found + name.len(), value: at })
        });
        found.last()
    }

    /// The tensor that comes of an expression that begins at a byte: of the longest such one, where a function is called several times of the last.
    pub fn tensor(&self, at: usize) -> Option<String> {
        let mut longest: Option<(u32, &Fact)> = None;
        for graph in self.recipe.stages.iter().map(|stage| &stage.graph) {
            for node in graph.ids().map(|id| graph.node(id)) {
                let own = spans(&node.origin).filter(|span| span.source == self.source() && span.start as usize == at);
                // The last node of an expression is its value.
                if let Some(end) = own.map(|span| span.end).max()
                    && longest.is_none_or(|(known, _)| end >= known)
                {
                    longest = Some((end, &node.fact));
                }
            }
        }
        longest.map(|(_, fact)| fact.to_string())
    }

    /// A field of the samples of the stage that a byte lies in.
    pub fn field(&self, name: &str, at: usize) -> Option<String> {
        let (_, item) = self.item(at)?;
        let ItemKind::Stage(written) = &item.kind else { return None };
        let stage = self.recipe.stages.iter().find(|stage| stage.called() == written.name.text)?;
        let mut nodes = stage.graph.ids().map(|id| stage.graph.node(id));
        nodes.find(|node| node.kind == Kind::Field(name.to_string())).map(|node| node.fact.to_string())
    }

    /// Where an item's name stands.
    pub fn place_of(&self, (module, index): (ModuleId, usize)) -> Option<Span> {
        self.program.item(module, index).name().map(|name| name.span)
    }
}

/// A name bound within an item: where it stands, and where its value begins.
pub struct Local {
    pub name: Range<usize>,
    pub value: usize,
}

/// The expression a node comes from, and the calls around it.
fn spans(origin: &Origin) -> impl Iterator<Item = Span> {
    let frames = std::iter::successors(origin.calls.as_deref(), |frame: &&Frame| frame.outer.as_deref());
    origin.span.into_iter().chain(frames.map(|frame| frame.span))
}

fn overlaps(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
