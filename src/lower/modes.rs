//! How a net is used: what of it is trained, what runs in training mode. `freeze`, `eval_mode`, `train_mode`.
//!
//! Whole nets are marked on the value. Parts are named by patterns, which are held against the path from the net they were said
//! of to the part; what is said further out is said later, and wins.

use std::rc::Rc;

use super::value::{Mark, NetPath, NetValue, Says, Value, joined};
use super::{Lower, pattern};
use crate::diag::{Code, Diagnostic, suggest};
use crate::source::Span;

impl<'p> NetValue<'p> {
    /// Whether the net runs in training mode in a stage that trains (or does not).
    pub(super) fn is_training(&self, stage: bool) -> bool {
        self.mode.unwrap_or(stage && !self.frozen)
    }

    /// Whether a pattern froze the tensor of this name.
    pub(super) fn is_frozen_at(&self, tensor: &str) -> bool {
        self.marks
            .iter()
            .filter(|(mark, _)| mark.says == Says::Frozen)
            .any(|(mark, from)| mark.reaches(&joined(from, tensor)))
    }

    /// The net as it is used where it is the layer `name` of `outer`.
    pub(super) fn used_within(&mut self, outer: &NetValue<'p>, name: &str) {
        self.frozen |= outer.frozen;
        self.mode = outer.mode.or(self.mode);
        for (mark, from) in &outer.marks {
            let here = joined(from, name);
            if mark.reaches(&here) {
                self.say(mark.says);
            }
            self.marks.push((mark.clone(), here));
        }
    }

    fn say(&mut self, says: Says) {
        match says {
            Says::Frozen => self.frozen = true,
            Says::Evaluates => self.mode = Some(false),
            Says::Trains => self.mode = Some(true),
        }
    }
}

impl Mark {
    fn reaches(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern::reaches(pattern, path))
    }
}

/// The net with this said of it, or of the parts that `only` names.
pub(super) fn said<'p>(
    lower: &mut Lower<'p, '_>,
    net: &NetValue<'p>,
    says: Says,
    only: Option<(Vec<String>, Span)>,
) -> Option<Value<'p>> {
    let mut net = net.clone();
    match only {
        None => net.say(says),
        Some((patterns, span)) => {
            expect_parts(lower, &net, &patterns, span)?;
            net.marks.push((Rc::new(Mark { says, patterns }), String::new()));
        }
    }
    Some(Value::Net(net))
}

/// Every pattern reaches a weight of the net: a name that is no more, or never was, would have no effect in silence.
pub(super) fn expect_parts<'p>(
    lower: &mut Lower<'p, '_>,
    net: &NetValue<'p>,
    patterns: &[String],
    span: Span,
) -> Option<()> {
    let known = names(lower, net);
    let unknown = patterns.iter().find(|pattern| !known.iter().any(|name| pattern::reaches(pattern, name)));
    let Some(unknown) = unknown else { return Some(()) };
    // Whole names and their beginnings may be meant; listed are the parts of the first level.
    let beginnings =
        known.iter().flat_map(|name| name.match_indices('.').map(|(end, _)| &name[..end]).chain([name.as_str()]));
    let help = match suggest::nearest(unknown, beginnings) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let mut parts: Vec<&str> = known.iter().filter_map(|name| name.split('.').next()).collect();
            parts.dedup();
            suggest::help(unknown, "parts", parts)
        }
    };
    lower.report(
        Diagnostic::error(
            Code::UnknownLayer,
            format!("`{unknown}` reaches no weight of the net `{}`", net.tree.net.name.text),
        )
        .label(span, "no such part")
        .help(help),
    );
    None
}

/// The names of all weights and states of a net, as seen from the net itself.
fn names<'p>(lower: &Lower<'p, '_>, net: &NetValue<'p>) -> Vec<String> {
    let here = NetPath { stage: String::new(), net: String::new(), name: String::new() };
    lower.weights(net, &here).into_iter().map(|weight| weight.name).collect()
}
