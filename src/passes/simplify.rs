//! Leaves out arithmetic that changes nothing: what an op's laws say without running it.
//!
//! Needs: nothing; finds more after `fold-constants`. Leaves: no node that a [`Law`] turns into one of its inputs, no node of
//! a known size that is known to be zero but is computed all the same. A loss with the weight 0 takes its whole branch with
//! it, backward pass included.

use super::{Pass, Patch, Wire};
use crate::graph::{Graph, Id, Kind, Literal, Node, order};
use crate::ops::{Infer, Law, OpDef};
use crate::types::Fact;

pub(super) const PASS: Pass = Pass { name: "simplify", summary: "Leaves out arithmetic that changes nothing.", run };

/// Zeros of more elements than this are left as they are computed.
const MOST: usize = 4096;

fn run(graph: &Graph) -> Option<Patch> {
    let mut sweep = Sweep { graph, instead: vec![None; graph.bound()], zero: vec![false; graph.bound()] };
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
