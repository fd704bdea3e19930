//! `memory name: type = value` and `refresh name … { fields } { value }`.

use super::expressions::expressions;
use super::items::type_of;
use super::stages::moment;
use super::{Piece, Reader};
use crate::syntax::ast::{EntryKind, Expr, ExprKind, Plateau, Setting, Type, When};
use crate::syntax::grammar::Rule;

impl Reader<'_> {
    pub(super) fn memory(&self, piece: &Piece) -> Option<EntryKind> {
        let Some(parsed) = self.read(Rule::memory_piece, piece) else {
            // Its name is known, and uses of it are no second mistake.
            let (name, initial) = self.salvage(piece, 1)?;
            let ty = Type { domain: name.clone(), by: None, dims: None, span: initial.span };
            return Some(EntryKind::Memory { name, ty, initial });
        };
        let ty = type_of(&parsed.builder, parsed.part(Rule::type_)?);
        Some(EntryKind::Memory { name: parsed.first_name(), ty, initial: parsed.exprs().next()? })
    }

    pub(super) fn refresh(&self, piece: &Piece) -> Option<EntryKind> {
        let Some(parsed) = self.read(Rule::refresh_piece, piece) else {
            let (name, value) = self.salvage(piece, 1)?;
            return Some(EntryKind::Refresh { name, when: Box::default(), fields: Vec::new(), value });
        };
        let builder = &parsed.builder;
        let every = parsed.part(Rule::every_clause).and_then(|clause| expressions(clause).next());
        let plateau = parsed.part(Rule::when_clause).and_then(|clause| {
            let mut parts = clause.into_inner();
            let loss = builder.name(&parts.find(|part| part.as_rule() == Rule::name)?);
            let choices = parts.filter(|part| part.as_rule() == Rule::choice).filter_map(|choice| {
                let name = builder.name(&choice.clone().into_inner().next()?);
                Some(Setting { name, value: builder.expr(expressions(choice).next()?) })
            });
            Some(Plateau { loss, choices: choices.collect() })
        });
        let when = When {
            from: moment(&parsed, Rule::from_clause),
            every: every.map(|every| builder.expr(every)),
            until: moment(&parsed, Rule::until_clause),
            plateau,
        };
        let fields = parsed.part(Rule::names).map_or(Vec::new(), |names| builder.names(names));
        let value = parsed.part(Rule::arm).map(|arm| builder.arm(arm));
        let value = value.unwrap_or_else(|| Expr::new(ExprKind::Error, self.span(piece)));
        Some(EntryKind::Refresh { name: parsed.first_name(), when: Box::new(when), fields, value })
    }
}
