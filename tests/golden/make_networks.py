"""Makes small_networks.json and small_networks.safetensors: networks of the field at small size, run by PyTorch in double precision.

Run by hand, with torch, torchvision, timm, resnest and safetensors installed:

    python make_networks.py

Where a package holds the network, that is the reference; the others are written here from their papers and public codes. Weights and inputs
follow the formula of README.md, so only names, shapes and results are stored.
"""

import json
import math
import os

import numpy as np
import timm
import torch
import torchvision
from resnest.torch.resnet import Bottleneck as SplitBottleneck
from resnest.torch.resnet import ResNet as ResNeSt
from safetensors.numpy import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

HERE = os.path.dirname(os.path.abspath(__file__))


def uniform(t, shape):
    j = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    u = ((j * 2654435761 + (t + 1) * 40503) % (1 << 32)) / 2.0**32 - 0.5
    return u.reshape(shape)


def formula(t, name, shape):
    u = uniform(t, shape)
    if name.endswith("weight") and len(shape) > 1:
        u = u * math.sqrt(12) * math.sqrt(2 / math.prod(shape[1:]))
    elif name.endswith("running_var"):
        u = 1 + np.abs(u)
    elif name.endswith("weight"):
        u = 1 + 0.2 * u
    else:
        u = 0.2 * u
    return torch.from_numpy(u.astype(np.float32)).double()


def picture(height, width):
    return torch.from_numpy((uniform(1000, (1, 3, height, width)) * 4).astype(np.float32)).double()


def given(t, *shape):
    """An input other than a picture: 0 and up, as features are."""
    return torch.from_numpy(np.abs(uniform(t, shape)).astype(np.float32)).double()


STATES, RESULTS = {}, {}


def keep(name, net, run):
    """Fills `net` by the formula and keeps its names and what `run()` gives."""
    net.double().eval()
    state = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    for t, (key, value) in enumerate(state.items()):
        value.copy_(formula(t, key, tuple(value.shape)))
    STATES[name] = [[key, list(value.shape)] for key, value in state.items()]
    with torch.no_grad():
        for result, tensor in run().items():
            RESULTS[f"{name}.{result}"] = np.ascontiguousarray(tensor.numpy())


def names(name, net):
    """Names and shapes of a network of full size, as one number: FNV-1a of the sorted lines `name shape`."""
    lines = sorted(f"{key} {list(value.shape)}" for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked"))
    number = 0xCBF29CE484222325
    for byte in "\n".join(lines).encode():
        number = ((number ^ byte) * 0x100000001B3) % (1 << 64)
    DIGESTS[name] = [len(lines), f"{number:016x}"]


DIGESTS = {}


def maps(x):
    """A map of many channels by its means: of each place, of each channel."""
    return {"places": x.mean(1, keepdim=True), "channels": x.mean((2, 3))}


# ResNets of torchvision, and the layouts of others.


def trunk(net, x):
    x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    return net.layer4(net.layer3(net.layer2(net.layer1(x))))


def strided(net, strides):
    for stage, stride in zip((net.layer1, net.layer2, net.layer3, net.layer4), strides):
        stage[0].conv2.stride = (stride, stride)
        stage[0].downsample[0].stride = (stride, stride)
    return net


def resnets():
    x = picture(64, 48)
    for name, dilate in (("torchvision_stride8", (False, True, True)), ("torchvision_stride16", (False, False, True))):
        net = ResNet(Bottleneck, [1, 1, 2, 2], num_classes=10, replace_stride_with_dilation=list(dilate))
        keep(name, net, lambda: {**maps(trunk(net, x)), "logits": net(x)})
    for name, strides in (("isim_v3", (1, 2, 1, 1)), ("isim_v4", (1, 1, 1, 1))):
        net = strided(ResNet(Bottleneck, [1, 1, 1, 1], num_classes=10), strides)
        keep(name, net, lambda: maps(trunk(net, picture(40, 32))))
    for depth in (18, 34, 50, 101, 152):
        names(f"resnet{depth}", getattr(torchvision.models, f"resnet{depth}")())


# The Caffe layout, under the names of kazuto1011/deeplab-pytorch.


class ConvNorm(nn.Module):
    def __init__(self, inputs, outputs, kernel=1, stride=1, dilation=1):
        super().__init__()
        padding = (kernel // 2) * dilation
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.bn(self.conv(x))


class CaffeBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, dilation, project):
        super().__init__()
        inner = outputs // 4
        self.reduce = ConvNorm(inputs, inner, stride=stride)
        self.conv3x3 = ConvNorm(inner, inner, 3, dilation=dilation)
        self.increase = ConvNorm(inner, outputs)
        self.shortcut = ConvNorm(inputs, outputs, stride=stride) if project else nn.Identity()

    def forward(self, x):
        y = self.increase(F.relu(self.conv3x3(F.relu(self.reduce(x)))))
        return F.relu(y + self.shortcut(x))


class DeepLab2(nn.Module):
    def __init__(self, classes, counts, width):
        super().__init__()
        self.layer1 = nn.Module()
        self.layer1.conv1 = ConvNorm(3, width, 7, stride=2)
        inputs = width
        for i, (count, stride, dilation) in enumerate(zip(counts, (1, 2, 1, 1), (1, 1, 2, 4))):
            outputs, stage = 4 * width * 2**i, nn.Module()
            for j in range(count):
                block = CaffeBlock(inputs, outputs, stride if j == 0 else 1, dilation, j == 0)
                setattr(stage, f"block{j + 1}", block)
                inputs = outputs
            setattr(self, f"layer{i + 2}", stage)
        self.aspp = nn.Module()
        for i, rate in enumerate((6, 12, 18, 24)):
            setattr(self.aspp, f"c{i}", nn.Conv2d(inputs, classes, 3, padding=rate, dilation=rate))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.layer1.conv1(x)), 3, 2, 1, ceil_mode=True)
        for stage in (self.layer2, self.layer3, self.layer4, self.layer5):
            for block in stage.children():
                x = block(x)
        return sum(conv(x) for conv in self.aspp.children())


class SeveralScales(nn.Module):
    """The scores of the picture at three scales, the largest of each place."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x):
        whole = most = self.base(x)
        for scale in (0.5, 0.75):
            small = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
            grown = F.interpolate(self.base(small), whole.shape[2:], mode="bilinear", align_corners=False)
            most = torch.maximum(most, grown)
        return most


def caffe():
    # A height for which the two ways of rounding the pool differ.
    net = DeepLab2(5, [1, 2, 2, 1], 8)
    keep("deeplabv2_resnet", net, lambda: {"scores": net(picture(57, 66))})
    scales = SeveralScales(DeepLab2(5, [1, 1, 1, 1], 4))
    keep("several_scales", scales, lambda: {"scores": scales(picture(57, 66))})
    names("deeplabv2_resnet101", DeepLab2(21, [3, 4, 23, 3], 64))


# Split attention.


def resnest(counts, stem, **options):
    return ResNeSt(
        SplitBottleneck,
        counts,
        num_classes=10,
        radix=2,
        groups=1,
        bottleneck_width=64,
        deep_stem=True,
        stem_width=stem,
        avg_down=True,
        avd=True,
        avd_first=False,
        **options,
    )


def resnests():
    x = picture(72, 40)
    net = resnest([2, 2, 1, 2], 32)
    keep("resnest", net, lambda: {**maps(trunk(net, x)), "logits": net(x)})
    net16 = resnest([1, 1, 2, 2], 64, dilation=2)
    keep("resnest_stride16", net16, lambda: maps(trunk(net16, x)))
    net8 = resnest([1, 1, 2, 2], 32, dilated=True, dilation=4)
    keep("resnest_stride8", net8, lambda: maps(trunk(net8, x)))
    full = {50: ([3, 4, 6, 3], 32), 101: ([3, 4, 23, 3], 64), 200: ([3, 24, 36, 3], 64), 269: ([3, 30, 48, 8], 64)}
    for depth, (counts, stem) in full.items():
        net = resnest(counts, stem)
        net.fc = nn.Linear(2048, 1000)
        names(f"resnest{depth}", net)


# Small networks of torchvision.


def small():
    v2 = torchvision.models.mobilenet_v2(num_classes=10)
    x = picture(65, 48)
    keep("mobilenet_v2", v2, lambda: {"features": v2.features(x).mean(1, keepdim=True), "logits": v2(x)})
    names("mobilenet_v2", torchvision.models.mobilenet_v2())
    squeeze = torchvision.models.squeezenet1_1(num_classes=10)
    keep("squeezenet1_1", squeeze, lambda: {**maps(squeeze.features(picture(64, 70))), "logits": squeeze(picture(64, 70))})
    names("squeezenet1_1", torchvision.models.squeezenet1_1())


# VGG16 under the names of Caffe.


class Vgg(nn.Module):
    def __init__(self, width):
        super().__init__()
        inputs = 3
        for stage, (count, outputs) in enumerate(zip((2, 2, 3, 3, 3), (1, 2, 4, 8, 8))):
            for i in range(count):
                reach = 2 if stage == 4 else 1
                conv = nn.Conv2d(inputs, outputs * width, 3, padding=reach, dilation=reach)
                setattr(self, f"conv{stage + 1}_{i + 1}", conv)
                inputs = outputs * width

    def convolutions(self, x):
        for stage, count in enumerate((2, 2, 3, 3, 3)):
            if stage > 0:
                x = F.max_pool2d(x, 3, 2 if stage < 4 else 1, 1)
            for i in range(count):
                x = F.relu(getattr(self, f"conv{stage + 1}_{i + 1}")(x))
        return F.max_pool2d(x, 3, 1, 1)


class LargeFov(Vgg):
    def __init__(self, classes, width):
        super().__init__(width)
        self.fc6 = nn.Conv2d(8 * width, 16 * width, 3, padding=12, dilation=12)
        self.fc7 = nn.Conv2d(16 * width, 16 * width, 1)
        self.fc8 = nn.Conv2d(16 * width, classes, 1)

    def forward(self, x):
        x = F.avg_pool2d(self.convolutions(x), 3, 1, 1)
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(x)))))


class VggAspp(Vgg):
    RATES = (6, 12, 18, 24)

    def __init__(self, classes, width):
        super().__init__(width)
        for i, rate in enumerate(self.RATES, 1):
            setattr(self, f"fc6_{i}", nn.Conv2d(8 * width, 16 * width, 3, padding=rate, dilation=rate))
        for i in range(1, 5):
            setattr(self, f"fc7_{i}", nn.Conv2d(16 * width, 16 * width, 1))
        for i in range(1, 5):
            setattr(self, f"fc8_{i}", nn.Conv2d(16 * width, classes, 1))

    def forward(self, x):
        x = self.convolutions(x)
        part = lambda name, i: getattr(self, f"{name}_{i}")
        return sum(part("fc8", i)(F.relu(part("fc7", i)(F.relu(part("fc6", i)(x))))) for i in range(1, 5))


def vggs():
    for name, kind in (("vgg16_largefov", LargeFov), ("vgg16_aspp", VggAspp)):
        net = kind(5, 8)
        keep(name, net, lambda: {"scores": net(picture(72, 56))})


# Heads.


class YudeWangFov(nn.Module):
    """LargeFOV on ResNet38, under the names of YudeWang/semantic-segmentation-codebase."""

    def __init__(self, inputs, classes, width):
        super().__init__()
        self.conv_fov = nn.Conv2d(inputs, width, 3, padding=12, dilation=12, bias=False)
        self.bn_fov = nn.BatchNorm2d(width)
        self.conv_fov2 = nn.Conv2d(width, width, 1, bias=False)
        self.bn_fov2 = nn.BatchNorm2d(width)
        self.cls_conv = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        x = F.relu(self.bn_fov(self.conv_fov(x)))
        return self.cls_conv(F.relu(self.bn_fov2(self.conv_fov2(x))))


class PuzzleAspp(nn.Module):
    """ASPP under the names of PuzzleCAM's code."""

    def __init__(self, inputs, width, norm):
        super().__init__()
        for i, rate in enumerate((1, 6, 12, 18), 1):
            branch = nn.Module()
            kernel = 1 if i == 1 else 3
            branch.atrous_conv = nn.Conv2d(inputs, width, kernel, padding=0 if i == 1 else rate, dilation=rate, bias=False)
            branch.bn = norm(width)
            setattr(self, f"aspp{i}", branch)
        conv = nn.Conv2d(inputs, width, 1, bias=False)
        self.global_avg_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), conv, norm(width), nn.ReLU())
        self.conv1 = nn.Conv2d(5 * width, width, 1, bias=False)
        self.bn1 = norm(width)

    def forward(self, x):
        branches = (self.aspp1, self.aspp2, self.aspp3, self.aspp4)
        found = [F.relu(branch.bn(branch.atrous_conv(x))) for branch in branches]
        whole = self.global_avg_pool(x)
        found.append(F.interpolate(whole, x.shape[2:], mode="bilinear", align_corners=True))
        return F.relu(self.bn1(self.conv1(torch.cat(found, 1))))


class PuzzleDecoder(nn.Module):
    """The decoder of PuzzleCAM's DeepLabv3+, under its names."""

    def __init__(self, inputs, low, classes, norm, width):
        super().__init__()
        self.aspp = PuzzleAspp(inputs, width, norm)
        self.decoder = nn.Module()
        self.decoder.conv1 = nn.Conv2d(low, 48, 1, bias=False)
        self.decoder.bn1 = norm(48)
        conv = lambda a: nn.Conv2d(a, width, 3, padding=1, bias=False)
        first = [conv(width + 48), norm(width), nn.ReLU(), nn.Dropout(0.5)]
        second = [conv(width), norm(width), nn.ReLU(), nn.Dropout(0.1), nn.Conv2d(width, classes, 1)]
        self.decoder.classifier = nn.Sequential(*first, *second)

    def forward(self, deep, low):
        low = F.relu(self.decoder.bn1(self.decoder.conv1(low)))
        deep = F.interpolate(self.aspp(deep), low.shape[2:], mode="bilinear", align_corners=True)
        return self.decoder.classifier(torch.cat((deep, low), 1))


class UnetStage(nn.Module):
    """One stage of a UNet decoder; `up` makes the map larger by learned weights."""

    def __init__(self, inputs, skip, outputs, learned, scale):
        super().__init__()
        self.scale = scale
        if learned and scale > 1:
            self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, 2)
            inputs = inputs // 2
        self.conv1 = nn.Conv2d(inputs + skip, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x, skip):
        if hasattr(self, "up"):
            x = self.up(x)
        # To the size of the skip, whatever was rounded on the way down.
        if x.shape[2:] != skip.shape[2:]:
            x = F.interpolate(x, skip.shape[2:], mode="bilinear", align_corners=False)
        x = torch.cat((x, skip), 1)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Unet(nn.Module):
    def __init__(self, inputs, classes, widths, learned):
        super().__init__()
        stages, deep = [], inputs[-1]
        for i, (skip, width) in enumerate(zip(inputs[-2::-1], widths)):
            stages.append(UnetStage(deep, skip, width, learned, 2 if i else 1))
            deep = width
        self.stages = nn.ModuleList(stages)
        self.head = nn.Conv2d(deep, classes, 1)

    def forward(self, taps):
        x = taps[-1]
        for stage, skip in zip(self.stages, taps[-2::-1]):
            x = stage(x, skip)
        return self.head(x)


class AffinityHead(nn.Module):
    """The embedding of psa's AffinityNet; with `groups` that of its VGG16."""

    def __init__(self, inputs, widths, groups=None):
        super().__init__()
        for name, a, b in zip(("f8_3", "f8_4", "f8_5"), inputs, widths):
            setattr(self, name, nn.Conv2d(a, b, 1, bias=False))
        if groups:
            for name, b, count in zip(("gn8_3", "gn8_4", "gn8_5"), widths, groups):
                setattr(self, name, nn.GroupNorm(count, b))
        self.f9 = nn.Conv2d(sum(widths), sum(widths), 1, bias=False)

    def forward(self, taps):
        found = []
        for name, x in zip(("8_3", "8_4", "8_5"), taps):
            x = getattr(self, f"f{name}")(x)
            if hasattr(self, f"gn{name}"):
                x = getattr(self, f"gn{name}")(x)
            found.append(F.elu(x))
        return F.elu(self.f9(torch.cat(found, 1)))


def overlay():
    """ECS-Net, eq. 8: one kernel at several dilations."""
    conv = nn.Conv2d(3, 4, 3, bias=False)
    at = lambda rate: F.conv2d(picture(40, 36), conv.weight, padding=rate, dilation=rate)
    keep("dilated_overlay", conv, lambda: {"overlay": at(1) / 2 + (at(5) + at(7) + at(12)) / 6, "plain": at(1)})


def heads():
    overlay()
    fov = YudeWangFov(6, 5, 16)
    keep("largefov_head", fov, lambda: {"scores": fov(given(1001, 1, 6, 9, 7))})
    v3 = nn.Module()
    v3.classifier = DeepLabHead(6, 5)
    keep("deeplabv3_head", v3, lambda: {"scores": v3.classifier(given(1001, 1, 6, 9, 7))})
    for name, norm in (("puzzlecam_decoder", nn.BatchNorm2d), ("puzzlecam_decoder_groups", lambda n: nn.GroupNorm(4, n))):
        net = PuzzleDecoder(6, 4, 5, norm, 16)
        keep(name, net, lambda: {"scores": net(given(1001, 1, 6, 5, 4), given(1002, 1, 4, 18, 14))})
    # Stage 4 and 5 of the trunk are of one size, sides are odd.
    shapes = [(4, 33, 26), (8, 17, 13), (12, 9, 7), (16, 5, 4), (20, 5, 4)]
    taps = [given(1001 + i, 1, *shape) for i, shape in enumerate(shapes)]
    for name, learned in (("unet_bilinear", False), ("unet_learned", True)):
        net = Unet([shape[0] for shape in shapes], 5, (16, 12, 8, 4), learned)
        keep(name, net, lambda: {"scores": net(taps)})
    taps = [given(1001 + i, 1, c, 6, 5) for i, c in enumerate((6, 8, 10))]
    for name, groups in (("affinity_head", None), ("affinity_head_groups", (2, 4, 8))):
        net = AffinityHead((6, 8, 10), (4, 8, 16), groups)
        keep(name, net, lambda: {"embedding": net(taps)})


# Pixel-region correlation on ResNet38, under the names that psa, SEAM and CPN share.


class Wide(nn.Module):
    """A block of ResNet38: two convolutions of 3 × 3, or with `narrow` a bottleneck of 1 × 1, 3 × 3, 1 × 1."""

    def __init__(self, inputs, middle, outputs, stride=1, first=1, second=1, narrow=False):
        super().__init__()
        conv = lambda a, b, kernel, stride=1, dilation=1: nn.Conv2d(
            a, b, kernel, stride, dilation * (kernel // 2), dilation, bias=False
        )
        self.bn_branch2a, self.bn_branch2b1 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs // 4 if narrow else middle)
        if narrow:
            self.conv_branch2a = conv(inputs, outputs // 4, 1)
            self.conv_branch2b1 = conv(outputs // 4, outputs // 2, 3, dilation=second)
            self.bn_branch2b2 = nn.BatchNorm2d(outputs // 2)
            self.conv_branch2b2 = conv(outputs // 2, outputs, 1)
        else:
            self.conv_branch2a = conv(inputs, middle, 3, stride, first)
            self.conv_branch2b1 = conv(middle, outputs, 3, dilation=second)
        if narrow or inputs != outputs or stride != 1:
            self.conv_branch1 = conv(inputs, outputs, 1, stride)

    def forward(self, x):
        """What comes out, and the normalised input."""
        inner = F.relu(self.bn_branch2a(x))
        y = self.conv_branch2b1(F.relu(self.bn_branch2b1(self.conv_branch2a(inner))))
        if hasattr(self, "conv_branch2b2"):
            y = self.conv_branch2b2(F.relu(self.bn_branch2b2(y)))
        return y + (self.conv_branch1(inner) if hasattr(self, "conv_branch1") else x), inner


class RegionNet(nn.Module):
    """CPN (Ferenas/CPN): maps of ResNet38 refined by pixels, as SEAM's are, and by regions."""

    def __init__(self, classes, low, high, width):
        super().__init__()
        w = width
        self.conv1a = nn.Conv2d(3, w, 3, padding=1, bias=False)
        self.b2, self.b2_1, self.b2_2 = Wide(w, 2 * w, 2 * w, 2), Wide(2 * w, 2 * w, 2 * w), Wide(2 * w, 2 * w, 2 * w)
        self.b3, self.b3_1, self.b3_2 = Wide(2 * w, 4 * w, 4 * w, 2), Wide(4 * w, 4 * w, 4 * w), Wide(4 * w, 4 * w, 4 * w)
        self.b4 = Wide(4 * w, 8 * w, 8 * w, 2)
        for i in range(1, 6):
            setattr(self, f"b4_{i}", Wide(8 * w, 8 * w, 8 * w))
        self.b5 = Wide(8 * w, 8 * w, 16 * w, second=2)
        self.b5_1, self.b5_2 = (Wide(16 * w, 8 * w, 16 * w, first=2, second=2) for _ in range(2))
        self.b6 = Wide(16 * w, 0, 32 * w, second=4, narrow=True)
        self.b7 = Wide(32 * w, 0, 64 * w, second=4, narrow=True)
        self.bn7 = nn.BatchNorm2d(64 * w)
        self.fc8 = nn.Conv2d(64 * w, classes + 1, 1, bias=False)
        self.f8_3 = nn.Conv2d(8 * w, low, 1, bias=False)
        self.f8_4 = nn.Conv2d(16 * w, high, 1, bias=False)
        self.f9 = nn.Conv2d(3 + low + high, low + high, 1, bias=False)
        self.f10 = nn.Conv2d(3 + low + high, low + high, 1, bias=False)

    def trunk(self, x):
        x = self.conv1a(x)
        for name in ("b2", "b2_1", "b2_2", "b3", "b3_1", "b3_2", "b4", "b4_1", "b4_2", "b4_3", "b4_4", "b4_5"):
            x, _ = getattr(self, name)(x)
        x, conv4 = self.b5(x)
        x, _ = self.b5_1(x)
        x, _ = self.b5_2(x)
        x, conv5 = self.b6(x)
        x, _ = self.b7(x)
        return conv4, conv5, F.relu(self.bn7(x))

    def forward(self, image, over="pixels", turned=True):
        conv4, conv5, conv6 = self.trunk(image)
        cam = self.fc8(conv6)
        colours = F.interpolate(image, cam.shape[2:], mode="bilinear", align_corners=True)
        features = torch.cat((colours, F.relu(self.f8_3(conv4)), F.relu(self.f8_4(conv5))), 1).flatten(2)
        # Each map over its maximum, the background what the others leave, of these only the largest of each pixel.
        positive = F.relu(cam).flatten(2)
        normal = F.relu(positive - 1e-5) / (positive.amax(2, keepdim=True) + 1e-5)
        most = normal[:, 1:].amax(1, keepdim=True)
        normal = torch.cat((1 - most, normal[:, 1:] * (normal[:, 1:] >= most)), 1)
        # By pixels.
        embedded = self.f9(features[..., None])[..., 0]
        unit = embedded / (embedded.norm(dim=1, keepdim=True) + 1e-5)
        alike = F.relu(unit.transpose(1, 2) @ unit)
        by_pixels = normal @ (alike / (alike.sum(1, keepdim=True) + 1e-5))
        # By regions.
        regions = normal.softmax(2) @ features.transpose(1, 2)
        keys = F.relu(self.f10(regions.transpose(1, 2)[..., None]))[..., 0]
        keys = keys.transpose(1, 2) if turned else keys.reshape(1, keys.shape[2], keys.shape[1])
        scores = keys @ F.relu(embedded) / math.sqrt(cam.shape[1])
        by_regions = normal * scores.softmax(2 if over == "pixels" else 1)
        refined = (by_pixels + by_regions).reshape(cam.shape)
        grown = lambda x: F.interpolate(x, image.shape[2:], mode="bilinear", align_corners=True)[..., ::4, ::4]
        return grown(cam), grown(refined)


def regions():
    net, x = RegionNet(5, 4, 6, 2), picture(70, 53)
    found = lambda: {
        "cam": net(x)[0],
        "refined": net(x)[1],
        "over_classes": net(x, over="classes")[1],
        "as_released": net(x, turned=False)[1],
    }
    keep("cpn_net", net, found)


# Vision transformers.


class ClassTokens(VisionTransformer):
    """MCTformer (xulianuwa/MCTformer): a token a class; V2 has a convolution over the patches besides."""

    def __init__(self, patches, version, classes, side, **options):
        super().__init__(num_classes=0, **options)
        width = self.embed_dim
        self.classes, self.version, self.side = classes, version, side
        self.cls_token = nn.Parameter(torch.zeros(1, classes, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + classes, width))
        # Of its trunk's last layers neither version reads the norm, and V1 no head.
        self.norm = nn.Identity()
        if version == 2:
            self.head = nn.Conv2d(width, classes, 3, padding=1)

    def attended(self, block, x):
        attn, n = block.attn, x.shape[1]
        q, k, v = attn.qkv(block.norm1(x)).reshape(1, n, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        x = x + attn.proj((weights @ v).transpose(1, 2).reshape(1, n, -1))
        return x + block.mlp(block.norm2(x)), weights

    def forward(self, image):
        c = self.classes
        x = self.patch_embed.proj(image).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token, x), 1) + self.pos_embed
        seen = []
        for block in self.blocks:
            x, weights = self.attended(block, x)
            seen.append(weights.mean(1))
        rows, columns = self.side
        attention = sum(seen)[:, :c, c:].reshape(1, c, rows, columns)
        found = {"class_scores": x[:, :c].mean(-1), "attention": attention, "patch_attention": sum(seen)[:, c:, c:]}
        if self.version == 2:
            patches = x[:, c:].transpose(1, 2).reshape(1, -1, rows, columns)
            cam = self.head(patches)
            found |= {"patch_scores": cam.mean((2, 3)), "cams": attention * F.relu(cam)}
        return found


def transformers():
    options = dict(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, mlp_ratio=4, qkv_bias=True)
    vit = VisionTransformer(num_classes=10, **options)
    keep("vit", vit, lambda: {"logits": vit(picture(32, 32))})
    for version in (1, 2):
        net = ClassTokens(16, version, 5, (4, 4), **options)
        keep(f"mctformer_v{version}", net, lambda: net(picture(32, 32)))
    names("deit_small", timm.create_model("deit_small_patch16_224"))


def main():
    torch.set_num_threads(1)
    for family in (resnets, caffe, resnests, small, vggs, heads, regions, transformers):
        family()
    line = lambda name, value: f'"{name}": ' + json.dumps(value, separators=(",", ":"))
    for file, table in (("small_networks.json", STATES), ("names.json", DIGESTS)):
        with open(os.path.join(HERE, file), "w") as out:
            out.write("{\n" + ",\n".join(line(*item) for item in table.items()) + "\n}\n")
    save_file(RESULTS, os.path.join(HERE, "small_networks.safetensors"))


if __name__ == "__main__":
    main()
