//! An op that is made of others becomes these, now that it has its gradients: batch normalisation its statistics, which the running means and
//! the backward pass have computed anyway, and a step that can be fused.
//!
//! Needs: the gradients. Leaves: no op that says what it is made of; work for `merge-duplicates` and `fuse`.

use super::{Pass, Patch, Wire, gradients_are_there};
use crate::graph::{Graph, Id, Kind, Literal, Origin, order};
use crate::ops::{Attrs, Build, Grad, Infer, OpDef, OpError, Ref, known};
use crate::types::{Domain, Fact};

pub(super) const PASS: Pass = Pass {
    name: "take-apart",
    summary: "Writes ops as what they are made of, so that parts are shared and fused.",
    run,
};

fn run(graph: &Graph) -> Option<Patch> {
    if !gradients_are_there(graph) {
        return None;
    }
    let mut parts = Parts { graph, patch: Patch::new(), facts: Vec::new(), origin: Origin::default() };
    for id in order::order(graph).ok()? {
        let node = graph.node(id);
        let Kind::Op(OpDef { parts: Some(made_of), .. }) = node.kind else { continue };
        parts.origin = node.origin.clone();
        let inputs = graph.inputs(id);
        let wanted = vec![false; inputs.len()];
        let mut grad =
            Grad { build: &mut parts, inputs: &inputs, attrs: &node.attrs, output: id, gradient: id, wanted: &wanted };
        let whole = made_of(&mut grad).ok()?;
        let wire = parts.wire(whole);
        parts.patch.rewire(id, wire);
    }
    parts.patch.proposed()
}

/// Puts nodes into a patch. They are numbered on from those of the graph.
struct Parts<'a> {
    graph: &'a Graph,
    patch: Patch,
    facts: Vec<Fact>,
    origin: Origin,
}

impl Parts<'_> {
    fn wire(&self, node: Ref) -> Wire {
        match (node.0 as usize).checked_sub(self.graph.bound()) {
            Some(number) => Wire::New(number),
            None => Wire::Old(node),
        }
    }

    fn added(&mut self, fact: Fact) -> Id {
        self.facts.push(fact);
        Ref((self.graph.bound() + self.facts.len() - 1) as u32)
    }
}

impl Build for Parts<'_> {
    fn apply(&mut self, op: &'static OpDef, inputs: &[Option<Ref>], attrs: Attrs) -> Result<Ref, OpError> {
        let facts: Vec<Option<&Fact>> = inputs.iter().map(|input| input.map(|input| self.fact(input))).collect();
        let args = Infer { op, facts: &facts, attrs: &attrs };
        let fact = known(op, &args, (op.infer)(&args)?);
        let wires = inputs.iter().map(|input| input.map(|input| self.wire(input))).collect();
        self.patch.apply(op, wires, attrs, self.origin.clone());
        Ok(self.added(fact))
    }

    fn scalar(&mut self, value: f64) -> Ref {
        let fact = Fact::new(Domain::Real, Vec::new());
        self.patch.constant(Literal { shape: Vec::new(), data: vec![value] }, fact.clone(), self.origin.clone());
        self.added(fact)
    }

    fn fact(&self, node: Ref) -> &Fact {
        match self.wire(node) {
            Wire::Old(id) => &self.graph.node(id).fact,
            Wire::New(number) => &self.facts[number],
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::passes::testing::check_pass;

    #[test]
    fn batch_normalisation() {
        check_pass(
            super::PASS,
            "%0 = field x : real[B, 4, H, W]
             %1 = weight w : real[4]
             %2 = batch_normalize(%0, %1)
             save y = %2",
            expect![[r#"
                %0 = field x : real[B, 4, H, W]
                %1 = weight w : real[4]
                %2 = channel_stats(%0) : real[2, 4]
                %3 = slice(%2) axis=0 start=[0] length=[1] : real[1, 4]
                %4 = reshape(%3) dims=[4] : real[4]
                %5 = slice(%2) axis=0 start=[1] length=[1] : real[1, 4]
                %6 = reshape(%5) dims=[4] : real[4]
                %7 = normalize(%0, %4, %6, %1, _) : feature[B, 4, H, W]
                save y = %7
            "#]],
        );
    }

    #[test]
    fn not_before_the_gradients() {
        check_pass(
            super::PASS,
            "%0 = weight w : real[2, 4]
             %1 = batch_normalize(%0)
             %2 = mean(%1)
             loss l = %2",
            expect![[r#"
                %0 = weight w : real[2, 4]
                %1 = batch_normalize(%0, _, _) : feature[2, 4]
                %2 = mean(%1) : feature[]
                loss l = %2
            "#]],
        );
    }
}
