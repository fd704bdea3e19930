//! Files of weights, whoever wrote them: named arrays, each read when it is asked for.
//!
//! Comes in: a file in one of the formats of [`Format`], told by what is in it and not by its name. Goes out: a [`Checkpoint`], names
//! with types and shapes in the order of the file, whose numbers are read array by array. Foreign files are hostile until read: no
//! reader allocates what the file only claims, and nothing that a pickle asks for is ever run.
//! Absent from this room: nets, recipes, and where weights go.

mod bytes;
mod caffe;
mod detect;
mod error;
mod labels;
mod mxnet;
mod number;
mod numpy;
mod pickle;
mod safetensors;
mod torch;

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use indexmap::IndexMap;

pub use bytes::Source;
use bytes::{Held, Place};
pub use detect::Format;
use error::Fault;
pub use error::Unreadable;
pub use labels::write as write_labels;
pub use number::Number;
pub use safetensors::write as write_safetensors;

/// What a file of weights holds.
pub struct Checkpoint {
    pub format: Format,
    /// In the order of the file.
    pub arrays: IndexMap<String, Array>,
    /// What the file says of itself, where its format has room for that.
    pub notes: BTreeMap<String, String>,
    held: Held,
}

/// An array of a file, its numbers not read yet.
#[derive(Clone, Debug)]
pub struct Array {
    pub number: Number,
    pub shape: Vec<usize>,
    place: Place,
}

/// What a reader of a format finds.
struct Found {
    arrays: IndexMap<String, Array>,
    notes: BTreeMap<String, String>,
    held: Held,
}

impl Checkpoint {
    /// Opens a file of weights: names, types and shapes are read, numbers are not.
    ///
    /// # Errors
    /// A file that is not there, is in no known format, is damaged, or asks for more than numbers.
    pub fn open(path: &Path) -> Result<Checkpoint, Unreadable> {
        let unreadable = |error: std::io::Error| Unreadable::missing(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Fault::unknown("it is a folder").at(path));
        }
        Checkpoint::read(Box::new(file)).map_err(|fault| fault.at(path))
    }

    fn read(mut source: Box<dyn Source>) -> Result<Checkpoint, Fault> {
        let (format, source) = detect::detect(&mut source).map(|format| (format, source))?;
        let Found { arrays, notes, held } = match format {
            Format::Safetensors => safetensors::read(source)?,
            Format::Npz => numpy::archive(source)?,
            Format::Npy => numpy::file(source)?,
            Format::Torch => torch::archive(source)?,
            Format::OldTorch => torch::stream(source)?,
            Format::Mxnet => mxnet::read(source)?,
            Format::Caffe => caffe::read(source)?,
        };
        Ok(Checkpoint { format, arrays: without_module(arrays), notes, held })
    }

    /// From bytes that lie in memory.
    ///
    /// # Errors
    /// As [`open`](Checkpoint::open).
    pub fn of_bytes(bytes: Vec<u8>) -> Result<Checkpoint, Unreadable> {
        Checkpoint::read(Box::new(std::io::Cursor::new(bytes))).map_err(|fault| fault.at(Path::new("the bytes")))
    }

    /// Gives every array the name that `own` has for it.
    ///
    /// # Errors
    /// Two arrays of one name.
    pub fn rename(&mut self, own: impl Fn(&str) -> String) -> Result<(), String> {
        let mut renamed = IndexMap::new();
        for (name, array) in &self.arrays {
            let own = own(name);
            if renamed.insert(own.clone(), array.clone()).is_some() {
                return Err(format!("two of its arrays become `{own}`"));
            }
        }
        self.arrays = renamed;
        Ok(())
    }

    /// The bytes of an array: little-endian, the last axis running fastest.
    ///
    /// # Errors
    /// An array that is not there, a file that is damaged or cannot be read any more.
    pub fn bytes(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let array = self.arrays.get(name).ok_or_else(|| format!("there is no `{name}`"))?;
        self.held.numbers(array).map_err(|what| format!("`{name}` {what}"))
    }

    /// An array as a tensor on the CPU. f16 and bf16 become f32; whole numbers and truth values become u8, u32 or i64.
    ///
    /// # Errors
    /// As [`bytes`](Checkpoint::bytes).
    pub fn tensor(&mut self, name: &str) -> Result<candle_core::Tensor, String> {
        let bytes = self.bytes(name)?;
        let Array { number, shape, .. } = &self.arrays[name];
        number.tensor(bytes, shape).map_err(|what| format!("`{name}` {what}"))
    }
}

impl Array {
    /// How many bytes its numbers take; every reader has made sure that this fits.
    pub fn length(&self) -> usize {
        self.number.size() * self.count()
    }

    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Numbers that lie one after the other from a place on.
    ///
    /// # Errors
    /// A shape of more bytes than there is an address for.
    fn new(number: Number, shape: Vec<usize>, place: Place) -> Result<Array, Fault> {
        match bytes::length_of(number, &shape) {
            Some(_) => Ok(Array { number, shape, place }),
            None => Err(Fault::refused(format!("it claims an array of the shape {shape:?}"))),
        }
    }
}

/// Names as the net has them that was saved: training on several devices puts `module.` before every one.
fn without_module(arrays: IndexMap<String, Array>) -> IndexMap<String, Array> {
    const PREFIX: &str = "module.";
    match arrays.keys().all(|name| name.strip_prefix(PREFIX).is_some_and(|rest| !rest.is_empty())) {
        true => arrays.into_iter().map(|(name, array)| (name[PREFIX.len()..].to_owned(), array)).collect(),
        false => arrays,
    }
}

/// Puts an array under its name.
///
/// # Errors
/// A name that is there already.
fn put(arrays: &mut IndexMap<String, Array>, name: String, array: Array) -> Result<(), Fault> {
    match arrays.entry(name) {
        indexmap::map::Entry::Occupied(known) => Err(Fault::refused(format!("it holds `{}` twice", known.key()))),
        indexmap::map::Entry::Vacant(place) => {
            place.insert(array);
            Ok(())
        }
    }
}

/// Whether no two names are one.
fn distinct<'n>(names: impl IntoIterator<Item = &'n str>) -> bool {
    let mut seen = HashSet::new();
    names.into_iter().all(|name| seen.insert(name))
}

impl<T: Read + Seek + Send> Source for T {}

#[cfg(test)]
mod real;
#[cfg(test)]
mod tests;
