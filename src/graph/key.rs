//! When two nodes are the same: what they are, bit for bit, as a hash to find candidates by.
//!
//! The hash is for tables in memory. It may change with the compiler; what is written down uses [`super::canonical`].

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Id, Kind, Literal};
use crate::ops::{Attr, Attrs};
use crate::types::Fact;

/// The hash of a leaf. Leaves that are equal have equal hashes.
pub fn leaf(kind: &Kind, fact: &Fact) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_kind(kind, &mut hasher);
    fact.hash(&mut hasher);
    hasher.finish()
}

/// The hash of an op node: the op, its attributes, its inputs by slot. The fact follows from these.
pub fn op(kind: &Kind, attrs: &Attrs, inputs: &[Option<Id>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_kind(kind, &mut hasher);
    hash_attrs(attrs, &mut hasher);
    inputs.hash(&mut hasher);
    hasher.finish()
}

fn hash_kind(kind: &Kind, hasher: &mut impl Hasher) {
    std::mem::discriminant(kind).hash(hasher);
    match kind {
        Kind::Field(name) | Kind::State(name) => name.hash(hasher),
        Kind::Weight { path, trained } => (path, trained).hash(hasher),
        Kind::Clock(clock) => clock.hash(hasher),
        Kind::Constant(literal) => {
            let Literal { shape, data } = &**literal;
            shape.hash(hasher);
            data.iter().for_each(|value| value.to_bits().hash(hasher));
        }
        Kind::Op(op) => op.name.hash(hasher),
    }
}

fn hash_attrs(attrs: &Attrs, hasher: &mut impl Hasher) {
    for (name, attr) in attrs.iter() {
        name.hash(hasher);
        std::mem::discriminant(attr).hash(hasher);
        match attr {
            Attr::Int(value) => value.hash(hasher),
            Attr::Float(value) => value.to_bits().hash(hasher),
            Attr::Bool(value) => value.hash(hasher),
            Attr::Word(value) => value.hash(hasher),
            Attr::Ints(values) => values.hash(hasher),
            Attr::Floats(values) => values.iter().for_each(|value| value.to_bits().hash(hasher)),
            Attr::Dims(dims) => dims.hash(hasher),
        }
    }
}
