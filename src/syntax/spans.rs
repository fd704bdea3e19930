//! Trees without their places: two texts mean the same where their trees are equal once the spans are taken away.

use super::ast::*;
use crate::source::Span;

/// The same tree with every span at 0 of the first source.
pub fn strip_spans(mut file: File) -> File {
    file.items.strip();
    file
}

/// What has spans inside.
trait Strip {
    fn strip(&mut self);
}

/// Strips the named fields of a struct, or of the pattern's bindings.
macro_rules! strip {
    ($($part:expr),* $(,)?) => {{ $($part.strip();)* }};
}

impl<T: Strip> Strip for Vec<T> {
    fn strip(&mut self) {
        self.iter_mut().for_each(T::strip);
    }
}

impl<T: Strip> Strip for Option<T> {
    fn strip(&mut self) {
        self.iter_mut().for_each(T::strip);
    }
}

impl<T: Strip> Strip for Box<T> {
    fn strip(&mut self) {
        self.as_mut().strip();
    }
}

impl Strip for Span {
    fn strip(&mut self) {
        *self = Span::default();
    }
}

impl Strip for Name {
    fn strip(&mut self) {
        self.span.strip();
    }
}

impl Strip for Item {
    fn strip(&mut self) {
        self.span.strip();
        match &mut self.kind {
            ItemKind::Supervision { level, extras } => strip!(level, extras),
            ItemKind::Use { module, names } => strip!(module, names),
            ItemKind::UseFile { path: _, path_span, alias, variants, overrides } => {
                strip!(path_span, alias, variants, overrides);
            }
            ItemKind::Param { name, value, range } => strip!(name, value, range),
            ItemKind::Variant { name, citation: _, overrides, expects } => strip!(name, overrides, expects),
            ItemKind::Expect(expect) => expect.strip(),
            ItemKind::Let(binding) => binding.strip(),
            ItemKind::Fn(function) => function.strip(),
            ItemKind::Net(Net { name, parameters, members }) => strip!(name, parameters, members),
            ItemKind::Stage(Stage { kind: _, name, family, entries }) => strip!(name, family, entries),
        }
    }
}

impl Strip for Family {
    fn strip(&mut self) {
        strip!(self.name, self.source);
    }
}

impl Strip for Expect {
    fn strip(&mut self) {
        strip!(self.metric, self.value, self.tolerance, self.span);
    }
}

impl Strip for Setting {
    fn strip(&mut self) {
        strip!(self.name, self.value);
    }
}

impl Strip for Let {
    fn strip(&mut self) {
        strip!(self.name, self.value, self.span);
    }
}

impl Strip for Function {
    fn strip(&mut self) {
        strip!(self.name, self.parameters, self.result, self.body, self.span);
    }
}

impl Strip for Parameter {
    fn strip(&mut self) {
        strip!(self.name, self.ty, self.default);
    }
}

impl Strip for Type {
    fn strip(&mut self) {
        strip!(self.domain, self.by, self.dims, self.span);
    }
}

impl Strip for Member {
    fn strip(&mut self) {
        self.span.strip();
        match &mut self.kind {
            MemberKind::Layer { name, value } => strip!(name, value),
            MemberKind::Tensor { kind: _, name, dims, init, condition } => strip!(name, dims, init, condition),
            MemberKind::Let(binding) => binding.strip(),
            MemberKind::Fn(function) => function.strip(),
            MemberKind::Error => {}
        }
    }
}

impl Strip for Entry {
    fn strip(&mut self) {
        self.span.strip();
        match &mut self.kind {
            EntryKind::Setting(setting) => setting.strip(),
            EntryKind::Net { name, value } => strip!(name, value),
            EntryKind::Paths { of: _, entries } => entries.strip(),
            EntryKind::Memory { name, ty, initial } => strip!(name, ty, initial),
            EntryKind::Refresh { name, when, fields, value } => {
                let When { from, every, until, plateau } = when.as_mut();
                strip!(name, from, every, until, fields, value);
                if let Some(Plateau { loss, choices }) = plateau {
                    strip!(loss, choices);
                }
            }
            EntryKind::Let(binding) => binding.strip(),
            EntryKind::Body { of, fields, statements } => {
                if let BodyOf::Validate { every } = of {
                    every.strip();
                }
                strip!(fields, statements);
            }
            EntryKind::Error => {}
        }
    }
}

impl Strip for Statement {
    fn strip(&mut self) {
        self.span.strip();
        match &mut self.kind {
            StatementKind::Let(binding) => binding.strip(),
            StatementKind::Loss { name, value, guard, moves } => strip!(name, value, guard.from, guard.until, moves),
            StatementKind::Metric { name, value } | StatementKind::Save { name, value } => strip!(name, value),
            StatementKind::Show { name, value } => strip!(name, value),
            StatementKind::Error => {}
        }
    }
}

impl Strip for Moment {
    fn strip(&mut self) {
        self.at.strip();
    }
}

impl Strip for Argument {
    fn strip(&mut self) {
        strip!(self.name, self.value);
    }
}

impl Strip for Expr {
    fn strip(&mut self) {
        self.span.strip();
        match &mut self.kind {
            ExprKind::Number { .. } | ExprKind::Quantity { .. } | ExprKind::Str(_) | ExprKind::Bool(_) => {}
            ExprKind::Nothing | ExprKind::Name(_) | ExprKind::Error => {}
            ExprKind::List(parts) => parts.strip(),
            ExprKind::Record(fields) => fields.strip(),
            ExprKind::Range { start, end, step } => strip!(start, end, step),
            ExprKind::Comprehension { body, name, source, condition } => strip!(body, name, source, condition),
            ExprKind::If { condition, then, otherwise } => strip!(condition, then, otherwise),
            ExprKind::Lambda { parameters, body } => strip!(parameters, body),
            ExprKind::Block { lets, value } => strip!(lets, value),
            ExprKind::Call { callee, arguments } => strip!(callee, arguments),
            ExprKind::Pipe { value, into } => strip!(value, into),
            ExprKind::Field { base, name } => strip!(base, name),
            ExprKind::Index { base, index } => strip!(base, index),
            ExprKind::Unary { operator: _, value } => value.strip(),
            ExprKind::Binary { operator: _, left, right } => strip!(left, right),
            ExprKind::With { base, fields } => strip!(base, fields),
            ExprKind::Cited { value, citation: _, citation_span } => strip!(value, citation_span),
        }
    }
}
