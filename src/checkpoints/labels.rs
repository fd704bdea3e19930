//! A dictionary of arrays as `np.save` writes it, for the code of the field: `np.load(path, allow_pickle=True).item()`.

use std::path::Path;

use super::pickle::Writer;
use super::{Array, Checkpoint};
use crate::store::{StoreError, file};

/// Writes every array of a checkpoint under its name, as pictures' labels are kept (`cls_labels.npy`).
///
/// # Errors
/// An array that cannot be read or that NumPy has no kind for (bf16), a file that cannot be written.
pub fn write(path: &Path, checkpoint: &mut Checkpoint) -> Result<(), StoreError> {
    let broken = |what: String| StoreError::broken(path, what);
    let mut pickle = Writer::begin();
    let names: Vec<String> = checkpoint.arrays.keys().cloned().collect();
    for name in names {
        let Array { number, shape, .. } = checkpoint.arrays[&name].clone();
        let sign = number
            .numpy()
            .ok_or_else(|| broken(format!("`{name}` holds {}, which NumPy has no kind for", number.word())))?;
        pickle.entry(&name, sign, &shape, &checkpoint.bytes(&name).map_err(broken)?);
    }
    let header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }";
    // The pickle begins at a multiple of 64.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    let header = format!("{header}{}\n", " ".repeat(padding));
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(pickle.end());
    file::write_bytes(path, &bytes)
}
