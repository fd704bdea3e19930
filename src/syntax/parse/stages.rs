//! `train name { entries }`, `infer`, `score`, and the statements of their `step` or `each`.

use pest::iterators::Pair;

use super::expressions::expressions;
use super::{Parsed, Piece, Reader};
use crate::syntax::ast::{
    BodyOf, Entry, EntryKind, Expr, ExprKind, Family, Guard, ItemKind, Moment, PathsOf, Setting, Stage, StageKind,
    Statement, StatementKind, TimeUnit,
};
use crate::syntax::grammar::Rule;
use crate::syntax::scan::TokenKind;
use crate::syntax::split::Level;

impl Reader<'_> {
    pub(super) fn stage(&self, piece: Piece, kind: StageKind) -> Option<ItemKind> {
        // The list of a family may have braces of its own.
        let body = match self.tokens.word(piece.start + 2) {
            "for" => self.last_body(&piece).or_else(|| self.body(&piece, "a stage"))?,
            _ => self.body(&piece, "a stage")?,
        };
        let header = self.read(Rule::stage_header, &(piece.start..body.open));
        let family = header.as_ref().and_then(|header| {
            let (name, source) = (header.names().into_iter().nth(1)?, header.exprs().next()?);
            Some(Family { name, source })
        });
        let unread = || self.unread_family(piece.start..body.open);
        let family = if header.is_none() { unread() } else { family };
        let name = header.map(|header| header.first_name()).or_else(|| self.name_at(piece.start + 1));
        let entry = |piece: Piece| {
            let span = self.span(&piece);
            Entry { kind: self.entry(piece).unwrap_or(EntryKind::Error), span }
        };
        let entries = self.pieces(body.contents, Level::Stage).map(entry).collect();
        Some(ItemKind::Stage(Stage { kind, name: name?, family, entries }))
    }

    /// The family of a header that could not be read: its name is known, and uses of the stage are no second mistake.
    fn unread_family(&self, header: Piece) -> Option<Family> {
        (self.tokens.word(header.start + 2) == "for" && header.len() > 3).then(|| {
            let name = self.name_at(header.start + 3)?;
            let source = Expr::new(ExprKind::Error, self.span(&(header.start + 2..header.end)));
            Some(Family { name, source })
        })?
    }

    fn entry(&self, piece: Piece) -> Option<EntryKind> {
        let word = self.tokens.word(piece.start);
        let second = (piece.len() > 1).then(|| (self.tokens.word(piece.start + 1), self.tokens.kind(piece.start + 1)));
        match (word, second) {
            (_, Some(("=", _))) => self.setting(piece).map(EntryKind::Setting),
            ("net", _) => self.named(&piece).map(|(name, value)| EntryKind::Net { name, value }),
            ("let", _) => self.binding(piece).map(EntryKind::Let),
            ("rates" | "decay" | "optimizers", _) => self.paths(piece, PathsOf::from_word(word)?),
            ("memory", _) => self.memory(&piece),
            ("refresh", _) => self.refresh(&piece),
            ("step" | "each" | "validate", _) => self.step(piece, word),
            // `batch 8`, `batch: 8`: a setting that lacks its `=`.
            (_, Some((_, Some(kind)))) if kind != TokenKind::Word => self.setting(piece).map(EntryKind::Setting),
            _ => {
                self.unknown_lead(&piece, Level::Stage);
                None
            }
        }
    }

    fn paths(&self, piece: Piece, of: PathsOf) -> Option<EntryKind> {
        let parsed = self.read(Rule::paths_piece, &piece)?;
        let rate = |pair: Pair<Rule>| {
            let path = pair.clone().into_inner().next().expect("a rate begins with its path");
            let value = expressions(pair).next().expect("a rate has a value");
            Setting { name: parsed.builder.name(&path), value: parsed.builder.expr(value) }
        };
        let rates = parsed.pair.clone().into_inner().filter(|part| part.as_rule() == Rule::rate);
        Some(EntryKind::Paths { of, entries: rates.map(rate).collect() })
    }

    /// `step { fields } { statements }`, `each { … } { … }`, `validate every 2 epochs { … } { … }`
    fn step(&self, piece: Piece, word: &str) -> Option<EntryKind> {
        let what = &format!("`{word} {{ fields }}`");
        let opens = |index: usize| self.tokens.word(index) == "{";
        let fields_end = self.tokens.find(piece.clone(), opens).map_or(piece.start + 1, |open| self.tokens.next(open));
        let body = match fields_end < piece.end {
            true => self.body(&(fields_end..piece.end), what)?,
            // Nothing follows the fields, which says itself.
            false => return self.body(&(piece.end - 1..piece.end), what).and(None),
        };
        let rule = if word == "validate" { Rule::validate_header } else { Rule::body_header };
        let header = self.read(rule, &(piece.start..body.open));
        let statement = |piece: Piece| {
            let span = self.span(&piece);
            Statement { kind: self.statement(piece).unwrap_or(StatementKind::Error), span }
        };
        let statements = self.pieces(body.contents, Level::Body).map(statement).collect();
        let header = header?;
        let fields = header.part(Rule::names).map_or(Vec::new(), |names| header.builder.names(names));
        let every = header.part(Rule::every_clause).and_then(|clause| expressions(clause).next());
        let of = match word {
            "step" => BodyOf::Step,
            "each" => BodyOf::Each,
            _ => BodyOf::Validate { every: every.map(|every| header.builder.expr(every)) },
        };
        Some(EntryKind::Body { of, fields, statements })
    }

    fn statement(&self, piece: Piece) -> Option<StatementKind> {
        match self.tokens.word(piece.start) {
            "let" => self.binding(piece).map(StatementKind::Let),
            "loss" => self.loss(&piece),
            "metric" => self.named(&piece).map(|(name, value)| StatementKind::Metric { name, value }),
            "save" => self.named(&piece).map(|(name, value)| StatementKind::Save { name, value }),
            "show" => self.show(piece),
            _ => {
                self.unknown_lead(&piece, Level::Body);
                None
            }
        }
    }

    /// `loss name = value from epoch 5 until step 900 moves [a, b]`
    fn loss(&self, piece: &Piece) -> Option<StatementKind> {
        let Some(parsed) = self.read(Rule::loss_piece, piece) else {
            let (name, value) = self.salvage(piece, 1)?;
            return Some(StatementKind::Loss { name, value, guard: Guard::default(), moves: Vec::new() });
        };
        let paths = parsed.part(Rule::moves_clause).into_iter().flat_map(Pair::into_inner);
        let paths = paths.filter(|part| part.as_rule() == Rule::path);
        Some(StatementKind::Loss {
            name: parsed.first_name(),
            value: parsed.exprs().next()?,
            guard: Guard { from: moment(&parsed, Rule::from_clause), until: moment(&parsed, Rule::until_clause) },
            moves: paths.map(|path| parsed.builder.name(&path)).collect(),
        })
    }

    /// `show name`, `show name = value`
    fn show(&self, piece: Piece) -> Option<StatementKind> {
        let Some(parsed) = self.read(Rule::show_piece, &piece) else {
            let (name, value) = self.salvage(&piece, 1)?;
            return Some(StatementKind::Show { name, value: Some(value) });
        };
        Some(StatementKind::Show { name: parsed.first_name(), value: parsed.exprs().next() })
    }
}

/// `from epoch 5`, `until step 900`
pub(super) fn moment(parsed: &Parsed, clause: Rule) -> Option<Moment> {
    let moment = parsed.part(clause)?.into_inner().find(|part| part.as_rule() == Rule::moment)?;
    let unit = match moment.clone().into_inner().next()?.as_str() {
        "epoch" => TimeUnit::Epoch,
        _ => TimeUnit::Step,
    };
    Some(Moment { unit, at: parsed.builder.expr(expressions(moment).next()?) })
}
