//! Why a run ended early, in the recipe's words.

use super::interpreter::RunError as StepError;
use crate::data::DataError;
use crate::diag::{Code, Diagnostic};
use crate::files::FileError;
use crate::graph::{Graph, Id};
use crate::lower::Stage;

/// Why a run ended early. What was finished before is kept and reused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RunError {
    /// The recipe or what it reads is wrong.
    Input(Vec<Diagnostic>),
    /// The disk, the device, a number that is not one.
    Failed(Vec<Diagnostic>),
    /// Stopped from outside; the same run goes on where it was.
    Interrupted(Diagnostic),
}

impl RunError {
    /// What the program tells its caller.
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Input(_) => 1,
            RunError::Failed(_) => 3,
            RunError::Interrupted(_) => 130,
        }
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            RunError::Input(all) | RunError::Failed(all) => all,
            RunError::Interrupted(one) => std::slice::from_ref(one),
        }
    }

    pub(super) fn input(diagnostic: Diagnostic) -> RunError {
        RunError::Input(vec![diagnostic])
    }

    pub(super) fn failed(diagnostic: Diagnostic) -> RunError {
        RunError::Failed(vec![diagnostic])
    }

    /// A mistake of ours.
    pub(super) fn internal(message: impl Into<String>) -> RunError {
        RunError::failed(Diagnostic::error(Code::Internal, message))
    }

    pub(super) fn interrupted(stage: &str, kept: &str) -> RunError {
        let message = format!("stopped while `{stage}` ran");
        RunError::Interrupted(Diagnostic::error(Code::Interrupted, message).help(kept))
    }
}

impl From<FileError> for RunError {
    fn from(error: FileError) -> RunError {
        RunError::failed(error.diagnostic())
    }
}

impl From<candle_core::Error> for RunError {
    fn from(error: candle_core::Error) -> RunError {
        RunError::internal(error.to_string())
    }
}

/// What is wrong with the data of a stage.
pub(super) fn data_error(error: &DataError, stage: &Stage) -> Diagnostic {
    error.diagnostic().label(stage.span, "while reading the data of this stage")
}

/// What to do about a number that is none; `what` is the op or leaf that gave it.
fn not_finite_help(what: &str, training: bool) -> &'static str {
    match what.split(' ').next() {
        Some("weight" | "state") if training => {
            "the steps before made it too large: lower the learning rate (ten times is a good first try), or begin with a warm-up"
        }
        Some("weight" | "state") => "the stage that trained it went wrong: lower its learning rate",
        Some("field") => "the data hold such numbers",
        _ if training => {
            "lower the learning rate; where the op has no value, as `log(0)` or `x / 0`, add a small number before it"
        }
        _ => "where the op has no value, as `log(0)` or `x / 0`, add a small number before it",
    }
}

/// What went wrong in a step. `during` says when: `step 12 of epoch 3`, `the picture `2007_000032``.
pub(super) fn step_error(error: StepError, graph: &Graph, stage: &Stage, during: &str) -> RunError {
    let at = |id: Id| graph.node(id).origin.outermost().unwrap_or(stage.span);
    match error {
        StepError::NotFinite { node, what, output, .. } => {
            let message = format!("{output} of `{}` is not a number at {during}: the {what} gave it first", stage.name);
            let help = not_finite_help(&what, stage.train.is_some());
            RunError::failed(Diagnostic::error(Code::NotANumber, message).label(at(node), "computed here").help(help))
        }
        StepError::LeafShape { node, what, found, expected } => {
            let message =
                format!("the {what} of `{}` has the shape {found:?} at {during}, expected {expected:?}", stage.name);
            RunError::input(Diagnostic::error(Code::DimensionMismatch, message).label(at(node), "read here"))
        }
        StepError::Op { node, error, op, .. } => {
            let message = format!("`{op}` failed at {during} of `{}`: {}", stage.name, error.message);
            let diagnostic = Diagnostic::error(error.code, message).label(at(node), "computed here");
            let diagnostic = match error.help {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            };
            // Sizes are the recipe's and the data's; what is ours says so.
            if error.code == Code::Internal { RunError::failed(diagnostic) } else { RunError::input(diagnostic) }
        }
        other => RunError::internal(format!("`{}` at {during}: {other}", stage.name)),
    }
}
