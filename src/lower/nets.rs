//! Nets: made with their arguments, placed under a path, their members found by name, their weights listed.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::call::Given;
use super::errors;
use super::recipe::Weight;
use super::value::{Begin, Closure, Code as Body, Member, NetPath, NetTree, NetValue, Scope, TensorMember, Value};
use super::{Lower, identity, types};
use crate::diag::{Code, Diagnostic};
use crate::graph::{Kind, Role};
use crate::hir::ModuleId;
use crate::source::Span;
use crate::syntax::ast::{self, MemberKind, TensorKind};
use crate::types::{Domain, Fact, Labels};

impl<'p> NetValue<'p> {
    fn new(tree: Rc<NetTree<'p>>) -> NetValue<'p> {
        NetValue { tree, path: None, frozen: false, mode: None, marks: Vec::new(), begin: None, name: None }
    }

    /// Layers, tensors, lets and functions, for messages.
    pub(super) fn member_names(&self) -> Vec<&'p str> {
        self.tree.net.members.iter().filter_map(|member| member.name().map(|name| name.text.as_str())).collect()
    }

    /// What the net adds to the paths of its weights where it is a layer of this name.
    fn named_within<'n>(&'n self, layer: &'n str) -> &'n str {
        self.name.as_deref().unwrap_or(layer)
    }

    fn scope(&self) -> Scope<'p> {
        Scope { module: self.tree.module, locals: None, this: Some(self.clone()) }
    }
}

impl<'p> Lower<'p, '_> {
    /// Calls a constructor: arguments are bound, members evaluated in order. The net has no place yet.
    pub(super) fn make_net(
        &mut self,
        module: ModuleId,
        net: &'p ast::Net,
        given: Vec<Given<'p>>,
        span: Span,
    ) -> Value<'p> {
        let Some(bound) = self.bind(&net.name.text, &net.parameters, given, span) else { return Value::Poison };
        self.nested(span, |lower| {
            let mut scope = Scope::of_module(module);
            let mut arguments = Vec::new();
            let mut symbols = types::Symbols::new();
            for (parameter, argument) in net.parameters.iter().zip(bound) {
                let (value, at) = match argument {
                    Some(argument) => (argument.value, argument.span),
                    None => match &parameter.default {
                        Some(default) => (lower.expr(default, &scope), default.span),
                        None => (Value::Poison, span),
                    },
                };
                let value = match &parameter.ty {
                    Some(ty) => lower.expect_type(value, ty, &parameter.name, at, &mut symbols, &scope),
                    None => value,
                };
                scope.bind(&parameter.name.text, value.clone());
                arguments.push((parameter.name.text.clone(), value));
            }
            let tree = Rc::new(NetTree { module, net, arguments, members: RefCell::new(IndexMap::new()) });
            let made = NetValue::new(tree);
            for member in &net.members {
                lower.make_member(member, &made);
            }
            Value::Net(made)
        })
    }

    fn make_member(&mut self, member: &'p ast::Member, net: &NetValue<'p>) {
        let scope = net.scope();
        let (name, made) = match &member.kind {
            MemberKind::Layer { name, value } => {
                let layer = self.expr(value, &scope);
                self.expect_layer(&layer, value.span);
                (name, Member::Layer(layer))
            }
            MemberKind::Tensor { kind, name, dims, init, condition } => {
                let wanted = match condition.as_ref().map(|condition| (self.expr(condition, &scope), condition.span)) {
                    None => true,
                    Some((Value::Bool(wanted), _)) => wanted,
                    Some((Value::Poison, _)) => false,
                    Some((other, span)) => {
                        self.report(errors::wrong_kind("true or false", &other, span));
                        false
                    }
                };
                if !wanted {
                    // A second declaration of the name, under the opposite condition, may have made it already.
                    net.tree.members.borrow_mut().entry(name.text.clone()).or_insert(Member::Let(Value::Nothing));
                    return;
                }
                let Some(tensor) = self.make_tensor(*kind, dims, init, &scope, member.span) else {
                    net.tree.members.borrow_mut().insert(name.text.clone(), Member::Let(Value::Poison));
                    return;
                };
                (name, Member::Tensor(Rc::new(tensor)))
            }
            MemberKind::Let(binding) => (&binding.name, Member::Let(self.expr(&binding.value, &scope))),
            MemberKind::Fn(_) | MemberKind::Error => return,
        };
        net.tree.members.borrow_mut().insert(name.text.clone(), made);
    }

    /// A layer is a net or a (nested) list of nets; `none` leaves it out.
    fn expect_layer(&mut self, layer: &Value<'p>, span: Span) {
        match layer {
            Value::Net(_) | Value::Nothing | Value::Poison => {}
            Value::List(items) => items.iter().for_each(|item| self.expect_layer(item, span)),
            other => {
                self.report(errors::wrong_kind("a net or a list of nets", other, span));
            }
        }
    }

    fn make_tensor(
        &mut self,
        kind: TensorKind,
        dims: &'p [ast::Expr],
        init: &'p ast::Expr,
        scope: &Scope<'p>,
        span: Span,
    ) -> Option<TensorMember> {
        let mut lengths = Vec::with_capacity(dims.len());
        for dim in dims {
            let value = self.expr(dim, scope);
            match value.as_dim() {
                Some(dim) if dim.as_const().is_none_or(|length| length >= 1) => lengths.push(dim),
                Some(length) => {
                    let message = format!("a weight has lengths of at least 1, this is {length}");
                    self.report(errors::out_of_range(message, dim.span, "check the numbers of channels"));
                    return None;
                }
                None if value.is_poison() => return None,
                None => {
                    self.report(errors::wrong_kind("a whole number", &value, dim.span));
                    return None;
                }
            }
        }
        let init = match self.expr(init, scope) {
            Value::Init(init) => init,
            Value::Poison => return None,
            other => {
                self.report(
                    errors::wrong_kind("an initialiser", &other, init.span)
                        .help("for example `he_normal()`, `zeros()`, `normal(std = 0.01)`"),
                );
                return None;
            }
        };
        Some(TensorMember { kind, dims: lengths, init, span })
    }

    /// The member of a net by name: layers under the net's own path, tensors as leaves of the graph, functions with the net as
    /// their scope, arguments as they were given.
    pub(super) fn member(&mut self, net: &NetValue<'p>, name: &str, span: Span) -> Option<Value<'p>> {
        let made = net.tree.members.borrow().get(name).cloned();
        match made {
            Some(Member::Layer(layer)) => return Some(under(layer, net, name)),
            Some(Member::Tensor(tensor)) => return Some(self.leaf_of(net, name, &tensor, span)),
            Some(Member::Let(value)) => return Some(value),
            None => {}
        }
        let function = net.tree.net.members.iter().find_map(|member| match &member.kind {
            MemberKind::Fn(function) if function.name.text == name => Some(function),
            _ => None,
        });
        if let Some(function) = function {
            return Some(Value::Function(Rc::new(Closure { code: Body::Function(function), scope: net.scope() })));
        }
        net.tree.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A weight or state as a leaf of the graph at hand.
    fn leaf_of(&mut self, net: &NetValue<'p>, name: &str, tensor: &TensorMember, span: Span) -> Value<'p> {
        let Some(place) = &net.path else {
            let constructor = &net.tree.net.name.text;
            return self.report(
                Diagnostic::error(
                    Code::NotACompileTimeValue,
                    format!("this `{constructor}` belongs to no net of the stage"),
                )
                .label(span, "its weights have no name")
                .help(format!("declare it in the stage: `net x = {constructor}(…)`, then call `x`")),
            );
        };
        let place = place.join(name);
        let origin = self.origin(span);
        let learnt = self.nets_seen.get(&place.stage).and_then(|nets| nets.get(&place.net)).cloned();
        let Some(step) = self.step_at(span) else { return Value::Poison };
        let stage = identity::seen_from(&step.scope, &place.stage);
        let path = format!("{stage}.{}.{}", place.net, place.name);
        // What an earlier call of the net in this step made of a state is what the next call sees.
        let pending = step.graph.outputs.iter().find(|output| output.role == Role::Assign && output.name == path);
        if let Some(pending) = pending {
            return Value::Tensor(pending.nodes[0]);
        }
        let own = stage == step.stage;
        let frozen = net.frozen || net.is_frozen_at(name);
        let trained = own && step.training && !frozen && tensor.kind == TensorKind::Weight;
        let mut fact = Fact::new(Domain::Real, tensor.dims.clone());
        fact.trainable = trained;
        let carried = || step.carried.get(&place.net).cloned().unwrap_or_default();
        fact.labels = learnt.unwrap_or_else(|| if own { carried() } else { Labels::default() });
        let kind = match tensor.kind {
            TensorKind::Weight => Kind::Weight { path, trained },
            TensorKind::State => Kind::State(path),
        };
        Value::Tensor(step.graph.leaf(kind, fact, origin))
    }

    /// Every weight and state of a net under its place, in the order of the text, whether or not anything reads it.
    pub(super) fn weights(&self, net: &NetValue<'p>, place: &NetPath) -> Vec<Weight> {
        let mut found = Vec::new();
        collect(net, place, &mut Vec::new(), &mut found);
        found
    }
}

/// A layer belongs to the net it is a layer of, unless it came in with a place of its own (shared weights).
fn under<'p>(layer: Value<'p>, net: &NetValue<'p>, name: &str) -> Value<'p> {
    match layer {
        Value::Net(mut inner) => {
            let name = inner.named_within(name).to_owned();
            if inner.path.is_none() {
                inner.path = net.path.as_ref().map(|place| Rc::new(place.join(&name)));
            }
            inner.used_within(net, &name);
            Value::Net(inner)
        }
        Value::List(items) => {
            let placed = items.iter().enumerate().map(|(i, item)| under(item.clone(), net, &format!("{name}.{i}")));
            Value::list(placed.collect())
        }
        other => other,
    }
}

/// `begins` are those of the enclosing nets, outermost first, each with the length of the path at which its names begin.
fn collect<'p>(net: &NetValue<'p>, place: &NetPath, begins: &mut Vec<(Rc<Begin>, usize)>, found: &mut Vec<Weight>) {
    if let Some(begin) = &net.begin {
        begins.push((begin.clone(), place.name.len()));
    }
    for (name, member) in net.tree.members.borrow().iter() {
        match member {
            Member::Layer(layer) => collect_layer(layer, place, name, begins, found),
            Member::Tensor(tensor) => {
                let place = place.join(name);
                found.push(Weight {
                    init: super::begin::init(&place.name, tensor, begins),
                    stage: place.stage,
                    net: place.net,
                    name: place.name,
                    dims: tensor.dims.clone(),
                    state: tensor.kind == TensorKind::State,
                    span: tensor.span,
                });
            }
            Member::Let(_) => {}
        }
    }
    if net.begin.is_some() {
        begins.pop();
    }
}

fn collect_layer<'p>(
    layer: &Value<'p>,
    place: &NetPath,
    name: &str,
    begins: &mut Vec<(Rc<Begin>, usize)>,
    found: &mut Vec<Weight>,
) {
    match layer {
        // A net with a place of its own is listed there.
        Value::Net(inner) if inner.path.is_none() => {
            collect(inner, &place.join(inner.named_within(name)), begins, found)
        }
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                collect_layer(item, place, &format!("{name}.{i}"), begins, found);
            }
        }
        _ => {}
    }
}
