//! Params: their values after all overrides, and what was decided about each.

use super::describe::describe;
use super::value::{Scope, Value};
use super::{Lower, ParamValue, errors, units};
use crate::diag::{Code, Diagnostic};
use crate::hir::{ItemRef, ModuleId};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, ItemKind};

impl<'p> Lower<'p, '_> {
    /// Evaluates every param and `let` of the recipe, used or not: a mistake in one is found whether or not the chosen variant reads
    /// it. Of used recipes, the params that are overridden. What a stage makes is known only when the stage is: asked before the
    /// stages are lowered, this leaves out what needs one.
    pub(super) fn values(&mut self, after_stages: bool) {
        let program = self.program;
        let recipe = program.recipe();
        let is_value = |item: &ast::Item| matches!(item.kind, ItemKind::Param { .. } | ItemKind::Let(_));
        let own = program.module(recipe).tree.items.iter().enumerate().filter(|(_, item)| is_value(item));
        let mut wanted: Vec<ItemRef> = own.map(|(index, _)| (recipe, index)).collect();
        if !after_stages {
            let others = self.overrides.keys().copied().filter(|param| param.0 != recipe);
            wanted.extend(others.collect::<std::collections::BTreeSet<ItemRef>>());
        }
        for (module, index) in wanted {
            if after_stages || !self.needs_a_stage((module, index)) {
                self.global(module, index, program.item(module, index).span);
            }
        }
    }

    fn needs_a_stage(&self, item: ItemRef) -> bool {
        let program = self.program;
        let is_stage = |item: &ItemRef| matches!(program.item(item.0, item.1).kind, ItemKind::Stage(_));
        program.reads.reached(&[item], |item| self.readers(item)).iter().any(is_stage)
    }

    pub(super) fn param(
        &mut self,
        item: ItemRef,
        name: &ast::Name,
        default: &'p Expr,
        range: Option<&'p Expr>,
    ) -> Value<'p> {
        let module = item.0;
        let Some(other) = self.overrides.get(&item).copied() else {
            let value = self.expr(default, &Scope::of_module(module));
            self.within(name, &value, default.span, range, module);
            return value;
        };
        let (expr, from) = (other.value, other.seen_from);
        let mut value = self.expr(expr, &Scope::of_module(from));
        // Only to compare: a stage that the default alone would read takes no part.
        let outer = std::mem::replace(&mut self.compares, true);
        let usual = self.expr(default, &Scope::of_module(module));
        self.compares = outer;
        // A bare number takes the unit of what it replaces.
        if let (Value::Quantity(_, unit), Value::Number(number)) = (&usual, &value) {
            value = Value::Quantity(*number, *unit);
        }
        if let (Value::Quantity(_, unit), Value::Quantity(number, other)) = (&usual, &value)
            && unit != other
        {
            let diagnostic = units::mismatch(usual.kind(), *number, *other, expr.span);
            return self.report(diagnostic.label(default.span, format!("the default counts {}", unit.word())));
        }
        let same_kind = match (&usual, &value) {
            (Value::Nothing, _) | (_, Value::Nothing) => true,
            (a, b) => a.is_poison() || b.is_poison() || kind_of_param(a) == kind_of_param(b),
        };
        if !same_kind {
            return self.report(
                Diagnostic::error(
                    Code::WrongKind,
                    format!("`{}` is {}, the new value is {}", name.text, usual.kind(), value.kind()),
                )
                .label(expr.span, format!("this is {}", value.kind()))
                .label(default.span, format!("the default is {}", usual.kind()))
                .help(format!("give {}", usual.kind())),
            );
        }
        self.within(name, &value, expr.span, range, module);
        value
    }

    /// A param that states a range holds to it.
    fn within(&mut self, name: &ast::Name, value: &Value<'p>, at: Span, range: Option<&'p Expr>, module: ModuleId) {
        let Some(range_expr) = range else { return };
        let range = self.expr(range_expr, &Scope::of_module(module));
        let (range, value) = match (range, value.clone()) {
            // The bounds of `448 px in 32..1024` are pixels, too.
            (Value::Range(range), Value::Quantity(number, unit)) if range.unit.is_none_or(|known| known == unit) => {
                (Value::Range(range), Value::Number(number))
            }
            other => other,
        };
        let (Value::Range(range), Value::Number(number)) = (&range, &value) else {
            if !range.is_poison() && !value.is_poison() {
                self.report(
                    Diagnostic::error(
                        Code::WrongKind,
                        format!("the range of `{}` needs a number and a range", name.text),
                    )
                    .label(range_expr.span, format!("this is {}", range.kind()))
                    .help("write `param x = 1.0 in 0..10`"),
                );
            }
            return;
        };
        if *number < range.start || range.end.is_some_and(|end| *number > end) {
            let end = range.end.map_or(String::new(), |end| format!("{end}"));
            let allowed = format!("{}..{end}", range.start);
            self.report(
                errors::out_of_range(
                    format!("`{}` is {number}, it must be in {allowed}", name.text),
                    at,
                    "choose a value of the range",
                )
                .label(range_expr.span, "the range is stated here"),
            );
        }
    }

    /// How each param was decided, with its text, for `recipe.wsss` and the report: all of the recipe, and of used recipes those
    /// that are overridden.
    pub(super) fn param_values(&self) -> Vec<ParamValue> {
        let program = self.program;
        let mut found = Vec::new();
        for (index, module) in program.modules.iter().enumerate().filter(|(_, module)| module.own_text) {
            let id = ModuleId(index);
            for (place, item) in module.tree.items.iter().enumerate() {
                let ItemKind::Param { name, value: default, .. } = &item.kind else { continue };
                let item = (id, place);
                let (value, text_of, origin, outer) = match self.overrides.get(&item) {
                    Some(other) => {
                        let outer = other.is_outer(program.recipe());
                        (other.value, program.module(other.written_in()), other.by.to_string(), outer)
                    }
                    None if id == program.recipe() => (default, module, "default".to_string(), false),
                    None => continue,
                };
                let written = self.reader(item);
                let text = text_of.text.get(value.span.range()).unwrap_or("none").to_string();
                let known = self.globals.get(&item).and_then(Option::as_ref);
                let value = known.map_or(String::new(), |value| describe(program, value));
                let name = format!("{}{}", module.scope, name.text);
                found.push(ParamValue { name, text, value, origin, outer, item, written });
            }
        }
        found
    }
}

/// Params of one kind may stand for one another: any function for any function, any data set for any data set.
fn kind_of_param(value: &Value) -> &'static str {
    match value {
        Value::Function(_) | Value::Op(_) | Value::Builtin(_) | Value::NetDef { .. } => "a function",
        Value::Number(_) | Value::Quantity(..) | Value::Dim(_) => "a number",
        Value::Dataset(_) | Value::Samples(_) => "data",
        other => other.kind(),
    }
}
