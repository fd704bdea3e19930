//! Where training stands at the end of an epoch, in one file that is whole or not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use super::RunError;
use super::event::EpochLine;
use super::optimizer::{Optimizer, Steps};
use super::weights::Table;
use crate::lower::Weight;
use crate::store::{Draft, tensors};

/// What a stopped run has left.
pub(super) struct Checkpoint {
    /// Weights and states by path.
    pub weights: Table,
    /// What [`Optimizer::saved`] gave.
    pub moments: Table,
    /// The nets of the best epoch, where one is kept.
    pub best: Table,
    pub steps: Steps,
    /// One line an epoch so far.
    pub lines: Vec<EpochLine>,
    /// The versions of the memories, by name.
    pub memories: BTreeMap<String, usize>,
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
    best: &Table,
    lines: &[EpochLine],
    memories: &BTreeMap<String, usize>,
) -> Result<(), RunError> {
    let mut all = optimizer.saved();
    for weight in weights {
        let path = weight.path();
        let tensor = table.get(&path).ok_or_else(|| RunError::internal(format!("the weight `{path}` is lost")))?;
        all.push((format!("weight/{path}"), tensor));
    }
    let mut best: Vec<_> = best.iter().map(|(path, tensor)| (format!("best/{path}"), tensor)).collect();
    best.sort_by(|a, b| a.0.cmp(&b.0));
    all.append(&mut best);
    let (names, log) = log(lines)?;
    all.push(("log".into(), &log));
    let steps = serde_json::to_string(&optimizer.steps()).map_err(|error| RunError::internal(error.to_string()))?;
    let memories = serde_json::to_string(memories).map_err(|error| RunError::internal(error.to_string()))?;
    let notes = [("steps", steps), ("names", names), ("memories", memories)];
    tensors::write(&file(draft), all, &notes)?;
    Ok(())
}

/// The log as a table of numbers, for text would round them: a line a row, first what every line has, then losses and metrics
/// in the order of `names`. A figure that there is not is no number.
fn log(lines: &[EpochLine]) -> Result<(String, Tensor), RunError> {
    let names: Option<Names> =
        lines.first().map(|line| (line.losses.keys().cloned().collect(), line.metrics.keys().cloned().collect()));
    let names = names.unwrap_or_default();
    let mut numbers = Vec::new();
    for line in lines {
        numbers.extend([line.epoch as f64, line.steps as f64, line.rate, line.loss, line.seconds]);
        numbers.extend(line.losses.values());
        numbers.extend(line.metrics.values().map(|value| value.unwrap_or(f64::NAN)));
    }
    let table = Tensor::from_vec(numbers, (lines.len(), FIXED + names.0.len() + names.1.len()), &Device::Cpu)?;
    let names = serde_json::to_string(&names).map_err(|error| RunError::internal(error.to_string()))?;
    Ok((names, table))
}

/// Names of losses and of metrics.
type Names = (Vec<String>, Vec<String>);

/// What every line has.
const FIXED: usize = 5;

fn lines(names: &str, log: &Tensor) -> Option<Vec<EpochLine>> {
    let (losses, metrics): Names = serde_json::from_str(names).ok()?;
    let line = |row: &Vec<f64>| {
        let (&[epoch, steps, rate, loss, seconds], figures) = row.split_first_chunk::<FIXED>()?;
        let (of_losses, of_metrics) = figures.split_at_checked(losses.len())?;
        Some(EpochLine {
            epoch: epoch as usize,
            steps: steps as usize,
            rate,
            loss,
            seconds,
            // Follows from the recipe.
            off: Vec::new(),
            losses: losses.iter().cloned().zip(of_losses.iter().copied()).collect(),
            metrics: metrics.iter().cloned().zip(of_metrics.iter().map(|&x| (!x.is_nan()).then_some(x))).collect(),
        })
    };
    log.to_vec2::<f64>().ok()?.iter().map(line).collect()
}

/// The checkpoint of a draft; `None` where there is none, or none that holds all `weights`: then training begins anew.
pub(super) fn read(draft: &Draft, weights: &[Weight]) -> Option<Checkpoint> {
    let path: &Path = &file(draft);
    let tensors::Tensors { mut tensors, notes } = tensors::read(path).ok()?;
    let log = tensors.remove("log")?;
    let mut checkpoint = Checkpoint {
        weights: Table::new(),
        moments: Table::new(),
        best: Table::new(),
        steps: serde_json::from_str(notes.get("steps")?).ok()?,
        lines: lines(notes.get("names")?, &log)?,
        memories: serde_json::from_str(notes.get("memories")?).ok()?,
    };
    for (name, tensor) in tensors {
        match name.split_once('/') {
            Some(("weight", path)) => checkpoint.weights.insert(path.to_owned(), tensor),
            Some(("best", path)) => checkpoint.best.insert(path.to_owned(), tensor),
            _ => checkpoint.moments.insert(name, tensor),
        };
    }
    weights.iter().all(|weight| checkpoint.weights.contains_key(&weight.path())).then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_comes_back_to_the_last_bit() {
        let line = |epoch: usize, value: f64| EpochLine {
            epoch,
            steps: 10 * epoch,
            rate: value / 3.0,
            loss: value.sqrt(),
            seconds: 0.1,
            off: Vec::new(),
            losses: [("cls".to_owned(), value), ("cse".to_owned(), -value)].into(),
            metrics: [("accuracy".to_owned(), (epoch > 1).then_some(value))].into(),
        };
        let written = [line(1, 0.1 + 0.2), line(2, 1e-300)];
        let (names, table) = log(&written).unwrap();
        assert_eq!(lines(&names, &table).unwrap(), written);
        let (names, table) = log(&[]).unwrap();
        assert_eq!(lines(&names, &table).unwrap(), []);
    }
}
