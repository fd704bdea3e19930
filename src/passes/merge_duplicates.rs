//! Computes once what several nodes compute from the same inputs.
//!
//! Needs: nothing. Leaves: no two nodes with equal op, attributes and inputs. A random op is no exception: its `place` is an
//! attribute, and two nodes of one place are one draw.

use std::collections::HashMap;

use super::{Pass, Patch, Wire};
use crate::graph::{Graph, Id, Kind, key, order};

pub(super) const PASS: Pass =
    Pass { name: "merge-duplicates", summary: "Computes once what is asked for more than once.", run };

fn run(graph: &Graph) -> Option<Patch> {
    let mut patch = Patch::new();
    // Readers of a duplicate are looked at as if they read the one that is kept, so that whole repeated branches go at once.
    let mut kept_for: Vec<Option<Id>> = vec![None; graph.bound()];
    // By hash: nodes that are kept, with their inputs.
    type Kept = Vec<(Id, Vec<Option<Id>>)>;
    let mut known: HashMap<u64, Kept> = HashMap::new();
    for id in order::order(graph).ok()? {
        let node = graph.node(id);
        let mut inputs = graph.inputs(id);
        inputs.iter_mut().flatten().for_each(|input| *input = kept_for[input.0 as usize].unwrap_or(*input));
        let hash = match node.kind {
            Kind::Op(_) => key::op(&node.kind, &node.attrs, &inputs),
            _ => key::leaf(&node.kind, &node.fact),
        };
        let same = known.entry(hash).or_default();
        let kept = same.iter().find(|(other, others_inputs)| {
            let other = graph.node(*other);
            *others_inputs == inputs && other.kind == node.kind && other.attrs == node.attrs && other.fact == node.fact
        });
        match kept {
            Some((kept, _)) => {
                kept_for[id.0 as usize] = Some(*kept);
                patch.rewire(id, Wire::Old(*kept));
            }
            None => same.push((id, inputs)),
        }
    }
    patch.proposed()
}
