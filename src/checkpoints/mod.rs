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

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use indexmap::IndexMap;

pub use bytes::Source;
use bytes::{Held, Place};
pub use detect::Format;
use error::Fault;
pub use error::Unreadable;
pub use labels::{Dictionary, write as write_labels};
pub use number::Number;
pub use safetensors::{write as write_safetensors, write_arrays};

/// What the arrays of a file may be long, together, though they may share their numbers: this much, and [`MOST_TIMES`] the file's own length.
const MOST_BYTES: u64 = 1 << 28;
const MOST_TIMES: u64 = 64;

/// The longest name, and the most axes, that an array may have: no net comes near, and what a file says once it may use a million times.
const MOST_NAME: usize = 1 << 12;
const MOST_AXES: usize = 64;

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
        let mut file = Checkpoint::exact(path)?;
        file.arrays = without_module(file.arrays);
        Ok(file)
    }

    /// [`open`](Checkpoint::open), every name as it is written.
    ///
    /// # Errors
    /// As there.
    pub fn exact(path: &Path) -> Result<Checkpoint, Unreadable> {
        let unreadable = |error: std::io::Error| Unreadable::missing(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Fault::unknown("it is a folder").at(path));
        }
        Checkpoint::read(Box::new(file)).map_err(|fault| fault.at(path))
    }

    fn read(mut source: Box<dyn Source>) -> Result<Checkpoint, Fault> {
        let own = source.seek(SeekFrom::End(0))?;
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
        let all = arrays.values().fold(0u64, |all, array| all.saturating_add(array.length() as u64));
        if all > MOST_BYTES.saturating_add(own.saturating_mul(MOST_TIMES)) {
            return Err(Fault::refused(format!("its {own} bytes stand for arrays of {all}")));
        }
        Ok(Checkpoint { format, arrays, notes, held })
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

    /// Name, kind of numbers and shape of every array.
    fn described(&self) -> Vec<(String, Number, Vec<usize>)> {
        self.arrays.iter().map(|(name, array)| (name.clone(), array.number, array.shape.clone())).collect()
    }

    /// The bytes of an array: little-endian, the last axis running fastest.
    ///
    /// # Errors
    /// An array that is not there, a file that is damaged or cannot be read any more.
    pub fn bytes(&mut self, name: &str) -> Result<Cow<'_, [u8]>, String> {
        let array = self.arrays.get(name).ok_or_else(|| format!("there is no `{name}`"))?;
        self.held.numbers(array).map_err(|what| format!("`{name}` {what}"))
    }

    /// An array as a tensor on the CPU. f16 and bf16 become f32; whole numbers and truth values become u8, u32 or i64.
    ///
    /// # Errors
    /// As [`bytes`](Checkpoint::bytes).
    pub fn tensor(&mut self, name: &str) -> Result<candle_core::Tensor, String> {
        let array = self.arrays.get(name).ok_or_else(|| format!("there is no `{name}`"))?;
        let tensor = self.held.numbers(array).and_then(|bytes| array.number.tensor(&bytes, &array.shape));
        tensor.map_err(|what| format!("`{name}` {what}"))
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
    /// A shape of too many axes, or of more bytes than there is an address for.
    fn new(number: Number, shape: Vec<usize>, place: Place) -> Result<Array, Fault> {
        if shape.len() > MOST_AXES {
            return Err(Fault::refused(format!("it claims an array of {} axes", shape.len())));
        }
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
/// A name that is there already, or is too long.
fn put(arrays: &mut IndexMap<String, Array>, name: String, array: Array) -> Result<(), Fault> {
    if name.len() > MOST_NAME {
        return Err(Fault::refused(format!("it has a name of {} bytes", name.len())));
    }
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
