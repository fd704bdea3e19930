//! A dictionary of arrays as `np.save` writes it, for the code of the field: `np.load(path, allow_pickle=True).item()`.

use std::path::Path;

use super::pickle::Writer;
use super::{Checkpoint, Number};
use crate::files::{self, FileError};

/// A dictionary that is being written: arrays by name, as pictures' labels are kept (`cls_labels.npy`).
pub struct Dictionary(Writer);

impl Dictionary {
    pub fn begin() -> Dictionary {
        Dictionary(Writer::begin())
    }

    /// Puts an array under its name; its bytes are little-endian, the last axis fastest.
    ///
    /// # Errors
    /// Numbers that NumPy has no kind for (bf16).
    pub fn entry(&mut self, name: &str, number: Number, shape: &[usize], bytes: &[u8]) -> Result<(), String> {
        let sign =
            number.numpy().ok_or_else(|| format!("`{name}` holds {}, which NumPy has no kind for", number.word()))?;
        self.0.entry(name, sign, shape, bytes);
        Ok(())
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(self, path: &Path) -> Result<(), FileError> {
        let header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }";
        // The pickle begins at a multiple of 64.
        let padding = (64 - (10 + header.len() + 1) % 64) % 64;
        let header = format!("{header}{}\n", " ".repeat(padding));
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(self.0.end());
        files::write_bytes(path, &bytes)
    }
}

/// Writes every array of a checkpoint under its name.
///
/// # Errors
/// An array that cannot be read or that NumPy has no kind for, a file that cannot be written.
pub fn write(path: &Path, checkpoint: &mut Checkpoint) -> Result<(), FileError> {
    let unwritable = |what: String| FileError::write(path, &std::io::Error::other(what));
    let mut dictionary = Dictionary::begin();
    for (name, number, shape) in checkpoint.described() {
        let bytes = checkpoint.bytes(&name).map_err(unwritable)?;
        dictionary.entry(&name, number, &shape, &bytes).map_err(unwritable)?;
    }
    dictionary.write(path)
}
