//! Names of stages. One stage has two: `base.classifier` in the pipeline of the recipe that uses it, and `classifier` in its own.
//!
//! Whatever decides a result (the paths of weights, the identities of random draws, the parts of a key) holds the name that is
//! seen from the stage itself, so that a stage is the same one from whichever recipe it is run. What is shown, and by what stages
//! find one another, is the name in the pipeline.

/// Before the name of a stage that does not belong to the recipe of the stage that reads it, nor to one that recipe uses: it came
/// in by an override. No name of the language begins so.
const OUTSIDE: char = '^';

/// The stage `shown` as it is seen from a stage of the recipe at `scope` (empty, or `base.`).
pub fn seen_from(scope: &str, shown: &str) -> String {
    shown.strip_prefix(scope).map_or_else(|| format!("{OUTSIDE}{shown}"), str::to_owned)
}

/// The name in the pipeline of what a stage of the recipe at `scope` sees as `seen`.
pub fn shown(scope: &str, seen: &str) -> String {
    seen.strip_prefix(OUTSIDE).map_or_else(|| format!("{scope}{seen}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (scope, name, seen) in [
            ("", "classifier", "classifier"),
            ("", "base.classifier", "base.classifier"),
            ("base.", "base.classifier", "classifier"),
            ("base.", "base.trunk.net", "trunk.net"),
            ("base.", "classifier", "^classifier"),
        ] {
            assert_eq!(seen_from(scope, name), seen);
            assert_eq!(shown(scope, seen), name);
        }
    }
}
