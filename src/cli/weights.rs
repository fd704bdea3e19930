//! `wsss weights inspect FILE` and `wsss weights convert IN OUT`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use crate::checkpoints::{self, Array, Checkpoint};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Names, types and shapes of what a file holds
    Inspect {
        /// A file of PyTorch, safetensors, NumPy, MXNet or Caffe
        file: PathBuf,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Writes what a file holds as .safetensors or as a NumPy dictionary (.npy)
    Convert {
        /// A file of PyTorch, safetensors, NumPy, MXNet or Caffe
        input: PathBuf,
        /// The .safetensors or .npy file to write
        output: PathBuf,
    },
}

pub(super) fn run(command: Command) -> Exit {
    match command {
        Command::Inspect { file, json } => inspect(&file, &Output::new(json)),
        Command::Convert { input, output } => convert(&input, &output, &Output::new(false)),
    }
}

fn inspect(file: &Path, output: &Output) -> Exit {
    let file = match Checkpoint::open(file) {
        Ok(file) => file,
        Err(problem) => return output.problem(problem.diagnostic()),
    };
    let arrays: Vec<(&str, &Array)> = file.arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    if output.json {
        for (name, array) in arrays {
            let (dtype, shape, bytes) = (array.number.word(), &array.shape, array.length());
            output.object("array", json!({ "name": name, "dtype": dtype, "shape": shape, "bytes": bytes }));
        }
        output.object("file", json!({ "format": file.format.words(), "notes": file.notes }));
    } else {
        output.text(&table(&arrays));
        output.text(&format!("format: {}", file.format.words()));
        file.notes.iter().for_each(|(name, note)| output.text(&format!("{name}: {note}")));
    }
    Exit::Done
}

fn table(arrays: &[(&str, &Array)]) -> String {
    let width = arrays.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, array) in arrays {
        let shape = array.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let shape = if shape.is_empty() { "one number" } else { &shape };
        text += &format!("{name:width$}  {:4}  {shape}\n", array.number.word());
    }
    let numbers: usize = arrays.iter().map(|(_, array)| array.count()).sum();
    let bytes: usize = arrays.iter().map(|(_, array)| array.length()).sum();
    text + &format!("\n{} arrays, {numbers} numbers, {:.1} MB", arrays.len(), bytes as f64 / 1e6)
}

fn convert(input: &Path, target: &Path, output: &Output) -> Exit {
    let ending = target.extension().and_then(|ending| ending.to_str());
    if !matches!(ending, Some("safetensors" | "npy")) {
        return output.usage(
            &format!("`{}` ends neither in .safetensors nor in .npy", target.display()),
            "these are the formats weights are converted to",
        );
    }
    let mut file = match Checkpoint::open(input) {
        Ok(file) => file,
        Err(problem) => return output.problem(problem.diagnostic()),
    };
    let notes = file.notes.clone();
    let written = match ending {
        Some("npy") => checkpoints::write_labels(target, &mut file),
        _ => checkpoints::write_safetensors(target, &mut file, &notes),
    };
    match written {
        Ok(()) => {
            output.text(&format!("{} arrays written to {}", file.arrays.len(), target.display()));
            Exit::Done
        }
        Err(problem) => output.problem(problem.diagnostic()),
    }
}
