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

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::passes::testing::check_pass;

    #[test]
    fn a_whole_repeated_branch_becomes_one() {
        check_pass(
            super::PASS,
            "%0 = field x : real[]
             %1 = affine(%0) scale=2.0
             %2 = neg(%1)
             %3 = affine(%0) scale=2.0
             %4 = neg(%3)
             %5 = add(%2, %4)
             save y = %5
             save z = %4",
            expect![[r#"
                %0 = field x : real[]
                %1 = affine(%0) scale=2.0 : real[]
                %2 = neg(%1) : real[]
                %3 = add(%2, %2) : real[]
                save y = %3
                save z = %2
            "#]],
        );
    }

    #[test]
    fn another_attribute_or_slot_is_another_node() {
        let graph = "
            %0 = field x : real[]
            %1 = field y : real[]
            %2 = affine(%0) scale=2.0
            %3 = affine(%0) scale=3.0
            %4 = sub(%0, %1)
            %5 = sub(%1, %0)
            save a = %2
            save b = %3
            save c = %4
            save d = %5
        ";
        check_pass(
            super::PASS,
            graph,
            expect![[r#"
                %0 = field x : real[]
                %1 = field y : real[]
                %2 = affine(%0) scale=2.0 : real[]
                %3 = affine(%0) scale=3.0 : real[]
                %4 = sub(%0, %1) : real[]
                %5 = sub(%1, %0) : real[]
                save a = %2
                save b = %3
                save c = %4
                save d = %5
            "#]],
        );
    }
}
