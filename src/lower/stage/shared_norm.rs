//! `shared_norm = true`: a net of the stage is called more than once a step in training mode, and each call moves its running
//! statistics.

use super::Entries;
use crate::diag::{Code, Diagnostic};
use crate::lower::value::Value;
use crate::lower::{Lower, errors};
use crate::source::Span;

impl<'p> Lower<'p, '_> {
    /// Warns of nets whose batch norms see two batches in one step, unless the stage says that it is meant.
    pub(super) fn shared_statistics(&mut self, entries: &Entries<'p>) {
        match entries.settings.get("shared_norm") {
            // Whether a net has batch norms in training mode may differ between variants: where it has none, nothing is shared.
            Some((Value::Bool(true), _)) => return,
            Some((other, span)) if !matches!(other, Value::Bool(_)) && !other.is_poison() => {
                let problem = errors::wrong_kind("true or false", other, *span);
                self.report(problem);
            }
            _ => {}
        }
        for (name, calls) in self.called_again(entries) {
            self.warn_of_shared(&name, calls);
        }
    }

    /// Nets of the stage whose states moved more than once, with the first call and the second.
    fn called_again(&self, entries: &Entries<'p>) -> Vec<(String, [Span; 2])> {
        let Some(step) = &self.step else { return Vec::new() };
        let again = entries.nets.keys().filter_map(|name| {
            let beginning = format!("{}.{name}.", step.shown());
            let (_, calls) = step.moved_again.iter().find(|(path, _)| path.starts_with(&beginning))?;
            Some((name.clone(), *calls))
        });
        again.collect()
    }

    fn warn_of_shared(&mut self, name: &str, [first, second]: [Span; 2]) {
        let message = format!(
            "`{name}` is called more than once a step: its batch norms move their running statistics each time"
        );
        let help = format!(
            "`shared_norm = true` in the stage says that it is meant; else call it once (`concat([a, b], axis = 0)`), or with \
             `eval_mode({name})` where nothing is learnt"
        );
        let warning = Diagnostic::warning(Code::SharedBatchNorm, message).label(second, "called again here");
        let warning = if first == second { warning } else { warning.label(first, "first here") };
        self.report(warning.help(help));
    }
}
