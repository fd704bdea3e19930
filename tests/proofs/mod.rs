//! Every proof against an oracle that knows nothing of it: numbers that were computed, pictures whose pixels say where they were,
//! pictures that were exchanged, names that were counted, plain reachability, differences.

mod batches;
mod classes;
mod frames;
mod gradients;
mod labels;
mod modes;
mod ranges;

use std::path::Path;

use wsss::diag::{Diagnostic, Problems};
use wsss::hir::{self, Files};
use wsss::lower::{Choices, Recipe, lower};
use wsss::source::Sources;

/// Recipes that a recipe uses, from the folder of the shipped ones.
struct Shipped;

impl Files for Shipped {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
        std::fs::read_to_string(folder.join(path.file_name().unwrap_or_default()))
    }
}

fn lowered(text: &str, variants: &[String]) -> (Recipe, Vec<Diagnostic>) {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("recipe.wsss", text, &[], &Shipped, &mut sources, &mut problems);
    let recipe =
        lower("recipe", &program, &Choices { variants: variants.to_vec(), ..Choices::default() }, &mut problems);
    (recipe, problems.sorted())
}

/// A generator of its own, so that nothing of the program is used to test it (Steele et al., OOPSLA 2014).
struct SplitMix(u64);

impl SplitMix {
    /// From 0 to below 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
