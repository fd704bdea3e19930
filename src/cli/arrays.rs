//! Named arrays in files: .safetensors, .npz and PyTorch's zip format come in; .safetensors and .npz go out.
//!
//! Foreign files are hostile until read: whatever is wrong with one ends in a [`Diagnostic`] that names it. Candle reads
//! .safetensors and .pth, the store reads .npz.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::{DType, Tensor, pickle};
use indexmap::IndexMap;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::guard;
use crate::diag::{Code, Diagnostic};
use crate::store::{self, StoreError};

/// No array of a file may claim more bytes than this: a forged header must not exhaust the memory.
const MOST_BYTES: usize = 1 << 36;

/// Where PyTorch checkpoints keep the weights when they hold more than weights.
const NESTED: [&str; 6] = ["state_dict", "model", "model_state", "model_state_dict", "net", "weights"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Safetensors,
    Npz,
    Torch,
}

/// An array without its numbers.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Described {
    pub name: String,
    /// `f32`, `i64`, …
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: usize,
}

/// The format, by the name and the first bytes.
pub(super) fn format_of(path: &Path) -> Result<Format, Diagnostic> {
    let mut magic = [0; 4];
    let mut file = File::open(path).map_err(|error| refused(path, &error))?;
    let length = file.read(&mut magic).map_err(|error| refused(path, &error))?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    let zip = magic[..length].starts_with(b"PK");
    match extension.as_str() {
        "safetensors" => Ok(Format::Safetensors),
        "npz" if zip => Ok(Format::Npz),
        "pth" | "pt" | "ckpt" | "bin" if zip => Ok(Format::Torch),
        "pth" | "pt" | "ckpt" | "bin" => Err(unreadable(path, "it is not in PyTorch's zip format")
            .help("files older than PyTorch 1.6 are saved anew there: `torch.save(torch.load(old), new)`")),
        "npz" => Err(unreadable(path, "it is no zip archive")),
        _ => Err(unreadable(path, "its name has no known ending").help("known: .safetensors, .npz, .pth, .pt")),
    }
}

/// Names, types and shapes, in the order of the file where it has one.
pub(super) fn describe(path: &Path) -> Result<Vec<Described>, Diagnostic> {
    match format_of(path)? {
        Format::Safetensors => {
            let bytes = read_bytes(path)?;
            let file = safetensors_of(path, &bytes)?;
            Ok(in_order(&file).into_iter().map(|(name, view)| described_view(name, &view)).collect())
        }
        Format::Npz => {
            let arrays = npz(path)?;
            Ok(arrays.iter().map(|(name, array)| described(name, array.dtype(), array.dims())).collect())
        }
        Format::Torch => {
            let (infos, _) = torch_infos(path)?;
            Ok(infos.iter().map(|info| described(&info.name, info.dtype, info.layout.dims())).collect())
        }
    }
}

/// The arrays themselves, on the CPU, contiguous.
pub(super) fn read(path: &Path) -> Result<IndexMap<String, Tensor>, Diagnostic> {
    let described = describe(path)?;
    if let Some(array) = described.iter().find(|array| array.bytes > MOST_BYTES) {
        return Err(unreadable(path, &format!("`{}` claims {} bytes", array.name, array.bytes)));
    }
    match format_of(path)? {
        Format::Safetensors => {
            let bytes = read_bytes(path)?;
            foreign(path, || {
                let file = candle_core::safetensors::SliceSafetensors::new(&bytes)?;
                let names = described.iter().map(|array| array.name.clone());
                names.map(|name| Ok((name.clone(), file.load(&name, &candle_core::Device::Cpu)?))).collect()
            })
        }
        Format::Npz => npz(path),
        Format::Torch => {
            let (_, key) = torch_infos(path)?;
            foreign(path, || {
                let file = pickle::PthTensors::new(path, key)?;
                let names = described.iter().map(|array| array.name.clone());
                names
                    .map(|name| {
                        let tensor =
                            file.get(&name).map_err(|error| candle_core::Error::Msg(format!("`{name}`: {error}")))?;
                        let tensor = tensor.ok_or_else(|| candle_core::Error::Msg(format!("`{name}` is gone")))?;
                        Ok((name, tensor.contiguous()?))
                    })
                    .collect()
            })
        }
    }
}

/// NumPy's archives, compressed or not: the maps of a run among them.
fn npz(path: &Path) -> Result<IndexMap<String, Tensor>, Diagnostic> {
    let arrays = store::npz::read(path).map_err(|error| unreadable(path, &error.what))?;
    Ok(arrays.into_iter().collect())
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

fn unreadable(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(Code::WeightsNotFound, format!("cannot read `{}`: {why}", path.display()))
}

/// What the operating system says.
fn refused(path: &Path, error: &std::io::Error) -> Diagnostic {
    unreadable(path, &StoreError::read(path, error).what)
}

fn foreign<T>(path: &Path, read: impl FnOnce() -> candle_core::Result<T>) -> Result<T, Diagnostic> {
    match guard::foreign(read) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => {
            let text = error.to_string();
            Err(unreadable(path, text.lines().next().unwrap_or("it is broken")))
        }
        None => Err(unreadable(path, "it is broken")),
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    std::fs::read(path).map_err(|error| refused(path, &error))
}

fn safetensors_of<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, Diagnostic> {
    SafeTensors::deserialize(bytes).map_err(|error| unreadable(path, &format!("it is no safetensors file ({error})")))
}

/// By where the numbers lie.
fn in_order<'a>(file: &SafeTensors<'a>) -> Vec<(String, TensorView<'a>)> {
    let mut tensors = file.tensors();
    tensors.sort_by_key(|(name, view)| (view.data().as_ptr() as usize, name.clone()));
    tensors
}

fn described_view(name: String, view: &TensorView) -> Described {
    let dtype = format!("{:?}", view.dtype()).to_lowercase();
    Described { name, dtype, shape: view.shape().to_vec(), bytes: view.data().len() }
}

fn described(name: &str, dtype: DType, shape: &[usize]) -> Described {
    let bytes = shape.iter().try_fold(dtype.size_in_bytes(), |bytes, length| bytes.checked_mul(*length));
    Described {
        name: name.into(),
        dtype: dtype.as_str().into(),
        shape: shape.to_vec(),
        bytes: bytes.unwrap_or(usize::MAX),
    }
}

/// The arrays of a PyTorch file and the key they lie under. A key that is wrong gives no arrays and no error, so several are tried.
fn torch_infos(path: &Path) -> Result<(Vec<pickle::TensorInfo>, Option<&'static str>), Diagnostic> {
    for key in [None].into_iter().chain(NESTED.map(Some)) {
        // A key that is not there is an error of the reader; only the plain reading says what is wrong with the file.
        match foreign(path, || pickle::read_pth_tensor_info(path, false, key)) {
            Ok(infos) if !infos.is_empty() => return Ok((infos, key)),
            Err(problem) if key.is_none() => return Err(problem),
            _ => {}
        }
    }
    Err(unreadable(path, "it holds no named tensors").help("save the `state_dict()` of a module, not the module"))
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
            assert_eq!(describe(&path).expect("described").iter().map(|array| array.bytes).sum::<usize>(), 24 + 8);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 2, "nothing is left beside");
    }

    #[test]
    fn a_broken_file_is_said_to_be_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in [
            ("a.safetensors", &b"\xff\xff\xff\xff\xff\xff\xff\xff{}"[..]),
            ("b.safetensors", b""),
            ("c.npz", b"PK\x03\x04 and no more"),
            ("d.npz", b"text"),
            ("e.pth", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
            ("f.pth", b"PK\x03\x04 and no more"),
            ("g.txt", b"text"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("it is written");
            let problem = describe(&path).expect_err(name);
            assert!(problem.message.contains(name) && problem.code == Code::WeightsNotFound, "{problem:?}");
        }
        assert!(describe(&folder.path().join("none.npz")).is_err());
    }

    #[test]
    fn a_forged_shape_exhausts_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("forged.npz");
        write_npz(&path, &example()).expect("it is written");
        let mut bytes = std::fs::read(&path).expect("it is there");
        // The shape `(2,3,)` becomes one that no memory holds; the archive's check sum is wrong then too, which is as good.
        let place = bytes.windows(6).position(|window| window == b"(2,3,)").expect("the header holds the shape");
        bytes[place..place + 6].copy_from_slice(b"(9e9,)");
        std::fs::write(&path, bytes).expect("it is written");
        assert!(read(&path).is_err());
    }
}
