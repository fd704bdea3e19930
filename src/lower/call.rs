//! Calls: arguments are bound to parameters, functions are inlined, ops become nodes.

use std::sync::Arc;

use super::errors;
use super::proofs::Use;
use super::value::{Closure, Code as Body, MetricCall, NetValue, Scope, Value};
use super::{DEPTH, Lower, builtins, types};
use crate::diag::{Code, Diagnostic};
use crate::graph::{Frame, Id, Literal};
use crate::metrics::MetricDef;
use crate::ops::{self, Arity, Attr, Attrs, Input, OpDef, Param, ParamKind};
use crate::source::Span;
use crate::syntax::ast::{self, Name, Unit};
use crate::types::{Dim, Domain};

/// One argument of a call.
pub(super) struct Given<'p> {
    pub name: Option<&'p Name>,
    pub value: Value<'p>,
    pub span: Span,
}

impl<'p> Lower<'p, '_> {
    pub(super) fn call(&mut self, function: Value<'p>, given: Vec<Given<'p>>, span: Span, at: Span) -> Value<'p> {
        match function {
            Value::Poison => Value::Poison,
            Value::Function(closure) => self.call_closure(&closure, given, span),
            Value::Op(op) => self.call_op(op, given, span),
            Value::Builtin(builtin) => {
                // `max(x, axes = 1)` is the op where a tensor takes part and the number function where none does.
                let with_tensor = given.iter().any(|argument| matches!(argument.value, Value::Tensor(_)));
                match ops::find(builtin.name).filter(|op| with_tensor && !op.nature.internal) {
                    Some(op) => self.call_op(op, given, span),
                    None => builtins::call(self, builtin, given, span),
                }
            }
            Value::Metric(metric) => self.call_metric(metric, given, span),
            Value::NetDef { module, net } => self.make_net(module, net, given, span),
            Value::Net(net) => self.call_net(net, given, span, at),
            other => self.report(errors::not_callable(&other, at)),
        }
    }

    /// Runs `inside` one call deeper, with the call on the chain that nodes remember.
    pub(super) fn nested(&mut self, span: Span, inside: impl FnOnce(&mut Self) -> Value<'p>) -> Value<'p> {
        if self.depth >= DEPTH {
            return self.report(
                Diagnostic::error(Code::RecursionLimit, format!("more than {DEPTH} calls within calls"))
                    .label(span, "the last of them")
                    .help("functions are inlined and cannot call themselves without end: use `fold` over a list"),
            );
        }
        let outer = self.calls.clone();
        self.calls = Some(Arc::new(Frame { span, outer: outer.clone() }));
        self.depth += 1;
        let value = inside(self);
        self.depth -= 1;
        self.calls = outer;
        value
    }

    pub(super) fn call_closure(&mut self, closure: &Closure<'p>, given: Vec<Given<'p>>, span: Span) -> Value<'p> {
        match closure.code {
            Body::Function(function) => self.call_function(function, &closure.scope, given, span),
            Body::Lambda { parameters, body } => {
                let mut scope = closure.scope.clone();
                if given.len() != parameters.len() || given.iter().any(|argument| argument.name.is_some()) {
                    let names: Vec<&str> = parameters.iter().map(|name| name.text.as_str()).collect();
                    return self.report(
                        Diagnostic::error(
                            Code::MissingArgument,
                            format!("this function takes {} arguments, it is given {}", names.len(), given.len()),
                        )
                        .label(span, "in this call")
                        .label(body.span, "the function")
                        .help(format!("arguments in order: {}", names.join(", "))),
                    );
                }
                for (name, argument) in parameters.iter().zip(given) {
                    let words = || format!("as the argument `{}` of a function without a name", name.text);
                    let value = self.named(argument.value, name.span, &scope, &words);
                    scope.bind(&name.text, value);
                }
                self.nested(span, |lower| lower.expr(body, &scope))
            }
        }
    }

    fn call_function(
        &mut self,
        function: &'p ast::Function,
        scope: &Scope<'p>,
        given: Vec<Given<'p>>,
        span: Span,
    ) -> Value<'p> {
        let name = &function.name.text;
        let Some(bound) = self.bind(name, &function.parameters, given, span) else { return Value::Poison };
        self.nested(span, |lower| {
            let mut inner = scope.clone();
            let mut symbols = types::Symbols::new();
            for (parameter, argument) in function.parameters.iter().zip(bound) {
                let (value, at) = match argument {
                    Some(argument) => (argument.value, argument.span),
                    None => match &parameter.default {
                        Some(default) => (lower.expr(default, &inner), default.span),
                        None => (Value::Poison, span),
                    },
                };
                let value = match &parameter.ty {
                    Some(ty) => lower.expect_type(value, ty, &parameter.name, at, &mut symbols, &inner),
                    None => value,
                };
                let words = || format!("as the argument `{}` of `{name}`", parameter.name.text);
                let value = lower.named(value, parameter.name.span, &inner, &words);
                inner.bind(&parameter.name.text, value);
            }
            let value = lower.expr(&function.body, &inner);
            match &function.result {
                Some(ty) => lower.expect_type(value, ty, &function.name, function.body.span, &mut symbols, &inner),
                None => value,
            }
        })
    }

    /// Arguments by parameter; what is left to its default is `None`. A mistake is reported and gives `None` as a whole.
    pub(super) fn bind(
        &mut self,
        what: &str,
        parameters: &'p [ast::Parameter],
        given: Vec<Given<'p>>,
        span: Span,
    ) -> Option<Vec<Option<Given<'p>>>> {
        let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.text.as_str()).collect();
        let (bound, mut good) = self.distribute(what, &names, None, given);
        let bound: Vec<Option<Given<'p>>> = bound.into_iter().map(|mut slot| slot.pop()).collect();
        for (parameter, argument) in parameters.iter().zip(&bound) {
            if argument.is_none() && parameter.default.is_none() {
                self.report(errors::missing_argument(what, &parameter.name.text, "", span));
                good = false;
            }
        }
        good.then_some(bound)
    }

    /// Arguments by the parameter they are for: a name says which, the others come in order; the slot `rest` takes all that follow.
    /// Mistakes are reported, and the flag then says that there were some.
    pub(super) fn distribute(
        &mut self,
        what: &str,
        names: &[&str],
        rest: Option<usize>,
        given: Vec<Given<'p>>,
    ) -> (Vec<Vec<Given<'p>>>, bool) {
        let mut slots: Vec<Vec<Given<'p>>> = names.iter().map(|_| Vec::new()).collect();
        let mut good = true;
        let mut position = 0;
        for argument in given {
            let slot = match argument.name {
                None => {
                    let slot = position;
                    position += usize::from(rest != Some(slot));
                    Some(slot)
                }
                Some(name) => names.iter().position(|known| *known == name.text),
            };
            let mut names = names.iter().copied();
            let problem = match (slot.map(|slot| (slot, slots.get_mut(slot))), argument.name) {
                (Some((slot, Some(place))), _) if place.is_empty() || rest == Some(slot) => {
                    place.push(argument);
                    continue;
                }
                (Some((slot, Some(_))), name) => {
                    let at = name.map_or(argument.span, |name| name.span);
                    errors::duplicate_argument(what, names.nth(slot).unwrap_or_default(), at)
                }
                (None, Some(name)) => errors::unknown_argument(what, &name.text, name.span, names),
                _ => errors::too_many_arguments(what, argument.span, names),
            };
            self.report(problem);
            good = false;
        }
        (slots, good)
    }

    fn call_net(&mut self, net: NetValue<'p>, given: Vec<Given<'p>>, span: Span, at: Span) -> Value<'p> {
        match self.member(&net, "forward", at) {
            Some(Value::Function(forward)) => self.call_closure(&forward, given, span),
            _ => {
                let name = &net.tree.net.name.text;
                self.report(
                    Diagnostic::error(Code::NotCallable, format!("the net `{name}` has no function `forward`"))
                        .label(at, "called here")
                        .help(crate::diag::suggest::help("forward", "members", net.member_names())),
                )
            }
        }
    }

    /// The value as a node of the graph at hand.
    pub(super) fn tensor(&mut self, value: Value<'p>, span: Span) -> Option<Id> {
        match value {
            Value::Tensor(id) => Some(id),
            value if value.is_poison() => None,
            Value::Number(number) => {
                let origin = self.origin(span);
                let step = self.step_at(span)?;
                let domain = number_domain(number);
                Some(step.graph.constant(Literal { shape: Vec::new(), data: vec![number] }, domain, origin))
            }
            Value::Bool(value) => self.tensor(Value::Number(f64::from(u8::from(value))), span),
            Value::Dim(dim) => match self.apply_named("length", &[], Attrs::new().dims_of("of", vec![dim]), span) {
                Value::Tensor(id) => Some(id),
                _ => None,
            },
            Value::MetricCall(call) if call.metric.oracle => {
                let name = call.metric.name;
                self.report(
                    Diagnostic::error(
                        Code::OracleUsed,
                        format!("what `{name}` finds by looking at masks cannot be used"),
                    )
                    .label(span, "used here")
                    .help("a `metric` line may report it; nothing may depend on it"),
                );
                None
            }
            other => {
                self.report(
                    Diagnostic::error(Code::NotATensor, format!("expected a tensor, found {}", other.kind()))
                        .label(span, format!("this is {}", other.kind()))
                        .help(match other {
                            Value::Quantity(..) => {
                                "a tensor has no unit: divide it away, `x / 1 steps`, or write the bare number"
                            }
                            Value::List(_) => "`stack(list)` or `tensor(list)` makes a tensor of a list",
                            Value::Net(_) => "call the net: `net(image)`",
                            Value::Record(_) => "choose a field of the record",
                            Value::Submission(_) => "it is for a `save` line: `save mask = voc_submission(mask)`",
                            _ => "give a tensor or a number",
                        }),
                );
                None
            }
        }
    }

    /// The graph at hand; a tensor outside of a step is a mistake.
    pub(super) fn step_at(&mut self, span: Span) -> Option<&mut super::Step> {
        if self.step.is_none() {
            self.report(
                Diagnostic::error(Code::NotACompileTimeValue, "tensors exist only inside `step` and `each`")
                    .label(span, "a tensor is made here")
                    .help("move it into the stage, or into a function that the stage calls"),
            );
        }
        self.step.as_mut()
    }

    pub(super) fn call_op(&mut self, op: &'static OpDef, given: Vec<Given<'p>>, span: Span) -> Value<'p> {
        let Some(bound) = self.bind_op(op.name, op.inputs, op.params, given, span) else { return Value::Poison };
        self.apply(op, &bound.inputs, &bound.spans, bound.attrs, &bound.attr_spans, span)
    }

    /// Adds the node; a refusal is put under the argument that is to blame.
    pub(super) fn apply(
        &mut self,
        op: &'static OpDef,
        inputs: &[Option<Id>],
        spans: &[Span],
        mut attrs: Attrs,
        attr_spans: &[(&'static str, Span)],
        span: Span,
    ) -> Value<'p> {
        if !self.spend(4, span) {
            return Value::Poison;
        }
        let it = Use { op, inputs, spans, span };
        if !self.may_apply(&it) {
            return Value::Poison;
        }
        let origin = self.origin(span);
        let Some(step) = self.step_at(span) else { return Value::Poison };
        if op.nature.random {
            let place = crate::random::place(&format!("{}/random/{}", step.stage, step.random));
            attrs.set("place", Attr::Int(place as i64));
            step.random += 1;
        }
        match step.graph.apply(op, inputs, attrs, origin) {
            Ok(id) => Value::Tensor(self.applied(&it, id)),
            Err(error) => {
                let blamed = error.argument.and_then(|name| {
                    if let Some((_, span)) = attr_spans.iter().find(|(known, _)| *known == name) {
                        return Some((*span, None));
                    }
                    let slot = op.inputs.iter().position(|input| input.name == name)?;
                    let id = inputs.get(slot).copied().flatten()?;
                    Some((*spans.get(slot)?, Some(step.graph.node(id).fact.clone())))
                });
                let blamed = blamed.as_ref().map(|(span, fact)| (*span, fact.as_ref()));
                let diagnostic = errors::op(op.written(), op.name, error, span, blamed);
                self.report(diagnostic)
            }
        }
    }

    fn call_metric(&mut self, metric: &'static MetricDef, given: Vec<Given<'p>>, span: Span) -> Value<'p> {
        let Some(bound) = self.bind_op(metric.name, metric.inputs, metric.params, given, span) else {
            return Value::Poison;
        };
        let inputs: Vec<Id> = bound.inputs.iter().copied().flatten().collect();
        let Some(step) = self.step_at(span) else { return Value::Poison };
        let facts: Vec<&crate::types::Fact> = inputs.iter().map(|id| &step.graph.node(*id).fact).collect();
        match (metric.infer)(&facts, &bound.attrs) {
            Ok(()) => {
                let scores = facts.first().map(|fact| (*fact).clone());
                if let (Some(scores), Ok(thresholds)) = (scores, bound.attrs.get_floats("thresholds")) {
                    let at =
                        bound.attr_spans.iter().find(|(name, _)| *name == "thresholds").map_or(span, |(_, at)| *at);
                    self.warn_of_thresholds(metric.name, thresholds, &scores, at);
                }
                if !self.shows_one_view(metric.name, &bound.inputs, &bound.spans, true) {
                    return Value::Poison;
                }
                Value::MetricCall(std::rc::Rc::new(MetricCall { metric, inputs, attrs: bound.attrs }))
            }
            Err(error) => {
                let slot = error.argument.and_then(|name| metric.inputs.iter().position(|input| input.name == name));
                let blamed = slot.and_then(|slot| Some((*bound.spans.get(slot)?, facts.get(slot).copied())));
                let diagnostic = errors::op(metric.name, metric.name, error, span, blamed);
                self.report(diagnostic)
            }
        }
    }

    /// Positional arguments fill the inputs, then the params, in the order they are declared.
    fn bind_op(
        &mut self,
        what: &'static str,
        inputs: &'static [Input],
        params: &'static [Param],
        given: Vec<Given<'p>>,
        span: Span,
    ) -> Option<BoundOp> {
        let shown: Vec<&'static Param> = params.iter().filter(|param| param.name != "place").collect();
        let names: Vec<&'static str> =
            inputs.iter().map(|input| input.name).chain(shown.iter().map(|param| param.name)).collect();
        let (bound, mut good) = self.distribute(what, &names, None, given);
        let mut result = BoundOp { inputs: Vec::new(), spans: Vec::new(), attrs: Attrs::new(), attr_spans: Vec::new() };
        let mut bound = bound.into_iter().map(|mut slot| slot.pop());
        for input in inputs {
            let argument = bound.next().flatten();
            good &= self.bind_input(what, input, argument, span, &mut result);
        }
        for param in shown {
            match bound.next().flatten() {
                Some(Given { value: Value::Nothing, .. }) if param.default == ops::Default::Absent => {}
                Some(argument) => match self.attr(what, param, argument.value, argument.span) {
                    Some(attr) => {
                        result.attrs.set(param.name, attr);
                        result.attr_spans.push((param.name, argument.span));
                    }
                    None => good = false,
                },
                None if param.default == ops::Default::Required => {
                    self.report(errors::missing_argument(what, param.name, param.doc, span));
                    good = false;
                }
                None => {}
            }
        }
        good.then_some(result)
    }

    fn bind_input(
        &mut self,
        what: &str,
        input: &Input,
        argument: Option<Given<'p>>,
        span: Span,
        result: &mut BoundOp,
    ) -> bool {
        let push = |result: &mut BoundOp, id: Option<Id>, span: Span| {
            result.inputs.push(id);
            result.spans.push(span);
        };
        match (input.arity, argument) {
            (Arity::Optional, None) | (Arity::Optional, Some(Given { value: Value::Nothing, .. })) => {
                push(result, None, span);
                true
            }
            (Arity::One | Arity::Optional, Some(argument)) => match self.tensor(argument.value, argument.span) {
                Some(id) => {
                    push(result, Some(id), argument.span);
                    true
                }
                None => false,
            },
            (Arity::Many, Some(argument)) => {
                let Some(items) = self.elements(argument.value, argument.span) else { return false };
                if items.is_empty() {
                    self.report(errors::missing_argument(what, input.name, "the list is empty", argument.span));
                    return false;
                }
                for item in items.iter() {
                    match self.tensor(item.clone(), argument.span) {
                        Some(id) => push(result, Some(id), argument.span),
                        None => return false,
                    }
                }
                true
            }
            (_, None) => {
                self.report(errors::missing_argument(what, input.name, input.doc, span));
                false
            }
        }
    }

    /// A compile-time argument as the op wants it.
    fn attr(&mut self, what: &str, param: &'static Param, value: Value<'p>, span: Span) -> Option<Attr> {
        if value.is_poison() {
            return None;
        }
        let whole = |value: &Value<'p>| match value {
            Value::Number(number) if number.fract() == 0.0 => Some(*number as i64),
            _ => None,
        };
        let value = if param.name == "size" { self.counting(value, Unit::Pixels, span) } else { value };
        let attr = match (param.kind, &value) {
            (ParamKind::Int, value) => whole(value).map(Attr::Int),
            (ParamKind::Float, Value::Number(number)) => Some(Attr::Float(*number)),
            (ParamKind::Bool, Value::Bool(value)) => Some(Attr::Bool(*value)),
            (ParamKind::Word(words) | ParamKind::PairOr(words), Value::Text(text)) => {
                if !words.contains(&&**text) {
                    let help = crate::diag::suggest::help(text, "choices", words.iter().copied());
                    self.report(errors::out_of_range(
                        format!("`{what}`: `{}` cannot be \"{text}\"", param.name),
                        span,
                        help,
                    ));
                    return None;
                }
                Some(Attr::Word(text.to_string()))
            }
            (ParamKind::Pair | ParamKind::PairOr(_), Value::List(items)) if items.len() == 2 => {
                items.iter().map(whole).collect::<Option<Vec<i64>>>().map(Attr::Ints)
            }
            (ParamKind::Pair | ParamKind::PairOr(_), value) => {
                whole(value).map(|number| Attr::Ints(vec![number, number]))
            }
            (ParamKind::Axes, Value::List(items)) => {
                items.iter().map(whole).collect::<Option<Vec<i64>>>().map(Attr::Ints)
            }
            (ParamKind::Axes, value) => whole(value).map(|number| Attr::Ints(vec![number])),
            (ParamKind::Dim, value) => value.as_dim().map(|dim| Attr::Dims(vec![dim])),
            (ParamKind::Dims, Value::List(items)) => {
                items.iter().map(Value::as_dim).collect::<Option<Vec<Dim>>>().map(Attr::Dims)
            }
            (ParamKind::Floats, Value::List(_) | Value::Range(_)) => {
                let items = self.elements(value.clone(), span)?;
                let numbers = items.iter().map(|item| match item {
                    Value::Number(number) => Some(*number),
                    _ => None,
                });
                numbers.collect::<Option<Vec<f64>>>().map(Attr::Floats)
            }
            (ParamKind::Floats, Value::Number(number)) => Some(Attr::Floats(vec![*number])),
            _ => None,
        };
        if attr.is_none() {
            let expected = expected(param.kind);
            let diagnostic = match value {
                Value::Tensor(_) => errors::not_compile_time(&format!("`{}`", param.name), span),
                Value::Number(_) => {
                    errors::out_of_range(format!("`{what}`: `{}` must be {expected}", param.name), span, param.doc)
                }
                other => errors::wrong_kind(expected, &other, span).help(format!("`{}`: {}", param.name, param.doc)),
            };
            self.report(diagnostic);
        }
        attr
    }
}

struct BoundOp {
    inputs: Vec<Option<Id>>,
    spans: Vec<Span>,
    attrs: Attrs,
    attr_spans: Vec<(&'static str, Span)>,
}

fn expected(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Int => "a whole number",
        ParamKind::Float => "a number",
        ParamKind::Bool => "true or false",
        ParamKind::Word(_) => "a text",
        ParamKind::Pair => "a whole number or a list of two",
        ParamKind::PairOr(_) => "a whole number, a list of two or a word",
        ParamKind::Axes => "an axis or a list of axes",
        ParamKind::Dim => "a length",
        ParamKind::Dims => "a list of lengths",
        ParamKind::Floats => "a list of numbers",
    }
}

/// The narrowest domain of a number that stands for a tensor.
fn number_domain(number: f64) -> Domain {
    if number == 0.0 || number == 1.0 {
        Domain::Binary
    } else if (0.0..=1.0).contains(&number) {
        Domain::Unit
    } else if number > 0.0 {
        Domain::NonNegative
    } else {
        Domain::Real
    }
}
