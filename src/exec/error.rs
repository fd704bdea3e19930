//! Why a run ended early, in the recipe's words.

use super::interpreter::RunError as StepError;
use crate::data::DataError;
use crate::diag::{Code, Diagnostic, amount};
use crate::files::FileError;
use crate::graph::{Graph, Id};
use crate::lower::Stage;
use crate::types::{DimEnv, Fact};

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
        let message = error.to_string();
        match is_out_of_memory(&message) {
            true => RunError::failed(
                Diagnostic::error(Code::OutOfMemory, "the device has no memory left")
                    .help("`wsss check --explain` shows the peak of every stage; what was finished before is kept"),
            ),
            false => RunError::internal(message),
        }
    }
}

/// Whether the driver or one of its libraries says that a device is full. Candle hands their errors on as text.
fn is_out_of_memory(message: &str) -> bool {
    let said = ["CUDA_ERROR_OUT_OF_MEMORY", "CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED"];
    said.iter().any(|said| message.contains(said))
}

/// What makes room on a device. The last checkpoint is on the disk already.
fn room_help(stage: &Stage) -> String {
    let what = match &stage.train {
        Some(train) if train.batch > 1 => format!("lower the batch, which is {}, or the crop", train.batch),
        Some(_) => "lower the crop, or choose a smaller network".into(),
        None => "make the pictures smaller with `resize_long`, or lower `--workers`: each has a picture on the device"
            .into(),
    };
    let kept = match &stage.train {
        Some(_) => "epochs that were finished are kept: the same run goes on after them",
        None => "stages that were finished are kept",
    };
    format!("{what}; `wsss check --explain` shows the peak of every stage\n{kept}")
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
pub(super) fn step_error(error: StepError, graph: &Graph, stage: &Stage, dims: &DimEnv, during: &str) -> RunError {
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
        StepError::Op { node, error, op, .. } if is_out_of_memory(&error.message) => {
            let message = format!("the device has no memory left for `{op}` at {during} of `{}`", stage.name);
            let diagnostic = Diagnostic::error(Code::OutOfMemory, message);
            let diagnostic = diagnostic.label(at(node), result_of(&graph.node(node).fact, dims));
            RunError::failed(diagnostic.help(room_help(stage)))
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
        other => {
            let message = format!("`{}` at {during}: {other}", stage.name);
            if !is_out_of_memory(&message) {
                return RunError::internal(message);
            }
            let message = format!("the device has no memory left at {during} of `{}`", stage.name);
            let diagnostic = Diagnostic::error(Code::OutOfMemory, message).label(stage.span, "this stage");
            RunError::failed(diagnostic.help(room_help(stage)))
        }
    }
}

/// What an op was about to make: its shape, and the bytes of it in f32.
fn result_of(fact: &Fact, dims: &DimEnv) -> String {
    let lengths: Result<Vec<i64>, _> = fact.dims.iter().map(|dim| dim.eval(dims)).collect();
    match lengths {
        Ok(lengths) => {
            let bytes = lengths.iter().fold(4u64, |bytes, length| bytes.saturating_mul((*length).max(0) as u64));
            format!("its result: {fact}, here {lengths:?}, {}", amount::bytes(bytes))
        }
        Err(_) => format!("its result: {fact}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::compile::compile;
    use crate::compile::testing::{lowered, tell};
    use crate::diag::Problems;
    use crate::graph::Kind;
    use crate::ops::OpError;

    const RECIPE: &str = r#"
supervision image
use data { scenes }
use losses { multilabel_soft_margin }
param dataset = scenes(images = 20, size = 32, classes = 2)
net pixels(classes: int) {
  weight scale: [1, classes] = ones()
  fn forward(image) = reshape(mean(image, axes = [1, 2, 3]), dims = [size(image, 0), 1]) * scale
}
train cls {
  data      = dataset.train |> standardize() |> random_crop(24)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.1)
  net net = pixels(dataset.classes)
  step { image, tags } { loss cls = multilabel_soft_margin(net(image), tags) }
}
"#;

    #[test]
    fn a_full_device_says_where_and_what_to_lower() {
        let (recipe, mut problems) = (lowered(RECIPE, &[]), Problems::default());
        let compiled = compile(&recipe, &mut problems).unwrap_or_else(|| panic!("{}", tell(problems)));
        let compiled = &compiled.stages[0];
        let is_mean = |id: &Id| matches!(compiled.graph.node(*id).kind, Kind::Op(op) if op.name == "mean");
        let node = compiled.graph.ids().find(is_mean).expect("a mean");
        let full = "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")";
        let dims = [("B".to_string(), 4)].into();
        let said = |error| {
            let error = step_error(error, &compiled.graph, compiled.stage, &dims, "step 3 (epoch 1)");
            let problem = &error.diagnostics()[0];
            let labels = problem.labels.iter().map(|label| format!("  {}\n", label.text));
            let help = problem.help.as_deref().unwrap_or_default();
            format!(
                "{} {}: {}\n{}{help}\n",
                error.exit_code(),
                problem.code,
                problem.message,
                labels.collect::<String>()
            )
        };
        let origin = compiled.graph.node(node).origin.clone();
        let op = said(StepError::Op { node, op: "mean", origin, error: OpError::internal(full).into() });
        let upload = said(StepError::Device { error: candle_core::Error::Msg(full.into()) });
        expect![[r#"
            3 out-of-memory: the device has no memory left for `mean` at step 3 (epoch 1) of `cls`
              its result: real[B], here [4], 16 B
            lower the batch, which is 4, or the crop; `wsss check --explain` shows the peak of every stage
            epochs that were finished are kept: the same run goes on after them

            3 out-of-memory: the device has no memory left at step 3 (epoch 1) of `cls`
              this stage
            lower the batch, which is 4, or the crop; `wsss check --explain` shows the peak of every stage
            epochs that were finished are kept: the same run goes on after them
        "#]]
        .assert_eq(&format!("{op}\n{upload}"));
        let placing = RunError::from(candle_core::Error::Msg(full.into()));
        assert_eq!(placing.diagnostics()[0].code, Code::OutOfMemory);
    }
}
