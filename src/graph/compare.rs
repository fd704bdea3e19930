//! Two step graphs beside one another: which nodes of one are which of the other, and what is left over.
//!
//! Nodes that compute the same from the same are found by digest, from the leaves up. What is left is paired from what is paired
//! already: the same slot of two paired readers, the one reader of two paired nodes. Only nodes of one op are paired, and never across
//! two weights of different names where both graphs have both. Gradients are left out: they follow from the rest.

use std::collections::{HashMap, HashSet, VecDeque};

use blake3::Hash;

use super::{Graph, Id, Kind, Output, Role, order};

/// What two graphs have in common and what they do not. Nodes come in topological order, outputs by their place.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Compared {
    /// Paired nodes with other attributes, numbers or (of a field) another type.
    pub changed: Vec<(Id, Id)>,
    /// Paired nodes that read other values, which are themselves in both graphs.
    pub rewired: Vec<(Id, Id)>,
    pub removed: Vec<Id>,
    pub added: Vec<Id>,
    pub outputs_removed: Vec<usize>,
    pub outputs_added: Vec<usize>,
    /// Outputs of one name that are made of other values, which are themselves in both graphs, or of other settings.
    pub outputs_changed: Vec<(usize, usize)>,
}

impl Compared {
    pub fn is_empty(&self) -> bool {
        *self == Compared::default()
    }
}

/// Compares what two graphs compute.
pub fn compare(old: &Graph, new: &Graph) -> Compared {
    let mut pairing = Pairing { old: Side::new(old), new: Side::new(new), open: VecDeque::new() };
    pairing.by_digest();
    pairing.by_output();
    pairing.by_neighbour();
    pairing.result()
}

/// One graph on its way to be paired.
struct Side<'g> {
    graph: &'g Graph,
    /// What an output other than a gradient needs, inputs first.
    order: Vec<Id>,
    /// By id: whether it is in that order.
    needed: Vec<bool>,
    /// By id: its partner in the other graph.
    partner: Vec<Option<Id>>,
}

impl<'g> Side<'g> {
    fn new(graph: &'g Graph) -> Side<'g> {
        let mut needed = vec![false; graph.bound()];
        outputs(graph).flat_map(|(_, output)| &output.nodes).for_each(|id| needed[id.0 as usize] = true);
        let all = order::order(graph).unwrap_or_default();
        for id in all.iter().rev().filter(|id| graph.contains(**id)) {
            if needed[id.0 as usize] {
                graph.edges(*id).for_each(|(_, input)| needed[input.0 as usize] = true);
            }
        }
        let order = all.into_iter().filter(|id| needed[id.0 as usize]).collect();
        Side { graph, order, needed, partner: vec![None; graph.bound()] }
    }

    fn partner(&self, id: Id) -> Option<Id> {
        self.partner[id.0 as usize]
    }

    /// Digests of what each node computes, from what.
    fn digests(&self) -> Vec<(Id, Hash)> {
        let mut by_id: HashMap<Id, Hash> = HashMap::new();
        for id in &self.order {
            let mut hasher = blake3::Hasher::new();
            hasher.update(describe(self.graph, *id).as_bytes());
            for input in self.graph.inputs(*id) {
                match input.and_then(|input| by_id.get(&input)) {
                    Some(hash) => hasher.update(hash.as_bytes()),
                    None => hasher.update(b"_"),
                };
            }
            by_id.insert(*id, hasher.finalize());
        }
        self.order.iter().map(|id| (*id, by_id[id])).collect()
    }
}

/// The outputs that are compared, by their place.
fn outputs(graph: &Graph) -> impl Iterator<Item = (usize, &Output)> {
    let derived = |output: &Output| matches!(output.role, Role::Gradient | Role::Total);
    graph.outputs.iter().enumerate().filter(move |(_, output)| !derived(output))
}

/// What a node is, its inputs and what follows from them aside.
fn describe(graph: &Graph, id: Id) -> String {
    let node = graph.node(id);
    let attrs: String = node.attrs.iter().map(|(name, attr)| format!(" {name}={attr}")).collect();
    match &node.kind {
        Kind::Field(name) => format!("field {name:?}"),
        Kind::Weight { path, trained } => format!("weight {path:?} {trained}"),
        Kind::State(path) => format!("state {path:?}"),
        Kind::Clock(clock) => format!("clock {}", clock.word()),
        Kind::Constant(literal) => format!("constant {:?} {:?}", literal.shape, literal.data),
        Kind::Op(op) => format!("op {}{attrs}", op.name),
    }
}

struct Pairing<'g> {
    old: Side<'g>,
    new: Side<'g>,
    /// Pairs whose neighbours have not been looked at.
    open: VecDeque<(Id, Id)>,
}

impl Pairing<'_> {
    fn pair(&mut self, old: Id, new: Id) {
        self.old.partner[old.0 as usize] = Some(new);
        self.new.partner[new.0 as usize] = Some(old);
        self.open.push_back((old, new));
    }

    fn by_digest(&mut self) {
        let mut known: HashMap<Hash, VecDeque<Id>> = HashMap::new();
        for (id, hash) in self.new.digests() {
            known.entry(hash).or_default().push_back(id);
        }
        for (old, hash) in self.old.digests() {
            if let Some(new) = known.get_mut(&hash).and_then(VecDeque::pop_front) {
                self.pair(old, new);
            }
        }
    }

    fn by_output(&mut self) {
        for (_, old) in outputs(self.old.graph) {
            let same = |output: &&Output| output.name == old.name && output.role.word() == old.role.word();
            let Some(new) = outputs(self.new.graph).map(|(_, output)| output).find(same) else { continue };
            old.nodes.iter().zip(&new.nodes).for_each(|(a, b)| self.try_pair(*a, *b));
        }
    }

    fn by_neighbour(&mut self) {
        while let Some((old, new)) = self.open.pop_front() {
            let (above, below) = (self.old.graph.inputs(old), self.new.graph.inputs(new));
            for (a, b) in above.into_iter().zip(below) {
                if let (Some(a), Some(b)) = (a, b) {
                    self.try_pair(a, b);
                }
            }
            // A reader is paired where there is no doubt which it is.
            let readers = |side: &Side, id: Id| -> Vec<(usize, &'static str, Id)> {
                let free = |id: &Id| side.needed[id.0 as usize] && side.partner(*id).is_none();
                let free = side.graph.users(id).into_iter().filter(free);
                let slots = free.flat_map(|reader| {
                    let slots = side.graph.edges(reader).filter(move |(_, input)| *input == id);
                    slots.filter_map(move |(slot, _)| match side.graph.node(reader).kind {
                        Kind::Op(op) => Some((slot, op.name, reader)),
                        _ => None,
                    })
                });
                slots.collect()
            };
            let (ours, theirs) = (readers(&self.old, old), readers(&self.new, new));
            for (slot, op, reader) in &ours {
                let alike = |all: &[(usize, &'static str, Id)]| -> Vec<Id> {
                    all.iter().filter(|(s, o, _)| s == slot && o == op).map(|(.., id)| *id).collect()
                };
                if let ([_], [other]) = (alike(&ours).as_slice(), alike(&theirs).as_slice()) {
                    self.try_pair(*reader, *other);
                }
            }
        }
    }

    /// Pairs two nodes that are free, of one op, and do not have different weights.
    fn try_pair(&mut self, old: Id, new: Id) {
        if self.old.partner(old).is_some() || self.new.partner(new).is_some() {
            return;
        }
        let (a, b) = (&self.old.graph.node(old).kind, &self.new.graph.node(new).kind);
        let alike = match (a, b) {
            (Kind::Op(a), Kind::Op(b)) => a.name == b.name && self.weights_agree(old, new),
            (Kind::Field(a), Kind::Field(b)) => a == b,
            (Kind::Weight { .. }, Kind::Weight { .. }) | (Kind::State(_), Kind::State(_)) => true,
            (Kind::Constant(_), Kind::Constant(_)) => true,
            _ => false,
        };
        if alike {
            self.pair(old, new);
        }
    }

    /// False where one reads a weight whose partner the other does not read.
    fn weights_agree(&self, old: Id, new: Id) -> bool {
        let weights = |side: &Side, id: Id| -> Vec<Id> {
            let inputs = side.graph.edges(id).map(|(_, input)| input);
            inputs.filter(|id| matches!(side.graph.node(*id).kind, Kind::Weight { .. })).collect()
        };
        let (ours, theirs) = (weights(&self.old, old), weights(&self.new, new));
        ours.iter().all(|id| self.old.partner(*id).is_none_or(|partner| theirs.contains(&partner)))
            && theirs.iter().all(|id| self.new.partner(*id).is_none_or(|partner| ours.contains(&partner)))
    }

    fn result(self) -> Compared {
        let (old, new) = (&self.old, &self.new);
        let mut compared = Compared::default();
        let removed: HashSet<Id> = old.order.iter().copied().filter(|id| old.partner(*id).is_none()).collect();
        let added: HashSet<Id> = new.order.iter().copied().filter(|id| new.partner(*id).is_none()).collect();
        // Whether two values are the same one, or one of them is told to have come or gone.
        let told = |a: Option<Id>, b: Option<Id>| match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => old.partner(a) == Some(b) || removed.contains(&a) || added.contains(&b),
            (Some(a), None) => removed.contains(&a),
            (None, Some(b)) => added.contains(&b),
        };
        for a in &old.order {
            let Some(b) = old.partner(*a) else { continue };
            let (before, after) = (old.graph.node(*a), new.graph.node(b));
            let is_leaf = !matches!(before.kind, Kind::Op(_));
            let retyped = is_leaf && (before.fact.domain != after.fact.domain || before.fact.dims != after.fact.dims);
            let (above, below) = (old.graph.inputs(*a), new.graph.inputs(b));
            if describe(old.graph, *a) != describe(new.graph, b) || retyped {
                compared.changed.push((*a, b));
            } else if above.len() == below.len() && !above.into_iter().zip(below).all(|(a, b)| told(a, b)) {
                compared.rewired.push((*a, b));
            }
        }
        compared.removed = old.order.iter().copied().filter(|id| removed.contains(id)).collect();
        compared.added = new.order.iter().copied().filter(|id| added.contains(id)).collect();
        let mut met = HashSet::new();
        for (at, before) in outputs(old.graph) {
            let same =
                |(_, output): &(usize, &Output)| output.name == before.name && output.role.word() == before.role.word();
            let Some((place, after)) = outputs(new.graph).find(same) else {
                compared.outputs_removed.push(at);
                continue;
            };
            met.insert(place);
            let nodes = before.nodes.iter().zip(&after.nodes).all(|(a, b)| told(Some(*a), Some(*b)));
            if before.role != after.role || !nodes {
                compared.outputs_changed.push((at, place));
            }
        }
        compared.outputs_added = outputs(new.graph).map(|(at, _)| at).filter(|at| !met.contains(at)).collect();
        compared
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::graph::text;

    const GRAPH: &str = "
        %0 = field x : real[2]
        %1 = weight a : real[2]
        %2 = mul(%0, %1)
        %3 = affine(%2) scale=2.0
        %4 = relu(%3)
        %5 = sum(%4)
        loss l = %5
        save s = %3
    ";

    fn check(old: &str, new: &str, expected: Expect) {
        let (old, new) = (text::parse(old).unwrap(), text::parse(new).unwrap());
        let compared = compare(&old, &new);
        let (before, after) = (text::Names::new(&old), text::Names::new(&new));
        let mut said = String::new();
        let pairs = |pairs: &[(Id, Id)]| -> Vec<String> {
            pairs.iter().map(|(a, b)| format!("{}→{}", before.name(*a), after.name(*b))).collect()
        };
        let lines = [
            ("changed", pairs(&compared.changed)),
            ("rewired", pairs(&compared.rewired)),
            ("removed", compared.removed.iter().map(|id| before.name(*id)).collect()),
            ("added", compared.added.iter().map(|id| after.name(*id)).collect()),
            ("outputs removed", compared.outputs_removed.iter().map(|at| old.outputs[*at].name.clone()).collect()),
            ("outputs added", compared.outputs_added.iter().map(|at| new.outputs[*at].name.clone()).collect()),
            ("outputs changed", compared.outputs_changed.iter().map(|(at, _)| old.outputs[*at].name.clone()).collect()),
        ];
        for (what, names) in lines.iter().filter(|(_, names)| !names.is_empty()) {
            said += &format!("{what}: {}\n", names.join(", "));
        }
        expected.assert_eq(&said);
    }

    #[test]
    fn a_graph_is_itself_whatever_its_nodes_are_called() {
        check(GRAPH, GRAPH, expect![""]);
        let same = "
            %9 = weight a : real[2]
            %8 = field x : real[2]
            %3 = mul(%8, %9)
            %4 = affine(%3) scale=2.0
            %5 = relu(%4)
            %6 = sum(%5)
            save s = %4
            loss l = %6
        ";
        check(GRAPH, same, expect![""]);
    }

    #[test]
    fn one_number_is_one_change_though_all_after_it_is_another() {
        check(
            GRAPH,
            &GRAPH.replace("2.0", "3.0"),
            expect![[r#"
            changed: %3→%3
        "#]],
        );
    }

    #[test]
    fn what_stands_between_is_added_and_nothing_else() {
        let with_clamp = GRAPH.replace("%5 = sum(%4)", "%6 = neg(%4)\n%5 = sum(%6)");
        check(
            GRAPH,
            &with_clamp,
            expect![[r#"
            added: %5
        "#]],
        );
        check(
            &with_clamp,
            GRAPH,
            expect![[r#"
            removed: %5
        "#]],
        );
    }

    #[test]
    fn a_type_that_follows_is_not_told_and_a_type_of_the_data_is() {
        check(
            GRAPH,
            &GRAPH.replace("real[2]", "real[3]"),
            expect![[r#"
            changed: %0→%0, %1→%1
        "#]],
        );
    }

    #[test]
    fn outputs_by_their_names_and_values_read_elsewhere() {
        check(
            GRAPH,
            &GRAPH.replace("save s = %3", "save s = %4"),
            expect![[r#"
            outputs changed: s
        "#]],
        );
        check(
            GRAPH,
            &GRAPH.replace("loss l", "loss m"),
            expect![[r#"
            outputs removed: l
            outputs added: m
        "#]],
        );
        check(
            GRAPH,
            &GRAPH.replace("mul(%0, %1)", "mul(%1, %0)"),
            expect![[r#"
            rewired: %2→%2
        "#]],
        );
    }

    #[test]
    fn another_weight_is_another_node() {
        let two = "
            %0 = field x : real[2]
            %1 = weight a : real[2]
            %2 = weight b : real[2]
            %3 = mul(%0, %1)
            %4 = mul(%3, %2)
            save s = %4
        ";
        let one = "
            %0 = field x : real[2]
            %1 = weight b : real[2]
            %2 = mul(%0, %1)
            save s = %2
        ";
        check(
            two,
            one,
            expect![[r#"
            removed: %1, %3
        "#]],
        );
    }
}
