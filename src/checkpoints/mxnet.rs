//! MXNet `.params`: a list of arrays, then the list of their names.
//!
//! Four layouts of an array are in use. The oldest begins with the number of its axes, 32 bits a length; later ones with a mark, and
//! have 64 bits a length. Since the second mark a word says whether the array is sparse; the third differs in what no axes mean.

use indexmap::IndexMap;

use super::bytes::{Place, Reader, Source};
use super::error::Fault;
use super::{Array, Found, Number, distinct, put};

/// The mark of a list of arrays.
pub(super) const MAGIC: [u8; 8] = 0x112u64.to_le_bytes();

const V1: u32 = 0xf993_fac8;
const V2: u32 = 0xf993_fac9;
const V3: u32 = 0xf993_faca;

/// Axes that an array may have.
const MOST_AXES: u32 = 32;

pub(super) fn read(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut reader = Reader::new(source)?;
    reader.skip(16)?;
    let count = reader.u64()?;
    let mut found = Vec::new();
    for _ in 0..count {
        found.push(array(&mut reader)?);
    }
    let names = names(&mut reader)?;
    if names.len() != found.len() {
        return Err(Fault::refused(format!("it has {} arrays and {} names", found.len(), names.len())));
    }
    let mut arrays = IndexMap::new();
    for (name, array) in plain(names).into_iter().zip(found) {
        if let Some(array) = array {
            put(&mut arrays, name, array)?;
        }
    }
    Ok(Found { arrays, notes: Default::default(), held: reader.into_held() })
}

/// One array, or none where its place is empty.
fn array(reader: &mut Reader) -> Result<Option<Array>, Fault> {
    let mark = reader.u32()?;
    if matches!(mark, V2 | V3) && reader.u32()? != 0 {
        return Err(Fault::refused("it holds a sparse array, which is not read"));
    }
    let axes = if matches!(mark, V1..=V3) { reader.u32()? } else { mark };
    // No axes are nothing, but for the last layout, where they are one number and -1 is nothing.
    match (mark, axes) {
        (V3, u32::MAX) => return Ok(None),
        (V3, 0) => {}
        (_, 0) => return Ok(None),
        (_, axes) if axes > MOST_AXES => return Err(Fault::refused(format!("it claims an array of {axes} axes"))),
        _ => {}
    }
    let mut shape = Vec::new();
    for _ in 0..axes {
        let length = if mark < V1 { u64::from(reader.u32()?) } else { reader.u64()? };
        let length = usize::try_from(length).ok().filter(|length| *length <= isize::MAX as usize);
        shape.push(length.ok_or_else(|| Fault::refused("it holds an array of unknown shape"))?);
    }
    // The device that it was saved on.
    reader.skip(8)?;
    let flag = reader.u32()?;
    let number = match flag {
        0 => Number::F32,
        1 => Number::F64,
        2 => Number::F16,
        3 => Number::U8,
        4 => Number::I32,
        5 => Number::I8,
        6 => Number::I64,
        7 => Number::Bool,
        other => return Err(Fault::refused(format!("it holds numbers of a kind that is not known ({other})"))),
    };
    let array = Array::new(number, shape, Place::file(reader.at()))?;
    reader.skip(array.length() as u64)?;
    Ok(Some(array))
}

fn names(reader: &mut Reader) -> Result<Vec<String>, Fault> {
    let count = reader.u64()?;
    let mut names = Vec::new();
    for _ in 0..count {
        let length = reader.u64()?;
        names.push(String::from_utf8_lossy(&reader.take(length)?).into_owned());
    }
    Ok(names)
}

/// Without `arg:` and `aux:`, which tell weights from states, where the names stay distinct.
fn plain(names: Vec<String>) -> Vec<String> {
    let short =
        |name: &String| name.strip_prefix("arg:").or_else(|| name.strip_prefix("aux:")).unwrap_or(name).to_owned();
    let plain: Vec<String> = names.iter().map(short).collect();
    if distinct(plain.iter().map(String::as_str)) { plain } else { names }
}
