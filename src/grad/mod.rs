//! Reverse mode on the step graph: [`differentiate`] adds, for every trained weight, the node that is the gradient of the
//! summed losses by it; [`gradients`] adds the gradients of one node by others, which may then be used like any node.
//!
//! Comes in: a graph with `loss` outputs. Goes out: the same graph with a `total`, a `grad` for every trained weight a loss
//! reaches, and a [`GradReport`] of what is not reached and where it is cut. Each op states its vector-Jacobian product as
//! nodes; so forward and backward are one graph, and what no trained weight needs is never built.

mod groups;
mod reach;

pub use groups::Moves;
pub use reach::{Cut, DeadLoss};

use indexmap::IndexMap;

use crate::diag::Code;
use crate::graph::{Builder, Graph, Id, Kind, Node, Origin, Output, Role, order};
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
    /// Ops of gradients (`max_pool.grad`) whose own gradient would be needed and is not known: what came out is wrong without it.
    pub unknown: Vec<Id>,
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
        // Groups take apart what stands in one row.
        let total = if rest.is_empty() { *first } else { add_up(graph, &groups::losses(graph))? };
        graph.outputs.push(Output { role: Role::Total, name: String::new(), nodes: vec![total], span: None });
    }
    let order = forward_order(graph)?;
    let mut report = GradReport::default();
    let mut gradients: IndexMap<String, Id> = IndexMap::new();
    for (group, sum_of_group) in groups.iter().zip(sums) {
        let trained = group.trained(graph, &order);
        let mut back = Backward::default();
        if is_in(&trained, sum_of_group) {
            back.seed(graph, sum_of_group)?;
            for id in inputs_first(graph, sum_of_group).into_iter().rev() {
                if let (Kind::Weight { path, .. }, Some(part)) = (graph.node(id).kind.clone(), back.of(id)) {
                    let whole = match gradients.get(&path) {
                        Some(so_far) => sum(graph, *so_far, part, graph.node(part).origin.clone())?,
                        None => part,
                    };
                    gradients.insert(path, whole);
                }
                back.pass(graph, id, &|graph, input| is_in(&trained, input) || is_unknown(graph, input, &trained))?;
            }
        }
        for (loss, node) in &group.losses {
            let weights = reach::reached(graph, &back.flows, *node);
            if weights.is_empty() {
                let cuts = reach::cuts(graph, &back.flows, &trained, *node);
                report.dead_losses.push(DeadLoss { loss: loss.clone(), node: *node, cuts });
            }
            if group.weights.is_some() {
                report.moved.push(Moves { loss: loss.clone(), weights });
            }
        }
        report.unknown.append(&mut back.unknown);
    }
    for (path, gradient) in gradients {
        graph.outputs.push(Output { role: Role::Gradient, name: path, nodes: vec![gradient], span: None });
    }
    report.unreached = reach::unreached(graph);
    Ok(report)
}

/// The gradients of `of` (of its sum, where it is more than one number) by each of `by`, as nodes; `None` where `of` does not
/// depend on one in a way that has a gradient. Nodes carry the origin of the node they are the gradient of.
///
/// # Errors
/// An op whose gradient does not fit: a mistake of ours.
pub fn gradients(graph: &mut Graph, of: Id, by: &[Id]) -> Result<Vec<Option<Id>>, OpError> {
    let order = forward_order(graph)?;
    // What is computed from one of `by`; only on such ways gradients flow.
    let mut moves = vec![false; graph.bound()];
    for &id in &order {
        moves[id.0 as usize] = by.contains(&id) || graph.edges(id).any(|(_, input)| moves[input.0 as usize]);
    }
    let mut back = Backward::default();
    back.seed(graph, of)?;
    for id in inputs_first(graph, of).into_iter().rev() {
        // Behind a node that is asked about, another one may be.
        back.pass(graph, id, &|_, input| moves.get(input.0 as usize).copied().unwrap_or(false))?;
    }
    match back.unknown.first() {
        Some(&id) => Err(unknown(graph, id)),
        None => Ok(by.iter().map(|&id| back.of(id)).collect()),
    }
}

/// What is said of an op of gradients whose own gradient is not known.
pub fn unknown(graph: &Graph, id: Id) -> OpError {
    let name = match graph.node(id).kind {
        Kind::Op(op) => op.name.split('.').next().unwrap_or(op.name),
        _ => "this",
    };
    OpError::new(Code::NoGradient, format!("the second derivative of `{name}` is not known"))
        .help("take the gradient by a value after that place, or put it through `stop`")
}

/// An op of gradients that knows none of its own, where one of its inputs has a weight behind it.
fn is_unknown(graph: &Graph, id: Id, trained: &[bool]) -> bool {
    match graph.node(id).kind {
        Kind::Op(op) if op.nature.internal && matches!(op.grad, Gradient::None(_)) => {
            graph.edges(id).any(|(_, input)| is_in(trained, input) || is_unknown(graph, input, trained))
        }
        _ => false,
    }
}

/// Whether a node is marked; nodes that came after the marks are not.
fn is_in(marks: &[bool], id: Id) -> bool {
    marks.get(id.0 as usize).is_some_and(|marked| *marked)
}

fn forward_order(graph: &Graph) -> Result<Vec<Id>, OpError> {
    order::order(graph).map_err(|cycle| OpError::internal(cycle.to_string()))
}

/// What `root` is computed from, inputs first, as they are met slot by slot. The order follows from what is computed and not from
/// the order in which the recipe says it, and so do the sums of gradients: they are the same to the last bit. No recursion.
fn inputs_first(graph: &Graph, root: Id) -> Vec<Id> {
    let mut order = Vec::new();
    let mut met = vec![false; graph.bound()];
    met[root.0 as usize] = true;
    let mut open = vec![(root, graph.inputs(root).into_iter())];
    while let Some((id, inputs)) = open.last_mut() {
        match inputs.by_ref().flatten().find(|input| !met[input.0 as usize]) {
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

/// The node that is the sum of some losses, of which there is one at least, in the order of their names.
fn add_up(graph: &mut Graph, losses: &[(String, Id)]) -> Result<Id, OpError> {
    let mut losses = losses.to_vec();
    losses.sort_by(|a, b| a.0.cmp(&b.0));
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

/// What has flowed back so far.
#[derive(Default)]
struct Backward {
    /// By forward node.
    gradients: Vec<Option<Id>>,
    flows: reach::Flows,
    unknown: Vec<Id>,
}

impl Backward {
    /// Begins at a node: 1, or ones in its shape.
    fn seed(&mut self, graph: &mut Graph, node: Id) -> Result<(), OpError> {
        self.gradients = vec![None; graph.bound()];
        let Node { fact, origin, .. } = graph.node(node).clone();
        let mut build = Builder { graph, origin };
        let one = build.scalar(1.0);
        let seed = match ops::find("expand") {
            Some(expand) if fact.rank() > 0 => {
                build.apply(expand, &[Some(one)], Attrs::new().dims_of("dims", fact.dims))?
            }
            _ => one,
        };
        self.add(graph, node, seed)
    }

    /// The gradient by a node, whole once all its readers have been passed.
    fn of(&self, node: Id) -> Option<Id> {
        self.gradients.get(node.0 as usize).copied().flatten()
    }

    /// Adds one more part, as soon as it is there: two parts need not be held until the last one comes.
    fn add(&mut self, graph: &mut Graph, node: Id, part: Id) -> Result<(), OpError> {
        let whole = match self.of(node) {
            Some(so_far) => sum(graph, so_far, part, graph.node(node).origin.clone())?,
            None => part,
        };
        self.gradients[node.0 as usize] = Some(whole);
        Ok(())
    }

    /// Hands the gradient of `id`, which is whole by now, on to those of its inputs that are wanted.
    fn pass(&mut self, graph: &mut Graph, id: Id, is_wanted: &dyn Fn(&Graph, Id) -> bool) -> Result<(), OpError> {
        let Some(gradient) = self.of(id) else { return Ok(()) };
        let Kind::Op(op) = graph.node(id).kind else { return Ok(()) };
        let inputs = graph.inputs(id);
        let wanted: Vec<bool> = inputs.iter().map(|input| input.is_some_and(|input| is_wanted(graph, input))).collect();
        if !wanted.contains(&true) {
            return Ok(());
        }
        let Gradient::Of(rule) = op.grad else {
            // What the language cannot name is made by gradients, and its own is not nothing.
            if op.nature.internal {
                self.unknown.push(id);
            }
            return Ok(());
        };
        let Node { attrs, origin, .. } = graph.node(id).clone();
        let parts = rule(&mut Grad {
            build: &mut Builder { graph, origin },
            inputs: &inputs,
            attrs: &attrs,
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
            self.flows.record(id, slot);
            self.add(graph, input, part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
