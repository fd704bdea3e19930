//! The rules a graph keeps, and the proof that it does: [`Verified`] is made by [`verify`] alone.
//!
//! - **V1** No node waits for its own result.
//! - **V2** Every slot is filled once, as the op declares; leaves have no inputs.
//! - **V3** The fact of an op node is what `infer` says of its inputs. (The labels are not compared: lowering may take
//!   them away, where the recipe says why.)
//! - **V4** An output names nodes that exist, one node unless it is a metric.
//! - **V5** Losses, their total and the rate are scalars.
//! - **V6** A leaf keeps its word: a constant has as many numbers as its shape says and that shape as dims, a clock is a
//!   scalar, a weight carries gradients exactly if it is trained and no other leaf does; two leaves of one name are one.
//! - **V7** No two outputs of a role have one name; a gradient and a new state have the dims of what they are for.

use std::collections::HashMap;
use std::ops::Deref;

use super::{Graph, Id, Kind, Role, order};
use crate::ops::{Arity, Gradient, Infer, OpDef};
use crate::types::Fact;

/// What [`verify`] has looked at.
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A rule that a graph does not keep. After lowering this is a mistake of ours.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{rule}: {message}")]
pub struct Broken {
    /// `V1` … `V7`, see the module text.
    pub rule: &'static str,
    pub node: Option<Id>,
    pub message: String,
}

impl Broken {
    fn new(rule: &'static str, node: Option<Id>, message: impl Into<String>) -> Broken {
        Broken { rule, node, message: message.into() }
    }
}

/// Looks at every rule of the module text, in order; near linear.
///
/// # Errors
/// The first rule that is broken.
pub fn verify(graph: Graph) -> Result<Verified<Graph>, Broken> {
    check(&graph).map(|()| Verified(graph))
}

/// The same without giving the graph away.
///
/// # Errors
/// The first rule that is broken.
pub fn check(graph: &Graph) -> Result<(), Broken> {
    let order = order::order(graph).map_err(|cycle| Broken::new("V1", Some(cycle.0), cycle.to_string()))?;
    let mut names = HashMap::new();
    for id in order {
        match graph.node(id).kind {
            Kind::Op(op) => op_node(graph, id, op)?,
            _ => leaf(graph, id, &mut names)?,
        }
    }
    outputs(graph)
}

fn op_node(graph: &Graph, id: Id, op: &'static OpDef) -> Result<(), Broken> {
    let inputs = graph.inputs(id);
    let v2 = |what: String| Err(Broken::new("V2", Some(id), format!("`{}` {what}", op.name)));
    if graph.edges(id).count() != inputs.iter().flatten().count() {
        return v2("has a slot that is filled twice".into());
    }
    let many = op.inputs.last().is_some_and(|input| input.arity == Arity::Many);
    if inputs.len() > op.inputs.len() && !many {
        return v2(format!("has {} inputs", inputs.len()));
    }
    for (slot, given) in inputs.iter().enumerate() {
        // Every slot past the last declared one belongs to its list.
        let input = &op.inputs[slot.min(op.inputs.len() - 1)];
        if given.is_none() && input.arity != Arity::Optional {
            return v2(format!("has no `{}`", input.name));
        }
    }

    let node = graph.node(id);
    let v3 = |what: String| Err(Broken::new("V3", Some(id), format!("`{}` {what}", op.name)));
    let facts: Vec<Option<&Fact>> = inputs.iter().map(|input| input.map(|input| &graph.node(input).fact)).collect();
    let inferred = match (op.infer)(&Infer { op, facts: &facts, attrs: &node.attrs }) {
        Ok(inferred) => inferred,
        Err(error) => return v3(format!("refuses its inputs: {error}")),
    };
    if (&inferred.domain, &inferred.dims) != (&node.fact.domain, &node.fact.dims) {
        return v3(format!("is stored as {}, but gives {inferred}", node.fact));
    }
    let trainable = matches!(op.grad, Gradient::Of(_)) && facts.iter().flatten().any(|fact| fact.trainable);
    if trainable != node.fact.trainable {
        return v3("has the wrong gradient reach".into());
    }
    Ok(())
}

/// `names` holds the leaves seen so far.
fn leaf<'a>(graph: &'a Graph, id: Id, names: &mut HashMap<(u8, &'a str), Id>) -> Result<(), Broken> {
    let node = graph.node(id);
    let v6 = |what: String| Err(Broken::new("V6", Some(id), what));
    if graph.edges(id).next().is_some() {
        return Err(Broken::new("V2", Some(id), "a leaf has inputs"));
    }
    let name = match &node.kind {
        Kind::Field(name) => Some((0, name.as_str())),
        Kind::Weight { path, .. } => Some((1, path.as_str())),
        Kind::State(path) => Some((2, path.as_str())),
        Kind::Clock(clock) => Some((3, clock.word())),
        Kind::Constant(_) | Kind::Op(_) => None,
    };
    if let Some(name) = name
        && let Some(other) = names.insert(name, id)
    {
        return v6(format!("`{}` is there twice, the other time as {}", name.1, graph.node(other).fact));
    }
    if node.fact.trainable != matches!(node.kind, Kind::Weight { trained: true, .. }) {
        return v6("a leaf has the wrong gradient reach".into());
    }
    match &node.kind {
        Kind::Clock(_) if node.fact.rank() != 0 => v6("a clock is not a scalar".into()),
        Kind::Constant(literal) => {
            let dims = literal.shape.iter().map(|&length| crate::types::Dim::from(length));
            if !dims.eq(node.fact.dims.iter().cloned()) || literal.shape.iter().product::<usize>() != literal.data.len()
            {
                return v6(format!(
                    "{} numbers of shape {:?} are not {}",
                    literal.data.len(),
                    literal.shape,
                    node.fact
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn outputs(graph: &Graph) -> Result<(), Broken> {
    let leaves: HashMap<(bool, &str), &Fact> = graph
        .ids()
        .filter_map(|id| match &graph.node(id).kind {
            Kind::Weight { path, .. } => Some(((true, path.as_str()), &graph.node(id).fact)),
            Kind::State(path) => Some(((false, path.as_str()), &graph.node(id).fact)),
            _ => None,
        })
        .collect();
    let mut names = HashMap::new();
    for output in &graph.outputs {
        let what = format!("{} `{}`", output.role.word(), output.name);
        if let Some(missing) = output.nodes.iter().find(|id| !graph.contains(**id)) {
            return Err(Broken::new("V4", Some(*missing), format!("{what} is of a node that does not exist")));
        }
        let first = match output.nodes.as_slice() {
            [first] => *first,
            [first, ..] if matches!(output.role, Role::Metric { .. }) => *first,
            _ => return Err(Broken::new("V4", None, format!("{what} is of {} nodes", output.nodes.len()))),
        };
        let fact = &graph.node(first).fact;
        if matches!(output.role, Role::Loss | Role::Total | Role::Rate) && fact.rank() != 0 {
            return Err(Broken::new("V5", Some(first), format!("{what} is {fact}, not a scalar")));
        }
        if names.insert((output.role.word(), output.name.as_str()), ()).is_some() {
            return Err(Broken::new("V7", Some(first), format!("{what} is there twice")));
        }
        let of = match output.role {
            Role::Gradient => leaves.get(&(true, output.name.as_str())),
            Role::Assign => leaves.get(&(false, output.name.as_str())),
            _ => None,
        };
        if let Some(of) = of
            && of.dims != fact.dims
        {
            return Err(Broken::new("V7", Some(first), format!("{what} is {fact}, for {of}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::{Origin, Output, text};
    use super::*;
    use crate::ops::{Attrs, find};
    use crate::types::{Dim, Domain};

    fn check_broken(text: &str, spoil: impl FnOnce(&mut Graph, &[Id]), expected: Expect) {
        let mut graph = text::parse(text).unwrap();
        check(&graph).unwrap();
        let ids: Vec<Id> = graph.ids().collect();
        spoil(&mut graph, &ids);
        expected.assert_eq(&verify(graph).unwrap_err().to_string());
    }

    const CHAIN: &str = "
        %0 = weight w : real[2]
        %1 = neg(%0)
        %2 = neg(%1)
        %3 = sum(%2)
        loss l = %3
        grad w = %2
    ";

    #[test]
    fn v1_no_cycles() {
        check_broken(
            CHAIN,
            // What reads the weight now reads what is made of it.
            |graph, ids| graph.rewire(ids[0], ids[2]),
            expect!["V1: node 1 waits for its own result"],
        );
    }

    #[test]
    fn v2_slots_are_filled() {
        check_broken(CHAIN, |graph, ids| graph.remove(ids[0]), expect!["V2: `neg` has no `x`"]);
    }

    #[test]
    fn v3_facts_are_inferred() {
        let wrong_dims = |graph: &mut Graph, ids: &[Id]| graph.node_mut(ids[1]).fact.dims = vec![Dim::constant(3)];
        check_broken(CHAIN, wrong_dims, expect!["V3: `neg` is stored as real[3], but gives real[2]"]);
        let untrained = |graph: &mut Graph, ids: &[Id]| graph.node_mut(ids[1]).fact.trainable = false;
        check_broken(CHAIN, untrained, expect!["V3: `neg` has the wrong gradient reach"]);
    }

    #[test]
    fn v4_outputs_exist() {
        let remove = |graph: &mut Graph, ids: &[Id]| graph.remove(ids[3]);
        check_broken(CHAIN, remove, expect!["V4: loss `l` is of a node that does not exist"]);
        let none = |graph: &mut Graph, _: &[Id]| graph.outputs[0].nodes.clear();
        check_broken(CHAIN, none, expect!["V4: loss `l` is of 0 nodes"]);
    }

    #[test]
    fn v5_losses_are_scalars() {
        let vector = |graph: &mut Graph, ids: &[Id]| graph.outputs[0].nodes = vec![ids[2]];
        check_broken(CHAIN, vector, expect!["V5: loss `l` is real[2], not a scalar"]);
    }

    #[test]
    fn v6_leaves_keep_their_word() {
        let frozen = |graph: &mut Graph, ids: &[Id]| {
            graph.node_mut(ids[0]).kind = Kind::Weight { path: "w".into(), trained: false };
        };
        check_broken(CHAIN, frozen, expect!["V6: a leaf has the wrong gradient reach"]);
        let again = |graph: &mut Graph, _: &[Id]| {
            let fact = Fact::scalar(Domain::Real);
            graph.leaf(
                Kind::Weight { path: "w".into(), trained: true },
                Fact { trainable: true, ..fact },
                Origin::default(),
            );
        };
        check_broken(CHAIN, again, expect!["V6: `w` is there twice, the other time as real[2]"]);
    }

    #[test]
    fn v7_outputs_have_names_of_their_own() {
        let again = |graph: &mut Graph, _: &[Id]| {
            let loss = graph.outputs[0].clone();
            graph.outputs.push(loss);
        };
        check_broken(CHAIN, again, expect!["V7: loss `l` is there twice"]);
        let other = |graph: &mut Graph, ids: &[Id]| graph.outputs[1].nodes = vec![ids[3]];
        check_broken(CHAIN, other, expect!["V7: grad `w` is real[], for real[2]"]);
    }

    #[test]
    fn an_equal_leaf_is_not_added_again() {
        let mut graph = Graph::new();
        let leaf = |graph: &mut Graph, name: &str| {
            graph.leaf(Kind::Field(name.into()), Fact::scalar(Domain::Real), Origin::default())
        };
        let x = leaf(&mut graph, "x");
        assert_eq!(leaf(&mut graph, "x"), x);
        assert_ne!(leaf(&mut graph, "y"), x);
        // The id of a leaf that is gone may be used by another node.
        graph.remove(x);
        let y = leaf(&mut graph, "y");
        let node = graph.apply(find("neg").unwrap(), &[Some(y)], Attrs::new(), Origin::default()).unwrap();
        let x = leaf(&mut graph, "x");
        assert_ne!(x, node);
        graph.outputs.push(Output { role: Role::Save, name: "x".into(), nodes: vec![x, node], span: None });
        assert!(matches!(&graph.node(x).kind, Kind::Field(name) if name == "x"));
    }
}
