"""Makes the files of this folder, which `src/checkpoints/tests.rs` reads: run by hand, with NumPy 2.

PyTorch is not needed: Python's own pickle writes names and arguments the way PyTorch asks it to, and the containers around them are
laid out here as PyTorch, MXNet and Caffe document them; PyTorch 2.15, MXNet 1.9 and what protoc makes of `caffe.proto` read them. What these
libraries write themselves is in `real/` (`make_real.py`). Every file holds the same net:

    conv.weight   [2, 3, 2, 2]   numbers 0, 0.5, 1, 1.5, …
    conv.bias     [2]            -1, 2
    fc.weight     [3, 2]         a view of a larger storage, turned: [[0, 3], [1, 4], [2, 5]]
"""

import collections
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).parent
CONV = (np.arange(24, dtype="<f4") / 2).reshape(2, 3, 2, 2)
BIAS = np.array([-1, 2], dtype="<f4")
MATRIX = np.arange(6, dtype="<f4").reshape(2, 3)  # fc.weight is its transpose


def module(name, **content):
    """A module of that name, so that pickle can write the names of what is in it."""
    made = types.ModuleType(name)
    for key, value in content.items():
        value.__module__, value.__qualname__, value.__name__ = name, key, key
        setattr(made, key, value)
    sys.modules[name] = made
    return made


def function():
    return lambda *arguments: None


def storage_class():
    return type("storage", (), {})


torch = module("torch", FloatStorage=storage_class(), HalfStorage=storage_class(), BFloat16Storage=storage_class(),
               DoubleStorage=storage_class(), LongStorage=storage_class())
utils = module("torch._utils", _rebuild_tensor_v2=function(), _rebuild_parameter=function())
torch._utils = utils


class Storage:
    def __init__(self, kind, key, array):
        self.kind, self.key, self.array = kind, key, array


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.arguments = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return utils._rebuild_tensor_v2, self.arguments


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return utils._rebuild_parameter, (self.tensor, True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    view = ()

    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            return ("storage", thing.kind, thing.key, "cpu", len(thing.array), *self.view)
        return None


class StreamPickler(Pickler):
    """In a stream a storage may be part of another; PyTorch writes none that is."""

    view = (None,)


def dumps(thing, pickler=Pickler):
    out = io.BytesIO()
    pickler(out, 2).dump(thing)
    return out.getvalue()


def net(prefix=""):
    conv = Storage(torch.FloatStorage, "0", CONV.ravel())
    bias = Storage(torch.FloatStorage, "1", BIAS)
    matrix = Storage(torch.FloatStorage, "2", np.concatenate([[9, 9], MATRIX.ravel()]).astype("<f4"))
    state = collections.OrderedDict()
    state[prefix + "conv.weight"] = Tensor(conv, 0, (2, 3, 2, 2), (12, 4, 2, 1))
    state[prefix + "conv.bias"] = Parameter(Tensor(bias, 0, (2,), (1,)))
    state[prefix + "fc.weight"] = Tensor(matrix, 2, (3, 2), (1, 3))
    return state, [conv, bias, matrix]


def torch_zip(path, thing, storages, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        def put(name, content):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content, method)

        put("data.pkl", dumps(thing))
        put("byteorder", b"little")
        for storage in storages:
            put(f"data/{storage.key}", storage.array.tobytes())
        put("version", b"3\n")


def torch_stream(path, thing, storages):
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [dumps(0x1950A86A20F9469CFC6C), dumps(1001), dumps(system), dumps(thing, StreamPickler), dumps([s.key for s in storages])]
    for storage in storages:
        parts += [struct.pack("<q", len(storage.array)), storage.array.tobytes()]
    path.write_bytes(b"".join(parts))


def half(array):
    return Storage(torch.HalfStorage, "h", array.astype("<f2"))


def kinds():
    numbers = np.array([1, -2, 0.5])
    bf16 = (numbers.astype("<f4").view("<u4") >> 16).astype("<u2")
    storages = [half(numbers), Storage(torch.BFloat16Storage, "b", bf16),
                Storage(torch.DoubleStorage, "d", numbers.astype("<f8")),
                Storage(torch.LongStorage, "l", np.array([7, -7, 1 << 40], dtype="<i8"))]
    state = {name: Tensor(storage, 0, (3,), (1,)) for name, storage in zip(["half", "bfloat", "double", "long"], storages)}
    return {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}}, storages


def mxnet_array(array, layout):
    device_and_kind = struct.pack("<iii", 1, 0, {"<f4": 0, "<f8": 1}[array.dtype.str])
    if layout == 0:
        head = struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape)
    elif layout == 1:
        head = struct.pack(f"<II{array.ndim}q", 0xF993FAC8, array.ndim, *array.shape)
    else:
        head = struct.pack(f"<IiI{array.ndim}q", 0xF993FAC7 + layout, 0, array.ndim, *array.shape)
    return head + device_and_kind + array.tobytes()


def mxnet(path, named, layout):
    parts = [struct.pack("<QQQ", 0x112, 0, len(named))]
    parts += [mxnet_array(array, layout) for _, array in named]
    parts.append(struct.pack("<Q", len(named)))
    parts += [struct.pack("<Q", len(name)) + name.encode() for name, _ in named]
    path.write_bytes(b"".join(parts))


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array, old):
    if old:
        axes = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(field(number + 1, axis) for number, axis in enumerate(axes))
    else:
        shape = field(7, field(1, b"".join(varint(axis) for axis in array.shape)))
    return shape + field(5, array.tobytes())


def caffe(path, old):
    matrix = np.ascontiguousarray(MATRIX.T)
    if old:
        conv = field(4, b"conv") + field(5, 4) + field(6, blob(CONV, old)) + field(6, blob(BIAS, old))
        fc = field(4, b"fc") + field(5, 14) + field(6, blob(matrix, old))
        path.write_bytes(field(1, b"net") + field(2, conv) + field(2, fc))
    else:
        conv = field(1, b"conv") + field(2, b"Convolution") + field(3, b"data") + field(7, blob(CONV, old)) + field(7, blob(BIAS, old))
        fc = field(1, b"fc") + field(2, b"InnerProduct") + field(7, blob(matrix, old))
        norm = field(1, b"bn") + field(2, b"BatchNorm") + field(7, blob(BIAS, old))
        path.write_bytes(field(1, b"net") + field(100, conv) + field(100, norm) + field(100, fc))


torch_zip(HERE / "torch.pth", *net())
torch_zip(HERE / "deflated.pth", *net("module."), zipfile.ZIP_DEFLATED)
torch_stream(HERE / "old.pth", *net())
torch_zip(HERE / "kinds.pth", *kinds())
named = [("arg:conv_weight", CONV), ("arg:conv_bias", BIAS), ("aux:fc_weight", np.ascontiguousarray(MATRIX.T))]
for layout in range(4):
    mxnet(HERE / f"v{layout}.params", named, layout)
caffe(HERE / "v1.caffemodel", True)
caffe(HERE / "v2.caffemodel", False)
np.savez_compressed(HERE / "net.npz", **{"conv.weight": CONV, "conv.bias": BIAS, "fc.weight": MATRIX.T})
labels = {"2007_000032": np.array([1, 0, 0], dtype="f4"), np.int32(2007000039): np.array([0, 1, 1], dtype="f8"), "n": np.float32(2)}
np.save(HERE / "labels.npy", labels)
(HERE / "labels2.npy").write_bytes((HERE / "labels.npy").read_bytes()[:128] + pickle.dumps(np.array(labels), 2))
