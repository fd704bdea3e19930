//! The type of a memory: what may be declared, and whether a refresh gives it.

use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::Id;
use crate::lower::data::{self, OWN, holds};
use crate::lower::value::{Samples, Scope, Value};
use crate::lower::{Lower, errors};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, Name, Type};
use crate::types::{Dim, Domain, Fact, Norm};

impl<'p> Lower<'p, '_> {
    /// A memory's type, of pictures that nothing moves, and what stands in it at first.
    pub(super) fn declared(
        &mut self,
        name: &'p Name,
        ty: &'p Type,
        initial: &'p Expr,
        samples: &Samples<'p>,
        scope: &Scope<'p>,
    ) -> Option<(Fact, f64)> {
        let taken = OWN.contains(&name.text.as_str())
            || samples.joins.iter().any(|join| join.field == name.text)
            || samples.folders.iter().any(|(field, _)| *field == name.text)
            || samples.memories.iter().any(|memory| memory.field == name.text);
        if taken {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("the pictures have a field `{}` already", name.text))
                    .label(name.span, "again here")
                    .help("choose another name for the memory"),
            );
            return None;
        }
        if matches!(initial.kind, ast::ExprKind::Error) {
            return None;
        }
        let classes = Dim::symbol(&samples.dataset.classes);
        let with_background = classes.clone() + Dim::constant(1);
        let Some(domain) =
            Domain::from_word(&ty.domain.text, &with_background).filter(|domain| *domain != Domain::Loss)
        else {
            let known = Domain::WORDS.iter().copied().filter(|word| *word != "loss");
            self.report(
                Diagnostic::error(Code::UnknownName, format!("`{}` is no type of a memory", ty.domain.text))
                    .label(ty.domain.span, "not known")
                    .help(suggest::help(&ty.domain.text, "types", known)),
            );
            return None;
        };
        let mut lengths = scope.clone();
        for (symbol, dim) in [("H", Dim::symbol("H")), ("W", Dim::symbol("W")), ("K", classes)] {
            lengths.bind(symbol, Value::dim(dim));
        }
        let mut dims = vec![Dim::symbol("B")];
        for dim in ty.dims.iter().flatten() {
            let value = self.expr(dim, &lengths);
            match value.as_dim() {
                Some(dim) => dims.push(dim),
                None if value.is_poison() => return None,
                None => {
                    self.report(errors::wrong_kind("a length", &value, dim.span).help("for example `K + 1` or `H`"));
                    return None;
                }
            }
        }
        let of_picture = |dim: &Dim| matches!(dim.as_symbol(), Some("H" | "W"));
        let is_map = dims.len() >= 3 && dims.ends_with(&[Dim::symbol("H"), Dim::symbol("W")]);
        let channels = &dims[1..if is_map { dims.len() - 2 } else { dims.len() }];
        let fits = channels.len() <= 1
            && !channels.iter().any(of_picture)
            && (is_map || channels.len() == 1)
            && (!domain.is_index() || (is_map && channels.is_empty()));
        let fact = Fact::new(domain, dims);
        if !fits {
            let help = match fact.domain.is_index() {
                true => "class numbers are `[H, W]`",
                false => {
                    "write `[H, W]` or `[K, H, W]`, as large as the picture, or numbers of the whole picture: `[K]`"
                }
            };
            self.report(
                Diagnostic::error(Code::RankMismatch, "a memory keeps one map an image, without the batch axis")
                    .label(ty.span, format!("of a batch this is {fact}"))
                    .help(help),
            );
            return None;
        }
        let norm = ty.by.as_ref().and_then(|by| Norm::from_word(&by.text));
        if !self.expect_norm(&fact.domain, &fact, name, ty, ty.span) {
            return None;
        }
        let fact = Fact { norm, ..fact };
        let number = self.number(initial, scope)?;
        if !holds(&fact.domain, number) {
            let message = format!("`{}` cannot begin with {number}: it is `{}`", name.text, fact.domain.word());
            self.report(errors::out_of_range(message, initial.span, data::allowed(&fact.domain)));
            return None;
        }
        Some((fact, number))
    }

    /// Whether a refresh gives what its memory keeps.
    pub(super) fn keeps_type(&mut self, id: Id, declared: &Fact, name: &Name, ty: &Type, at: Span) -> bool {
        let Some(step) = &self.step else { return false };
        let fact = step.graph.node(id).fact.clone();
        let refuse = |code: Code, help: &str| {
            Diagnostic::error(code, format!("the memory `{}` keeps {declared}, its refresh gives {fact}", name.text))
                .label(at, format!("this is {fact}"))
                .help(help)
        };
        let problem = match (&declared.domain, &fact.domain) {
            (Domain::Index { classes: a, ignore: kept }, Domain::Index { classes: b, ignore: given }) => {
                if a != b {
                    let help = "class numbers begin with the background: `argmax(with_background(map, 0.3), axis = 1)`";
                    Some(refuse(Code::ClassAxisMismatch, help))
                } else if *given && !kept {
                    Some(refuse(Code::DomainMismatch, "declare it `index_or_ignore`"))
                } else {
                    None
                }
            }
            (kept, _) if !fact.fits(kept) => {
                let help = format!("declare it `{}`, or give what it keeps", fact.domain.word());
                Some(refuse(Code::DomainMismatch, &help))
            }
            _ => None,
        };
        let problem = problem.or_else(|| {
            let help = "a refresh gives one map an image, as large as its picture: `resize_like(image)`";
            match (fact.rank() == declared.rank(), fact.dims == declared.dims) {
                (false, _) => Some(refuse(Code::RankMismatch, help)),
                (_, false) => Some(refuse(Code::DimensionMismatch, help)),
                _ => None,
            }
        });
        match problem {
            Some(problem) => {
                self.report(problem);
                false
            }
            None => self.expect_norm(&declared.domain, &fact, name, ty, at),
        }
    }
}
