//! `wsss expand RECIPE`: the recipe with all it uses, its variants and overrides resolved, as one text.

use std::path::PathBuf;

use super::exit::Exit;
use super::output::Output;
use super::recipe::{self, Choice};
use crate::expand::expand;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The recipe, a `.wsss` file
    recipe: PathBuf,
    #[command(flatten)]
    choice: Choice,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(false);
    let opened = match recipe::open(&args.recipe, &args.choice) {
        Ok(opened) => opened,
        Err(unreadable) => return output.problems(&[unreadable.0], &unreadable.1),
    };
    let exit = output.problems(&opened.problems.sorted(), &opened.sources);
    if exit == Exit::Done {
        output.text(&expand(&opened.program, &opened.recipe));
    }
    exit
}
