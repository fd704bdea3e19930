//! `expect seeds.cam_iou = 0.560 +- 0.010 @ "Table 1"`: figures that a paper states, held against what comes out of a run. They change
//! nothing: no stage, no key.

use super::value::Scope;
use super::{Choices, Expectation, Lower, errors};
use crate::diag::{Code, Diagnostic, suggest};
use crate::hir::ModuleId;
use crate::syntax::ast::{self, Expect, ItemKind};

impl<'p> Lower<'p, '_> {
    /// The statements of the recipe, those of all variants among them. Asked once every stage is known.
    pub(super) fn expectations(&mut self, choices: &Choices) -> Vec<Expectation> {
        let program = self.program;
        let overridden = program.modules.iter().any(|module| module.is_override);
        let mut found = Vec::new();
        for item in &program.module(program.recipe()).tree.items {
            let (variant, expects): (Option<&ast::Name>, &[Expect]) = match &item.kind {
                ItemKind::Expect(expect) => (None, std::slice::from_ref(expect)),
                ItemKind::Variant { name, expects, .. } => (Some(name), expects),
                _ => continue,
            };
            // The recipe on its own, or that one variant and nothing else.
            let stated: Vec<&str> = variant.into_iter().map(|name| name.text.as_str()).collect();
            let applies = !overridden && choices.variants.iter().map(String::as_str).eq(stated);
            for expect in expects {
                if let Some(expectation) = self.expectation(expect, variant, applies) {
                    self.expect_once(&found, &expectation);
                    found.push(expectation);
                }
            }
        }
        found
    }

    fn expectation(&mut self, expect: &'p Expect, variant: Option<&ast::Name>, applies: bool) -> Option<Expectation> {
        let recipe = self.program.recipe();
        let metric = self.expect_metric(expect);
        let value = self.number(&expect.value, &Scope::of_module(recipe))?;
        let tolerance = match &expect.tolerance {
            Some(tolerance) => {
                let size = self.number(tolerance, &Scope::of_module(recipe))?;
                if size < 0.0 {
                    self.report(errors::out_of_range("a tolerance is 0 and up", tolerance.span, "write `+- 0.010`"));
                    return None;
                }
                Some(size)
            }
            None => None,
        };
        let (stage, name) = metric?;
        Some(Expectation {
            stage,
            name,
            value,
            tolerance,
            text: self.text_of(recipe, expect),
            citation: expect.citation.clone(),
            variant: variant.map(|name| name.text.clone()),
            applies,
            span: expect.span,
        })
    }

    /// `0.560 +- 0.010` as it is written.
    fn text_of(&self, module: ModuleId, expect: &Expect) -> String {
        let end = expect.tolerance.as_ref().unwrap_or(&expect.value).span;
        let text = self.program.module(module).text.get(expect.value.span.to(end).range());
        text.unwrap_or_default().to_string()
    }

    /// The stage and the metric; it must exist.
    fn expect_metric(&mut self, expect: &Expect) -> Option<(String, String)> {
        let path = &expect.metric;
        let (stage, metric) = path.text.rsplit_once('.').unwrap_or((&path.text, ""));
        let Some(known) = self.stages.iter().find(|known| known.result.name == stage) else {
            let family = self.stages.iter().find(|known| known.result.family.as_deref() == Some(stage));
            let names: Vec<&str> = self.stages.iter().map(|known| known.result.name.as_str()).collect();
            let help = match (family, self.program.used(self.program.recipe(), stage.split('.').next()?)) {
                (Some(first), _) => format!("it is a family: write `{}.{metric}`", first.result.name),
                (None, Some(_)) => {
                    let help = suggest::help(stage, "stages", names);
                    format!("of a used recipe, only the stages take part that this recipe reads; {help}")
                }
                (None, None) => suggest::help(stage, "stages", names),
            };
            self.report(
                Diagnostic::error(Code::UnknownStage, format!("the recipe has no stage `{stage}`"))
                    .label(path.span, "no such stage")
                    .help(help),
            );
            return None;
        };
        let figures: Vec<&str> = known.result.seen.figures.iter().map(|figure| figure.name.as_str()).collect();
        if figures.contains(&metric) {
            return Some((stage.to_string(), metric.to_string()));
        }
        // One whose value could not be worked out is reported already.
        let is_made = known.nets.contains_key(metric) || known.saves.contains_key(metric);
        if is_made || !known.written.iter().any(|name| name == metric) {
            let help = match figures.is_empty() {
                true => "it has no `metric`".to_string(),
                false => suggest::help(metric, "metrics", figures),
            };
            self.report(
                Diagnostic::error(Code::UnknownField, format!("the stage `{stage}` has no metric `{metric}`"))
                    .label(path.span, "nothing measures this")
                    .help(help),
            );
        }
        None
    }

    fn expect_once(&mut self, found: &[Expectation], next: &Expectation) {
        let same = |other: &&Expectation| {
            (&other.stage, &other.name, &other.variant) == (&next.stage, &next.name, &next.variant)
        };
        if let Some(first) = found.iter().find(same) {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("`{}.{}` is expected twice", next.stage, next.name))
                    .label(next.span, "again here")
                    .label(first.span, "first here")
                    .help("remove one of them, or move it into the variant it belongs to"),
            );
        }
    }
}
