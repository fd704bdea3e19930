//! Settings of a stage: which there are, each at most once, and what is missing.

use std::rc::Rc;

use super::Entries;
use crate::diag::{Code, Diagnostic, suggest};
use crate::lower::value::{Samples, Scope, Value};
use crate::lower::{Lower, errors, units};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind, Setting};

/// The settings a stage may have.
fn known_settings(kind: ast::StageKind) -> &'static [&'static str] {
    match kind {
        ast::StageKind::Train => &[
            "data",
            "validation",
            "batch",
            "epochs",
            "steps",
            "optimizer",
            "accumulate",
            "clip",
            "ema",
            "checkpoint",
            "shared_norm",
        ],
        ast::StageKind::Infer | ast::StageKind::Score => &["data"],
    }
}

impl<'p> Lower<'p, '_> {
    pub(super) fn setting(
        &mut self,
        setting: &'p Setting,
        stage: &ast::Stage,
        entries: &mut Entries<'p>,
        scope: &Scope<'p>,
    ) {
        let name = &setting.name;
        let known = known_settings(stage.kind);
        if name.text == "checkpoint" && stage.kind == ast::StageKind::Train {
            return self.keep_setting(setting, entries, scope);
        }
        let value = self.expr(&setting.value, scope);
        let value = match units::of_setting(&name.text) {
            Some(unit) => self.counting(value, unit, setting.value.span),
            None => value,
        };
        if !known.contains(&name.text.as_str()) {
            let stage = match stage.kind {
                ast::StageKind::Train => "a `train`",
                ast::StageKind::Infer => "an `infer`",
                ast::StageKind::Score => "a `score`",
            };
            self.report(
                Diagnostic::error(Code::UnknownSetting, format!("{stage} stage has no setting `{}`", name.text))
                    .label(name.span, "not a setting")
                    .help(suggest::help(&name.text, "settings", known.iter().copied())),
            );
            return;
        }
        if entries.settings.insert(name.text.clone(), (value, setting.value.span)).is_some() {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("`{}` is set twice", name.text))
                    .label(name.span, "set again here")
                    .help("remove one of them"),
            );
        }
    }

    pub(super) fn samples_quietly(&self, entries: &Entries<'p>) -> Option<Rc<Samples<'p>>> {
        match entries.settings.get("data") {
            Some((Value::Samples(samples), _)) => Some(samples.clone()),
            _ => None,
        }
    }

    pub(super) fn samples(&mut self, stage: &ast::Stage, entries: &Entries<'p>) -> Option<Rc<Samples<'p>>> {
        match entries.settings.get("data") {
            Some((Value::Samples(samples), _)) => Some(samples.clone()),
            Some((Value::Poison, _)) => None,
            Some((other, span)) => {
                let diagnostic = errors::wrong_kind("the pictures of a data set", other, *span);
                self.report(diagnostic);
                None
            }
            None => {
                self.missing_setting(stage, "data", "for example `data = dataset.train |> standardize()`");
                None
            }
        }
    }

    /// Whether a part of the stage could not be read: what seems to be missing may be there.
    pub(super) fn is_cut(&self, stage: &ast::Stage) -> bool {
        let unread = stage.entries.iter().any(|entry| matches!(entry.kind, EntryKind::Error));
        let module = self.open_stages.last().map_or(self.program.recipe(), |(module, _)| *module);
        let items = &self.program.module(module).tree.items;
        let item =
            items.iter().find(|item| matches!(&item.kind, ast::ItemKind::Stage(known) if std::ptr::eq(known, stage)));
        let within = |span: Span| {
            item.is_some_and(|item| {
                item.span.source == span.source && item.span.range().contains(&(span.start as usize))
            })
        };
        let syntax = self.problems.iter().filter(|problem| problem.code == Code::Syntax);
        let open = syntax.flat_map(|problem| &problem.labels).any(|label| within(label.span));
        unread || open
    }

    pub(super) fn missing_setting(&mut self, stage: &ast::Stage, name: &str, help: &str) {
        if self.is_cut(stage) {
            return;
        }
        self.report(
            Diagnostic::error(
                Code::MissingSetting,
                format!("the stage `{}` does not say its `{name}`", stage.name.text),
            )
            .label(stage.name.span, format!("has no `{name}`"))
            .help(help),
        );
    }
}
