//! The digest of what a graph computes: the same for graphs that differ in node ids, in the order of independent nodes, in
//! origins, in the names of `let`s, in repeated or unused nodes.
//!
//! Part of it is all that decides an answer: ops, attributes, types, leaf names, numbers, outputs with their names. It is made
//! from text and bytes, not from Rust's own hashes, so that it may be written into a store and read years later.

use std::collections::HashMap;
use std::fmt::Write;

use blake3::{Hash, Hasher};

use super::{Graph, Id, Kind, Node, Role, order};
use crate::ops::Attrs;

/// Other names for symbols: what a class count is called depends on the other data sets of a recipe, and decides nothing.
#[derive(Clone, Debug, Default)]
pub struct Symbols(HashMap<String, String>);

impl Symbols {
    /// Calls `symbol` something else.
    pub fn rename(&mut self, symbol: &str, name: String) {
        match symbol == name {
            true => self.0.remove(symbol),
            false => self.0.insert(symbol.to_owned(), name),
        };
    }

    /// A text with its symbols renamed.
    pub fn apply(&self, text: &str) -> String {
        let mut renamed = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let begins_word = rest.starts_with(is_word);
            let end = rest.find(|c| is_word(c) != begins_word).unwrap_or(rest.len());
            renamed.push_str(self.0.get(&rest[..end]).map_or(&rest[..end], String::as_str));
            rest = &rest[end..];
        }
        renamed
    }
}

/// See the module text. A graph with a cycle has the digest of its text form.
pub fn digest(graph: &Graph, symbols: &Symbols) -> Hash {
    let Ok(order) = order::order(graph) else {
        return blake3::hash(super::text::print(graph).as_bytes());
    };
    let mut digests: Vec<Option<Hash>> = vec![None; graph.bound()];
    let mut text = String::new();
    for id in order {
        let mut hasher = Hasher::new();
        describe(graph.node(id), symbols, &mut text, &mut hasher);
        for input in graph.inputs(id) {
            match input {
                Some(input) => hasher.update(of(&digests, input).as_bytes()),
                None => hasher.update(b"_"),
            };
        }
        digests[id.0 as usize] = Some(hasher.finalize());
    }

    let mut outputs: Vec<Hash> = graph
        .outputs
        .iter()
        .map(|output| {
            let mut hasher = Hasher::new();
            text.clear();
            let _ = write!(text, "{} {:?} ", output.role.word(), output.name);
            if let Role::Metric { metric, attrs } = &output.role {
                let _ = write!(text, "{metric:?} ");
                write_attrs(&mut text, attrs);
            }
            hasher.update(text.as_bytes());
            output.nodes.iter().for_each(|id| _ = hasher.update(of(&digests, *id).as_bytes()));
            hasher.finalize()
        })
        .collect();
    // The order of the outputs decides nothing: the one sum over them, the total, is a node.
    outputs.sort_by_key(|hash| *hash.as_bytes());
    let mut hasher = Hasher::new();
    outputs.iter().for_each(|hash| _ = hasher.update(hash.as_bytes()));
    hasher.finalize()
}

fn of(digests: &[Option<Hash>], id: Id) -> Hash {
    digests[id.0 as usize].expect("inputs come before their readers")
}

/// Feeds what a node is, its inputs aside. `text` is scratch.
fn describe(node: &Node, symbols: &Symbols, text: &mut String, hasher: &mut Hasher) {
    text.clear();
    let _ = match &node.kind {
        Kind::Field(name) => write!(text, "field {name:?}"),
        Kind::Weight { path, trained } => write!(text, "weight {path:?} {trained}"),
        Kind::State(path) => write!(text, "state {path:?}"),
        Kind::Clock(clock) => write!(text, "clock {}", clock.word()),
        Kind::Constant(_) => write!(text, "constant"),
        Kind::Op(op) => write!(text, "op {:?} ", op.name),
    };
    let named = text.len();
    write_attrs(text, &node.attrs);
    let _ = write!(text, " {}", node.fact);
    if !symbols.0.is_empty() {
        let renamed = symbols.apply(&text[named..]);
        text.replace_range(named.., &renamed);
    }
    hasher.update(text.as_bytes());
    if let Kind::Constant(literal) = &node.kind {
        literal.data.iter().for_each(|value| _ = hasher.update(&value.to_le_bytes()));
    }
}

fn write_attrs(text: &mut String, attrs: &Attrs) {
    attrs.iter().for_each(|(name, attr)| _ = write!(text, "{name}={attr};"));
}

#[cfg(test)]
mod tests {
    use super::Symbols;
    use crate::graph::{Graph, text};

    fn digest(graph: &Graph) -> blake3::Hash {
        super::digest(graph, &Symbols::default())
    }

    const GRAPH: &str = "
        %0 = field x : real[2]
        %1 = weight w : real[2]
        %2 = mul(%0, %1)
        %3 = affine(%2) scale=2.0
        %4 = sum(%3)
        loss a = %4
        save b = %3
    ";

    fn parsed(text: &str) -> Graph {
        text::parse(text).unwrap()
    }

    #[test]
    fn what_decides_no_answer_is_not_part_of_it() {
        let same = "
            %7 = weight w : real[2]
            %9 = constant 1 : real[]
            %8 = field x : real[2]
            %1 = mul(%8, %7)
            %2 = affine(%1) scale=2.0
            %3 = affine(%1) scale=2.0
            %4 = sum(%3)
            save b = %2
            loss a = %4
        ";
        assert_eq!(digest(&parsed(GRAPH)), digest(&parsed(same)));
    }

    #[test]
    fn what_decides_an_answer_is_part_of_it() {
        let changes = [
            ("field x", "field y"),
            ("weight w", "frozen w"),
            ("scale=2.0", "scale=2.5"),
            ("scale=2.0", "scale=2.0 shift=1.0"),
            ("mul(%0, %1)", "mul(%1, %0)"),
            ("mul", "add"),
            ("loss a", "loss c"),
            ("loss a", "save a"),
            ("save b = %3", "save b = %2"),
            ("real[2]", "real[3]"),
            ("x : real", "x : logit"),
        ];
        let before = digest(&parsed(GRAPH));
        for (old, new) in changes {
            assert_ne!(before, digest(&parsed(&GRAPH.replace(old, new))), "{old} → {new}");
        }
    }

    #[test]
    fn numbers_of_constants_count_to_the_bit() {
        let graph = |value: &str| digest(&parsed(&format!("%0 = constant {value} : real[]\nsave x = %0")));
        assert_eq!(graph("0.1"), graph("0.10"));
        assert_ne!(graph("0.1"), graph("0.10000000000000002"));
    }

    #[test]
    fn a_symbol_may_have_another_name() {
        let graph =
            |classes: &str| parsed(&format!("%0 = field K2 : real[B, {classes}, ceil({classes}/2)]\nsave K2 = %0"));
        let mut symbols = Symbols::default();
        symbols.rename("K2", "K".into());
        assert_ne!(digest(&graph("K")), digest(&graph("K2")));
        assert_eq!(digest(&graph("K")), super::digest(&graph("K2"), &symbols));
    }
}
