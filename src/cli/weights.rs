//! `wsss weights inspect FILE` and `wsss weights convert IN OUT`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use super::recipe;
use crate::checkpoints::{self, Array, Checkpoint, Number};
use crate::diag::amount::{self, counted};
use crate::diag::{Code, Diagnostic};
use crate::manifest::Manifest;
use crate::source::Sources;

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
        #[command(flatten)]
        said: Said,
    },
}

/// What is written beside the arrays, and under which names they are written.
#[derive(clap::Args)]
pub(super) struct Said {
    /// A manifest whose `names` give the arrays other names
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Class names for the header, one a line
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// Height and width of the pictures, for the header
    #[arg(long, value_name = "H,W", value_parser = numbers::<usize, 2>)]
    size: Option<[usize; 2]>,
    /// Mean of each channel on the scale 0 to 1, for the header
    #[arg(long, value_name = "R,G,B", value_parser = numbers::<f64, 3>)]
    mean: Option<[f64; 3]>,
    /// Standard deviation of each channel on the scale 0 to 1, for the header
    #[arg(long, value_name = "R,G,B", value_parser = numbers::<f64, 3>)]
    std: Option<[f64; 3]>,
}

/// Numbers with commas between them.
fn numbers<T: std::str::FromStr, const N: usize>(text: &str) -> Result<[T; N], String> {
    let wanted = || format!("expected {N} numbers with commas between them");
    let numbers: Result<Vec<T>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    numbers.map_err(|_| wanted())?.try_into().map_err(|_| wanted())
}

pub(super) fn run(command: Command) -> Exit {
    match command {
        Command::Inspect { file, json } => inspect(&file, &Output::new(json)),
        Command::Convert { input, output, said } => convert(&input, &output, &said, &Output::new(false)),
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
    text + &format!(
        "\n{}, {}, {}",
        counted(arrays.len(), "array"),
        counted(numbers, "number"),
        amount::bytes(bytes as u64)
    )
}

fn convert(input: &Path, target: &Path, said: &Said, output: &Output) -> Exit {
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
    let notes = match said.apply(&mut file) {
        Ok(notes) => notes,
        Err(problem) => return output.problem(problem),
    };
    let without = file.arrays.iter().find(|(_, array)| ending == Some("npy") && array.number == Number::Bf16);
    if let Some((name, _)) = without {
        let message = format!("the weights in {} have no place in a .npy file: `{name}` holds bf16", input.display());
        let help = "NumPy has no such numbers; a .safetensors file has";
        return output.problem(Diagnostic::error(Code::WeightsRefused, message).help(help));
    }
    let written = match ending {
        Some("npy") => checkpoints::write_labels(target, &mut file),
        _ => checkpoints::write_safetensors(target, &mut file, &notes),
    };
    match written {
        Ok(()) => {
            output.text(&format!("{} written to {}", counted(file.arrays.len(), "array"), target.display()));
            Exit::Done
        }
        Err(problem) => output.problem(problem.diagnostic()),
    }
}

impl Said {
    /// Renames the arrays; the notes of the file with those that were given.
    fn apply(&self, file: &mut Checkpoint) -> Result<BTreeMap<String, String>, Diagnostic> {
        if let Some(path) = &self.names {
            let unreadable = |what: String| {
                Diagnostic::error(Code::CannotRead, format!("the manifest {} cannot be read: {what}", path.display()))
            };
            let manifest = Manifest::parse(&read(path)?).map_err(unreadable)?;
            file.rename(|name| manifest.names.apply(name)).map_err(unreadable)?;
        }
        let mut notes = file.notes.clone();
        if let Some(path) = &self.classes {
            let text = read(path)?;
            let classes: Vec<&str> = text.lines().map(str::trim).filter(|class| !class.is_empty()).collect();
            notes.insert("classes".into(), json!(classes).to_string());
        }
        let given = [
            ("size", self.size.as_ref().map(|size| json!(size))),
            ("mean", self.mean.as_ref().map(|mean| json!(mean))),
            ("std", self.std.as_ref().map(|std| json!(std))),
        ];
        notes.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_string()))));
        Ok(notes)
    }
}

fn read(path: &Path) -> Result<String, Diagnostic> {
    recipe::read(path, &mut Sources::new())
}
