//! Reverse mode on the step graph: [`differentiate`] adds, for every trained weight, the node that is the gradient of the
//! summed losses by it.
//!
//! Comes in: a graph with `loss` outputs. Goes out: the same graph with a `total`, a `grad` for every trained weight a loss
//! reaches, and a [`GradReport`] of what is not reached and where it is cut. Each op states its vector-Jacobian product as
//! nodes; so forward and backward are one graph, and what no trained weight needs is never built.

mod groups;
mod reach;

pub use reach::{Cut, DeadLoss};

use indexmap::IndexMap;

use crate::graph::{Builder, Graph, Id, Kind, Origin, Output, Role, order};
use crate::lower::Moves;
use crate::ops::{self, Attrs, Build, Grad, Gradient, OpError};

/// Facts for diagnostics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GradReport {
    /// Paths of the trained weights that no loss reaches, sorted.
    pub unreached: Vec<String>,
    /// Losses that reach no trained weight, in the order of the recipe.
    pub dead_losses: Vec<DeadLoss>,
    /// For each loss that moves some weights only, those that it does move.
    pub moved: Vec<Moves>,
}

/// Sums the losses into an output `Total` without a name and adds an output `Gradient`, named by its path, for every trained
/// weight that is reached. Gradients of a node with several readers are added in a fixed order. New nodes carry the origin
/// of the node they are the gradient of. A graph without losses stays as it is.
///
/// # Errors
/// A graph that has a total already, or an op whose gradient does not fit: mistakes of ours.
pub fn differentiate(graph: &mut Graph) -> Result<GradReport, OpError> {
    differentiate_moving(graph, &[])
}

/// The same where some losses move some weights only: by these a loss is differentiated alone, and by all others not at all.
///
/// # Errors
/// As [`differentiate`].
pub fn differentiate_moving(graph: &mut Graph, moves: &[Moves]) -> Result<GradReport, OpError> {
    if graph.outputs.iter().any(|output| output.role == Role::Total) {
        return Err(OpError::internal("the graph is differentiated already"));
    }
    let groups = groups::groups(graph, moves);
    let mut sums = Vec::with_capacity(groups.len());
    for group in &groups {
        sums.push(add_up(graph, &group.losses)?);
    }
    if let [first, rest @ ..] = sums.as_slice() {
        // Groups take apart what stands in one row: the sum of all keeps the order of the recipe.
        let total = if rest.is_empty() { *first } else { add_up(graph, &groups::losses(graph))? };
        graph.outputs.push(Output { role: Role::Total, name: String::new(), nodes: vec![total], span: None });
    }
    let order: Vec<Id> = order::order(graph).map_err(|cycle| OpError::internal(cycle.to_string()))?;
    let mut report = GradReport::default();
    let mut gradients: IndexMap<String, Id> = IndexMap::new();
    for (group, sum_of_group) in groups.iter().zip(sums) {
        let mut flows = reach::Flows::default();
        let mut tape =
            Tape { gradients: vec![None; graph.bound()], trained: group.trained(graph, &order), reached: Vec::new() };
        if tape.trained[sum_of_group.0 as usize] {
            let origin = graph.node(sum_of_group).origin.clone();
            let seed = Builder { graph, origin }.scalar(1.0);
            tape.add(graph, sum_of_group, seed)?;
            for id in order.iter().rev() {
                backward(graph, &mut tape, &mut flows, *id)?;
            }
        }
        for (path, part) in std::mem::take(&mut tape.reached) {
            let whole = match gradients.get(&path) {
                Some(so_far) => sum(graph, *so_far, part, graph.node(part).origin.clone())?,
                None => part,
            };
            gradients.insert(path, whole);
        }
        for (loss, node) in &group.losses {
            let weights = reach::reached(graph, &flows, *node);
            if weights.is_empty() {
                let cuts = reach::cuts(graph, &flows, &tape.trained, *node);
                report.dead_losses.push(DeadLoss { loss: loss.clone(), node: *node, cuts });
            }
            if group.weights.is_some() {
                report.moved.push(Moves { loss: loss.clone(), weights });
            }
        }
    }
    for (path, gradient) in gradients {
        graph.outputs.push(Output { role: Role::Gradient, name: path, nodes: vec![gradient], span: None });
    }
    report.unreached = reach::unreached(graph);
    Ok(report)
}

/// The node that is the sum of some losses, of which there is one at least.
fn add_up(graph: &mut Graph, losses: &[(String, Id)]) -> Result<Id, OpError> {
    let Some(((_, first), rest)) = losses.split_first() else { return Err(OpError::internal("no losses to add up")) };
    let mut total = *first;
    for (_, loss) in rest {
        total = sum(graph, total, *loss, graph.node(*loss).origin.clone())?;
    }
    Ok(total)
}

fn sum(graph: &mut Graph, left: Id, right: Id, origin: Origin) -> Result<Id, OpError> {
    let add = ops::find("add").ok_or_else(|| OpError::internal("there is no op `add`"))?;
    graph.apply(add, &[Some(left), Some(right)], Attrs::new(), origin)
}

/// What has flowed back into each forward node so far.
struct Tape {
    gradients: Vec<Option<Id>>,
    /// The forward nodes that a weight to move has a part in.
    trained: Vec<bool>,
    /// Weights with their gradients, in the order in which these were whole.
    reached: Vec<(String, Id)>,
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
            tape.reached.push((path, gradient));
            return Ok(());
        }
        Kind::Op(op) => op,
        _ => return Ok(()),
    };
    let Gradient::Of(rule) = op.grad else { return Ok(()) };
    let inputs = graph.inputs(id);
    let wanted: Vec<bool> =
        inputs.iter().map(|input| input.is_some_and(|input| tape.trained[input.0 as usize])).collect();
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
