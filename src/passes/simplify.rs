//! Leaves out arithmetic that changes nothing: what an op's laws say without running it.
//!
//! Needs: nothing; finds more after `fold-constants`. Leaves: no node that a [`Law`] turns into one of its inputs, no node of
//! a known size that is known to be zero but is computed all the same. A loss with the weight 0 takes its whole branch with
//! it, backward pass included.

use super::{Pass, Patch, Wire, gradients_are_there};
use crate::graph::{Graph, Id, Kind, Literal, Node, order};
use crate::ops::{Infer, Law, OpDef};
use crate::types::Fact;

pub(super) const PASS: Pass = Pass { name: "simplify", summary: "Leaves out arithmetic that changes nothing.", run };

/// Zeros of more elements than this are left as they are computed.
const MOST: usize = 4096;

fn run(graph: &Graph) -> Option<Patch> {
    let mut sweep = Sweep {
        graph,
        has_gradients: gradients_are_there(graph),
        instead: vec![None; graph.bound()],
        zero: vec![false; graph.bound()],
    };
    let mut patch = Patch::new();
    for id in order::order(graph).ok()? {
        let node = graph.node(id);
        let op = match &node.kind {
            Kind::Constant(literal) => {
                sweep.zero[id.0 as usize] = literal.data.iter().all(|value| *value == 0.0);
                continue;
            }
            Kind::Op(op) => *op,
            _ => continue,
        };
        let inputs = sweep.inputs(id);
        let laws = (op.laws)(&node.attrs);
        if let Some(same) = laws.iter().find_map(|law| sweep.input_for(node, op, law, &inputs)) {
            sweep.instead[id.0 as usize] = Some(same);
            sweep.zero[id.0 as usize] = sweep.zero[same.0 as usize];
            patch.rewire(id, Wire::Old(same));
        } else if laws.iter().any(|law| sweep.makes_zero(law, &inputs)) {
            sweep.zero[id.0 as usize] = true;
            if let Some(literal) = zeros(&node.fact) {
                let wire = patch.constant(literal, node.fact.clone(), node.origin.clone());
                patch.rewire(id, wire);
            }
        } else if laws.contains(&Law::Last)
            && let Some(inputs) = sweep.past_the_inner(node, op, &inputs)
        {
            let inputs = inputs.into_iter().map(|input| input.map(Wire::Old)).collect();
            let wire = patch.apply(op, inputs, node.attrs.clone(), node.origin.clone());
            patch.rewire(id, wire);
        }
    }
    patch.proposed()
}

/// What is known so far, inputs first.
struct Sweep<'a> {
    graph: &'a Graph,
    /// Whether all the gradients there will be are nodes by now.
    has_gradients: bool,
    /// By id: what stands for the node now.
    instead: Vec<Option<Id>>,
    /// By id: whether the node is known to be zeros.
    zero: Vec<bool>,
}

impl Sweep<'_> {
    fn inputs(&self, id: Id) -> Vec<Option<Id>> {
        let mut inputs = self.graph.inputs(id);
        inputs.iter_mut().flatten().for_each(|input| *input = self.instead[input.0 as usize].unwrap_or(*input));
        inputs
    }

    /// The node that `law` says the result equals.
    fn input_for(&self, node: &Node, op: &'static OpDef, law: &Law, inputs: &[Option<Id>]) -> Option<Id> {
        let same = match (law, inputs) {
            (Law::SameDims, [Some(first), ..]) => Some(*first),
            (Law::Stop, [Some(first), ..]) => self.has_gradients.then_some(*first),
            (Law::Neutral { slot: 0, value }, [Some(neutral), Some(other)])
            | (Law::Neutral { slot: 1, value }, [Some(other), Some(neutral)]) => {
                self.is_everywhere(*neutral, *value).then_some(*other)
            }
            (Law::Involution, [Some(first)]) => match self.inner(node, op, *first) {
                Some(inner) => self.inputs(inner)[0],
                None => None,
            },
            // With equal attributes the inner one has done it already.
            (Law::Last, [Some(first)]) => self.inner(node, op, *first),
            _ => None,
        };
        same.filter(|same| interchangeable(&self.graph.node(*same).fact, &node.fact))
    }

    /// `id`, where it is the same op with the same attributes.
    fn inner(&self, node: &Node, op: &'static OpDef, id: Id) -> Option<Id> {
        let inner = self.graph.node(id);
        (inner.kind == Kind::Op(op) && inner.attrs == node.attrs).then_some(id)
    }

    fn is_everywhere(&self, id: Id, value: f64) -> bool {
        match &self.graph.node(id).kind {
            Kind::Constant(literal) => literal.data.iter().all(|number| *number == value),
            _ => value == 0.0 && self.zero[id.0 as usize],
        }
    }

    fn makes_zero(&self, law: &Law, inputs: &[Option<Id>]) -> bool {
        match law {
            Law::Zeros => true,
            Law::Zero { slot } => inputs.get(*slot).copied().flatten().is_some_and(|input| self.zero[input.0 as usize]),
            _ => false,
        }
    }

    /// The inputs of the node with the first replaced by that of the same op inside.
    fn past_the_inner(&self, node: &Node, op: &'static OpDef, inputs: &[Option<Id>]) -> Option<Vec<Option<Id>>> {
        let first = inputs.first().copied().flatten()?;
        if self.graph.node(first).kind != Kind::Op(op) {
            return None;
        }
        let mut past = inputs.to_vec();
        past[0] = self.inputs(first)[0];
        let facts: Vec<Option<&Fact>> =
            past.iter().map(|input| input.map(|input| &self.graph.node(input).fact)).collect();
        let inferred = (op.infer)(&Infer { op, facts: &facts, attrs: &node.attrs }).ok()?;
        interchangeable(&inferred, &node.fact).then_some(past)
    }
}

fn interchangeable(a: &Fact, b: &Fact) -> bool {
    a.dims == b.dims && a.domain == b.domain
}

fn zeros(fact: &Fact) -> Option<Literal> {
    let shape = fact.dims.iter().map(|dim| usize::try_from(dim.as_const()?).ok()).collect::<Option<Vec<usize>>>()?;
    let elements = shape.iter().product();
    (elements <= MOST).then(|| Literal { shape, data: vec![0.0; elements] })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::passes::testing::check_pass;

    #[test]
    fn neutral_numbers() {
        check_pass(
            super::PASS,
            "%0 = field x : real[2]
             %1 = constant 0 : real[]
             %2 = constant [1, 1] : real[2]
             %3 = add(%1, %0)
             %4 = mul(%3, %2)
             %5 = div(%4, %2)
             %6 = sub(%5, %1)
             %7 = affine(%6)
             save y = %7",
            expect![[r#"
                %0 = field x : real[2]
                save y = %0
            "#]],
        );
    }

    #[test]
    fn a_neutral_number_that_broadcasts_stays() {
        check_pass(
            super::PASS,
            "%0 = field x : real[]
             %1 = constant [0, 0] : real[2]
             %2 = add(%0, %1)
             %3 = field u : unit[]
             %4 = constant 0 : real[]
             %5 = add(%3, %4)
             save y = %2
             save z = %5",
            // The last one changes the domain: its readers may not take the other.
            expect![[r#"
                %0 = field x : real[]
                %1 = constant [0, 0] : real[2]
                %2 = add(%0, %1) : real[2]
                %3 = field u : unit[]
                %4 = constant 0 : real[]
                %5 = add(%3, %4) : real[]
                save y = %2
                save z = %5
            "#]],
        );
    }

    #[test]
    fn a_term_with_weight_zero_takes_its_branch_along() {
        check_pass(
            super::PASS,
            "%0 = field x : real[B]
             %1 = field y : loss[]
             %2 = sum(%0)
             %3 = claim(%2) domain=\"loss\"
             %4 = affine(%3) scale=0.0
             %5 = add(%1, %4)
             loss l = %5",
            expect![[r#"
                %0 = field y : loss[]
                loss l = %0
            "#]],
        );
    }

    #[test]
    fn zeros_made_of_a_weight_are_plain_zeros() {
        check_pass(
            super::PASS,
            "%0 = weight w : real[]
             %1 = affine(%0) scale=0.0
             save y = %1",
            expect![[r#"
                %0 = constant 0 : unit[]
                save y = %0
            "#]],
        );
    }

    #[test]
    fn zeros_of_unknown_size_are_followed() {
        check_pass(
            super::PASS,
            "%0 = field x : real[B]
             %1 = constant 0 : real[]
             %2 = expand(%1) dims=[B]
             %3 = mul(%0, %2)
             %4 = field y : real[B]
             %5 = add(%3, %4)
             save y = %5",
            expect![[r#"
                %0 = field y : real[B]
                save y = %0
            "#]],
        );
    }

    #[test]
    fn twice_is_once_or_not_at_all() {
        check_pass(
            super::PASS,
            "%0 = field x : real[2, 3]
             %1 = neg(%0)
             %2 = neg(%1)
             %3 = relu(%2)
             %4 = relu(%3)
             %5 = reshape(%4) dims=[3, 2]
             %6 = reshape(%5) dims=[1, 6]
             %7 = reshape(%6) dims=[6]
             save y = %7
             %8 = reshape(%5) dims=[2, 3]
             save z = %8",
            expect![[r#"
                %0 = field x : real[2, 3]
                %1 = relu(%0) : nonneg[2, 3]
                %2 = reshape(%1) dims=[6] : nonneg[6]
                save y = %2
                save z = %1
            "#]],
        );
    }

    #[test]
    fn a_stop_goes_when_gradients_are_there() {
        let stopped = "
            %0 = field x : real[]
            %1 = stop(%0)
            %2 = neg(%1)
            loss l = %2
        ";
        check_pass(
            super::PASS,
            stopped,
            expect![[r#"
                %0 = field x : real[]
                %1 = stop(%0) : real[]
                %2 = neg(%1) : real[]
                loss l = %2
            "#]],
        );
        check_pass(
            super::PASS,
            &format!("{stopped}total = %2"),
            expect![[r#"
                %0 = field x : real[]
                %1 = neg(%0) : real[]
                loss l = %1
                total = %1
            "#]],
        );
    }
}
