//! Named arrays in one file, as NumPy's `np.load` reads them: a zip archive of `.npy` members.
//!
//! Maps hold whole channels of zeros (classes a picture does not show) between channels that do not compress at all. So a
//! member is either stored as it is, or deflated by [`zero_runs`], which shortens long runs of zero bytes and nothing else:
//! a twentieth of the file for the time of a copy.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use candle_core::{CpuStorage, Device, Storage, Tensor};
use half::f16;

use crate::files::archive::{Archive, Unpacked};
use crate::files::npy::Header;
use crate::files::{self, FileError};

mod zero_runs;

/// Writes arrays (f32, f64, u32, u8, i64) whole or not at all. Names are kept in order. Numbers of f32 that all have half precision are kept in that, and
/// read as f32 again.
///
/// # Errors
/// A file that cannot be written, an archive beyond 4 GiB, an array of another type.
pub fn write(path: &Path, arrays: &[(&str, &Tensor)]) -> Result<(), FileError> {
    let bytes = encode(arrays).map_err(|what| FileError::broken(path, what))?;
    files::write(path, false, |file| file.write_all(&bytes))
}

/// Every array of an archive, in its order. A damaged member is an error: checksums are compared.
///
/// # Errors
/// A file that cannot be read or is not an archive of C-ordered arrays of numbers.
pub fn read(path: &Path) -> Result<Vec<(String, Tensor)>, FileError> {
    let file = std::fs::File::open(path).map_err(|error| FileError::read(path, &error))?;
    decode(BufReader::new(file)).map_err(|what| FileError::broken(path, what))
}

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

fn encode(arrays: &[(&str, &Tensor)]) -> Result<Vec<u8>, String> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, tensor) in arrays {
        let member = npy(tensor)?;
        let packed = zero_runs::deflate(&member);
        let (method, data) = match &packed {
            Some(packed) => (DEFLATED, packed),
            None => (STORED, &member),
        };
        let name = format!("{name}.npy");
        let small = |length: usize| u32::try_from(length).map_err(|_| "the arrays are larger than 4 GiB".to_owned());
        // What local header and directory share: version, flags, method, time, date (1980-01-01), crc, sizes, name length, extra.
        let mut shared = Vec::with_capacity(26);
        for half in [20, 0, method, 0, 0x21] {
            shared.extend(u16::to_le_bytes(half));
        }
        for word in [crc32fast::hash(&member), small(data.len())?, small(member.len())?] {
            shared.extend(word.to_le_bytes());
        }
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend([0; 2]);

        directory.extend(CENTRAL);
        directory.extend(20u16.to_le_bytes());
        directory.extend(&shared);
        directory.extend([0; 10]); // comment, disk, attributes
        directory.extend(small(archive.len())?.to_le_bytes());
        directory.extend(name.as_bytes());

        archive.extend(LOCAL);
        archive.extend(&shared);
        archive.extend(name.as_bytes());
        archive.extend(data);
        small(archive.len())?;
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(END);
    archive.extend([0; 4]);
    archive.extend((arrays.len() as u16).to_le_bytes());
    archive.extend((arrays.len() as u16).to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    Ok(archive)
}

/// Whether half precision loses nothing of a number.
fn is_half(number: f32) -> bool {
    f16::from_f32(number).to_f32().to_bits() == number.to_bits()
}

/// One array in NumPy's format, version 1; f32 as f16 where that loses nothing.
fn npy(tensor: &Tensor) -> Result<Vec<u8>, String> {
    let tensor = tensor.contiguous().map_err(|error| error.to_string())?;
    let tensor = tensor.to_device(&Device::Cpu).map_err(|error| error.to_string())?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { return Err("the array is not in this machine's memory".into()) };
    let range = layout.start_offset()..layout.start_offset() + tensor.elem_count();
    let (descr, size) = match storage {
        CpuStorage::F32(numbers) if numbers[range.clone()].iter().all(|number| is_half(*number)) => ("<f2", 2),
        CpuStorage::F32(_) => ("<f4", 4),
        CpuStorage::F64(_) => ("<f8", 8),
        CpuStorage::U32(_) => ("<u4", 4),
        CpuStorage::U8(_) => ("|u1", 1),
        CpuStorage::I64(_) => ("<i8", 8),
        _ => return Err(format!("arrays of {:?} are not written", tensor.dtype())),
    };
    let shape: String = tensor.dims().iter().map(|length| format!("{length}, ")).collect();
    let shape = if tensor.rank() == 1 { shape.trim_end() } else { shape.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // The numbers begin at a multiple of 64.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');

    let mut bytes = Vec::with_capacity(10 + header.len() + size * tensor.elem_count());
    bytes.extend(b"\x93NUMPY\x01\x00");
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    match storage {
        CpuStorage::F32(numbers) if size == 2 => {
            bytes.extend(numbers[range].iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()));
        }
        CpuStorage::F32(numbers) => bytes.extend(numbers[range].iter().flat_map(|number| number.to_le_bytes())),
        CpuStorage::F64(numbers) => bytes.extend(numbers[range].iter().flat_map(|number| number.to_le_bytes())),
        CpuStorage::U32(numbers) => bytes.extend(numbers[range].iter().flat_map(|number| number.to_le_bytes())),
        CpuStorage::U8(numbers) => bytes.extend(&numbers[range]),
        CpuStorage::I64(numbers) => bytes.extend(numbers[range].iter().flat_map(|number| number.to_le_bytes())),
        _ => unreachable!("the other types were refused above"),
    }
    Ok(bytes)
}

fn decode(source: impl Read + Seek) -> Result<Vec<(String, Tensor)>, String> {
    let mut archive = Archive::open(source)?;
    let mut piece = vec![0; PIECE];
    (0..archive.members().len())
        .map(|index| {
            let member = archive.unpack(index)?;
            Ok((member.name.trim_end_matches(".npy").to_owned(), parse_npy(member, &mut piece)?))
        })
        .collect()
}

/// Bytes that are read at once: they become numbers while the cache still holds them.
const PIECE: usize = 1 << 17;

fn parse_npy(mut member: Unpacked, piece: &mut [u8]) -> Result<Tensor, String> {
    let name = member.name.clone();
    let wrong = |what: String| format!("`{name}` {what}");
    let filled = member.fill(piece)?;
    let Header { descr, column_order, shape, start } = Header::parse(&piece[..filled]).map_err(wrong)?;
    if column_order {
        return Err(wrong("is in column order; save it with np.ascontiguousarray".into()));
    }
    let bytes = member.length.saturating_sub(start as u64);
    let count = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
    let expect = |size: usize| match count {
        Some(count) if count.checked_mul(size).is_some_and(|expected| expected as u64 == bytes) => Ok(count),
        _ => Err(wrong(format!("has {bytes} bytes, {shape:?} of `{descr}` need another number"))),
    };
    macro_rules! numbers {
        ($type:ty, $into:ty) => {{
            const SIZE: usize = size_of::<$type>();
            let read = |bytes: &[u8; SIZE]| <$into>::from(<$type>::from_le_bytes(*bytes));
            let mut numbers: Vec<$into> = Vec::with_capacity(expect(SIZE)?.min(member.room));
            let (mut begin, mut filled) = (start, filled);
            loop {
                let (whole, rest) = piece[begin..filled].as_chunks::<SIZE>();
                numbers.extend(whole.iter().map(read));
                // A number may lie across two pieces.
                let rest = rest.len();
                piece.copy_within(filled - rest..filled, 0);
                begin = 0;
                filled = rest + member.fill(&mut piece[rest..])?;
                if filled == rest {
                    break;
                }
            }
            member.finish()?;
            Tensor::from_vec(numbers, shape.as_slice(), &Device::Cpu)
        }};
    }
    let tensor = match descr.as_str() {
        "<f2" => numbers!(f16, f32),
        "<f4" => numbers!(f32, f32),
        "<f8" => numbers!(f64, f64),
        "|u1" | "|b1" => numbers!(u8, u8),
        "<u4" => numbers!(u32, u32),
        "<i4" => numbers!(i32, i64),
        "<i8" => numbers!(i64, i64),
        _ => return Err(wrong(format!("holds `{descr}`; arrays of f2, f4, f8, u1, b1, u4, i4 and i8 are read"))),
    };
    tensor.map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::files::archive::testing;
    use candle_core::DType;
    use proptest::prelude::*;

    fn bits(tensor: &Tensor) -> (DType, Vec<usize>, Vec<u64>) {
        let numbers = tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
        (tensor.dtype(), tensor.dims().to_vec(), numbers.into_iter().map(f64::to_bits).collect())
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps/cam/a.npz");
        let cam = Tensor::arange(0f32, 24.0, &Device::Cpu).unwrap().reshape((2, 3, 4)).unwrap();
        let scalar = Tensor::new(1.5f64, &Device::Cpu).unwrap();
        let index = Tensor::new(&[0u32, 255, 7], &Device::Cpu).unwrap();
        let turned = cam.transpose(0, 2).unwrap();
        write(&path, &[("cam", &cam), ("scalar", &scalar), ("index", &index), ("turned", &turned)]).unwrap();
        let arrays = read(&path).unwrap();
        let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["cam", "scalar", "index", "turned"]);
        for ((_, found), expected) in arrays.iter().zip([&cam, &scalar, &index, &turned]) {
            assert_eq!(bits(found), bits(expected));
        }
    }

    #[test]
    fn channels_of_zeros_take_no_room() {
        let full =
            (Tensor::arange(1f32, 10_001.0, &Device::Cpu).unwrap().reshape((1, 100, 100)).unwrap() / 3.0).unwrap();
        let empty = Tensor::zeros((19, 100, 100), DType::F32, &Device::Cpu).unwrap();
        let map = Tensor::cat(&[&full, &empty], 0).unwrap();
        let bytes = encode(&[("cam", &map)]).unwrap();
        assert!((40_000..46_000).contains(&bytes.len()), "{} bytes", bytes.len());
        assert_eq!(bits(&decode(Cursor::new(&bytes)).unwrap()[0].1), bits(&map));
    }

    #[test]
    fn what_has_half_precision_takes_half_the_room() {
        let length = |x: f32| encode(&[("x", &Tensor::new(&[1.5f32, x], &Device::Cpu).unwrap())]).unwrap().len();
        for (x, bytes) in [(0.25, 2), (-0.0, 2), (65504.0, 2), (0.1, 4), (65520.0, 4), (1e-9, 4)] {
            assert_eq!(length(x), length(0.25) + 2 * (bytes - 2), "{x}");
            let map = Tensor::new(&[1.5f32, x], &Device::Cpu).unwrap();
            let read = decode(Cursor::new(encode(&[("x", &map)]).unwrap())).unwrap();
            assert_eq!(bits(&read[0].1), bits(&map));
        }
    }

    #[test]
    fn numbers_lie_across_pieces() {
        // Not aligned in the file, and longer than a piece.
        let map = Tensor::arange(0f64, 40_000.0, &Device::Cpu).unwrap();
        let member = npy(&map).unwrap();
        let text = String::from_utf8_lossy(&member[10..128]).trim_end().to_owned() + "  ";
        let odd =
            [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &member[128..]].concat();
        assert_ne!((10 + text.len()) % 8, 0);
        let arrays = decode(Cursor::new(testing::stored(&[("x.npy", &odd)]))).unwrap();
        assert_eq!(bits(&arrays[0].1), bits(&map));
        let short = testing::stored(&[("x.npy", &odd[..odd.len() - 3])]);
        let told = decode(Cursor::new(short)).unwrap_err();
        assert_eq!(told, "`x.npy` has 319997 bytes, [40000] of `<f8` need another number");
    }

    #[test]
    fn a_damaged_file_is_told() {
        let map = Tensor::arange(0f32, 100.0, &Device::Cpu).unwrap();
        let bytes = encode(&[("cam", &map)]).unwrap();
        let mut flipped = bytes.clone();
        flipped[300] ^= 1;
        assert_eq!(decode(Cursor::new(&flipped)).unwrap_err(), "`cam.npy` is damaged: its checksum is another");
        assert_eq!(decode(Cursor::new(&bytes[..bytes.len() - 30])).unwrap_err(), "is not a whole zip archive");
        assert_eq!(decode(Cursor::new(b"")).unwrap_err(), "is not a whole zip archive");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..400, value: u8) {
            let _ = decode(Cursor::new(&bytes));
            let _ = decode(Cursor::new(testing::stored(&[("x", &bytes)])));
            let header = b"\x93NUMPY\x01\x00\x3a\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 9), }\n";
            let _ = decode(Cursor::new(testing::stored(&[("x", &[header, &bytes[..]].concat())])));
            let mut whole = encode(&[("x", &Tensor::zeros(20, DType::F32, &Device::Cpu).unwrap())]).unwrap();
            let at = at % whole.len();
            whole[at] = value;
            let _ = decode(Cursor::new(&whole));
        }
    }
}
