//! A batch of samples inside a step, and the functions of a recipe that give it new fields.
//!
//! A field becomes a leaf of the step graph when it is first read: what neither a `map` nor the body reads is never decoded.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::fields::{Known, fields};
use crate::diag::{Code, Diagnostic};
use crate::lower::call::Given;
use crate::lower::value::{Samples, Value};
use crate::lower::{Lower, errors};
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::types::Dim;

/// The fields of the samples of a step.
pub(crate) struct Sample<'p> {
    known: Rc<Vec<Known>>,
    /// Fields that are leaves already.
    read: Rc<RefCell<IndexMap<String, Value<'p>>>>,
    /// What `map` has made.
    made: IndexMap<String, Value<'p>>,
}

/// `samples |> map(s => { image = …, tags = s.tags })`
pub(in crate::lower) fn map<'p>(
    lower: &mut Lower<'p, '_>,
    samples: &Samples<'p>,
    function: Value<'p>,
    span: Span,
) -> Value<'p> {
    match &function {
        Value::Function(_) => {
            let mut samples = samples.clone();
            samples.maps.push((function, span));
            Value::Samples(Rc::new(samples))
        }
        other => {
            let problem = Diagnostic::error(Code::WrongKind, format!("expected a function, found {}", other.kind()));
            lower.report(
                problem
                    .label(span, format!("this is {}", other.kind()))
                    .help("write a function from a sample to a record: `map(s => { image = … })`"),
            )
        }
    }
}

impl<'p> Lower<'p, '_> {
    /// The samples of the step at hand, after every `map`.
    pub(in crate::lower) fn sample(&mut self, samples: &Samples<'p>) -> Rc<Sample<'p>> {
        let known = Rc::new(fields(self, samples));
        let mut sample = Rc::new(Sample { known, read: Rc::default(), made: IndexMap::new() });
        for (function, span) in &samples.maps {
            let given = vec![Given { name: None, value: Value::Sample(sample.clone()), span: *span }];
            let value = self.call(function.clone(), given, *span, *span);
            let made = self.made(value, *span);
            let fields = sample.made.clone().into_iter().chain(made).collect();
            sample = Rc::new(Sample { known: sample.known.clone(), read: sample.read.clone(), made: fields });
        }
        sample
    }

    /// What a `map` gave: a record of tensors, one an image.
    fn made(&mut self, value: Value<'p>, span: Span) -> IndexMap<String, Value<'p>> {
        let record = match value {
            Value::Record(record) => record,
            Value::Poison => return IndexMap::new(),
            other => {
                let problem = errors::wrong_kind("a record of fields", &other, span);
                self.report(problem.help("a `map` gives the fields it makes: `{ image = … }`; the others stay"));
                return IndexMap::new();
            }
        };
        let mut made = IndexMap::with_capacity(record.len());
        for (name, value) in record.iter() {
            let value = match value {
                value if value.is_poison() => Value::Poison,
                Value::List(items) => {
                    let items: Vec<Value<'p>> = items.iter().map(|item| self.one_an_image(name, item, span)).collect();
                    Value::list(items)
                }
                value => self.one_an_image(name, value, span),
            };
            made.insert(name.clone(), value);
        }
        made
    }

    fn one_an_image(&mut self, name: &str, value: &Value<'p>, span: Span) -> Value<'p> {
        let Some(id) = self.tensor(value.clone(), span) else { return Value::Poison };
        let Some(step) = self.step_at(span) else { return Value::Poison };
        let fact = step.graph.node(id).fact.clone();
        if fact.dims.first() == Some(&Dim::symbol("B")) {
            return Value::Tensor(id);
        }
        self.report(
            Diagnostic::error(Code::RankMismatch, format!("a field holds one tensor an image, `{name}` is {fact}"))
                .label(span, "made by this `map`")
                .help("keep the batch axis `B` as it is: `[B, …]`"),
        )
    }

    pub(in crate::lower) fn sample_field(&mut self, sample: &Sample<'p>, name: &Name) -> Value<'p> {
        if let Some(value) = sample.made.get(&name.text) {
            return value.clone();
        }
        let read = sample.read.borrow().get(&name.text).cloned();
        if let Some(value) = read {
            return value;
        }
        match sample.known.iter().find(|known| known.name == name.text) {
            Some(found) => {
                let value = self.field_value(found, name.span);
                sample.read.borrow_mut().insert(name.text.clone(), value.clone());
                value
            }
            None => {
                let known = sample.known.iter().map(|known| known.name.as_str());
                let names: Vec<&str> = known.chain(sample.made.keys().map(String::as_str)).collect();
                self.report(errors::unknown_field("a sample", &name.text, name.span, names))
            }
        }
    }
}
