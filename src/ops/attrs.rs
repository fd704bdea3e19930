//! The compile-time arguments of a node: a small ordered map with typed access.

use std::fmt;

use super::def::OpError;
use crate::types::Dim;

#[derive(Clone, PartialEq, Debug)]
pub enum Attr {
    Int(i64),
    Float(f64),
    Bool(bool),
    Word(String),
    /// `Pair` and `Axes` params.
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    /// `Dim` and `Dims` params.
    Dims(Vec<Dim>),
}

/// Attributes by name, in the order of the op's params.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Attrs {
    entries: Vec<(&'static str, Attr)>,
}

impl Attrs {
    pub fn new() -> Attrs {
        Attrs::default()
    }

    pub fn with(mut self, name: &'static str, attr: Attr) -> Attrs {
        self.set(name, attr);
        self
    }

    pub fn int(self, name: &'static str, value: i64) -> Attrs {
        self.with(name, Attr::Int(value))
    }

    pub fn float(self, name: &'static str, value: f64) -> Attrs {
        self.with(name, Attr::Float(value))
    }

    pub fn flag(self, name: &'static str, value: bool) -> Attrs {
        self.with(name, Attr::Bool(value))
    }

    pub fn word(self, name: &'static str, value: impl Into<String>) -> Attrs {
        self.with(name, Attr::Word(value.into()))
    }

    pub fn ints(self, name: &'static str, values: impl Into<Vec<i64>>) -> Attrs {
        self.with(name, Attr::Ints(values.into()))
    }

    pub fn dims_of(self, name: &'static str, dims: impl Into<Vec<Dim>>) -> Attrs {
        self.with(name, Attr::Dims(dims.into()))
    }

    pub fn set(&mut self, name: &'static str, attr: Attr) {
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = attr,
            None => self.entries.push((name, attr)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Attr> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, attr)| attr)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Attr)> {
        self.entries.iter().map(|(name, attr)| (*name, attr))
    }

    fn missing(name: &str) -> OpError {
        OpError::internal(format!("the attribute `{name}` is missing or of another kind"))
    }

    pub fn get_int(&self, name: &str) -> Result<i64, OpError> {
        match self.get(name) {
            Some(Attr::Int(value)) => Ok(*value),
            _ => Err(Attrs::missing(name)),
        }
    }

    pub fn get_float(&self, name: &str) -> Result<f64, OpError> {
        match self.get(name) {
            Some(Attr::Float(value)) => Ok(*value),
            Some(Attr::Int(value)) => Ok(*value as f64),
            _ => Err(Attrs::missing(name)),
        }
    }

    pub fn get_bool(&self, name: &str) -> Result<bool, OpError> {
        match self.get(name) {
            Some(Attr::Bool(value)) => Ok(*value),
            _ => Err(Attrs::missing(name)),
        }
    }

    pub fn get_word(&self, name: &str) -> Result<&str, OpError> {
        match self.get(name) {
            Some(Attr::Word(value)) => Ok(value),
            _ => Err(Attrs::missing(name)),
        }
    }

    pub fn get_ints(&self, name: &str) -> Result<&[i64], OpError> {
        match self.get(name) {
            Some(Attr::Ints(values)) => Ok(values),
            _ => Err(Attrs::missing(name)),
        }
    }

    /// A `Pair`: height, width.
    pub fn get_pair(&self, name: &str) -> Result<[i64; 2], OpError> {
        match self.get_ints(name)? {
            [height, width] => Ok([*height, *width]),
            _ => Err(Attrs::missing(name)),
        }
    }

    pub fn get_floats(&self, name: &str) -> Result<&[f64], OpError> {
        match self.get(name) {
            Some(Attr::Floats(values)) => Ok(values),
            _ => Err(Attrs::missing(name)),
        }
    }

    pub fn dims(&self, name: &str) -> Result<&[Dim], OpError> {
        match self.get(name) {
            Some(Attr::Dims(dims)) => Ok(dims),
            _ => Err(Attrs::missing(name)),
        }
    }
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
            f.write_str("[")?;
            for (position, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if position > 0 { ", " } else { "" })?;
            }
            f.write_str("]")
        }
        match self {
            Attr::Int(value) => write!(f, "{value}"),
            // `{:?}` keeps the point of a whole float, so that 1.0 reads back as a float.
            Attr::Float(value) => write!(f, "{value:?}"),
            Attr::Bool(value) => write!(f, "{value}"),
            Attr::Word(value) => write!(f, "{value:?}"),
            Attr::Ints(values) => list(f, values),
            Attr::Floats(values) => list(f, &values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>()),
            Attr::Dims(dims) => list(f, dims),
        }
    }
}
