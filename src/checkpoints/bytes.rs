//! Where the numbers of an array lie, and how they are fetched: one array at a time.

use std::borrow::Cow;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use super::error::Fault;
use super::{Array, Number};
use crate::files::archive::Archive;

/// What a checkpoint is read from.
pub trait Source: Read + Seek + Send {}

/// What stays open to fetch numbers from.
pub(super) enum Held {
    File(Box<dyn Source>),
    /// The last member is kept: PyTorch lets arrays share one.
    Archive {
        archive: Archive<Box<dyn Source>>,
        last: Option<(usize, Vec<u8>)>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub origin: Origin,
    /// Bytes before the first number.
    pub offset: u64,
    /// How far apart neighbours along each axis are, in numbers; `None` where they lie one after the other, the last axis fastest.
    pub strides: Option<Vec<usize>>,
}

#[derive(Clone, Debug)]
pub(super) enum Origin {
    File,
    /// A member of the archive.
    Member(usize),
    /// What was in the way of reading names, so that it is here already.
    Memory(Arc<Vec<u8>>),
}

impl Place {
    pub(super) fn file(offset: u64) -> Place {
        Place { origin: Origin::File, offset, strides: None }
    }
}

/// Bytes that an array takes; `None` where there is no address for them.
pub(super) fn length_of(number: Number, shape: &[usize]) -> Option<usize> {
    let length = shape.iter().try_fold(number.size(), |length, axis| length.checked_mul(*axis))?;
    // Axes before one of length 0 must not overflow either: strides are products of them.
    shape.iter().filter(|axis| **axis > 0).try_fold(number.size(), |length, axis| length.checked_mul(*axis))?;
    isize::try_from(length).ok().map(|_| length)
}

/// The strides of an array whose first axis runs fastest.
pub(super) fn column_order(shape: &[usize]) -> Vec<usize> {
    let mut step = 1usize;
    let next = |axis: &usize| {
        let own = step;
        step = step.saturating_mul((*axis).max(1));
        own
    };
    shape.iter().map(next).collect()
}

/// Whether numbers lie one after the other, the last axis fastest.
pub(super) fn in_a_row(shape: &[usize], strides: &[usize]) -> bool {
    let mut step = 1usize;
    shape.iter().zip(strides).rev().all(|(axis, stride)| {
        let fits = *axis == 1 || *stride == step;
        step = step.saturating_mul(*axis);
        fits
    })
}

/// The numbers that an array reaches, counted from its first; `None` where there is no address for them.
pub(super) fn reach(shape: &[usize], strides: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(0usize, |last, (axis, stride)| last.checked_add((axis - 1).checked_mul(*stride)?));
    last?.checked_add(1)
}

impl Held {
    /// The bytes of an array, the last axis fastest: lent where they lie in memory that way, so that there is never more than one copy.
    pub(super) fn numbers<'h>(&'h mut self, array: &'h Array) -> Result<Cow<'h, [u8]>, String> {
        let Place { origin, offset, strides } = &array.place;
        let size = array.number.size();
        let span = match strides {
            None => array.length(),
            Some(strides) => reach(&array.shape, strides).map_or(0, |reach| reach * size),
        };
        let bytes = match origin {
            Origin::Memory(bytes) => Cow::Borrowed(cut(bytes, *offset, span)?),
            Origin::File => Cow::Owned(self.span(*offset, span)?),
            Origin::Member(index) => Cow::Borrowed(cut(self.member(*index)?, *offset, span)?),
        };
        Ok(match strides {
            None => bytes,
            Some(strides) => Cow::Owned(gather(&bytes, size, &array.shape, strides)),
        })
    }

    fn span(&mut self, offset: u64, span: usize) -> Result<Vec<u8>, String> {
        let Held::File(file) = self else { return Err("is not in the file".into()) };
        file.seek(SeekFrom::Start(offset)).map_err(|error| error.to_string())?;
        // The readers have made sure that the file holds as many.
        let mut bytes = Vec::with_capacity(span);
        file.take(span as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() == span { Ok(bytes) } else { Err("is cut short".into()) }
    }

    fn member(&mut self, index: usize) -> Result<&[u8], String> {
        let Held::Archive { archive, last } = self else { return Err("is not in the archive".into()) };
        // One that is not wanted any more goes before the next one comes.
        let kept = match last.take_if(|(at, _)| *at == index) {
            Some(kept) => kept,
            None => {
                *last = None;
                (index, archive.read(index)?)
            }
        };
        Ok(&last.insert(kept).1)
    }
}

fn cut(bytes: &[u8], offset: u64, span: usize) -> Result<&[u8], String> {
    let start = usize::try_from(offset).ok();
    let range = start.and_then(|start| Some(Range { start, end: start.checked_add(span)? }));
    range.and_then(|range| bytes.get(range)).ok_or_else(|| "is cut short".into())
}

/// Numbers in the order of the last axis fastest.
fn gather(bytes: &[u8], size: usize, shape: &[usize], strides: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let mut gathered = Vec::with_capacity(count * size);
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for _ in 0..count {
        gathered.extend_from_slice(&bytes[at * size..(at + 1) * size]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    gathered
}

/// A file read from its beginning on, which is never believed about its length.
pub(super) struct Reader {
    inner: BufReader<Box<dyn Source>>,
    at: u64,
    length: u64,
}

impl Reader {
    pub(super) fn new(mut source: Box<dyn Source>) -> Result<Reader, Fault> {
        let length = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        Ok(Reader { inner: BufReader::with_capacity(1 << 16, source), at: 0, length })
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn left(&self) -> u64 {
        self.length.saturating_sub(self.at)
    }

    /// The next bytes, as many as there are in the file at least.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>, Fault> {
        self.expect(count)?;
        let mut bytes = Vec::with_capacity(count as usize);
        (&mut self.inner).take(count).read_to_end(&mut bytes)?;
        self.at += bytes.len() as u64;
        if bytes.len() as u64 == count { Ok(bytes) } else { Err(Fault::refused("it is cut short")) }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// Passes over bytes, which must be there.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        self.expect(count)?;
        let step = i64::try_from(count).map_err(|_| Fault::refused("it is cut short"))?;
        self.inner.seek_relative(step)?;
        self.at += count;
        Ok(())
    }

    fn expect(&self, count: u64) -> Result<(), Fault> {
        if count > self.left() { Err(Fault::refused("it is cut short")) } else { Ok(()) }
    }

    pub(super) fn into_held(self) -> Held {
        Held::File(self.inner.into_inner())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}
