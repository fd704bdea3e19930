//! What each step costs: floating-point operations, bytes of its result, bytes of scratch.

use super::Plan;
use crate::graph::{Graph, Id, Kind};
use crate::ops::{Cost, OpDef};
use crate::types::{DimEnv, Fact, Unbound};

/// The price of one step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodeCost {
    pub node: Id,
    pub op: &'static OpDef,
    /// A multiply-add counts as two.
    pub flops: u64,
    /// Of the result; 0 for a view.
    pub bytes: u64,
    pub scratch: u64,
}

impl Plan {
    /// Every step with its price, in the order they run. `real` is the size of one real number in bytes.
    ///
    /// # Errors
    /// A symbol that `env` has no number for.
    pub fn costs(&self, graph: &Graph, env: &DimEnv, real: usize) -> Result<Vec<NodeCost>, Unbound> {
        let cost = |id: Id| {
            let node = graph.node(id);
            let Kind::Op(op) = node.kind else { unreachable!("a step is an op") };
            let (flops, scratch) = with_cost(graph, id, env, real, |cost| ((op.flops)(cost), (op.scratch)(cost)))?;
            let bytes = if op.nature.view { 0 } else { bytes_of(&node.fact, env, real)? };
            Ok(NodeCost { node: id, op, flops, bytes, scratch })
        };
        self.steps.iter().map(|step| cost(step.node)).collect()
    }

    /// Floating-point operations of one run.
    ///
    /// # Errors
    /// A symbol that `env` has no number for.
    pub fn flops(&self, graph: &Graph, env: &DimEnv) -> Result<u64, Unbound> {
        Ok(self.costs(graph, env, 4)?.iter().fold(0, |sum, cost| sum.saturating_add(cost.flops)))
    }
}

/// The bytes of a tensor; an index is a u32.
pub(super) fn bytes_of(fact: &Fact, env: &DimEnv, real: usize) -> Result<u64, Unbound> {
    let size = if fact.domain.is_index() { 4 } else { real };
    Ok(shape(fact, env)?.iter().fold(size as u64, |bytes, length| bytes.saturating_mul(*length as u64)))
}

pub(super) fn scratch(graph: &Graph, id: Id, env: &DimEnv, real: usize) -> Result<u64, Unbound> {
    let Kind::Op(op) = graph.node(id).kind else { return Ok(0) };
    with_cost(graph, id, env, real, |cost| (op.scratch)(cost))
}

fn with_cost<T>(graph: &Graph, id: Id, env: &DimEnv, real: usize, ask: impl FnOnce(&Cost) -> T) -> Result<T, Unbound> {
    let node = graph.node(id);
    let shapes =
        graph.inputs(id).into_iter().map(|input| input.map(|input| shape(&graph.node(input).fact, env)).transpose());
    let inputs = shapes.collect::<Result<Vec<_>, _>>()?;
    Ok(ask(&Cost { inputs: &inputs, output: &shape(&node.fact, env)?, attrs: &node.attrs, real }))
}

/// Lengths below zero, which no run gets to, count as none.
fn shape(fact: &Fact, env: &DimEnv) -> Result<Vec<usize>, Unbound> {
    fact.dims.iter().map(|dim| Ok(usize::try_from(dim.eval(env)?).unwrap_or(0))).collect()
}
