"""Makes the files of `real/`: weights written by the libraries themselves, which `src/checkpoints/real.rs` reads. Run by hand:

    python make_real.py torch            with PyTorch 2.15.0, NumPy 2.4.6, safetensors 0.8.0
    python make_real.py mxnet            with MXNet 1.9.1, NumPy 1.23.5, safetensors 0.8.0
    python make_real.py caffe caffe_pb2  with protobuf, `caffe_pb2` being what protoc makes of BVLC/caffe's `caffe.proto`

Beside each file lies one of the same name in safetensors, written by the package of that name: the arrays that are in it, as their library
reads them back. A file without one is refused.
"""

import argparse
import collections
import importlib
import pathlib
import sys

import numpy as np

REAL = pathlib.Path(__file__).parent / "real"
REAL.mkdir(exist_ok=True)


def with_torch():
    import torch
    from safetensors.torch import save_file
    from torch import nn

    torch.manual_seed(7)

    def net():
        made = nn.Sequential(
            collections.OrderedDict(conv=nn.Conv2d(3, 2, 3), bn=nn.BatchNorm2d(2), flat=nn.Flatten(), fc=nn.Linear(8, 3))
        )
        made(torch.randn(4, 3, 4, 4)).sum().backward()
        return made

    def keep(name, saved, state, **options):
        torch.save(saved, REAL / f"{name}.pth", **options)
        read = torch.load(REAL / f"{name}.pth", weights_only=False)
        if state is not None:
            arrays = {key: tensor.detach().contiguous().clone() for key, tensor in state(read).items()}
            save_file(arrays, REAL / f"{name}.safetensors")

    def whole(read):
        return read

    # Names, an epoch's bookkeeping and `_metadata` behind the entries.
    keep("state", net().state_dict(), whole)

    # What a training script leaves: several devices, an optimizer with momentum, a schedule that counts, numbers of NumPy.
    trained = nn.DataParallel(net())
    optimizer = torch.optim.SGD(trained.parameters(), lr=0.1, momentum=0.9)
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4, 4])
    checkpoint = {
        "epoch": 3,
        "best": np.float64(0.5),
        "seen": {1, 2},
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "size": torch.Size([4, 4]),
        "counts": collections.defaultdict(int, cat=2),
        "args": argparse.Namespace(lr=0.1, arch="resnet"),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "state_dict": trained.state_dict(),
    }

    def stripped(read):
        return {key.removeprefix("module."): tensor for key, tensor in read["state_dict"].items()}

    keep("training", checkpoint, stripped)
    keep("training_old", checkpoint, stripped, _use_new_zipfile_serialization=False)

    numbers = torch.tensor([1, -2, 0.5, 3e4])
    kinds = {
        str(dtype).removeprefix("torch."): numbers.abs().clamp(max=100).to(dtype)
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16)
        + (torch.int8, torch.uint8, torch.bool)
    }
    keep("kinds", kinds, whole)
    keep("kinds_old", kinds, whole, _use_new_zipfile_serialization=False)
    keep("protocol4", kinds, whole, pickle_protocol=4)

    ramp = torch.arange(48, dtype=torch.float32)
    views = collections.OrderedDict(
        whole=ramp,
        part=ramp[10:20],
        every_third=ramp[1::3],
        turned=ramp.view(6, 8).t(),
        block=ramp.view(6, 8)[2:4, 1:7:2],
        channels_last=ramp.view(2, 3, 2, 4).to(memory_format=torch.channels_last),
        one=torch.tensor(3.5),
        nothing=torch.zeros(0, 3),
        half_shared=ramp.half()[4:],
        parameter=nn.Parameter(torch.ones(2, 2) / 3),
        buffer=nn.Parameter(torch.full((2,), -1.0), requires_grad=False),
    )
    views["tied"] = views["parameter"]
    keep("views", views, whole)
    keep("views_old", views, whole, _use_new_zipfile_serialization=False)

    # Refused: a net with its code, numbers that stand for more than there are, one tensor without a name.
    keep("net_itself", net(), None)
    keep("expanded", {"bias": torch.ones(1).expand(1000)}, None)
    keep("nameless", ramp, None)

    # NumPy's own.
    arrays = {
        "rows": np.arange(6, dtype="f4").reshape(2, 3),
        "columns": np.asfortranarray(np.arange(24, dtype="f8").reshape(2, 3, 4)),
        "half": np.array([1, -2.5], dtype="f2"),
        "truth": np.array([True, False]),
        "whole": np.array([-7, 1 << 40]),
        "one": np.float32(0.25),
        "nothing": np.zeros((0, 4), dtype="f4"),
        "deep/name.weight": np.arange(3, dtype="u1"),
    }
    for name, write in (("stored", np.savez), ("packed", np.savez_compressed)):
        write(REAL / f"{name}.npz", **arrays)
        read = np.load(REAL / f"{name}.npz")
        save_file({key: torch.from_numpy(np.ascontiguousarray(read[key])).reshape(read[key].shape) for key in read.files},
                  REAL / f"{name}.safetensors")
    labels = {id: row for id, row in zip(("2007_000032", "2007_000039", "2011_003276"), np.eye(3, 20, 4, dtype="f4"))}
    np.save(REAL / "labels.npy", labels)
    # As some codes keep it: whole numbers for names, which NumPy makes of `2007_000032`.
    np.save(REAL / "labels_by_number.npy", {np.int32(id.replace("_", "")): row for id, row in labels.items()})
    save_file({id: torch.from_numpy(row.copy()) for id, row in labels.items()}, REAL / "labels.safetensors")
    save_file({id.replace("_", ""): torch.from_numpy(row.copy()) for id, row in labels.items()},
              REAL / "labels_by_number.safetensors")


def with_mxnet():
    import mxnet as mx
    from safetensors.numpy import save_file

    def keep(name, arrays, plain):
        mx.nd.save(str(REAL / f"{name}.params"), arrays)
        read = mx.nd.load(str(REAL / f"{name}.params"))
        if plain is not None:
            save_file({plain(key): np.ascontiguousarray(array.asnumpy()).reshape(array.shape) for key, array in read.items()},
                      REAL / f"{name}.safetensors")

    ramp = np.arange(24, dtype="f4") / 2
    keep("module", {
        "arg:conv1a_weight": mx.nd.array(ramp.reshape(2, 3, 2, 2)),
        "arg:fc_bias": mx.nd.array([-1, 2]),
        "aux:bn_moving_mean": mx.nd.array([0.5, 0.25]),
    }, lambda key: key[4:])
    # One name for a weight and a state: then the prefixes stay.
    keep("both", {"arg:a": mx.nd.array([1]), "aux:a": mx.nd.array([2])}, lambda key: key)
    kinds = ("float64", "float32", "float16", "uint8", "int32", "int8", "int64", "bool")
    keep("kinds_mxnet", {kind: mx.nd.array([1, 0, 100], dtype=kind) for kind in kinds}, lambda key: key)
    keep("sparse", {"sparse": mx.nd.array(np.eye(3, dtype="f4")).tostype("csr")}, None)
    # Arrays of no axes are numbers from here on, which is another layout.
    mx.npx.set_np()
    one, nothing = mx.np.array(2.5), mx.np.zeros((0, 3))
    mx.npx.save(str(REAL / "numpy_shapes.params"), {"one": one, "nothing": nothing, "rows": mx.np.array(ramp).reshape(4, 6)})
    read = mx.npx.load(str(REAL / "numpy_shapes.params"))
    save_file({key: np.array(array.asnumpy()).reshape(array.shape) for key, array in read.items()},
              REAL / "numpy_shapes.safetensors")


def with_caffe(module):
    from safetensors.numpy import save_file

    caffe = importlib.import_module(module)
    ramp = np.arange(24, dtype="f4") / 2
    arrays = {
        "conv1_1.weight": ramp.reshape(2, 3, 2, 2),
        "conv1_1.bias": np.array([-1, 2], dtype="f4"),
        "fc.weight": ramp.reshape(3, 8),
        "fc.bias": np.array([0, 1, 2], dtype="f4"),
        "bn.0": np.array([0.5, 0.25], dtype="f4"),
        "bn.1": np.array([1, 2], dtype="f4"),
        "bn.2": np.array([999], dtype="f4"),
    }

    def fill(blob, array, old):
        if old:
            blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
        else:
            blob.shape.dim.extend(array.shape)
        blob.data.extend(array.ravel().tolist())

    new = caffe.NetParameter(name="net")
    new.layer.add(name="data", type="Input").input_param.shape.add().dim.extend([1, 3, 8, 8])
    conv = new.layer.add(name="conv1_1", type="Convolution", bottom=["data"], top=["conv1_1"])
    conv.param.add(lr_mult=1, decay_mult=1)
    conv.convolution_param.num_output = 2
    conv.convolution_param.kernel_size.append(2)
    conv.convolution_param.weight_filler.type = "xavier"
    new.layer.add(name="bn", type="BatchNorm").batch_norm_param.eps = 1e-3
    new.layer.add(name="fc", type="InnerProduct").inner_product_param.num_output = 3
    for layer in new.layer:
        for name in sorted(arrays):
            of, part = name.rsplit(".", 1)
            if of == layer.name and part != "bias":
                fill(layer.blobs.add(), arrays[name], old=False)
        if layer.name + ".bias" in arrays:
            fill(layer.blobs.add(), arrays[layer.name + ".bias"], old=False)
    old = caffe.NetParameter(name="net", input=["data"], input_dim=[1, 3, 8, 8])
    kinds = caffe.V1LayerParameter.LayerType
    for name, kind in (("conv1_1", kinds.Value("CONVOLUTION")), ("relu1_1", kinds.Value("RELU")), ("fc", kinds.Value("INNER_PRODUCT"))):
        layer = old.layers.add(name=name, type=kind, bottom=["data"], top=[name], blobs_lr=[1, 2], weight_decay=[1, 0])
        for part in ("weight", "bias"):
            if f"{name}.{part}" in arrays:
                fill(layer.blobs.add(), arrays[f"{name}.{part}"], old=True)
    double = caffe.NetParameter(name="net")
    layer = double.layer.add(name="conv", type="Deconvolution")
    blob = layer.blobs.add()
    blob.shape.dim.extend([2, 1, 1, 1])
    blob.double_data.extend([0.1, 0.2])
    first = caffe.NetParameter(name="net")
    first.layers.add().layer.name = "conv"

    def keep(name, message, arrays):
        (REAL / f"{name}.caffemodel").write_bytes(message.SerializeToString())
        if arrays is not None:
            save_file({key: np.ascontiguousarray(array) for key, array in arrays.items()}, REAL / f"{name}.safetensors")

    keep("layer", new, arrays)
    keep("layers", old, {name: array for name, array in arrays.items() if not name.startswith("bn")})
    keep("double", double, {"conv.weight": np.array([0.1, 0.2]).reshape(2, 1, 1, 1)})
    keep("first_layout", first, None)


{"torch": with_torch, "mxnet": with_mxnet, "caffe": with_caffe}[sys.argv[1]](*sys.argv[2:])
