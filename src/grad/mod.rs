//! Reverse mode on the step graph: [`differentiate`] adds, for every trained weight, the node that is the gradient of the
//! summed losses by it.
//!
//! Comes in: a graph with `loss` outputs. Goes out: the same graph with a `total`, a `grad` for every trained weight a loss
//! reaches, and a [`GradReport`] of what is not reached and where it is cut. Each op states its vector-Jacobian product as
//! nodes; so forward and backward are one graph, and what no trained weight needs is never built.

mod reach;

pub use reach::{Cut, DeadLoss};

use crate::graph::{Builder, Graph, Id, Kind, Origin, Output, Role, order};
use crate::ops::{self, Attrs, Build, Grad, Gradient, OpError};

/// Facts for diagnostics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GradReport {
    /// Paths of the trained weights that no loss reaches, sorted.
    pub unreached: Vec<String>,
    /// Losses that reach no trained weight, in the order of the recipe.
    pub dead_losses: Vec<DeadLoss>,
}

/// Sums the losses into an output `Total` without a name and adds an output `Gradient`, named by its path, for every trained
/// weight that is reached. Gradients of a node with several readers are added in a fixed order. New nodes carry the origin
/// of the node they are the gradient of. A graph without losses stays as it is.
///
/// # Errors
/// A graph that has a total already, or an op whose gradient does not fit: mistakes of ours.
pub fn differentiate(graph: &mut Graph) -> Result<GradReport, OpError> {
    if graph.outputs.iter().any(|output| output.role == Role::Total) {
        return Err(OpError::internal("the graph is differentiated already"));
    }
    let mut flows = reach::Flows::default();
    if let Some(total) = add_total(graph)?
        && graph.node(total).fact.trainable
    {
        order::order(graph).map_err(|cycle| OpError::internal(cycle.to_string()))?;
        let order = inputs_first(graph, total);
        let mut tape = Tape { gradients: vec![None; graph.bound()] };
        let origin = graph.node(total).origin.clone();
        let seed = Builder { graph, origin }.scalar(1.0);
        tape.add(graph, total, seed)?;
        for id in order.into_iter().rev() {
            backward(graph, &mut tape, &mut flows, id)?;
        }
    }
    Ok(GradReport { unreached: reach::unreached(graph), dead_losses: reach::dead_losses(graph, &flows) })
}

/// The node that is the sum of all losses, in the order of their names; `None` where there are none.
fn add_total(graph: &mut Graph) -> Result<Option<Id>, OpError> {
    let mut named: Vec<&Output> = graph.outputs.iter().filter(|output| output.role == Role::Loss).collect();
    named.sort_by(|a, b| a.name.cmp(&b.name));
    let losses: Vec<Id> = named.into_iter().flat_map(|output| output.nodes.clone()).collect();
    let Some((first, rest)) = losses.split_first() else { return Ok(None) };
    let mut total = *first;
    for loss in rest {
        total = sum(graph, total, *loss, graph.node(*loss).origin.clone())?;
    }
    graph.outputs.push(Output { role: Role::Total, name: String::new(), nodes: vec![total], span: None });
    Ok(Some(total))
}

fn sum(graph: &mut Graph, left: Id, right: Id, origin: Origin) -> Result<Id, OpError> {
    let add = ops::find("add").ok_or_else(|| OpError::internal("there is no op `add`"))?;
    graph.apply(add, &[Some(left), Some(right)], Attrs::new(), origin)
}

/// What `total` is computed from, inputs first, as they are met slot by slot. The order follows from what is computed and not from
/// the order in which the recipe says it, and so do the sums of gradients: they are the same to the last bit. No recursion.
fn inputs_first(graph: &Graph, total: Id) -> Vec<Id> {
    let mut order = Vec::new();
    let mut met = vec![false; graph.bound()];
    met[total.0 as usize] = true;
    let mut open = vec![(total, graph.inputs(total).into_iter())];
    while let Some((id, inputs)) = open.last_mut() {
        match inputs.find_map(|input| input.filter(|input| !met[input.0 as usize])) {
            Some(input) => {
                met[input.0 as usize] = true;
                open.push((input, graph.inputs(input).into_iter()));
            }
            None => {
                order.push(*id);
                open.pop();
            }
        }
    }
    order
}

/// What has flowed back into each forward node so far.
struct Tape {
    gradients: Vec<Option<Id>>,
}

impl Tape {
    /// Adds one more part, as soon as it is there: two parts need not be held until the last one comes.
    fn add(&mut self, graph: &mut Graph, node: Id, part: Id) -> Result<(), OpError> {
        let so_far = self.gradients[node.0 as usize];
        let whole = match so_far {
            Some(so_far) => sum(graph, so_far, part, graph.node(node).origin.clone())?,
            None => part,
        };
        self.gradients[node.0 as usize] = Some(whole);
        Ok(())
    }
}

/// Hands the gradient of `id`, which is whole by now, on to its inputs; or out, where `id` is a trained weight.
fn backward(graph: &mut Graph, tape: &mut Tape, flows: &mut reach::Flows, id: Id) -> Result<(), OpError> {
    let Some(gradient) = tape.gradients[id.0 as usize] else { return Ok(()) };
    let node = graph.node(id).clone();
    let op = match node.kind {
        Kind::Weight { path, trained: true } => {
            graph.outputs.push(Output { role: Role::Gradient, name: path, nodes: vec![gradient], span: None });
            return Ok(());
        }
        Kind::Op(op) => op,
        _ => return Ok(()),
    };
    let Gradient::Of(rule) = op.grad else { return Ok(()) };
    let inputs = graph.inputs(id);
    let wanted: Vec<bool> =
        inputs.iter().map(|input| input.is_some_and(|input| graph.node(input).fact.trainable)).collect();
    if !wanted.contains(&true) {
        return Ok(());
    }
    let parts = rule(&mut Grad {
        build: &mut Builder { graph, origin: node.origin },
        inputs: &inputs,
        attrs: &node.attrs,
        output: id,
        gradient,
        wanted: &wanted,
    })?;
    for (slot, (part, input)) in parts.into_iter().zip(inputs).enumerate() {
        let (Some(part), Some(input), true) = (part, input, wanted[slot]) else { continue };
        let (of_part, of_input) = (&graph.node(part).fact, &graph.node(input).fact);
        if of_part.dims != of_input.dims {
            let what = format!("the gradient of `{}` by slot {slot} is {of_part}, for {of_input}", op.name);
            return Err(OpError::internal(what));
        }
        flows.record(id, slot);
        tape.add(graph, input, part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
