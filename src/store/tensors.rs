//! Named tensors in a safetensors file, whole or not at all. They are written and read one at a time.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};

use crate::checkpoints::{Checkpoint, Number, write_arrays};
use crate::files::FileError;

/// Numbers that are turned into bytes at a time.
const PIECE: usize = 1 << 14;

/// Writes f32, f64 and u32 tensors under their names, with `notes` in the header.
///
/// # Errors
/// A file that cannot be written, a tensor of another type.
pub fn write<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
    notes: &[(&str, String)],
) -> Result<(), FileError> {
    let broken = |error: &dyn std::fmt::Display| FileError::broken(path, error.to_string());
    let tensors: BTreeMap<String, &Tensor> = tensors.into_iter().collect();
    let mut arrays = Vec::new();
    for (name, tensor) in &tensors {
        let number = match tensor.dtype() {
            DType::F64 => Number::F64,
            DType::F32 => Number::F32,
            DType::U32 => Number::U32,
            other => return Err(broken(&format!("`{name}` holds {other:?}, which is not written"))),
        };
        arrays.push((name.clone(), number, tensor.dims().to_vec()));
    }
    // In one note: readers of other programs show it whole.
    let mut header = BTreeMap::new();
    if !notes.is_empty() {
        let all: BTreeMap<&str, &String> = notes.iter().map(|(name, note)| (*name, note)).collect();
        header.insert("wsss".to_owned(), serde_json::to_string(&all).map_err(|error| broken(&error))?);
    }
    write_arrays(path, arrays, &header, |name, file| numbers(tensors[name], file))
}

fn numbers(tensor: &Tensor, file: &mut dyn Write) -> io::Result<()> {
    let tensor = tensor.to_device(&Device::Cpu).and_then(|tensor| tensor.contiguous()).map_err(io::Error::other)?;
    let (storage, layout) = tensor.storage_and_layout();
    let range = layout.start_offset()..layout.start_offset() + tensor.elem_count();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(numbers)) => pieces(&numbers[range], |number| number.to_le_bytes(), file),
        Storage::Cpu(CpuStorage::F64(numbers)) => pieces(&numbers[range], |number| number.to_le_bytes(), file),
        Storage::Cpu(CpuStorage::U32(numbers)) => pieces(&numbers[range], |number| number.to_le_bytes(), file),
        _ => unreachable!("the tensor is f32, f64 or u32, and on this machine by now"),
    }
}

fn pieces<T, const N: usize>(numbers: &[T], bytes: impl Fn(&T) -> [u8; N], file: &mut dyn Write) -> io::Result<()> {
    let mut piece = Vec::with_capacity(N * PIECE.min(numbers.len()));
    for part in numbers.chunks(PIECE) {
        piece.clear();
        piece.extend(part.iter().flat_map(&bytes));
        file.write_all(&piece)?;
    }
    Ok(())
}

/// The tensors of a file by name, and its notes.
#[derive(Debug)]
pub struct Tensors {
    pub tensors: BTreeMap<String, Tensor>,
    pub notes: BTreeMap<String, String>,
}

/// Reads every tensor; f16 and bf16 become f32, i64 stays.
///
/// # Errors
/// A file that cannot be read, is cut short, or holds a type that is not known.
pub fn read(path: &Path) -> Result<Tensors, FileError> {
    let broken = |what: String| FileError::broken(path, what);
    let mut file = Checkpoint::exact(path).map_err(|problem| broken(problem.what))?;
    let names: Vec<String> = file.arrays.keys().cloned().collect();
    let mut tensors = BTreeMap::new();
    for name in names {
        let tensor = file.tensor(&name).map_err(broken)?;
        tensors.insert(name, tensor);
    }
    Ok(Tensors { tensors, notes: file.notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_and_notes_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net/oc.safetensors");
        let weight = Tensor::new(&[[1f32, -2.5], [f32::MIN_POSITIVE, 3.0]], &Device::Cpu).unwrap();
        let turned = weight.t().unwrap();
        let count = Tensor::new(7f64, &Device::Cpu).unwrap();
        let all = [("head.weight".to_owned(), &weight), ("turned".to_owned(), &turned), ("count".to_owned(), &count)];
        write(&path, all.clone(), &[("epoch", "3".to_owned()), ("log", "[]".to_owned())]).unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.tensors["head.weight"].to_vec2::<f32>().unwrap(), weight.to_vec2::<f32>().unwrap());
        assert_eq!(found.tensors["turned"].to_vec2::<f32>().unwrap()[0][1], f32::MIN_POSITIVE);
        assert_eq!(found.tensors["count"].to_scalar::<f64>().unwrap(), 7.0);
        assert_eq!((found.notes["epoch"].as_str(), found.notes["log"].as_str()), ("3", "[]"));

        let first = std::fs::read(&path).unwrap();
        write(&path, all, &[("epoch", "3".to_owned()), ("log", "[]".to_owned())]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first, "the same tensors are the same bytes");
    }

    #[test]
    fn a_cut_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.safetensors");
        let weight = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        write(&path, [("weight".to_owned(), &weight)], &[]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("cut.safetensors: it is no whole safetensors file"), "{message}");
    }
}
