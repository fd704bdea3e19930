//! Caffe's `.caffemodel`: a `NetParameter` message in protocol buffers, of which the arrays ("blobs") of the layers are read.
//!
//! Field numbers are those of `caffe.proto`: layers are field 2 (`V1LayerParameter`, until 2014) or 100 (`LayerParameter`). The first
//! blob of a convolution or an inner product is its weight, the second its bias; blobs of other layers keep their number.

use indexmap::IndexMap;

use super::bytes::{Place, Reader, Source};
use super::error::Fault;
use super::{Array, Found, Number, put};

/// Axes that a blob may have.
const MOST_AXES: usize = 32;

/// Whether a file begins with a field of a `NetParameter` that says so: its name, a layer or an input.
pub(super) fn begins_like(first: &[u8]) -> bool {
    matches!(first, [0x0a | 0x12 | 0x1a, _, ..] | [0xa2, 0x06, ..])
}

pub(super) fn read(source: Box<dyn Source>) -> Result<Found, Fault> {
    let mut reader = Reader::new(source)?;
    let end = reader.left();
    let mut arrays = IndexMap::new();
    while reader.at() < end {
        match field(&mut reader, end).map_err(|_| not_caffe())? {
            Field::Bytes { number: 2, length } => layer(&mut reader, length, &V1, &mut arrays)?,
            Field::Bytes { number: 100, length } => layer(&mut reader, length, &V2, &mut arrays)?,
            other => other.pass(&mut reader)?,
        }
    }
    if arrays.is_empty() {
        return Err(not_caffe());
    }
    Ok(Found { arrays, notes: Default::default(), held: reader.into_held() })
}

/// Any bytes may begin like a message; only one with arrays in it is taken for one.
fn not_caffe() -> Fault {
    Fault::unknown("it is in no known format")
}

/// Where the fields of a layer are.
struct Layout {
    name: u64,
    kind: u64,
    blobs: u64,
}

const V1: Layout = Layout { name: 4, kind: 5, blobs: 6 };
const V2: Layout = Layout { name: 1, kind: 2, blobs: 7 };

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Convolution,
    InnerProduct,
    Other,
}

fn layer(reader: &mut Reader, length: u64, layout: &Layout, arrays: &mut IndexMap<String, Array>) -> Result<(), Fault> {
    let end = reader.at() + length;
    let (mut name, mut kind, mut blobs) = (String::new(), Kind::Other, Vec::new());
    while reader.at() < end {
        match field(reader, end)? {
            Field::Bytes { number, length } if number == layout.name => {
                name = String::from_utf8_lossy(&reader.take(length)?).into_owned();
            }
            Field::Bytes { number, length } if number == layout.kind => {
                kind = match reader.take(length)?.as_slice() {
                    b"Convolution" | b"Deconvolution" => Kind::Convolution,
                    b"InnerProduct" => Kind::InnerProduct,
                    _ => Kind::Other,
                };
            }
            // Until 2014 kinds were numbers.
            Field::Number { number, value } if number == layout.kind => {
                kind = match value {
                    4 | 39 => Kind::Convolution,
                    14 => Kind::InnerProduct,
                    _ => Kind::Other,
                };
            }
            Field::Bytes { number, length } if number == layout.blobs => blobs.push(blob(reader, length)?),
            Field::Bytes { number: 1, .. } if layout.blobs == V1.blobs => {
                return Err(Fault::refused("its layers are in Caffe's first layout, which is not read")
                    .help("Caffe's `upgrade_net_proto_binary` writes it anew"));
            }
            other => other.pass(reader)?,
        }
    }
    for (index, mut array) in blobs.into_iter().enumerate() {
        let part = match (kind, index) {
            (Kind::Other, _) | (_, 2..) => index.to_string(),
            (_, 0) => "weight".to_owned(),
            (_, _) => "bias".to_owned(),
        };
        // Blobs had four axes once, whatever they held: a bias is the last of them, a matrix the last two.
        let axes = match (kind, part.as_str()) {
            (Kind::Other, _) => array.shape.len(),
            (_, "bias") => 1,
            (Kind::InnerProduct, _) => 2,
            (_, _) => 4,
        };
        while array.shape.len() > axes && array.shape[0] == 1 {
            array.shape.remove(0);
        }
        put(arrays, format!("{name}.{part}"), array)?;
    }
    Ok(())
}

fn blob(reader: &mut Reader, length: u64) -> Result<Array, Fault> {
    let end = reader.at() + length;
    let (mut old, mut shape, mut data) = ([0u64; 4], None, None);
    while reader.at() < end {
        match field(reader, end)? {
            Field::Number { number: number @ 1..=4, value } => old[number as usize - 1] = value,
            Field::Bytes { number: 7, length } => shape = Some(axes(reader, length)?),
            Field::Bytes { number: number @ (5 | 8), length } => {
                let kind = if number == 5 { Number::F32 } else { Number::F64 };
                if data.replace((kind, reader.at(), length)).is_some() {
                    return Err(Fault::refused("the numbers of a blob are in several pieces"));
                }
                reader.skip(length)?;
            }
            Field::Fixed { number: 5 | 8, .. } => {
                return Err(Fault::refused("the numbers of a blob stand one by one, not packed"));
            }
            other => other.pass(reader)?,
        }
    }
    let shape = shape.unwrap_or_else(|| old.to_vec());
    let shape: Result<Vec<usize>, _> = shape.into_iter().map(usize::try_from).collect();
    let shape = shape.map_err(|_| Fault::refused("it holds a blob of an impossible shape"))?;
    let (number, at, length) = data.unwrap_or((Number::F32, reader.at(), 0));
    let array = Array::new(number, shape, Place::file(at))?;
    if array.length() as u64 != length {
        return Err(Fault::refused(format!("a blob of the shape {:?} has {length} bytes", array.shape)));
    }
    Ok(array)
}

fn axes(reader: &mut Reader, length: u64) -> Result<Vec<u64>, Fault> {
    let end = reader.at() + length;
    let mut axes = Vec::new();
    while reader.at() < end {
        match field(reader, end)? {
            Field::Bytes { number: 1, length } => {
                let end = reader.at() + length;
                while reader.at() < end && axes.len() <= MOST_AXES {
                    axes.push(varint(reader)?);
                }
            }
            Field::Number { number: 1, value } => axes.push(value),
            other => other.pass(reader)?,
        }
        if axes.len() > MOST_AXES {
            return Err(Fault::refused("it holds a blob of too many axes"));
        }
    }
    Ok(axes)
}

/// A field of a message: its head, and where it is short, all of it.
enum Field {
    Number { number: u64, value: u64 },
    Fixed { number: u64, length: u64 },
    Bytes { number: u64, length: u64 },
}

impl Field {
    fn pass(self, reader: &mut Reader) -> Result<(), Fault> {
        match self {
            Field::Number { .. } => Ok(()),
            Field::Fixed { length, .. } | Field::Bytes { length, .. } => reader.skip(length),
        }
    }
}

/// The next field of a message that ends at `end`.
fn field(reader: &mut Reader, end: u64) -> Result<Field, Fault> {
    let key = varint(reader)?;
    let number = key >> 3;
    let field = match key & 7 {
        0 => Field::Number { number, value: varint(reader)? },
        1 => Field::Fixed { number, length: 8 },
        2 => Field::Bytes { number, length: varint(reader)? },
        5 => Field::Fixed { number, length: 4 },
        _ => return Err(Fault::refused("it holds a field of an unknown kind")),
    };
    match field {
        Field::Fixed { length, .. } | Field::Bytes { length, .. } if length > end.saturating_sub(reader.at()) => {
            Err(Fault::refused("it is cut short"))
        }
        field => Ok(field),
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
fn varint(reader: &mut Reader) -> Result<u64, Fault> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = reader.array::<1>()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Fault::refused("it holds a number of more than 64 bits"))
}
