//! Ops that go on place by place become one pass over memory: `relu(normalize(x) + y)` reads `x` and `y` and writes its result, once.
//!
//! Needs: the gradients, and all other passes done: it hides what they look for. Leaves: no op with a single reader that could take its
//! number from a register. The numbers stay the same to the bit.

use super::{Pass, Patch, Wire, gradients_are_there};
use crate::graph::{Graph, Id, Kind, order};
use crate::ops::{OpDef, fused};

pub(super) const PASS: Pass =
    Pass { name: "fuse", summary: "Makes one pass over memory of ops that go on place by place.", run };

fn run(graph: &Graph) -> Option<Patch> {
    if !gradients_are_there(graph) {
        return None;
    }
    let mut read_by_outputs = vec![false; graph.bound()];
    graph.outputs.iter().flat_map(|output| &output.nodes).for_each(|id| read_by_outputs[id.0 as usize] = true);
    let order = order::order(graph).ok()?;
    // By id: the slot that the chain comes in by, if one does, and whether it goes on.
    let mut enters: Vec<Option<usize>> = vec![None; graph.bound()];
    let mut goes_on = vec![false; graph.bound()];
    for &id in &order {
        let Some(op) = link(graph, id) else { continue };
        let inputs = inputs(graph, id);
        let before = |slot: usize| inputs.get(slot).copied().flatten();
        let enters_by = op.chain.iter().flat_map(|chain| chain.slots).copied().find(|&slot| {
            before(slot).is_some_and(|before| {
                link(graph, before).is_some()
                    && !read_by_outputs[before.0 as usize]
                    && graph.readers(before).count() == 1
            })
        });
        if let Some(before) = enters_by.and_then(before) {
            (enters[id.0 as usize], goes_on[before.0 as usize]) = (enters_by, true);
        }
    }
    let mut patch = Patch::new();
    for &last in order.iter().filter(|id| enters[id.0 as usize].is_some() && !goes_on[id.0 as usize]) {
        let mut chain = vec![last];
        while let Some(slot) = enters[chain[chain.len() - 1].0 as usize] {
            chain.push(graph.inputs(chain[chain.len() - 1])[slot]?);
        }
        chain.reverse();
        let mut wires = Vec::new();
        let mut steps = Vec::new();
        for &id in &chain {
            let node = graph.node(id);
            let (Kind::Op(op), inputs) = (&node.kind, inputs(graph, id)) else { return None };
            let slot = enters[id.0 as usize].unwrap_or_else(|| first_slot(op));
            let others = inputs.iter().enumerate().filter(|(at, _)| *at != slot).map(|(_, input)| input.map(Wire::Old));
            if id == chain[0] {
                wires.push(inputs[slot].map(Wire::Old));
            }
            wires.extend(others);
            steps.push(fused::Step { op, attrs: node.attrs.clone(), inputs: inputs.len(), slot });
        }
        let wire = patch.apply(&fused::OP, wires, fused::Step::write(&steps), graph.node(last).origin.clone());
        patch.rewire(last, wire);
    }
    patch.proposed()
}

/// The op of a node that can be part of a chain: all its inputs are there, and those that go place by place are as large as its result.
fn link(graph: &Graph, id: Id) -> Option<&'static OpDef> {
    let node = graph.node(id);
    let Kind::Op(op) = node.kind else { return None };
    let slot = op.chain.map(|_| first_slot(op))?;
    let inputs: Vec<Id> = inputs(graph, id).into_iter().collect::<Option<_>>()?;
    let as_large = |id: Id| graph.node(id).fact.dims == node.fact.dims;
    let fits = if op.nature.pointwise { inputs.iter().all(|id| as_large(*id)) } else { as_large(inputs[slot]) };
    (fits && fused::Step::has_words_for(&node.attrs)).then_some(op)
}

/// The inputs of a node up to the last that is there.
fn inputs(graph: &Graph, id: Id) -> Vec<Option<Id>> {
    let mut inputs = graph.inputs(id);
    while inputs.last() == Some(&None) {
        inputs.pop();
    }
    inputs
}

/// Where the first op of a chain has what it begins with.
fn first_slot(op: &OpDef) -> usize {
    op.chain.and_then(|chain| chain.slots.first().copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::passes::testing::check_pass;

    #[test]
    fn normalised_added_and_cut_in_one() {
        check_pass(
            super::PASS,
            "%0 = field x : real[B, 4, H, W]
             %1 = field y : real[B, 4, H, W]
             %2 = state mean : real[4]
             %3 = state var : real[4]
             %4 = normalize(%0, %2, %3)
             %5 = add(%1, %4)
             %6 = relu(%5)
             save z = %6",
            expect![[r#"
                %0 = field x : real[B, 4, H, W]
                %1 = field y : real[B, 4, H, W]
                %2 = state mean : real[4]
                %3 = state var : real[4]
                %4 = fused(%0, %2, %3, %1) ops="normalize/3@0 eps=1e-5, add/2@1, relu/1@0" : nonneg[B, 4, H, W]
                save z = %4
            "#]],
        );
    }

    #[test]
    fn what_others_read_is_kept() {
        check_pass(
            super::PASS,
            "%0 = field x : real[2]
             %1 = neg(%0)
             %2 = relu(%1)
             %3 = square(%2)
             %4 = neg(%3)
             save y = %4
             save z = %2",
            expect![[r#"
                %0 = field x : real[2]
                %1 = fused(%0) ops="neg/1@0, relu/1@0" : nonneg[2]
                %2 = fused(%1) ops="square/1@0, neg/1@0" : real[2]
                save y = %2
                save z = %1
            "#]],
        );
    }

    #[test]
    fn another_size_ends_a_chain() {
        check_pass(
            super::PASS,
            "%0 = field x : real[2, 3]
             %1 = field y : real[3]
             %2 = neg(%1)
             %3 = add(%0, %2)
             %4 = relu(%3)
             save z = %4",
            expect![[r#"
                %0 = field x : real[2, 3]
                %1 = field y : real[3]
                %2 = neg(%1) : real[3]
                %3 = add(%0, %2) : real[2, 3]
                %4 = relu(%3) : nonneg[2, 3]
                save z = %4
            "#]],
        );
    }

    /// A gradient reads what is between; as long as it is to come, all stays.
    #[test]
    fn not_before_the_gradients() {
        check_pass(
            super::PASS,
            "%0 = weight w : real[]
             %1 = neg(%0)
             %2 = relu(%1)
             loss l = %2",
            expect![[r#"
                %0 = weight w : real[]
                %1 = neg(%0) : real[]
                %2 = relu(%1) : nonneg[]
                loss l = %2
            "#]],
        );
    }
}
