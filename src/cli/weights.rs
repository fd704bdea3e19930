//! `wsss weights inspect FILE` and `wsss weights convert IN OUT`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::arrays::{self, Described};
use super::exit::Exit;
use super::output::Output;
use crate::diag::{Code, Diagnostic};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Names, types and shapes of what a file holds
    Inspect {
        /// A .safetensors, .npz or PyTorch (.pth, .pt) file
        file: PathBuf,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Writes what a file holds as .safetensors
    Convert {
        /// A .safetensors, .npz or PyTorch (.pth, .pt) file
        input: PathBuf,
        /// The .safetensors file to write
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
    let arrays = match arrays::describe(file) {
        Ok(arrays) => arrays,
        Err(problem) => return output.problem(problem),
    };
    if output.json {
        for Described { name, dtype, shape, bytes } in &arrays {
            output.object("array", json!({ "name": name, "dtype": dtype, "shape": shape, "bytes": bytes }));
        }
    } else {
        output.text(&table(&arrays));
    }
    Exit::Done
}

fn table(arrays: &[Described]) -> String {
    let width = arrays.iter().map(|array| array.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Described { name, dtype, shape, .. } in arrays {
        let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let shape = if shape.is_empty() { "one number" } else { &shape };
        text += &format!("{name:width$}  {dtype:4}  {shape}\n");
    }
    let numbers: usize = arrays.iter().map(|array| array.shape.iter().product::<usize>()).sum();
    let bytes: usize = arrays.iter().map(|array| array.bytes).sum();
    text + &format!("\n{} arrays, {numbers} numbers, {:.1} MB\n", arrays.len(), bytes as f64 / 1e6)
}

fn convert(input: &Path, target: &Path, output: &Output) -> Exit {
    if target.extension().is_none_or(|extension| extension != "safetensors") {
        return output.usage(
            &format!("`{}` does not end in .safetensors", target.display()),
            "that is the one format weights are converted to",
        );
    }
    let arrays = match arrays::read(input) {
        Ok(arrays) => arrays,
        Err(problem) => return output.problem(problem),
    };
    if arrays.is_empty() {
        let problem = format!("`{}` holds no arrays", input.display());
        return output.problem(Diagnostic::error(Code::WeightsNotFound, problem));
    }
    match arrays::write_safetensors(target, &arrays) {
        Ok(()) => {
            output.text(&format!("{} arrays written to {}", arrays.len(), target.display()));
            Exit::Done
        }
        Err(problem) => output.problem(problem),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_of_arrays() {
        let array = |name: &str, shape: &[usize]| Described {
            name: name.into(),
            dtype: "f32".into(),
            shape: shape.to_vec(),
            bytes: 4 * shape.iter().product::<usize>(),
        };
        expect![[r#"
            conv1.weight  f32   64 × 3 × 7 × 7
            scale         f32   one number

            2 arrays, 9409 numbers, 0.0 MB
        "#]]
        .assert_eq(&table(&[array("conv1.weight", &[64, 3, 7, 7]), array("scale", &[])]));
    }
}
