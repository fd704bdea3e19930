//! Applies what the passes propose, until they propose nothing.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{LAST, PASSES, Pass, find};
use crate::graph::{Graph, Verified, verify};

/// One run of one pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassRecord {
    pub name: &'static str,
    /// Nodes before and after.
    pub before: usize,
    pub after: usize,
    /// Places that were changed.
    pub patches: usize,
}

/// Which passes run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Names of passes to leave out.
    pub skip: Vec<String>,
    /// Stop after the first run of this pass: the graph as that pass leaves it.
    pub after: Option<String>,
}

/// A pass that did something it must not: a mistake of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PassError {
    #[error("there is no pass `{0}`")]
    Unknown(String),
    #[error("the pass `{pass}` cannot be applied: {message}\n{patch}")]
    Patch { pass: &'static str, patch: String, message: String },
    #[error("the pass `{pass}` proposes the same again:\n{patch}")]
    Loop { pass: &'static str, patch: String },
    #[error("the passes broke the graph: {0}")]
    Broken(String),
}

/// Every pass, until none has anything to say. A record for each pass of the first round, and for each later one that
/// changed something.
///
/// # Errors
/// A mistake of ours, see [`PassError`].
pub fn improve(graph: Verified<Graph>) -> Result<(Verified<Graph>, Vec<PassRecord>), PassError> {
    improve_selected(graph, &Selection::default())
}

/// As [`improve`], for some of the passes.
///
/// # Errors
/// A name in `selection` that is no pass; a mistake of ours.
pub fn improve_selected(
    graph: Verified<Graph>,
    selection: &Selection,
) -> Result<(Verified<Graph>, Vec<PassRecord>), PassError> {
    if let Some(unknown) = selection.skip.iter().chain(&selection.after).find(|name| find(name).is_none()) {
        return Err(PassError::Unknown(unknown.clone()));
    }
    let chosen =
        |passes: &'static [Pass]| passes.iter().filter(|pass| !selection.skip.iter().any(|name| name == pass.name));
    let mut ended = false;
    let mut runner = Runner::new(graph.into_inner());
    let mut records = Vec::new();
    for round in 0.. {
        let mut changed = false;
        for pass in chosen(PASSES) {
            let record = runner.run(pass)?;
            changed |= record.patches > 0;
            if round == 0 || record.patches > 0 {
                records.push(record);
            }
            if selection.after.as_deref() == Some(pass.name) {
                ended = true;
                break;
            }
        }
        if !changed || ended {
            break;
        }
    }
    for pass in chosen(LAST) {
        if !ended {
            records.push(runner.run(pass)?);
            ended = selection.after.as_deref() == Some(pass.name);
        }
    }
    let graph = verify(runner.graph).map_err(|broken| PassError::Broken(broken.to_string()))?;
    Ok((graph, records))
}

pub(super) struct Runner {
    pub(super) graph: Graph,
    /// Patches since the graph was last smaller than ever before: patches that go round in a circle never make it so, and a
    /// patch that looks the same in a smaller graph, where ids are used again, is another one.
    seen: HashSet<u64>,
    smallest: usize,
}

impl Runner {
    pub(super) fn new(graph: Graph) -> Runner {
        Runner { smallest: graph.len(), graph, seen: HashSet::new() }
    }

    /// One pass, until it has nothing to say.
    pub(super) fn run(&mut self, pass: &Pass) -> Result<PassRecord, PassError> {
        let before = self.graph.len();
        let mut patches = 0;
        while let Some(patch) = (pass.run)(&self.graph) {
            let text = format!("{patch:?}");
            if !self.seen.insert(hash(pass.name, &text)) {
                return Err(PassError::Loop { pass: pass.name, patch: text });
            }
            patches += patch.changes();
            let failed = |message: String| PassError::Patch { pass: pass.name, patch: text.clone(), message };
            patch.apply_to(&mut self.graph).map_err(failed)?;
            self.graph.refresh_trainable().map_err(|cycle| failed(cycle.to_string()))?;
            if cfg!(any(test, debug_assertions)) {
                verify::check(&self.graph).map_err(|broken| failed(broken.to_string()))?;
            }
            if self.graph.len() < self.smallest {
                self.smallest = self.graph.len();
                self.seen.clear();
            }
        }
        Ok(PassRecord { name: pass.name, before, after: self.graph.len(), patches })
    }
}

fn hash(pass: &str, patch: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (pass, patch).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::graph::{Origin, text};
    use crate::ops;
    use crate::passes::{Patch, Wire};

    fn graph() -> Verified<Graph> {
        let text = "
            %0 = field x : real[]
            %1 = constant 2 : real[]
            %2 = neg(%1)
            %3 = affine(%2) scale=0.5
            %4 = mul(%0, %3)
            %5 = neg(%4)
            %6 = neg(%5)
            %7 = neg(%0)
            save y = %6
        ";
        verify(text::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn passes_and_records() {
        let (graph, records) = improve(graph()).unwrap();
        let records: Vec<String> = records
            .iter()
            .map(|record| format!("{} {} → {} ({})\n", record.name, record.before, record.after, record.patches))
            .collect();
        expect![[r#"
            %0 = field x : real[]
            %1 = constant -1 : real[]
            %2 = mul(%0, %1) : real[]
            save y = %2
            drop-dead 8 → 7 (1)
            fold-constants 7 → 5 (1)
            simplify 5 → 3 (1)
            merge-duplicates 3 → 3 (0)
            take-apart 3 → 3 (0)
            merge-duplicates 3 → 3 (0)
            fuse 3 → 3 (0)
        "#]]
        .assert_eq(&(text::print(&graph) + &records.concat()));
    }

    #[test]
    fn some_of_the_passes() {
        let selected = |skip: &[&str], after: Option<&str>| {
            let skip = skip.iter().map(|name| name.to_string()).collect();
            improve_selected(graph(), &Selection { skip, after: after.map(Into::into) }).map(|(graph, _)| graph.len())
        };
        assert_eq!(selected(&[], Some("drop-dead")), Ok(7));
        assert_eq!(selected(&["fold-constants", "fuse"], None), Ok(5));
        assert_eq!(selected(&[], Some("fold")), Err(PassError::Unknown("fold".into())));
    }

    #[test]
    fn a_pass_that_undoes_itself_is_found_out() {
        // Wraps what is saved in two negations, for ever.
        fn run(graph: &Graph) -> Option<Patch> {
            let mut patch = Patch::new();
            let neg = ops::find("neg")?;
            let id = graph.outputs[0].nodes[0];
            let [Some(inner)] = graph.inputs(id)[..] else { return None };
            let again = patch.apply(neg, vec![Some(Wire::Old(inner))], Default::default(), Origin::default());
            patch.rewire(id, again);
            patch.proposed()
        }
        let pass = Pass { name: "restless", summary: "", run };
        let text = "%0 = field x : real[]\n%1 = neg(%0)\nsave y = %1";
        let mut runner = Runner::new(text::parse(text).unwrap());
        assert!(matches!(runner.run(&pass), Err(PassError::Loop { pass: "restless", .. })));
    }

    #[test]
    fn a_wire_of_another_type_is_refused() {
        fn run(graph: &Graph) -> Option<Patch> {
            let mut patch = Patch::new();
            let id = graph.outputs[0].nodes[0];
            patch.rewire(id, Wire::Old(graph.inputs(id)[0]?));
            patch.proposed()
        }
        let pass = Pass { name: "careless", summary: "", run };
        let mut runner = Runner::new(text::parse("%0 = field x : real[]\n%1 = relu(%0)\nsave y = %1").unwrap());
        let error = runner.run(&pass).unwrap_err().to_string();
        assert!(error.contains("nonneg[] is replaced by real[]"), "{error}");
    }
}
