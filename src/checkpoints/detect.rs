//! The format of a file, by what is in it: names are given by people.

use std::io::{Read, Seek, SeekFrom};

use super::bytes::Source;
use super::error::Fault;
use super::{caffe, mxnet, torch};
use crate::files::archive::Archive;
use crate::files::npy;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Safetensors,
    /// A zip archive of NumPy arrays.
    Npz,
    /// One NumPy array, or a pickled dictionary of them.
    Npy,
    /// PyTorch's zip archive.
    Torch,
    /// PyTorch's format before 1.6: pickles, then the numbers.
    OldTorch,
    Mxnet,
    Caffe,
}

impl Format {
    pub fn words(self) -> &'static str {
        match self {
            Format::Safetensors => "safetensors",
            Format::Npz => "NumPy archive",
            Format::Npy => "NumPy array",
            Format::Torch => "PyTorch",
            Format::OldTorch => "PyTorch before 1.6",
            Format::Mxnet => "MXNet",
            Format::Caffe => "Caffe",
        }
    }
}

const KNOWN: &str =
    "read are .safetensors, .npz, .npy, PyTorch (.pth, .pt), MXNet (.params) and Caffe (.caffemodel) files";

pub(super) fn detect(source: &mut Box<dyn Source>) -> Result<Format, Fault> {
    let length = source.seek(SeekFrom::End(0))?;
    source.rewind()?;
    let mut first = Vec::new();
    source.by_ref().take(512).read_to_end(&mut first)?;
    source.rewind()?;
    // Before all others: its first bytes are a length, which may look like any of them.
    let header = first.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    if header.is_some_and(|header| header <= length.saturating_sub(8)) && first.get(8) == Some(&b'{') {
        return Ok(Format::Safetensors);
    }
    if first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06") {
        let archive = Archive::open(&mut *source).map_err(|what| Fault::refused(format!("it {what}")))?;
        let holds = |ending: &str| archive.members().iter().any(|member| member.name.ends_with(ending));
        return match (holds(torch::PICKLE), holds(".npy") || archive.members().is_empty()) {
            (true, _) => Ok(Format::Torch),
            (_, true) => Ok(Format::Npz),
            _ => Err(Fault::unknown("it is a zip archive of neither PyTorch nor NumPy").help(KNOWN)),
        };
    }
    if first.starts_with(npy::MAGIC) {
        return Ok(Format::Npy);
    }
    if first.starts_with(&mxnet::MAGIC) {
        return Ok(Format::Mxnet);
    }
    if let [0x80, 2..=5, ..] = first[..] {
        return match first[2..].starts_with(&torch::MAGIC) {
            true => Ok(Format::OldTorch),
            false => Err(Fault::unknown("it is a pickle that PyTorch did not write").help(KNOWN)),
        };
    }
    if first.get(257..262) == Some(b"ustar") {
        return Err(Fault::unknown("it is a tar archive, as PyTorch wrote before 0.1.10").help(KNOWN));
    }
    if caffe::begins_like(&first) {
        return Ok(Format::Caffe);
    }
    Err(Fault::unknown("it is in no known format").help(KNOWN))
}
