//! `net name(parameters) { members }`.

use super::expressions::expressions;
use super::items::parameters;
use super::{Piece, Reader};
use crate::syntax::ast::{ItemKind, Let, Member, MemberKind, Net, TensorKind};
use crate::syntax::grammar::Rule;
use crate::syntax::split::Level;

impl Reader<'_> {
    pub(super) fn net(&self, piece: Piece) -> Option<ItemKind> {
        let body = self.body(&piece, "a net");
        let header = body.as_ref().and_then(|body| self.read(Rule::net_header, &(piece.start..body.open)));
        let (Some(body), Some(header)) = (body, header) else {
            // Without the parameters the members can not be judged; the name is bound all the same.
            let (name, value) = self.salvage(&piece, 1)?;
            return Some(ItemKind::Let(Let { name, value, span: self.span(&piece) }));
        };
        let parameters = header.part(Rule::parameters).map_or(Vec::new(), |pair| parameters(&header.builder, pair));
        let mut members = Vec::new();
        let mut previous_end = self.token_span(body.open).end;
        for piece in self.pieces(body.contents, Level::Net) {
            let (doc, span) = (self.doc(previous_end, &piece), self.span(&piece));
            previous_end = span.end;
            members.push(Member { doc, kind: self.member(piece).unwrap_or(MemberKind::Error), span });
        }
        Some(ItemKind::Net(Net { name: header.first_name(), parameters, members }))
    }

    fn member(&self, piece: Piece) -> Option<MemberKind> {
        match self.tokens.word(piece.start) {
            "layer" => self.named(&piece).map(|(name, value)| MemberKind::Layer { name, value }),
            "weight" => self.tensor(piece, TensorKind::Weight),
            "state" => self.tensor(piece, TensorKind::State),
            "let" => self.binding(piece).map(MemberKind::Let),
            "fn" => Some(match self.function(piece)? {
                Ok(function) => MemberKind::Fn(function),
                Err(unreadable) => MemberKind::Let(unreadable),
            }),
            _ => {
                self.unknown_lead(&piece, Level::Net);
                None
            }
        }
    }

    /// `weight name: [dims] = init when condition`
    fn tensor(&self, piece: Piece, kind: TensorKind) -> Option<MemberKind> {
        let Some(parsed) = self.read(Rule::tensor_piece, &piece) else {
            let (name, value) = self.salvage(&piece, 1)?;
            return Some(MemberKind::Let(Let { name, value, span: self.span(&piece) }));
        };
        let dims = expressions(parsed.part(Rule::dims)?).map(|dim| parsed.builder.expr(dim)).collect();
        let mut values = parsed.exprs();
        Some(MemberKind::Tensor {
            kind,
            name: parsed.first_name(),
            dims,
            init: values.next()?,
            condition: values.next(),
        })
    }
}
