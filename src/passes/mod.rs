//! Graph → better graph, same answer.
//!
//! Comes in: a verified graph. Goes out: a verified graph that computes the same outputs with less, and a record of what each
//! pass did. A [`Pass`] looks and proposes a [`Patch`]; [`improve`] applies, verifies, and repeats until no pass has anything
//! to say. Answers stay the same for all finite numbers, up to rounding where constants are folded in f64.
//!
//! A pass may ask an op about its nature and its laws through `OpDef`; it knows no op by name.

mod patch;
mod runner;

mod drop_dead;
mod fold_constants;
mod fuse;
mod merge_duplicates;
mod simplify;
mod take_apart;

#[cfg(test)]
pub(crate) mod testing;

pub use patch::{Patch, Wire};
pub use runner::{PassError, PassRecord, Selection, improve, improve_selected};

use crate::graph::{Graph, Role};

/// One improvement.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Also what `wsss graph --after` and `--skip` call it.
    pub name: &'static str,
    pub summary: &'static str,
    /// What to change, in one patch; `None` where there is nothing. Must not propose the same again for ever.
    pub run: fn(&Graph) -> Option<Patch>,
}

/// Every pass that makes a graph simpler, in the order of a round. Rounds repeat, so the order decides how soon a graph is done, not how it
/// ends: folding makes the zeros and ones that simplifying looks for, both make duplicates.
pub static PASSES: &[Pass] = &[drop_dead::PASS, fold_constants::PASS, simplify::PASS, merge_duplicates::PASS];

/// Those that suit a graph to the machine, once, when there is nothing to simplify any more.
pub static LAST: &[Pass] = &[take_apart::PASS, merge_duplicates::PASS, fuse::PASS];

/// Each pass once, in the order in which they first run.
pub fn all() -> impl Iterator<Item = &'static Pass> {
    let again = |pass: &&Pass| PASSES.iter().any(|other| other.name == pass.name);
    PASSES.iter().chain(LAST.iter().filter(move |pass| !again(pass)))
}

pub fn find(name: &str) -> Option<&'static Pass> {
    all().find(|pass| pass.name == name)
}

/// Whether all gradients there will be are nodes by now: what they read must not be taken from them.
fn gradients_are_there(graph: &Graph) -> bool {
    let has = |role: Role| graph.outputs.iter().any(|output| output.role == role);
    has(Role::Total) || !has(Role::Loss)
}
