//! Expressions. Numbers, lists, functions and nets are computed here and now; tensors become nodes of the step graph.

use std::rc::Rc;

use indexmap::IndexMap;

use super::errors;
use super::operators::Operation;
use super::value::{Closure, Code as Body, Range, Scope, Value};
use super::{Lower, data};
use crate::diag::{Code, Diagnostic};
use crate::graph::Clock;
use crate::hir::{Definition, ModuleId, builtins};
use crate::metrics;
use crate::ops;
use crate::source::Span;
use crate::syntax::ast::{Argument, Expr, ExprKind, Name, Setting, Unit};

/// A list made by a range is no longer than this.
const LONGEST: f64 = 100_000.0;

impl<'p> Lower<'p, '_> {
    pub(super) fn expr(&mut self, expr: &'p Expr, scope: &Scope<'p>) -> Value<'p> {
        let value = self.value_of(expr, scope);
        self.traced(value, expr, scope)
    }

    fn value_of(&mut self, expr: &'p Expr, scope: &Scope<'p>) -> Value<'p> {
        if !self.spend(1, expr.span) {
            return Value::Poison;
        }
        match &expr.kind {
            ExprKind::Number { value, .. } => Value::Number(*value),
            ExprKind::Quantity { value, unit, .. } => Value::Quantity(*value, *unit),
            ExprKind::Str(text) => Value::text(text.as_str()),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Nothing => Value::Nothing,
            ExprKind::Error => Value::Poison,
            ExprKind::Name(name) => self.name(name, expr.span, scope),
            ExprKind::List(items) => Value::list(items.iter().map(|item| self.expr(item, scope)).collect()),
            ExprKind::Record(fields) => self.record(fields, scope),
            ExprKind::Range { start, end, step } => self.range(start, end.as_deref(), step.as_deref(), scope),
            ExprKind::Comprehension { body, name, source, condition } => {
                self.comprehension(body, name, source, condition.as_deref(), scope)
            }
            ExprKind::If { condition, then, otherwise } => match self.condition(condition, scope) {
                Some(true) => self.expr(then, scope),
                Some(false) => self.expr(otherwise, scope),
                None => Value::Poison,
            },
            ExprKind::Lambda { parameters, body } => {
                let code = Body::Lambda { parameters, body };
                Value::Function(Rc::new(Closure { code, scope: scope.clone() }))
            }
            ExprKind::Block { lets, value } => {
                let mut inner = scope.clone();
                for binding in lets {
                    let name = &binding.name;
                    let bound = self.expr(&binding.value, &inner);
                    let bound = self.named(bound, name.span, scope, &|| format!("as `{}`", name.text));
                    inner.bind(&binding.name.text, bound);
                }
                self.expr(value, &inner)
            }
            ExprKind::Call { callee, arguments } => self.call_expr(callee, None, arguments, expr.span, scope),
            ExprKind::Pipe { value, into } => {
                let piped = (self.expr(value, scope), value.span);
                match &into.kind {
                    ExprKind::Call { callee, arguments } => {
                        self.call_expr(callee, Some(piped), arguments, expr.span, scope)
                    }
                    _ => self.call_expr(into, Some(piped), &[], expr.span, scope),
                }
            }
            ExprKind::Field { base, name } => {
                let base_value = self.expr(base, scope);
                self.field(base_value, name, base.span)
            }
            ExprKind::Index { base, index } => self.index(base, index, scope),
            ExprKind::Unary { operator, value } => {
                let operand = self.expr(value, scope);
                self.unary(*operator, operand, value.span, expr.span)
            }
            ExprKind::Binary { operator, left, right } => {
                let a = self.expr(left, scope);
                // `and` and `or` look at the right side only where it matters.
                if let Some(decided) = super::operators::short_cut(*operator, &a) {
                    return Value::Bool(decided);
                }
                let b = self.expr(right, scope);
                let at = [left.span, right.span];
                self.binary(&Operation { operator: *operator, left: a, right: b, at, span: expr.span })
            }
            ExprKind::With { base, fields } => {
                let base_value = self.expr(base, scope);
                let fields = fields.iter().map(|field| (&field.name, self.expr(&field.value, scope), field.value.span));
                let fields = fields.collect();
                data::join(self, base_value, base.span, fields)
            }
            ExprKind::Cited { value, .. } => self.expr(value, scope),
        }
    }

    fn condition(&mut self, condition: &'p Expr, scope: &Scope<'p>) -> Option<bool> {
        match self.expr(condition, scope) {
            Value::Bool(value) => Some(value),
            Value::Poison => None,
            Value::Tensor(_) => {
                self.report(errors::not_compile_time("a condition", condition.span));
                None
            }
            other => {
                self.report(errors::wrong_kind("true or false", &other, condition.span));
                None
            }
        }
    }

    /// What a name means: locals, the net's members and arguments, the module, then the words of the language.
    fn name(&mut self, name: &str, span: Span, scope: &Scope<'p>) -> Value<'p> {
        if let Some(value) = scope.local(name) {
            return value.clone();
        }
        if let Some(this) = &scope.this
            && let Some(value) = self.member(this, name, span)
        {
            return value;
        }
        if let Some(definition) = self.program.module(scope.module).names.get(name) {
            return self.definition(definition, span);
        }
        // Names were resolved: only in a `step` does such a word stand for the time.
        if let Some(clock) = Clock::from_word(name) {
            return self.clock(clock, span).map_or(Value::Poison, Value::Tensor);
        }
        self.word(name, scope)
    }

    fn definition(&mut self, definition: &Definition, span: Span) -> Value<'p> {
        match definition {
            Definition::Item { module, index } => self.global(*module, *index, span),
            Definition::Module { modules, .. } if modules.is_empty() => Value::Poison,
            Definition::Module { modules, .. } => Value::Module(Rc::new(modules.clone())),
        }
    }

    fn word(&self, name: &str, scope: &Scope<'p>) -> Value<'p> {
        // The number of "not known" among class numbers.
        if name == "ignore" {
            return Value::Number(f64::from(crate::data::IGNORE));
        }
        if name == "training" {
            let stage = self.step.as_ref().is_some_and(|step| step.training);
            return Value::Bool(scope.this.as_ref().map_or(stage, |net| net.is_training(stage)));
        }
        // A builtin that shares its name with an op (`max`) decides by its arguments which is meant.
        match (builtins::find(name), ops::find(name), metrics::find(name)) {
            (Some(builtin), _, _) => Value::Builtin(builtin),
            (None, Some(op), _) if !op.nature.internal => Value::Op(op),
            (None, _, Some(metric)) => Value::Metric(metric),
            // Unknown names were reported when names were resolved.
            _ => Value::Poison,
        }
    }

    fn record(&mut self, fields: &'p [Setting], scope: &Scope<'p>) -> Value<'p> {
        let mut record: IndexMap<String, Value<'p>> = IndexMap::new();
        for field in fields {
            let value = self.expr(&field.value, scope);
            if record.insert(field.name.text.clone(), value).is_some() {
                self.report(
                    Diagnostic::error(Code::DuplicateName, format!("the record has two fields `{}`", field.name.text))
                        .label(field.name.span, "again here")
                        .help("rename one of them"),
                );
            }
        }
        Value::Record(Rc::new(record))
    }

    fn range(
        &mut self,
        start: &'p Expr,
        end: Option<&'p Expr>,
        step: Option<&'p Expr>,
        scope: &Scope<'p>,
    ) -> Value<'p> {
        let Some((first, unit)) = self.measured(start, scope) else { return Value::Poison };
        let mut units = vec![(unit, start.span)];
        let mut rest = [None, None];
        for (slot, part) in rest.iter_mut().zip([end, step]) {
            if let Some(part) = part {
                let Some((number, unit)) = self.measured(part, scope) else { return Value::Poison };
                *slot = Some(number);
                units.push((unit, part.span));
            }
        }
        // `448..768 px`: the unit of one end is that of the range.
        let Ok(unit) = self.one_unit(&units) else { return Value::Poison };
        let [end_value, step_value] = rest;
        if let (Some(by), Some(expr)) = (step_value, step)
            && by <= 0.0
        {
            return self.report(errors::out_of_range(
                "the step of a range is above zero",
                expr.span,
                "write `by 0.01`",
            ));
        }
        Value::Range(Range { start: first, end: end_value, step: step_value, unit })
    }

    /// A number that is known now, with its unit if it has one.
    fn measured(&mut self, expr: &'p Expr, scope: &Scope<'p>) -> Option<(f64, Option<Unit>)> {
        match self.expr(expr, scope) {
            Value::Quantity(number, unit) => Some((number, Some(unit))),
            value => Some((self.as_number(value, expr.span)?, None)),
        }
    }

    /// A number that is known now.
    pub(super) fn number(&mut self, expr: &'p Expr, scope: &Scope<'p>) -> Option<f64> {
        let value = self.expr(expr, scope);
        self.as_number(value, expr.span)
    }

    fn as_number(&mut self, value: Value<'p>, span: Span) -> Option<f64> {
        match value {
            Value::Number(number) => Some(number),
            Value::Poison => None,
            Value::Tensor(_) | Value::Dim(_) => {
                self.report(errors::not_compile_time("this number", span));
                None
            }
            other => {
                self.report(errors::wrong_kind("a number", &other, span));
                None
            }
        }
    }

    /// The elements of a list or of a finite range.
    pub(super) fn elements(&mut self, value: Value<'p>, span: Span) -> Option<Rc<Vec<Value<'p>>>> {
        match value {
            Value::List(items) => Some(items),
            Value::Range(range) => {
                let Some(end) = range.end else {
                    self.report(errors::out_of_range("this range has no end", span, "write `a..b`"));
                    return None;
                };
                let step = range.step.unwrap_or(1.0);
                // A hair above the end still belongs: 0.05 + 55 * 0.01 is not exactly 0.6.
                let count = ((end - range.start) / step + 1e-9).floor() + 1.0;
                if count > LONGEST {
                    self.report(
                        Diagnostic::error(Code::BudgetExhausted, format!("this range has {count} elements"))
                            .label(span, format!("a list has at most {LONGEST}"))
                            .help("loops are unrolled into the graph: make the range shorter"),
                    );
                    return None;
                }
                let number = |number| match range.unit {
                    Some(unit) => Value::Quantity(number, unit),
                    None => Value::Number(number),
                };
                let numbers = (0..count.max(0.0) as usize).map(|i| number(tidy(range.start + i as f64 * step)));
                Some(Rc::new(numbers.collect()))
            }
            Value::Poison => None,
            other => {
                self.report(errors::wrong_kind("a list", &other, span));
                None
            }
        }
    }

    fn comprehension(
        &mut self,
        body: &'p Expr,
        name: &'p Name,
        source: &'p Expr,
        condition: Option<&'p Expr>,
        scope: &Scope<'p>,
    ) -> Value<'p> {
        let value = self.expr(source, scope);
        let Some(items) = self.elements(value, source.span) else { return Value::Poison };
        let mut result = Vec::new();
        for item in items.iter() {
            if !self.spend(1, body.span) {
                return Value::Poison;
            }
            let mut inner = scope.clone();
            let item = self.named(item.clone(), name.span, scope, &|| format!("as `{}` of a loop", name.text));
            inner.bind(&name.text, item);
            match condition.map(|condition| self.condition(condition, &inner)) {
                Some(None) => return Value::Poison,
                Some(Some(false)) => {}
                _ => result.push(self.expr(body, &inner)),
            }
        }
        Value::list(result)
    }

    fn index(&mut self, base: &'p Expr, index: &'p Expr, scope: &Scope<'p>) -> Value<'p> {
        let value = self.expr(base, scope);
        if value.is_poison() {
            return Value::Poison;
        }
        if let Value::Tensor(_) = value {
            return self.report(
                Diagnostic::error(Code::WrongKind, "a tensor is not indexed with brackets")
                    .label(index.span, "an index into a tensor")
                    .help("use `slice(x, axis, start, length)`, `pick(x, classes)` or `gather`"),
            );
        }
        let Some(items) = self.elements(value, base.span) else { return Value::Poison };
        let Some(position) = self.number(index, scope) else { return Value::Poison };
        let count = items.len() as f64;
        let place = if position < 0.0 { position + count } else { position };
        if place.fract() != 0.0 || place < 0.0 || place >= count {
            let help =
                if items.is_empty() { "the list is empty".into() } else { format!("indices: 0..{}", items.len() - 1) };
            return self.report(errors::out_of_range(
                format!("the list has {} elements, there is no [{position}]", items.len()),
                index.span,
                help,
            ));
        }
        items[place as usize].clone()
    }

    pub(super) fn field(&mut self, base: Value<'p>, name: &'p Name, base_span: Span) -> Value<'p> {
        if let Some(number) = self.figure_field(&base, name) {
            return number;
        }
        match base {
            Value::Poison => Value::Poison,
            Value::Record(fields) => match fields.get(&name.text) {
                Some(value) => value.clone(),
                None => {
                    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                    self.report(errors::unknown_field("this record", &name.text, name.span, known))
                }
            },
            Value::Net(net) => match self.member(&net, &name.text, name.span) {
                Some(value) => value,
                None => {
                    let known = net.member_names();
                    let of = format!("the net `{}`", net.tree.net.name.text);
                    self.report(
                        Diagnostic::error(Code::UnknownLayer, format!("{of} has no `{}`", name.text))
                            .label(name.span, "not a layer or function of it")
                            .help(crate::diag::suggest::help(&name.text, "members", known)),
                    )
                }
            },
            Value::Dataset(dataset) => data::dataset_field(self, &dataset, name),
            Value::Sample(sample) => self.sample_field(&sample, name),
            Value::Stage(position) => self.stage_field(position, name),
            Value::List(items) if matches!(items.first(), Some(Value::Stage(_))) => self.field_of_family(&items, name),
            Value::Module(modules) => self.module_field(&modules, name),
            Value::Tensor(_) => self.report(
                Diagnostic::error(Code::UnknownField, format!("a tensor has no `{}`", name.text))
                    .label(name.span, "tensors have no fields")
                    .help("`size(x, axis)` is the length of an axis; ops are called: `f(x)` or `x |> f`"),
            ),
            other => self.report(
                errors::wrong_kind("something with fields", &other, base_span)
                    .help("records, nets, data sets, stages and modules have fields"),
            ),
        }
    }

    fn module_field(&mut self, modules: &[ModuleId], name: &Name) -> Value<'p> {
        for module in modules {
            if let Some(&index) = self.program.module(*module).own().get(name.text.as_str()) {
                return self.global(*module, index, name.span);
            }
            if let Some(used) = self.program.used(*module, &name.text) {
                return Value::Module(Rc::new(vec![used]));
            }
        }
        let program = self.program;
        let known: Vec<&str> = modules.iter().flat_map(|module| program.module(*module).own().into_keys()).collect();
        self.report(errors::unknown_field("this module", &name.text, name.span, known))
    }

    fn call_expr(
        &mut self,
        callee: &'p Expr,
        piped: Option<(Value<'p>, Span)>,
        arguments: &'p [Argument],
        span: Span,
        scope: &Scope<'p>,
    ) -> Value<'p> {
        let function = self.expr(callee, scope);
        let mut given: Vec<super::call::Given<'p>> = Vec::with_capacity(arguments.len() + 1);
        if let Some((value, span)) = piped {
            given.push(super::call::Given { name: None, value, span });
        }
        for argument in arguments {
            let value = self.expr(&argument.value, scope);
            given.push(super::call::Given { name: argument.name.as_ref(), value, span: argument.value.span });
        }
        self.call(function, given, span, callee.span)
    }
}

/// Steps of a decimal range, without the dust of binary fractions: 0.05 + 2 * 0.01 is 0.07.
fn tidy(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}
