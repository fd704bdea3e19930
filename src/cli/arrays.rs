//! Named arrays in files, for `wsss call`: any file that weights are read from comes in; .safetensors and .npz go out.

use std::path::Path;

use candle_core::Tensor;
use indexmap::IndexMap;

use crate::checkpoints::Checkpoint;
use crate::diag::{Code, Diagnostic};

/// The arrays of a file, on the CPU, in the order of the file.
pub(super) fn read(path: &Path) -> Result<IndexMap<String, Tensor>, Diagnostic> {
    let mut file = Checkpoint::open(path).map_err(|problem| problem.diagnostic())?;
    let names: Vec<String> = file.arrays.keys().cloned().collect();
    let unreadable = |what: String| {
        Diagnostic::error(Code::WeightsRefused, format!("the arrays in {} cannot be read: {what}", path.display()))
    };
    names.into_iter().map(|name| Ok((name.clone(), file.tensor(&name).map_err(unreadable)?))).collect()
}

/// Writes a .safetensors file whole or not at all.
pub(super) fn write_safetensors(path: &Path, arrays: &IndexMap<String, Tensor>) -> Result<(), Diagnostic> {
    write_beside(path, |beside| {
        let arrays: std::collections::HashMap<&str, Tensor> =
            arrays.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
        candle_core::safetensors::save(&arrays, beside)
    })
}

/// Writes an .npz file whole or not at all.
pub(super) fn write_npz(path: &Path, arrays: &IndexMap<String, Tensor>) -> Result<(), Diagnostic> {
    write_beside(path, |beside| {
        let arrays: Vec<(&String, &Tensor)> = arrays.iter().collect();
        Tensor::write_npz(&arrays, beside)
    })
}

fn write_beside(path: &Path, write: impl FnOnce(&Path) -> candle_core::Result<()>) -> Result<(), Diagnostic> {
    let unwritable = |error: &dyn std::fmt::Display| {
        Diagnostic::error(Code::CannotWrite, format!("cannot write `{}`: {error}", path.display()))
            .help("the folder must exist and be writable")
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = tempfile::Builder::new().prefix(".wsss-").tempfile_in(folder).map_err(|error| unwritable(&error))?;
    write(beside.path()).map_err(|error| unwritable(&error))?;
    beside.persist(path).map_err(|error| unwritable(&error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use indexmap::IndexMap;

    use super::*;

    fn example() -> IndexMap<String, Tensor> {
        let weight = Tensor::from_vec(vec![1f32, 2., 3., 4., 5., 6.], (2, 3), &Device::Cpu);
        let steps = Tensor::from_vec(vec![7i64], 1, &Device::Cpu);
        [("layer10.weight", weight), ("layer2.steps", steps)]
            .map(|(name, tensor)| (name.to_string(), tensor.expect("the shape fits")))
            .into()
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, write) in [("a.safetensors", write_safetensors as fn(&_, &_) -> _), ("a.npz", write_npz)] {
            let path = folder.path().join(name);
            write(&path, &example()).expect("it is written");
            let arrays = read(&path).expect("it reads back");
            assert_eq!(arrays["layer10.weight"].to_vec2::<f32>().expect("f32"), [[1., 2., 3.], [4., 5., 6.]]);
            assert_eq!(arrays["layer2.steps"].to_vec1::<i64>().expect("i64"), [7]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 2, "nothing is left beside");
    }
}
