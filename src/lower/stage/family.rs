//! Families: `train x for arch in [a, b] { … }` is a stage for each element, named `x[0]`, `x[1]`, ….
//!
//! Inside of the body, `x` is the list of the members before: a round of training may begin where the last one ended.

use crate::diag::{Code, Diagnostic};
use crate::hir::ItemRef;
use crate::lower::value::{Scope, Value};
use crate::lower::{Lower, Stages};
use crate::syntax::ast;

impl<'p> Lower<'p, '_> {
    pub(super) fn family(&mut self, item: ItemRef, stage: &'p ast::Stage, family: &'p ast::Family, scope: Scope<'p>) {
        let source = self.expr(&family.source, &scope);
        let Some(elements) = self.elements(source, family.source.span) else {
            self.stage_of_item.insert(item, Stages::Unknown);
            return;
        };
        self.stage_of_item.insert(item, Stages::Family(Vec::new()));
        if elements.is_empty() {
            self.report(
                Diagnostic::error(Code::OutOfRange, format!("the family `{}` has no stages", stage.name.text))
                    .label(family.source.span, "the list is empty")
                    .help("give a list of at least one element"),
            );
        }
        for (position, element) in elements.iter().enumerate() {
            if !self.spend(1, family.source.span) {
                return;
            }
            let mut scope = scope.clone();
            scope.bind(&family.name.text, element.clone());
            let name = format!("{}[{position}]", stage.name.text);
            let Some(place) = self.one_stage(stage, name, scope) else { return };
            if let Some(Stages::Family(members)) = self.stage_of_item.get_mut(&item) {
                members.push(place);
            }
        }
    }

    /// A field of a family, which is a list: `x.net` for `x[0].net`.
    pub(in crate::lower) fn field_of_family(&mut self, members: &[Value<'p>], name: &ast::Name) -> Value<'p> {
        let family = match members.first() {
            Some(Value::Stage(first)) => self.stages[*first].result.called(),
            _ => "x",
        };
        let help = match members.len() {
            1 => format!("write `{family}[0].{}`", name.text),
            count => format!(
                "write `{family}[0].{0}` … `{family}[{1}].{0}`, or `[s.{0} for s in {family}]`",
                name.text,
                count - 1
            ),
        };
        let message = format!("`{family}` is a family of {} stages, not one", members.len());
        let diagnostic = Diagnostic::error(Code::WrongKind, message).label(name.span, "of which one?").help(help);
        self.report(diagnostic)
    }
}
