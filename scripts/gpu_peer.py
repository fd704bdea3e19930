"""The training steps of `wsss bench` in PyTorch, for scripts/gpu_check.sh: one step of random pictures again and again, one JSON object on one line.

    python3 scripts/gpu_peer.py cam|occse|cpn|inference [--precision f32|tf32|bf16] [--compile] [--device cuda|cpu] [--batch N] [--size N] [--seconds N]

  cam        ResNet-50 at stride 16, batch norm fixed, all else trained
  occse      ResNet38 that is trained beside one that is fixed and sees what the first leaves of a picture
  cpn        ResNet38 over a picture and its two halves, maps refined by pixel correlation
  inference  maps of ResNet-50 at four scales, each with its mirror image; a step is one picture

Channels last, cudnn.benchmark; bf16 is autocast over f32 weights. Needs PyTorch alone. Pictures are on the device already and losses are not read within the
time, as for `wsss bench`.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional

CLASSES = 20
SIZES = {"cam": (16, 448), "occse": (8, 384), "cpn": (4, 448), "inference": (1, 448)}


class Fixed(nn.Module):
    """Batch norm that does not learn: a factor and a shift a channel."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("factor", torch.rand(1, channels, 1, 1) + 0.5)
        self.register_buffer("shift", torch.randn(1, channels, 1, 1) * 0.1)

    def forward(self, x):
        return x * self.factor.to(x.dtype) + self.shift.to(x.dtype)


def conv(inputs, outputs, kernel=1, stride=1, dilation=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, bias=False)


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, dilation):
        super().__init__()
        self.body = nn.Sequential(
            conv(inputs, width), Fixed(width), nn.ReLU(True),
            conv(width, width, 3, stride, dilation), Fixed(width), nn.ReLU(True),
            conv(width, 4 * width), Fixed(4 * width),
        )
        same = stride == 1 and inputs == 4 * width
        self.side = nn.Identity() if same else nn.Sequential(conv(inputs, 4 * width, 1, stride), Fixed(4 * width))

    def forward(self, x):
        return functional.relu(self.body(x) + self.side(x))


def resnet50():
    parts, inputs = [conv(3, 64, 7, 2), Fixed(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)], 64
    for width, count, stride, dilation in ((64, 3, 1, 1), (128, 4, 2, 1), (256, 6, 2, 1), (512, 3, 1, 2)):
        for place in range(count):
            parts.append(Bottleneck(inputs, width, stride if place == 0 else 1, dilation))
            inputs = 4 * width
    return nn.Sequential(*parts, conv(2048, CLASSES))


class Wide(nn.Module):
    """A block of ResNet38: two 3 x 3 convolutions, or (`thin`) 1 x 1, 3 x 3 and 1 x 1 with dropout of channels."""

    def __init__(self, inputs, middle, outputs, stride=1, first=1, dilation=1, thin=None):
        super().__init__()
        self.before = nn.Sequential(Fixed(inputs), nn.ReLU(True))
        if thin is None:
            body = [conv(inputs, middle, 3, stride, first), Fixed(middle), nn.ReLU(True), conv(middle, outputs, 3, 1, dilation)]
        else:
            quarter, half = outputs // 4, outputs // 2
            body = [
                conv(inputs, quarter), Fixed(quarter), nn.ReLU(True), nn.Dropout2d(thin), conv(quarter, half, 3, 1, dilation),
                Fixed(half), nn.ReLU(True), nn.Dropout2d(thin), conv(half, outputs),
            ]
        self.body = nn.Sequential(*body)
        self.side = None if inputs == outputs and stride == 1 and thin is None else conv(inputs, outputs, 1, stride)

    def forward(self, x):
        inner = self.before(x)
        return self.body(inner) + (x if self.side is None else self.side(inner))


class ResNet38(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        w, low = width, [conv(3, width, 3)]
        for inputs, outputs, count in ((w, 2 * w, 3), (2 * w, 4 * w, 3)):
            low += [Wide(inputs if at == 0 else outputs, outputs, outputs, 2 if at == 0 else 1) for at in range(count)]
        four = [Wide(4 * w if at == 0 else 8 * w, 8 * w, 8 * w, 2 if at == 0 else 1) for at in range(6)]
        five = [Wide(8 * w if at == 0 else 16 * w, 8 * w, 16 * w, 1, 1 if at == 0 else 2, 2) for at in range(3)]
        six = [Wide(16 * w, 0, 32 * w, dilation=4, thin=0.3)]
        seven = [Wide(32 * w, 0, 64 * w, dilation=4, thin=0.5), Fixed(64 * w), nn.ReLU(True)]
        self.low, self.four, self.five, self.six = (nn.Sequential(*part) for part in (low, four + five[:1], five[1:], six))
        self.seven, self.head = nn.Sequential(*seven), conv(64 * w, CLASSES)
        self.shallow = nn.ModuleList([conv(16 * w, 64), conv(32 * w, 128), conv(195, 195)])
        # The first convolution and the three blocks after it are not trained.
        for part in list(self.low)[:4]:
            part.requires_grad_(False)

    def forward(self, image, refine=False):
        four = self.four(self.low(image))
        six = self.six(self.five(four))
        cam = self.head(functional.dropout2d(self.seven(six), 0.5))
        if not refine:
            return cam
        with torch.no_grad():
            small = functional.interpolate(image, cam.shape[2:], mode="bilinear", align_corners=True)
        sides = [functional.relu(side(tap.detach())) for side, tap in zip(self.shallow, (four, six))]
        features = self.shallow[2](torch.cat([small, *sides], 1)).flatten(2)
        features = features / (features.norm(dim=1, keepdim=True) + 1e-5)
        affinity = functional.relu(features.transpose(1, 2) @ features)
        affinity = affinity / (affinity.sum(1, keepdim=True) + 1e-5)
        maps = functional.relu(cam.detach())
        return cam, (maps.flatten(2) @ affinity).view_as(maps)


def step_of(name, size, device):
    """The networks, and what makes a loss of (pictures, tags)."""
    scores = lambda cam: cam.mean((2, 3)).float()
    if name in ("cam", "inference"):
        network = resnet50()
        return [network], network, lambda run, image, tags: functional.multilabel_soft_margin_loss(scores(run(image)), tags)
    network, pieces = ResNet38(), functional.binary_cross_entropy_with_logits
    if name == "occse":
        judge = resnet38_judge().to(device)

        def erasing(run, image, tags):
            cam = run(image)
            chosen = torch.arange(len(image), device=device) % CLASSES
            maps = functional.interpolate(cam[torch.arange(len(image)), chosen][:, None], (size, size), mode="bilinear", align_corners=False)
            mask = functional.relu(maps)
            mask = mask / (mask.amax() + 1e-5)
            rest = tags.clone()
            rest[torch.arange(len(image)), chosen] = 0
            return pieces(scores(cam), tags) + 0.5 * pieces(scores(judge(image * (1 - mask))), rest)

        return [network, judge], network, erasing

    def triplet(run, image, tags):
        hidden = (torch.rand(len(image), 1, 8, 8, device=device) < 0.5).to(image.dtype)
        hidden = functional.interpolate(hidden, (size, size), mode="nearest")
        (cam, refined), (first, first_refined), (second, second_refined) = (
            run(shown, True) for shown in (image, image * hidden, image * (1 - hidden))
        )
        loss = functional.multilabel_soft_margin_loss(scores(cam), tags)
        loss = loss + functional.multilabel_soft_margin_loss(scores(first), tags) + functional.multilabel_soft_margin_loss(scores(second), tags)
        both = torch.maximum(first, second)
        apart = (refined - torch.maximum(first_refined, second_refined)).abs().flatten(1)
        hardest = apart.topk(apart.shape[1] // 5, dim=1).values
        return loss + (cam - both).abs().mean().float() + hardest.mean().float()

    return [network], network, triplet


def resnet38_judge():
    return ResNet38().eval().requires_grad_(False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=SIZES)
    parser.add_argument("--precision", choices=("f32", "tf32", "bf16"), default="tf32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    batch, size = (given or usual for given, usual in zip((args.batch, args.size), SIZES[args.step]))
    device = torch.device(args.device)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = args.precision != "f32"
    networks, network, loss_of = step_of(args.step, size, device)
    for one in networks:
        one.to(device=device, memory_format=torch.channels_last)
    run = torch.compile(network) if args.compile else network
    image = torch.randn(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    tags = (torch.rand(batch, CLASSES, device=device) < 0.15).float()
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=args.precision == "bf16")
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9, weight_decay=1e-4)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with autocast:
            loss = loss_of(run, image, tags)
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def infer():
        with autocast:
            for scale in (1, 0.5, 1.5, 2):
                scaled = functional.interpolate(image, scale_factor=scale, mode="bilinear", align_corners=False)
                for shown in (scaled, scaled.flip(3)):
                    functional.interpolate(functional.relu(run(shown)), (size, size), mode="bilinear", align_corners=False)

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    step = infer if args.step == "inference" else train
    for _ in range(3 if device.type == "cuda" else 1):
        step()
    wait()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    steps, start = [], time.perf_counter()
    while len(steps) < 3 or time.perf_counter() - start < args.seconds:
        begin = time.perf_counter()
        step()
        wait()
        steps.append(time.perf_counter() - begin)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    print(json.dumps({
        "step": args.step, "precision": args.precision, "compile": args.compile, "images": batch, "size": size, "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "least_s": min(steps), "median_s": sorted(steps)[len(steps) // 2], "images_per_s": batch / min(steps), "peak_bytes": peak,
    }))


if __name__ == "__main__":
    main()
