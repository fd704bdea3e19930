//! Named tensors in a safetensors file, whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use candle_core::{CpuStorage, DType, Device, Storage, Tensor};
use safetensors::{Dtype, SafeTensors};

use super::{StoreError, file};

/// Writes f32, f64 and u32 tensors under their names, with `notes` in the header.
///
/// # Errors
/// A file that cannot be written, a tensor of another type.
pub fn write<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
    notes: &[(&str, String)],
) -> Result<(), StoreError> {
    let broken = |error: &dyn std::fmt::Display| StoreError::broken(path, error.to_string());
    let mut views = Vec::new();
    for (name, tensor) in tensors {
        let tensor = tensor.to_device(&Device::Cpu).and_then(|tensor| tensor.contiguous());
        views.push((name, View(tensor.map_err(|error| broken(&error))?)));
    }
    // Only one note can be told apart from another order of the same: a map of several would be written in random order.
    let notes = match notes {
        [] => None,
        notes => {
            let all: BTreeMap<&str, &String> = notes.iter().map(|(name, note)| (*name, note)).collect();
            let text = serde_json::to_string(&all).map_err(|error| broken(&error))?;
            Some(HashMap::from([("wsss".to_owned(), text)]))
        }
    };
    let bytes = safetensors::serialize(views, notes).map_err(|error| broken(&error))?;
    file::write(path, true, |file: &mut dyn Write| file.write_all(&bytes))
}

struct View(Tensor);

impl safetensors::View for View {
    fn dtype(&self) -> Dtype {
        match self.0.dtype() {
            DType::F64 => Dtype::F64,
            DType::U32 => Dtype::U32,
            _ => Dtype::F32,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.dims()
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        let (storage, layout) = self.0.storage_and_layout();
        let range = layout.start_offset()..layout.start_offset() + self.0.elem_count();
        let bytes: Vec<u8> = match &*storage {
            Storage::Cpu(CpuStorage::F32(numbers)) => numbers[range].iter().flat_map(|n| n.to_le_bytes()).collect(),
            Storage::Cpu(CpuStorage::F64(numbers)) => numbers[range].iter().flat_map(|n| n.to_le_bytes()).collect(),
            Storage::Cpu(CpuStorage::U32(numbers)) => numbers[range].iter().flat_map(|n| n.to_le_bytes()).collect(),
            _ => unreachable!("weights are f32, f64 or u32, and on this machine by now"),
        };
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.0.elem_count() * self.0.dtype().size_in_bytes()
    }
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
pub fn read(path: &Path) -> Result<Tensors, StoreError> {
    let bytes = std::fs::read(path).map_err(|error| StoreError::read(path, &error))?;
    let broken = |what: String| StoreError::broken(path, what);
    let not_whole = |error| broken(format!("is not a whole safetensors file: {error}"));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(not_whole)?;
    let notes = metadata.metadata().as_ref().and_then(|notes| notes.get("wsss"));
    let notes = notes.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let file = SafeTensors::deserialize(&bytes).map_err(not_whole)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let dtype = match view.dtype() {
            Dtype::F64 => DType::F64,
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            Dtype::U32 => DType::U32,
            Dtype::U8 => DType::U8,
            Dtype::I64 => DType::I64,
            other => return Err(broken(format!("`{name}` holds {other:?}, which is not read"))),
        };
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu).and_then(|tensor| {
            if matches!(dtype, DType::F16 | DType::BF16) { tensor.to_dtype(DType::F32) } else { Ok(tensor) }
        });
        tensors.insert(name.to_owned(), tensor.map_err(|error| broken(error.to_string()))?);
    }
    Ok(Tensors { tensors, notes })
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
        assert!(message.contains("cut.safetensors: is not a whole safetensors file"), "{message}");
    }
}
