//! What is known of the labels behind a stage once it is lowered: for the checks of later stages, for `audit`, for pictures.

use super::recipe::Init;
use crate::source::Span;
use crate::types::{Label, Labels};

/// What the values of a stage have seen.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Seen {
    pub losses: Vec<(String, Labels)>,
    pub saves: Vec<(String, Labels)>,
    /// Each net of the stage after training: what its losses saw, the pictures, and what its weights brought along.
    pub nets: Vec<(String, Labels)>,
    pub figures: Vec<Figure>,
    /// What all losses and states of a `train` stage saw, with its pictures.
    pub learnt: Labels,
}

impl Seen {
    /// Everything that leaves the stage, joined.
    pub fn all(&self) -> Labels {
        let named = self.losses.iter().chain(&self.saves).chain(&self.nets).map(|(_, labels)| labels);
        Labels::join_all(named.chain(self.figures.iter().map(|figure| &figure.labels)).chain([&self.learnt]))
    }
}

/// A number that a stage measures.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    pub name: String,
    /// Whether labels that a method may not see chose it, or a value that it was computed from.
    pub oracle: bool,
    /// Whether the metric itself chose, rather than a value that went in.
    pub chosen: bool,
    /// What later stages may read beside the value.
    pub numbers: &'static [&'static str],
    /// All that its inputs have seen, the masks it is held against among them.
    pub labels: Labels,
    /// Input by input.
    pub inputs: Vec<Labels>,
}

/// A number that an earlier stage measures and this one reads: a leaf of the graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measured {
    pub stage: String,
    pub figure: String,
    /// What the metric gives beside its value; the value itself where there is none.
    pub part: Option<String>,
    /// The name of the state in the graph.
    pub leaf: String,
}

/// A value that the recipe takes the labels off.
#[derive(Clone, PartialEq, Debug)]
pub struct Declassified {
    pub stage: String,
    /// What it had seen.
    pub labels: Labels,
    pub reason: String,
    /// The call.
    pub span: Span,
}

impl Init {
    /// What weights from a file bring along.
    pub fn labels(&self) -> Labels {
        match self {
            Init::File { file, .. } => Labels::of([match &file.carries {
                Some(what) => Label::Outside(what.as_str().into()),
                None => Label::Unknown(file.path.as_str().into()),
            }]),
            _ => Labels::default(),
        }
    }
}
