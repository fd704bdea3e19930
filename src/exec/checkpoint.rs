//! Where training stands at the end of an epoch, in one file that is whole or not there.

use std::path::{Path, PathBuf};

use super::RunError;
use super::event::EpochLine;
use super::optimizer::Optimizer;
use super::weights::Table;
use crate::lower::Weight;
use crate::store::{Draft, tensors};

/// What a stopped run has left.
pub(super) struct Checkpoint {
    /// Weights and states by path.
    pub weights: Table,
    /// What [`Optimizer::saved`] gave.
    pub moments: Table,
    pub steps: u64,
    /// One line an epoch so far.
    pub lines: Vec<EpochLine>,
}

fn file(draft: &Draft) -> PathBuf {
    draft.path("checkpoint").join("state.safetensors")
}

/// Writes the checkpoint of a draft, in place of an older one.
pub(super) fn write(
    draft: &Draft,
    weights: &[Weight],
    table: &Table,
    optimizer: &Optimizer,
    lines: &[EpochLine],
) -> Result<(), RunError> {
    let mut all = optimizer.saved();
    for weight in weights {
        let path = weight.path();
        let tensor = table.get(&path).ok_or_else(|| RunError::internal(format!("the weight `{path}` is lost")))?;
        all.push((format!("weight/{path}"), tensor));
    }
    let lines = serde_json::to_string(lines).map_err(|error| RunError::internal(error.to_string()))?;
    tensors::write(&file(draft), all, &[("steps", optimizer.steps.to_string()), ("lines", lines)])?;
    Ok(())
}

/// The checkpoint of a draft; `None` where there is none, or none that holds all `weights`: then training begins anew.
pub(super) fn read(draft: &Draft, weights: &[Weight]) -> Option<Checkpoint> {
    let path: &Path = &file(draft);
    let tensors::Tensors { tensors, notes } = tensors::read(path).ok()?;
    let mut checkpoint = Checkpoint {
        weights: Table::new(),
        moments: Table::new(),
        steps: notes.get("steps")?.parse().ok()?,
        lines: serde_json::from_str(notes.get("lines")?).ok()?,
    };
    for (name, tensor) in tensors {
        match name.strip_prefix("weight/") {
            Some(path) => checkpoint.weights.insert(path.to_owned(), tensor),
            None => checkpoint.moments.insert(name, tensor),
        };
    }
    weights.iter().all(|weight| checkpoint.weights.contains_key(&weight.path())).then_some(checkpoint)
}
