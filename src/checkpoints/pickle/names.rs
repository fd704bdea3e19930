//! What a pickle may name, and no more.

use crate::checkpoints::Number;

/// A name of Python that a file of weights may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::checkpoints) enum Name {
    OrderedDict,
    /// `_codecs.encode`: how Python 3 writes bytes for Python 2.
    Encode,
    RebuildTensor,
    RebuildParameter,
    /// `torch.Size`: a tuple of lengths.
    Size,
    /// Where the numbers of a tensor lie.
    Storage(Number),
    NumpyReconstruct,
    NumpyFromBuffer,
    NumpyScalar,
    NumpyArray,
    NumpyDtype,
    /// What training scripts keep beside the weights: plain values, which no reader asks for.
    Plain,
}

/// Names that PyTorch writes for its kinds of numbers.
const DTYPES: [&str; 12] = [
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
    "complex64",
    "complex128",
];

/// Kinds of values that are part of Python. Protocol 2 writes some of them, and their module, as Python 2 called them.
const BUILTINS: [&str; 13] = [
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "long",
    "set",
    "str",
    "unicode",
];

impl Name {
    pub(super) fn of(module: &str, name: &str) -> Option<Name> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Name::OrderedDict,
            ("_codecs", "encode") => Name::Encode,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Name::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Name::RebuildParameter,
            ("torch", "Size") => Name::Size,
            ("torch", "device") => Name::Plain,
            ("torch", kind) if DTYPES.contains(&kind) => Name::Plain,
            ("collections", "Counter" | "defaultdict") | ("argparse", "Namespace") => Name::Plain,
            ("builtins" | "__builtin__", kind) if BUILTINS.contains(&kind) => Name::Plain,
            ("torch" | "torch.cuda", storage) => Name::Storage(match storage.strip_suffix("Storage")? {
                "Double" => Number::F64,
                "Float" => Number::F32,
                "Half" => Number::F16,
                "BFloat16" => Number::Bf16,
                "Long" => Number::I64,
                "Int" => Number::I32,
                "Short" => Number::I16,
                "Char" => Number::I8,
                "Byte" => Number::U8,
                "Bool" => Number::Bool,
                _ => return None,
            }),
            ("numpy", "ndarray") => Name::NumpyArray,
            ("numpy", "dtype") => Name::NumpyDtype,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Name::NumpyReconstruct,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Name::NumpyScalar,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Name::NumpyFromBuffer,
            _ => return None,
        })
    }
}
