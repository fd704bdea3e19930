//! Which labels a recipe keeps away from what it trains and chooses: its `supervision` line.

use crate::source::Span;
use crate::types::{Label, Labels, Level};

/// Labels that a recipe with this `supervision` line keeps away from what it trains and chooses.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    pub level: Level,
    /// Outside knowledge by name.
    pub extras: Vec<String>,
    /// The line, where there is one.
    pub stated: Option<Span>,
}

impl Allowed {
    pub fn forbids(&self, label: &Label) -> bool {
        match label {
            Label::Seen { level, .. } => *level > self.level,
            Label::Oracle { .. } => true,
            Label::Outside(what) => {
                let known = label.outside_level().is_some_and(|level| level <= self.level);
                !known && !self.extras.iter().any(|extra| **extra == **what)
            }
            Label::Unknown(_) => false,
        }
    }

    /// The forbidden ones of some labels.
    pub fn forbidden<'l>(&'l self, labels: &'l Labels) -> impl Iterator<Item = &'l Label> {
        labels.iter().filter(|label| self.forbids(label))
    }

    /// The line as it stands or as it would read.
    pub fn line(&self) -> String {
        let extras: String = self.extras.iter().map(|extra| format!(" + {extra}")).collect();
        format!("supervision {}{extras}", self.level.word())
    }
}
