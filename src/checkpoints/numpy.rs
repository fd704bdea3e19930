//! NumPy's `.npz` archives and `.npy` files; of the latter also pickled dictionaries of arrays, such as the `cls_labels.npy` of the field.

use std::sync::Arc;

use indexmap::IndexMap;

use super::bytes::{Held, Origin, Place, Reader, Source, column_order};
use super::error::Fault;
use super::pickle::{self, At, Name, Pickle, Value};
use super::{Array, Found, MOST_BYTES, Number, put};
use crate::files::archive::Archive;
use crate::files::npy::Header;

/// The longest header that is looked at.
const MOST_HEADER: u64 = 1 << 16;

/// A single array has no name.
const UNNAMED: &str = "array";

/// An archive of arrays.
pub(super) fn archive(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut archive = Archive::open(source)?;
    let mut arrays = IndexMap::new();
    for index in 0..archive.members().len() {
        let member = archive.members()[index].clone();
        let Some(name) = member.name.strip_suffix(".npy") else { continue };
        let of = |fault: Fault| fault.of(name);
        let header = Header::parse(&archive.beginning(index, MOST_HEADER)?).map_err(|what| of(Fault::refused(what)))?;
        let array = array(&header, Origin::Member(index), member.length).map_err(of)?;
        put(&mut arrays, name.to_owned(), array)?;
    }
    Ok(Found { arrays, notes: Default::default(), held: Held::Archive { archive, last: None } })
}

/// One array, or a pickled dictionary.
pub(super) fn file(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut reader = Reader::new(source)?;
    let length = reader.left();
    let first = reader.take(length.min(MOST_HEADER))?;
    let header = Header::parse(&first).map_err(|what| Fault::refused(format!("it {what}")))?;
    let mut arrays = IndexMap::new();
    if header.descr == "|O" {
        let mut rest = std::io::Read::chain(&first[header.start..], &mut reader);
        let pickle = pickle::read(&mut rest).map_err(|what| Fault::refused(format!("it {what}")))?;
        arrays = dictionary(&pickle)?;
    } else {
        put(&mut arrays, UNNAMED.into(), array(&header, Origin::File, length)?)?;
    }
    Ok(Found { arrays, notes: Default::default(), held: reader.into_held() })
}

fn array(header: &Header, origin: Origin, length: u64) -> Result<Array, Fault> {
    let Header { descr, column_order: turned, shape, start } = header;
    let number = Number::of_numpy(descr)
        .ok_or_else(|| Fault::refused(format!("an array holds `{descr}`, which is not read")))?;
    let mut array = Array::new(number, shape.clone(), Place { origin, offset: *start as u64, strides: None })?;
    if array.length() as u64 != length.saturating_sub(*start as u64) {
        return Err(Fault::refused(format!("an array of the shape {shape:?} has another number of bytes")));
    }
    array.place.strides = turned.then(|| column_order(shape));
    Ok(array)
}

fn not_whole() -> Fault {
    Fault::refused("it is no dictionary of arrays")
}

/// `np.save` of a dictionary: an array of one object.
fn dictionary(pickle: &Pickle) -> Result<IndexMap<String, Array>, Fault> {
    let state = array_state(pickle, pickle.root()).ok_or_else(not_whole)?;
    let [root] = pickle.elements(state[4]).ok_or_else(not_whole)? else { return Err(not_whole()) };
    let (mut arrays, mut all) = (IndexMap::new(), 0);
    for (key, value) in pickle.entries(*root).ok_or_else(not_whole)? {
        let name = key_of(pickle, key).ok_or_else(not_whole)?;
        let array =
            held_array(pickle, value).ok_or_else(|| Fault::refused(format!("`{name}` is no array that is read")))?;
        // Many entries may point to one array: each stands for its own.
        all += array.length() as u64;
        if all > MOST_BYTES {
            return Err(Fault::refused("its arrays stand for more numbers than it could hold"));
        }
        put(&mut arrays, name, array)?;
    }
    Ok(arrays)
}

/// The state of an array: version, shape, dtype, column order, numbers.
fn array_state(pickle: &Pickle, at: At) -> Option<&[At]> {
    let (call, _) = pickle.call(at).filter(|(call, _)| call.name == Name::NumpyReconstruct)?;
    pickle.elements(call.state?).filter(|state| state.len() == 5)
}

/// A key as text: picture ids are text or whole numbers.
fn key_of(pickle: &Pickle, at: At) -> Option<String> {
    if let Some(text) = pickle.text(at) {
        return Some(text.into_owned());
    }
    if let Some(number) = pickle.int(at) {
        return Some(number.to_string());
    }
    let (number, bytes) = scalar(pickle, at)?;
    let tensor = number.tensor(&bytes, &[]).ok()?;
    let whole = tensor.dtype().is_int().then(|| tensor.to_dtype(candle_core::DType::I64).ok()?.to_scalar::<i64>().ok());
    whole.flatten().map(|number| number.to_string())
}

/// An array whose numbers the pickle holds.
fn held_array(pickle: &Pickle, at: At) -> Option<Array> {
    let (number, shape, turned, bytes) = match (array_state(pickle, at), pickle.call(at)) {
        (Some(&[_, shape, dtype, turned, numbers]), _) => (
            dtype_of(pickle, dtype)?,
            shape,
            matches!(pickle.value(turned), Value::Bool(true)),
            bytes_of(pickle, numbers)?,
        ),
        (_, Some((call, [numbers, dtype, shape, order]))) if call.name == Name::NumpyFromBuffer => (
            dtype_of(pickle, *dtype)?,
            *shape,
            pickle.text(*order).as_deref() == Some("F"),
            bytes_of(pickle, *numbers)?,
        ),
        _ => {
            let (number, bytes) = scalar(pickle, at)?;
            return of_memory(number, Vec::new(), false, bytes);
        }
    };
    of_memory(number, pickle.lengths(shape)?, turned, bytes)
}

fn of_memory(number: Number, shape: Vec<usize>, turned: bool, bytes: Arc<Vec<u8>>) -> Option<Array> {
    let length = bytes.len();
    let strides = turned.then(|| column_order(&shape));
    let place = Place { origin: Origin::Memory(bytes), offset: 0, strides };
    Array::new(number, shape, place).ok().filter(|array| array.length() == length)
}

/// `scalar(dtype, bytes)`.
fn scalar(pickle: &Pickle, at: At) -> Option<(Number, Arc<Vec<u8>>)> {
    match pickle.call(at)? {
        (call, [dtype, bytes]) if call.name == Name::NumpyScalar => {
            let (number, bytes) = (dtype_of(pickle, *dtype)?, bytes_of(pickle, *bytes)?);
            (bytes.len() == number.size()).then_some((number, bytes))
        }
        _ => None,
    }
}

/// `dtype("f4", …)`, whose state holds the order of bytes.
fn dtype_of(pickle: &Pickle, at: At) -> Option<Number> {
    let (call, arguments) = pickle.call(at).filter(|(call, _)| call.name == Name::NumpyDtype)?;
    let order = call.state.and_then(|state| pickle.elements(state)).and_then(|state| pickle.text(*state.get(1)?));
    if order.as_deref() == Some(">") {
        return None;
    }
    Number::of_numpy(&pickle.text(*arguments.first()?)?)
}

/// Bytes, which many arrays may share, or text that stands for them: one letter a byte.
fn bytes_of(pickle: &Pickle, at: At) -> Option<Arc<Vec<u8>>> {
    match (pickle.value(at), pickle.call(at)) {
        (Value::Bytes(bytes), _) => Some(bytes.clone()),
        (_, Some((call, [text, _encoding]))) if call.name == Name::Encode => match pickle.value(*text) {
            Value::Text(text) => {
                text.chars().map(|letter| u8::try_from(letter).ok()).collect::<Option<_>>().map(Arc::new)
            }
            _ => None,
        },
        _ => None,
    }
}
