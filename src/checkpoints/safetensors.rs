//! safetensors: a header in JSON, then the numbers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use indexmap::IndexMap;
use safetensors::tensor::Metadata;
use serde_json::{Map, Value, json};

use super::bytes::{Place, Reader, Source};
use super::error::Fault;
use super::{Array, Checkpoint, Found, Number, put};
use crate::files::{self, FileError};

/// The longest header that the format allows.
const MOST_HEADER: u64 = 100_000_000;

pub(super) fn read(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut reader = Reader::new(source)?;
    let length = reader.u64()?;
    if length > MOST_HEADER {
        return Err(Fault::refused(format!("it claims a header of {length} bytes")));
    }
    let header = reader.take(length)?;
    let begin = reader.at();
    // The library makes sure that shapes, types and places agree and that nothing overlaps.
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| Fault::refused(format!("it is no whole safetensors file: {error}")))?;
    if metadata.data_len() as u64 != reader.left() {
        return Err(Fault::refused("it is no whole safetensors file: its length is another than its header says"));
    }
    let mut infos: Vec<_> = metadata.tensors().into_iter().collect();
    infos.sort_by(|a, b| (a.1.data_offsets, &a.0).cmp(&(b.1.data_offsets, &b.0)));
    let mut arrays = IndexMap::new();
    for (name, info) in infos {
        let dtype = format!("{:?}", info.dtype);
        let number = Number::of_safetensors(&dtype)
            .ok_or_else(|| Fault::refused(format!("`{name}` holds {dtype}, which is not read")))?;
        let place = Place::file(begin + info.data_offsets.0 as u64);
        put(&mut arrays, name, Array::new(number, info.shape.clone(), place)?)?;
    }
    let mut notes: BTreeMap<String, String> = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    // The nets of a run have all their notes in one, so that the same net is the same bytes.
    let own = notes.get("wsss").and_then(|text| serde_json::from_str::<BTreeMap<String, String>>(text).ok());
    if let Some(own) = own {
        notes.remove("wsss");
        notes.extend(own);
    }
    Ok(Found { arrays, notes, held: reader.into_held() })
}

/// Writes every array of a checkpoint as it is, one at a time, with `notes` in the header. The file appears whole or not at all.
///
/// # Errors
/// An array that cannot be read, a file that cannot be written.
pub fn write(path: &Path, checkpoint: &mut Checkpoint, notes: &BTreeMap<String, String>) -> Result<(), FileError> {
    write_arrays(path, checkpoint.described(), notes, |name, file| {
        file.write_all(&checkpoint.bytes(name).map_err(std::io::Error::other)?)
    })
}

/// Writes arrays of which `numbers` gives the bytes, one after the other, so that none waits in memory for the others.
///
/// # Errors
/// What `numbers` says, a file that cannot be written.
pub fn write_arrays(
    path: &Path,
    mut arrays: Vec<(String, Number, Vec<usize>)>,
    notes: &BTreeMap<String, String>,
    mut numbers: impl FnMut(&str, &mut dyn Write) -> std::io::Result<()>,
) -> Result<(), FileError> {
    // Large numbers first: then each array begins at a multiple of its number's size.
    arrays.sort_by_key(|(_, number, _)| std::cmp::Reverse(number.size()));
    let mut header = Map::new();
    if !notes.is_empty() {
        header.insert("__metadata__".into(), json!(notes));
    }
    let mut end = 0;
    for (name, number, shape) in &arrays {
        let begin = end;
        end += number.size() * shape.iter().product::<usize>();
        let place = json!({ "dtype": number.safetensors(), "shape": shape, "data_offsets": [begin, end] });
        header.insert(name.clone(), place);
    }
    let mut header = Value::Object(header).to_string();
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    files::write(path, true, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        arrays.iter().try_for_each(|(name, ..)| numbers(name, file))
    })
}
