//! `wsss doc [NAME]`: the page of a word, or the index of all.

use super::exit::Exit;
use super::output::Output;
use crate::reference;

#[derive(clap::Args)]
pub(super) struct Args {
    /// A function, a network, a primitive, a metric, a module (`cam`) or a family (`pointwise`); without it, the index
    name: Option<String>,
}

pub(super) fn run(args: Args, output: &Output) -> Exit {
    let Some(name) = args.name else {
        output.text(&reference::index());
        return Exit::Done;
    };
    let pages = reference::pages_of(&name);
    if pages.is_empty() {
        return output.unknown("word", &name, "words", reference::words());
    }
    output.text(&pages.join("\n"));
    Exit::Done
}
