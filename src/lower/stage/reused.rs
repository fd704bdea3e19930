//! A stage as a value: those of the recipe itself stand above the reader, those of a used recipe are lowered when they are first read.

use super::super::value::Value;
use super::super::{Lower, Stages};
use crate::diag::{Code, Diagnostic};
use crate::hir::ItemRef;
use crate::source::Span;
use crate::syntax::ast;

/// Stages of used recipes that are begun because the one before them reads them.
const DEEPEST: usize = 64;

impl<'p> Lower<'p, '_> {
    pub(in crate::lower) fn stage_value(&mut self, item: ItemRef, stage: &'p ast::Stage, used_at: Span) -> Value<'p> {
        let (module, index) = item;
        // A stage of the same recipe stands above; another recipe stands above as a whole.
        let above = self.open_stages.iter().all(|open| open.0 != module || index < open.1);
        if !self.stage_of_item.contains_key(&item) && module != self.program.recipe() && above {
            if self.compares {
                return Value::Poison;
            }
            if self.open_stages.len() >= DEEPEST {
                return self.report(
                    Diagnostic::error(
                        Code::RecursionLimit,
                        format!("more than {DEEPEST} stages that read one another"),
                    )
                    .label(used_at, "the last of them")
                    .help("read the stage from this recipe first, so that it is worked out before"),
                );
            }
            self.reuse(item, stage);
        }
        match self.stage_of_item.get(&item) {
            Some(Stages::One(position)) => Value::Stage(*position),
            Some(Stages::Family(members)) => Value::list(members.iter().copied().map(Value::Stage).collect()),
            Some(Stages::Unknown) => Value::Poison,
            None => self.report(
                Diagnostic::error(Code::UnknownStage, format!("the stage `{}` has not run yet here", stage.name.text))
                    .label(used_at, "used before it stands in the recipe")
                    .help("a stage reads only stages written above it"),
            ),
        }
    }

    /// Lowers a stage of a used recipe in the midst of the one that reads it. It holds to the supervision of the recipe that runs: what the used one states
    /// of itself is proved where that one is checked, and its params may stand for other things here.
    fn reuse(&mut self, item: ItemRef, stage: &'p ast::Stage) {
        let reader = (self.step.take(), self.calls.take());
        self.stage(item, stage);
        (self.step, self.calls) = reader;
    }
}
