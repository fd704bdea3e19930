//! Pickles of the protocols 2 to 5, read and never run.
//!
//! A pickle is a program that puts objects together. Here it may make plain values and containers; what it would call is written down
//! as a [`Call`] with its arguments, and only names of a short list may be called: the reader of a format knows what each of them
//! stands for. Nothing that is not on the list can be named, let alone called.
//!
//! Values lie in one list and point to one another by their place in it, so a pickle whose values hold themselves, or hold one another
//! ten thousand deep, is a list as any other.

mod machine;
mod names;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

pub(super) use machine::read;
pub(super) use names::Name;
pub(super) use write::Writer;

/// A value's place in [`Pickle::values`].
pub(super) type At = usize;

#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: At,
}

#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A number that is not whole, or beyond 64 bits: no reader asks for one.
    Other,
    Bytes(Arc<Vec<u8>>),
    Text(String),
    List(Vec<At>),
    Tuple(Vec<At>),
    Dict(Vec<(At, At)>),
    Name(Name),
    Call(Call),
    /// A thing that is kept outside of the pickle, by what it is called there.
    Outside(At),
}

/// What a pickle would have called, and what it would have done to the result.
#[derive(Debug)]
pub(super) struct Call {
    pub name: Name,
    /// A tuple.
    pub arguments: At,
    pub entries: Vec<(At, At)>,
    pub state: Option<At>,
}

impl Pickle {
    pub(super) fn root(&self) -> At {
        self.root
    }

    pub(super) fn value(&self, at: At) -> &Value {
        &self.values[at]
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The elements of a tuple or list.
    pub(super) fn elements(&self, at: At) -> Option<&[At]> {
        match self.value(at) {
            Value::List(elements) | Value::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    pub(super) fn int(&self, at: At) -> Option<i64> {
        match self.value(at) {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn length(&self, at: At) -> Option<usize> {
        self.int(at).and_then(|number| usize::try_from(number).ok())
    }

    /// Text that names something, which is never long; Python 2 wrote it as bytes.
    pub(super) fn text(&self, at: At) -> Option<Cow<'_, str>> {
        match self.value(at) {
            Value::Text(text) if text.len() <= super::MOST_NAME => Some(Cow::Borrowed(text)),
            Value::Bytes(bytes) if bytes.len() <= super::MOST_NAME => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// The lengths of a shape: a tuple of as many whole numbers as an array may have axes.
    pub(super) fn lengths(&self, at: At) -> Option<Vec<usize>> {
        let lengths = self.elements(at).filter(|lengths| lengths.len() <= super::MOST_AXES)?;
        lengths.iter().map(|length| self.length(*length)).collect()
    }

    pub(super) fn call(&self, at: At) -> Option<(&Call, &[At])> {
        match self.value(at) {
            Value::Call(call) => Some((call, self.elements(call.arguments)?)),
            _ => None,
        }
    }

    /// The entries of a dictionary, ordered or not.
    pub(super) fn entries(&self, at: At) -> Option<Vec<(At, At)>> {
        match self.value(at) {
            Value::Dict(entries) => Some(entries.clone()),
            Value::Call(call) if call.name == Name::OrderedDict => {
                // Python 2 gave the entries as a list of pairs.
                let given = self.elements(call.arguments)?.first().and_then(|list| self.elements(*list));
                let pair = |pair: &At| match self.elements(*pair) {
                    Some([key, value]) => Some((*key, *value)),
                    _ => None,
                };
                let mut entries: Vec<(At, At)> = given.unwrap_or(&[]).iter().map(pair).collect::<Option<_>>()?;
                entries.extend(&call.entries);
                Some(entries)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
