//! Items, members, entries and statements: each a [`Row`] of the body around it.

use super::Printer;
use super::comments::Between;
use super::expressions::quoted;
use super::layout::Doc;
use super::sequences::{Brackets, Lines, Row, Separator};
use crate::source::Span;
use crate::syntax::ast::*;

fn place(span: Span) -> (u32, u32) {
    (span.start, span.end)
}

/// Bodies keep the empty lines they have.
fn never_parted(_: &Row, _: &Row) -> bool {
    false
}

/// Items of different kinds are parted, and so are items with bodies.
fn items_parted(before: &Row, after: &Row) -> bool {
    let takes_lines =
        |row: &Row| row.class == "fn" && row.tail.as_ref().is_some_and(|tail| tail.flat_width().is_none());
    before.class != after.class || before.class == "body" || takes_lines(before) || takes_lines(after)
}

fn binding(word: &'static str, name: &Name, value: Doc) -> Row {
    Row::new(word, format!("{word} {}", name.text)).value(value)
}

impl Printer<'_> {
    pub(super) fn file(&mut self, file: &File) -> Doc {
        let mut lines = self.rows(
            &file.items,
            u32::MAX,
            |item| place(item.span),
            items_parted,
            |printer, item| {
                let row = printer.item(item);
                Row { doc: printer.doc(&item.doc), ..row }
            },
        );
        if !self.comments.hold_docs() {
            lines.put_first(Between::doc("//!", &file.doc));
        }
        lines.into_file()
    }

    /// The lines of a doc, unless they come as comments.
    fn doc(&self, lines: &[String]) -> Between {
        if self.comments.hold_docs() { Between::default() } else { Between::doc("///", lines) }
    }

    fn item(&mut self, item: &Item) -> Row {
        let end = item.span.end;
        match &item.kind {
            ItemKind::Supervision { level, extras } => {
                let names: Vec<&str> = [level].into_iter().chain(extras).map(|name| name.text.as_str()).collect();
                Row::new("supervision", format!("supervision {}", names.join(" + ")))
            }
            ItemKind::Use { module, names } => {
                let row = Row::new("use", format!("use {}", module.text));
                match names.is_empty() {
                    true => row,
                    false => row.tail(Doc::concat(vec![Doc::text(" "), self.names(names, end)])),
                }
            }
            ItemKind::UseFile { path, alias, variants, overrides, .. } => {
                let mut head = format!("use {} as {}", quoted(path), alias.text);
                if !variants.is_empty() {
                    let names: Vec<&str> = variants.iter().map(|name| name.text.as_str()).collect();
                    head += &format!(" with {}", names.join(", "));
                }
                match overrides.is_empty() {
                    true => Row::new("use", head),
                    false => Row::new("body", head + " ").tail(self.settings(overrides, end)),
                }
            }
            ItemKind::Param { name, value, range } => {
                let mut value = vec![self.expr(value)];
                if let Some(range) = range {
                    value.extend([Doc::text(" in "), self.expr(range)]);
                }
                binding("param", name, Doc::concat(value))
            }
            ItemKind::Expect(expect) => self.expect(expect),
            ItemKind::Variant { name, citation, overrides, expects } => {
                let body = self.variant(overrides, expects, end);
                let citation = citation.as_ref().map(|citation| format!("@ {} ", quoted(citation))).unwrap_or_default();
                Row::new("body", format!("variant {} {citation}", name.text)).tail(body)
            }
            ItemKind::Let(binding) => self.binding(binding),
            ItemKind::Fn(function) => self.function(function),
            ItemKind::Net(net) => {
                let head =
                    Doc::concat(vec![Doc::text(format!("net {}", net.name.text)), self.parameters(&net.parameters)]);
                let body = self.body(
                    &net.members,
                    end,
                    |member| place(member.span),
                    |printer, member| {
                        let row = printer.member(member);
                        Row { doc: printer.doc(&member.doc), ..row }
                    },
                );
                Row { head, ..Row::new("body", "") }.tail(Doc::concat(vec![Doc::text(" "), body]))
            }
            ItemKind::Stage(stage) => {
                let word = match stage.kind {
                    StageKind::Train => "train",
                    StageKind::Infer => "infer",
                    StageKind::Score => "score",
                };
                let mut head = vec![Doc::text(format!("{word} {} ", stage.name.text))];
                if let Some(family) = &stage.family {
                    head.push(Doc::text(format!("for {} in ", family.name.text)));
                    head.extend([self.expr(&family.source), Doc::text(" ")]);
                }
                let body = self.body(&stage.entries, end, |entry| place(entry.span), Self::entry);
                Row { head: Doc::concat(head), ..Row::new("body", "") }.tail(body)
            }
        }
    }

    /// `{ … }` with a row for each part.
    fn body<T>(
        &mut self,
        parts: &[T],
        end: u32,
        place: impl Fn(&T) -> (u32, u32),
        row: impl FnMut(&mut Self, &T) -> Row,
    ) -> Doc {
        self.depth += 1;
        let lines: Lines = self.rows(parts, end, place, never_parted, row);
        self.depth -= 1;
        lines.into_braces()
    }

    /// `{ a, b }`
    pub(super) fn names(&mut self, names: &[Name], end: u32) -> Doc {
        self.bracketed(Brackets::curly(end), names, |name| name.span.start, |_, name| Doc::text(&name.text))
    }

    fn settings(&mut self, settings: &[Setting], end: u32) -> Doc {
        let place = |setting: &Setting| (setting.name.span.start, setting.value.span.end);
        self.body(settings, end, place, Self::setting)
    }

    /// What a variant says, in the order of the text.
    fn variant(&mut self, overrides: &[Setting], expects: &[Expect], end: u32) -> Doc {
        enum Part<'t> {
            Setting(&'t Setting),
            Expect(&'t Expect),
        }
        let place = |part: &Part| match part {
            Part::Setting(setting) => (setting.name.span.start, setting.value.span.end),
            Part::Expect(expect) => place(expect.span),
        };
        let mut parts: Vec<Part> =
            overrides.iter().map(Part::Setting).chain(expects.iter().map(Part::Expect)).collect();
        parts.sort_by_key(|part| place(part).0);
        self.body(&parts, end, place, |printer, part| match part {
            Part::Setting(setting) => printer.setting(setting),
            Part::Expect(expect) => printer.expect(expect),
        })
    }

    fn expect(&mut self, expect: &Expect) -> Row {
        let mut value = vec![self.figure(&expect.value)];
        if let Some(tolerance) = &expect.tolerance {
            value.extend([Doc::text(" +- "), self.figure(tolerance)]);
        }
        if let Some(citation) = &expect.citation {
            value.push(Doc::text(format!(" @ {}", quoted(citation))));
        }
        binding("expect", &expect.metric, Doc::concat(value))
    }

    fn setting(&mut self, setting: &Setting) -> Row {
        Row::new("setting", &setting.name.text).value(self.expr(&setting.value))
    }

    fn binding(&mut self, let_: &Let) -> Row {
        binding("let", &let_.name, self.expr(&let_.value))
    }

    fn function(&mut self, function: &Function) -> Row {
        let mut head = vec![Doc::text(format!("fn {}", function.name.text)), self.parameters(&function.parameters)];
        if let Some(result) = &function.result {
            head.extend([Doc::text(": "), self.type_of(result)]);
        }
        Row { head: Doc::concat(head), ..Row::new("fn", "") }.hanging_value(self.expr(&function.body))
    }

    fn parameters(&mut self, parameters: &[Parameter]) -> Doc {
        self.bracketed(
            Brackets::round(0),
            parameters,
            |parameter| parameter.name.span.start,
            |printer, parameter| {
                let mut parts = vec![Doc::text(&parameter.name.text)];
                if let Some(ty) = &parameter.ty {
                    parts.extend([Doc::text(": "), printer.type_of(ty)]);
                }
                if let Some(default) = &parameter.default {
                    parts.extend([Doc::text(" = "), printer.expr(default)]);
                }
                Doc::concat(parts)
            },
        )
    }

    pub(super) fn type_of(&mut self, ty: &Type) -> Doc {
        let domain = match &ty.by {
            Some(by) => Doc::text(format!("{} by {}", ty.domain.text, by.text)),
            None => Doc::text(&ty.domain.text),
        };
        match &ty.dims {
            Some(dims) => Doc::concat(vec![domain, self.dims(dims, ty.span.end)]),
            None => domain,
        }
    }

    /// `[B, K, H/8]`
    fn dims(&mut self, dims: &[Expr], end: u32) -> Doc {
        self.bracketed(Brackets::square(end), dims, |dim| dim.span.start, |printer, dim| printer.dim(dim))
    }

    fn member(&mut self, member: &Member) -> Row {
        match &member.kind {
            MemberKind::Layer { name, value } => binding("layer", name, self.expr(value)),
            MemberKind::Tensor { kind, name, dims, init, condition } => {
                let word = if *kind == TensorKind::Weight { "weight" } else { "state" };
                let head = Doc::concat(vec![Doc::text(format!("{word} {}: ", name.text)), self.dims(dims, 0)]);
                let mut value = vec![self.expr(init)];
                if let Some(condition) = condition {
                    value.extend([Doc::text(" when "), self.expr(condition)]);
                }
                Row { head, ..Row::new("tensor", "") }.value(Doc::concat(value))
            }
            MemberKind::Let(binding) => self.binding(binding),
            MemberKind::Fn(function) => self.function(function),
            MemberKind::Error => Row::new("error", "<unreadable>"),
        }
    }

    fn entry(&mut self, entry: &Entry) -> Row {
        let end = entry.span.end;
        match &entry.kind {
            EntryKind::Setting(setting) => self.setting(setting),
            EntryKind::Net { name, value } => binding("net", name, self.expr(value)),
            EntryKind::Paths { of, entries } => Row { head: self.paths(*of, entries, end), ..Row::new("rates", "") },
            EntryKind::Memory { name, ty, initial } => self.memory(name, ty, initial),
            EntryKind::Refresh { name, when, fields, value } => self.refresh(name, when, fields, value),
            EntryKind::Let(binding) => self.binding(binding),
            EntryKind::Body { of, fields, statements } => {
                let mut head = vec![Doc::text(of.word()), Doc::text(" ")];
                if let BodyOf::Validate { every: Some(every) } = of {
                    head.extend([Doc::text("every "), self.before_word(every), Doc::text(" ")]);
                }
                head.push(self.names(fields, 0));
                let head = Doc::concat(head);
                let body = self.body(statements, end, |statement| place(statement.span), Self::statement);
                Row { head, ..Row::new("body", "") }.tail(Doc::concat(vec![Doc::text(" "), body]))
            }
            EntryKind::Error => Row::new("error", "<unreadable>"),
        }
    }

    /// `rates { oc.head = 10 }`; on several lines the `=` stand below each other.
    fn paths(&mut self, of: PathsOf, rates: &[Setting], end: u32) -> Doc {
        let widest = rates.iter().map(|rate| rate.name.text.len()).max().unwrap_or(0);
        let brackets = Brackets { separator: Separator::CommaOnOneLine, ..Brackets::curly(end) };
        let rates = self.bracketed(
            brackets,
            rates,
            |rate| rate.name.span.start,
            |printer, rate| {
                let pad = Doc::choice(" ".repeat(widest - rate.name.text.len()), "");
                Doc::concat(vec![Doc::text(&rate.name.text), pad, Doc::text(" = "), printer.expr(&rate.value)])
            },
        );
        Doc::concat(vec![Doc::text(format!("{} ", of.word())), rates])
    }

    /// `value from epoch 5 until step 900 moves [a, b]`
    fn loss(&mut self, value: &Expr, guard: &Guard, moves: &[Name], end: u32) -> Doc {
        let moments = [("from", &guard.from), ("until", &guard.until)];
        let moments: Vec<_> = moments.into_iter().filter_map(|(word, at)| Some((word, at.as_ref()?))).collect();
        let mut parts = vec![match moments.is_empty() && moves.is_empty() {
            true => self.expr(value),
            false => self.before_word(value),
        }];
        for (position, (word, moment)) in moments.iter().enumerate() {
            let unit = match moment.unit {
                TimeUnit::Epoch => "epoch",
                TimeUnit::Step => "step",
            };
            let last = position + 1 == moments.len() && moves.is_empty();
            let at = if last { self.expr(&moment.at) } else { self.before_word(&moment.at) };
            parts.extend([Doc::text(format!(" {word} {unit} ")), at]);
        }
        match moves {
            [] => {}
            [one] => parts.push(Doc::text(format!(" moves {}", one.text))),
            several => {
                let path = |_: &mut Self, path: &Name| Doc::text(&path.text);
                let list = self.bracketed(Brackets::square(end), several, |path| path.span.start, path);
                parts.extend([Doc::text(" moves "), list]);
            }
        }
        Doc::concat(parts)
    }

    fn statement(&mut self, statement: &Statement) -> Row {
        match &statement.kind {
            StatementKind::Let(binding) => self.binding(binding),
            StatementKind::Loss { name, value, guard, moves } => {
                binding("loss", name, self.loss(value, guard, moves, statement.span.end))
            }
            StatementKind::Metric { name, value } => binding("metric", name, self.expr(value)),
            StatementKind::Save { name, value } => binding("save", name, self.expr(value)),
            StatementKind::Show { name, value: Some(value) } => binding("show", name, self.expr(value)),
            StatementKind::Show { name, value: None } => Row::new("show", format!("show {}", name.text)),
            StatementKind::Error => Row::new("error", "<unreadable>"),
        }
    }
}
