//! What the numbers of an array are.

use candle_core::{DType, Device, Tensor};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Number {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

use Number::{Bf16, Bool, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};

/// Every kind with its word, its name in a safetensors file, and NumPy's sign for it.
const NAMES: [(Number, &str, &str, &str); 13] = [
    (F64, "f64", "F64", "f8"),
    (F32, "f32", "F32", "f4"),
    (F16, "f16", "F16", "f2"),
    (Bf16, "bf16", "BF16", ""),
    (I64, "i64", "I64", "i8"),
    (I32, "i32", "I32", "i4"),
    (I16, "i16", "I16", "i2"),
    (I8, "i8", "I8", "i1"),
    (U64, "u64", "U64", "u8"),
    (U32, "u32", "U32", "u4"),
    (U16, "u16", "U16", "u2"),
    (U8, "u8", "U8", "u1"),
    (Bool, "bool", "BOOL", "b1"),
];

impl Number {
    fn names(self) -> &'static (Number, &'static str, &'static str, &'static str) {
        &NAMES[self as usize]
    }

    /// `f32`, `bf16`, `bool`.
    pub fn word(self) -> &'static str {
        self.names().1
    }

    /// As safetensors files call it.
    pub(super) fn safetensors(self) -> &'static str {
        self.names().2
    }

    pub(super) fn of_safetensors(name: &str) -> Option<Number> {
        NAMES.iter().find(|names| names.2 == name).map(|names| names.0)
    }

    /// NumPy's sign without the order of bytes: `f4`. NumPy has none for bf16.
    pub(super) fn numpy(self) -> Option<&'static str> {
        Some(self.names().3).filter(|sign| !sign.is_empty())
    }

    /// `<f4`, `|u1`, `f4`; `?` is a truth value. Numbers whose first byte is the largest are not read.
    pub(super) fn of_numpy(descr: &str) -> Option<Number> {
        let sign = descr.trim_start_matches(['<', '|', '=']);
        let sign = if sign == "?" { "b1" } else { sign };
        NAMES.iter().find(|names| !sign.is_empty() && names.3 == sign).map(|names| names.0)
    }

    /// Bytes that one takes.
    pub fn size(self) -> usize {
        match self {
            F64 | I64 | U64 => 8,
            F32 | I32 | U32 => 4,
            F16 | Bf16 | I16 | U16 => 2,
            I8 | U8 | Bool => 1,
        }
    }

    /// The numbers as a tensor: f16 and bf16 as f32, whole numbers as u8, u32 or i64.
    pub(super) fn tensor(self, bytes: &[u8], shape: &[usize]) -> Result<Tensor, String> {
        let plain = |dtype: DType| Tensor::from_raw_buffer(bytes, dtype, shape, &Device::Cpu);
        let whole = |numbers: Vec<i64>| Tensor::from_vec(numbers, shape, &Device::Cpu);
        let tensor = match self {
            F64 => plain(DType::F64),
            F32 => plain(DType::F32),
            F16 => plain(DType::F16).and_then(|tensor| tensor.to_dtype(DType::F32)),
            Bf16 => plain(DType::BF16).and_then(|tensor| tensor.to_dtype(DType::F32)),
            I64 => plain(DType::I64),
            U32 => plain(DType::U32),
            U8 | Bool => plain(DType::U8),
            I32 => whole(each(bytes, |bytes| i32::from_le_bytes(bytes).into())),
            I16 => whole(each(bytes, |bytes| i16::from_le_bytes(bytes).into())),
            I8 => whole(each(bytes, |bytes| i8::from_le_bytes(bytes).into())),
            U16 => whole(each(bytes, |bytes| u16::from_le_bytes(bytes).into())),
            U64 => {
                let numbers: Vec<u64> = each(bytes, u64::from_le_bytes);
                let numbers: Result<Vec<i64>, _> = numbers.into_iter().map(i64::try_from).collect();
                whole(numbers.map_err(|_| "holds whole numbers beyond 2^63")?)
            }
        };
        tensor.map_err(|error| error.to_string())
    }
}

fn each<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_at_its_own_place() {
        for (at, (number, ..)) in NAMES.iter().enumerate() {
            assert_eq!(*number as usize, at);
            assert_eq!(Number::of_safetensors(number.safetensors()), Some(*number));
            assert_eq!(number.numpy().and_then(Number::of_numpy), Some(*number).filter(|number| *number != Bf16));
        }
        assert_eq!(Number::of_numpy("|b1"), Some(Bool));
        assert_eq!((Number::of_numpy(">f4"), Number::of_numpy("|O")), (None, None));
    }

    #[test]
    fn numbers_keep_their_values() {
        let f64s = |number: Number, bytes: &[u8]| {
            let tensor = number.tensor(bytes, &[bytes.len() / number.size()]).unwrap();
            tensor.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap()
        };
        assert_eq!(f64s(F16, &[0x00, 0x3c, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(f64s(Bf16, &[0x80, 0x3f, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(f64s(I8, &[0xff, 0x7f]), [-1.0, 127.0]);
        assert_eq!(f64s(I16, &[0x00, 0x80]), [-32768.0]);
        assert_eq!(f64s(I32, &(-70_000i32).to_le_bytes()), [-70_000.0]);
        assert_eq!(f64s(U16, &[0xff, 0xff]), [65535.0]);
        assert_eq!(f64s(Bool, &[0, 1]), [0.0, 1.0]);
        assert!(U64.tensor(&[0xff; 8], &[1]).is_err());
    }
}
