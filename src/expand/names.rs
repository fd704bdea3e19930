//! One name for everything that is written out: its own where nothing else has it, else one that says where it comes from.

use std::collections::{HashMap, HashSet};

use crate::hir::{ItemRef, Mention, Named, Program, builtins};
use crate::syntax::ast::ItemKind;

/// The names of what is written out, each with what it mentions.
///
/// A name is another's, or it would mean something else where it is read: a word of the language that a part uses, or a local.
/// The recipe's own names go first, then those of stages, which a stage's key depends on.
pub(super) fn given(program: &Program, written: &HashMap<ItemRef, Vec<Mention>>) -> HashMap<ItemRef, String> {
    let mut words: HashSet<&str> = HashSet::new();
    let mut readers: HashMap<ItemRef, Vec<(&Mention, &str)>> = HashMap::new();
    for (item, mention) in
        written.iter().flat_map(|(item, mentions)| mentions.iter().map(move |mention| (item, mention)))
    {
        match &mention.named {
            Named::Word(word) => _ = words.insert(word),
            Named::Item(read) => readers.entry(*read).or_default().push((mention, text(program, *item, mention))),
            Named::Modules(_) => {}
        }
    }
    let is_free = |item: &ItemRef, name: &str| {
        let mut read = readers.get(item).into_iter().flatten();
        // What stays as it is was no local before.
        !words.contains(name)
            && read.all(|(mention, text)| *text == name || mention.locals.iter().all(|local| local != name))
    };
    let mut order: Vec<&ItemRef> = written.keys().collect();
    order.sort_by_key(|item| {
        let is_stage = matches!(program.item(item.0, item.1).kind, ItemKind::Stage(_));
        let module = program.module(item.0);
        (item.0 != program.recipe(), !(is_stage && module.own_text), !module.own_text, **item)
    });
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = HashMap::new();
    for item in order {
        let Some(own) = program.item(item.0, item.1).name().map(|name| &name.text) else { continue };
        let is_word = item.0 != program.recipe() && builtins::is_reserved(own);
        let there = format!("{}_{own}", place(program, *item));
        let numbered = (2..).map(|number| format!("{there}_{number}"));
        let mut candidates = [own.clone(), there.clone()].into_iter().skip(usize::from(is_word)).chain(numbered);
        let name = candidates.find(|name| !taken.contains(name) && is_free(item, name));
        let name = name.expect("one of endless names is free");
        taken.insert(name.clone());
        names.insert(*item, name);
    }
    names
}

/// The text of a mention. That of a chosen value stands in another module than the item.
fn text<'p>(program: &'p Program, item: ItemRef, mention: &Mention) -> &'p str {
    let module = Some(item.0).filter(|module| program.module(*module).source == mention.span.source);
    let module = module.or_else(|| program.of_source(mention.span.source));
    module.and_then(|module| program.module(module).text.get(mention.span.range())).unwrap_or_default()
}

/// `base` or `base_trunk` of a used recipe, `cam` of the standard library, `recipe` of the one that is expanded.
fn place(program: &Program, item: ItemRef) -> String {
    let module = program.module(item.0);
    match module.scope.trim_end_matches('.') {
        "" if module.own_text => "recipe".into(),
        "" => {
            let file = module.name.rsplit('/').next().unwrap_or_default();
            file.trim_end_matches(".wsss").into()
        }
        scope => scope.replace('.', "_"),
    }
}
