//! Items, and what stands in a file, in nets and in stages alike: bindings and functions.

use pest::iterators::Pair;

use super::expressions::{Builder, expressions};
use super::{Piece, Reader};
use crate::syntax::ast::{
    Expect, Expr, ExprKind, Function, Item, ItemKind, Let, Name, Parameter, Setting, StageKind, Type,
};
use crate::syntax::errors;
use crate::syntax::grammar::Rule;
use crate::syntax::scan::{Fault, TokenKind, is_name};
use crate::syntax::split::Level;

impl Reader<'_> {
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut previous_end = 0;
        for piece in self.pieces(0..self.scan.tokens.len(), Level::File) {
            let (doc, span) = (self.doc(previous_end, &piece), self.span(&piece));
            previous_end = span.end;
            items.extend(self.item(piece).map(|kind| Item { doc, kind, span }));
        }
        items
    }

    /// `None` where nothing could be read, not even a name.
    fn item(&self, piece: Piece) -> Option<ItemKind> {
        match self.tokens.word(piece.start) {
            "supervision" => self.supervision(piece),
            "use" => self.use_item(piece),
            "param" => self.param(piece),
            "variant" => self.variant(piece),
            "expect" => self.expect(piece).map(ItemKind::Expect),
            "let" => self.binding(piece).map(ItemKind::Let),
            "fn" => Some(match self.function(piece)? {
                Ok(function) => ItemKind::Fn(function),
                Err(unreadable) => ItemKind::Let(unreadable),
            }),
            "net" => self.net(piece),
            "train" => self.stage(piece, StageKind::Train),
            "infer" => self.stage(piece, StageKind::Infer),
            "score" => self.stage(piece, StageKind::Score),
            _ => {
                self.unknown_lead(&piece, Level::File);
                None
            }
        }
    }

    fn supervision(&self, piece: Piece) -> Option<ItemKind> {
        let parsed = self.read(Rule::supervision_item, &piece)?;
        let mut names = parsed.names().into_iter();
        let level = match parsed.part(Rule::no_labels) {
            Some(none) => Name::new("none", parsed.builder.span(&none)),
            None => names.next()?,
        };
        Some(ItemKind::Supervision { level, extras: names.collect() })
    }

    fn use_item(&self, piece: Piece) -> Option<ItemKind> {
        if let Some(module) = self.quoted_module(&piece) {
            let names = piece.skip(2).filter_map(|index| self.name_at(index));
            return Some(ItemKind::Use { module, names: names.collect() });
        }
        if self.tokens.kind(piece.start + 1) == Some(TokenKind::Text) {
            return self.use_file(piece);
        }
        let Some(parsed) = self.read(Rule::use_item, &piece) else {
            // Every name in it may be used below.
            let mut names = piece.skip(1).filter_map(|index| self.name_at(index));
            return Some(ItemKind::Use { module: names.next()?, names: names.collect() });
        };
        let names = parsed.part(Rule::names).map_or(Vec::new(), |names| parsed.builder.names(names));
        Some(ItemKind::Use { module: parsed.first_name(), names })
    }

    /// The name between quotes where a module stands without them, which is reported; one in single quotes already is.
    fn quoted_module(&self, piece: &Piece) -> Option<Name> {
        let place = piece.start + 1;
        let word = self.tokens.word(place);
        let name = ['"', '\''].iter().find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote))?;
        if !is_name(name) || self.tokens.word(place + 1) == "as" {
            return None;
        }
        let span = self.token_span(place);
        if self.tokens.kind(place) == Some(TokenKind::Text) {
            self.problem(errors::fault(self.source, &Fault::quoted_module(span.range(), name)));
        }
        Some(Name::new(name, span))
    }

    /// `use "other.wsss" as base with quick { crop = 96 }`
    fn use_file(&self, piece: Piece) -> Option<ItemKind> {
        let has_body = self.tokens.find(piece.clone(), |index| self.tokens.word(index) == "{").is_some();
        let body = if has_body { self.body(&piece, "the list of what is overridden") } else { None };
        let header = piece.start..body.as_ref().map_or(piece.end, |body| body.open);
        let parsed = self.read(Rule::use_file_item, &header);
        let overrides = body.map_or(Vec::new(), |body| self.overrides(body.contents));
        let parsed = parsed?;
        let path = parsed.part(Rule::string)?;
        let (path, path_span) = (parsed.builder.text(&path), parsed.builder.span(&path));
        let mut names = parsed.names().into_iter();
        Some(ItemKind::UseFile { path, path_span, alias: names.next()?, variants: names.collect(), overrides })
    }

    fn param(&self, piece: Piece) -> Option<ItemKind> {
        let Some(parsed) = self.read(Rule::param_item, &piece) else {
            let (name, value) = self.salvage(&piece, 1)?;
            return Some(ItemKind::Param { name, value, range: None });
        };
        let mut values = parsed.exprs();
        Some(ItemKind::Param { name: parsed.first_name(), value: values.next()?, range: values.next() })
    }

    fn variant(&self, piece: Piece) -> Option<ItemKind> {
        let body = self.body(&piece, "a variant")?;
        let header = self.read(Rule::variant_header, &(piece.start..body.open));
        let (mut overrides, mut expects) = (Vec::new(), Vec::new());
        for piece in self.pieces(body.contents, Level::Variant) {
            // A param may be called `expect`, too.
            match self.tokens.word(piece.start) == "expect" && self.tokens.word(piece.start + 1) != "=" {
                true => expects.extend(self.expect(piece)),
                false => overrides.extend(self.override_(piece)),
            }
        }
        let header = header?;
        let citation = header.part(Rule::citation).map(|citation| header.builder.citation(citation).0);
        Some(ItemKind::Variant { name: header.first_name(), citation, overrides, expects })
    }

    /// `expect seeds.cam_iou = 0.560 +- 0.010 @ "Table 1"`
    fn expect(&self, piece: Piece) -> Option<Expect> {
        let parsed = self.read(Rule::expect_item, &piece)?;
        let metric = parsed.builder.name(&parsed.part(Rule::measured)?);
        let figures = parsed.pair.clone().into_inner().filter(|part| part.as_rule() == Rule::figure);
        let mut figures: Vec<Expr> = figures.map(|pair| parsed.builder.figure(pair)).collect();
        // What is cited is the statement, not its last number.
        let mut citation = None;
        if let Some(last) = figures.pop() {
            figures.push(match last.kind {
                ExprKind::Cited { value, citation: text, .. } => {
                    citation = Some(text);
                    *value
                }
                kind => Expr::new(kind, last.span),
            });
        }
        let mut figures = figures.into_iter();
        let (value, tolerance) = (figures.next()?, figures.next());
        Some(Expect { metric, value, tolerance, citation, span: self.span(&piece) })
    }

    /// What a variant or a `use` line gives params: `name = value`, the name a path.
    pub(super) fn overrides(&self, contents: Piece) -> Vec<Setting> {
        self.pieces(contents, Level::Variant).filter_map(|piece| self.override_(piece)).collect()
    }

    pub(super) fn override_(&self, piece: Piece) -> Option<Setting> {
        self.binding_of(Rule::override_piece, piece)
    }

    /// `name = value`
    pub(super) fn setting(&self, piece: Piece) -> Option<Setting> {
        self.binding_of(Rule::setting_piece, piece)
    }

    /// A name or a path, `=` and a value.
    fn binding_of(&self, rule: Rule, piece: Piece) -> Option<Setting> {
        if self.name_at(piece.start).is_none() {
            self.unknown_lead(&piece, Level::Variant);
            return None;
        }
        let (name, value) = match self.read(rule, &piece) {
            Some(parsed) => {
                let name = parsed.part(Rule::path).or_else(|| parsed.part(Rule::name))?;
                (parsed.builder.name(&name), parsed.exprs().next()?)
            }
            None => self.salvage(&piece, 0)?,
        };
        Some(Setting { name, value })
    }

    /// A function, or the binding of its name where it could not be read.
    pub(super) fn function(&self, piece: Piece) -> Option<Result<Function, Let>> {
        let span = self.span(&piece);
        let Some(parsed) = self.read(Rule::function_piece, &piece) else {
            let (name, value) = self.salvage(&piece, 1)?;
            return Some(Err(Let { name, value, span }));
        };
        let parameters = parsed.part(Rule::parameters).map_or(Vec::new(), |pair| parameters(&parsed.builder, pair));
        let result =
            parsed.part(Rule::result).and_then(|pair| pair.into_inner().find(|part| part.as_rule() == Rule::type_));
        let result = result.map(|pair| type_of(&parsed.builder, pair));
        Some(Ok(Function { name: parsed.first_name(), parameters, result, body: parsed.exprs().next()?, span }))
    }
}

/// `parameters`
pub(super) fn parameters(builder: &Builder, pair: Pair<Rule>) -> Vec<Parameter> {
    let parameters = pair.into_inner().filter(|part| part.as_rule() == Rule::parameter);
    parameters.map(|pair| parameter(builder, pair)).collect()
}

/// `parameter`
fn parameter(builder: &Builder, pair: Pair<Rule>) -> Parameter {
    let mut parts = pair.into_inner();
    let name = builder.name(&parts.next().expect("a parameter begins with its name"));
    let (mut ty, mut default) = (None, None);
    for part in parts {
        match part.as_rule() {
            Rule::type_ => ty = Some(type_of(builder, part)),
            Rule::expr => default = Some(builder.expr(part)),
            _ => {}
        }
    }
    Parameter { name, ty, default }
}

/// `type_`
pub(super) fn type_of(builder: &Builder, pair: Pair<Rule>) -> Type {
    let mut parts = pair.into_inner();
    let domain = builder.name(&parts.next().expect("a type begins with its domain"));
    let mut span = domain.span;
    let (mut by, mut dims) = (None, None);
    for part in parts {
        span = span.to(builder.span(&part));
        match part.as_rule() {
            Rule::name => by = Some(builder.name(&part)),
            Rule::dims => dims = Some(expressions(part).map(|dim| builder.expr(dim)).collect()),
            _ => {}
        }
    }
    Type { domain, by, dims, span }
}
